import { describe, expect, onTestFinished, test } from "vitest";
import { type FakeSlack, fakeSlack } from "./slack/slack.ts";

async function open(): Promise<FakeSlack> {
  const fake = await fakeSlack();
  onTestFinished(() => fake.close());
  fake.channel("C1");
  fake.person("U1");
  return fake;
}

async function ask(fake: FakeSlack, method: string, args: object = {}, token = fake.token) {
  const response = await fetch(`${fake.api}${method}`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify(args),
  });
  return (await response.json()) as { readonly [name: string]: unknown };
}

const section = (text: object) => ({ type: "section", text });
const mrkdwn = (text: string, more = {}) => section({ type: "mrkdwn", text, ...more });

describe("a Slack to test against refuses what Slack would", () => {
  test("tokens of another kind, methods that are not there, channels and triggers nobody knows", async () => {
    const fake = await open();
    expect(await ask(fake, "auth.test", {}, "xoxb-other")).toMatchObject({ ok: false, error: "invalid_auth" });
    expect(await ask(fake, "apps.connections.open")).toMatchObject({ error: "invalid_auth" });
    expect(await ask(fake, "chat.shout")).toMatchObject({ error: "unknown_method" });
    expect(await ask(fake, "chat.postMessage", { channel: "C9", text: "x" })).toMatchObject({
      error: "channel_not_found",
    });
    expect(await ask(fake, "views.open", { trigger_id: "x", view: {} })).toMatchObject({ error: "expired_trigger_id" });
  });

  test.each([
    ["a text of 3,001 characters", [mrkdwn("x".repeat(3_001))]],
    ["a text of none", [mrkdwn("")]],
    ["51 blocks", Array.from({ length: 51 }, () => mrkdwn("x"))],
    ["a block it does not know", [{ type: "marquee" }]],
    ["two blocks of one id", [1, 2].map(() => ({ ...mrkdwn("x"), block_id: "a" }))],
    ["no buttons in a row of them", [{ type: "actions", elements: [] }]],
  ])("%s", async (_, blocks) => {
    const fake = await open();
    expect(await ask(fake, "chat.postMessage", { channel: "C1", text: "x", blocks })).toMatchObject({
      error: "invalid_blocks",
    });
  });
});

describe("a Slack to test against sees whom a message summons", () => {
  test.each<[string, object, readonly string[]]>([
    ["by a mark in a text", { text: "<!channel> and <@U1>" }, ["!channel", "@U1"]],
    ["by a mark in a block", { text: "x", blocks: [mrkdwn("<!subteam^S1>", { verbatim: true })] }, ["!subteam^S1"]],
    [
      "by plain words, where it was not told to leave them",
      { text: "@here", blocks: [mrkdwn("@channel")] },
      ["@here", "@channel"],
    ],
    ["by nothing that is escaped", { text: "&lt;!channel&gt;" }, []],
    [
      "by no word that it was told to leave",
      { text: "@here", parse: "none", blocks: [mrkdwn("@here", { verbatim: true })] },
      [],
    ],
    ["by no plain text", { text: "x", blocks: [section({ type: "plain_text", text: "<!channel> @here" })] }, []],
    ["by no date", { text: "<!date^1^{date}|x>" }, []],
  ])("%s", async (_, message, pings) => {
    const fake = await open();
    expect(await ask(fake, "chat.postMessage", { channel: "C1", ...message })).toMatchObject({ ok: true });
    const [posted] = fake.world.messages;
    expect(posted?.pings).toEqual(pings);
  });
});

test("a mark of a message is told only to whoever asks for it", async () => {
  const fake = await open();
  const metadata = { event_type: "x", event_payload: { a: 1 } };
  await ask(fake, "chat.postMessage", { channel: "C1", text: "x", metadata });
  const told = async (args: object) =>
    JSON.stringify(await ask(fake, "conversations.history", { channel: "C1", ...args }));
  expect(await told({})).not.toContain("event_payload");
  expect(await told({ include_all_metadata: true })).toContain("event_payload");
});
