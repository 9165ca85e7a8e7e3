import { describe, expect, test } from "vitest";
import { signature } from "../../support/slack/doors.ts";
import { openSigned } from "./doors-world.ts";
import { until } from "./world.ts";

type World = Awaited<ReturnType<typeof openSigned>>;

const COMMAND = new URLSearchParams({
  command: "/lastlight",
  text: "x",
  team_id: "T1",
  channel_id: "C1",
  user_id: "U1",
  trigger_id: "1.2.3",
}).toString();
const FORM = { "content-type": "application/x-www-form-urlencoded" };
const JSON_TYPE = { "content-type": "application/json; charset=utf-8" };

async function send({ url, fake, clock }: World, body: string, headers: Record<string, string> = FORM) {
  const signed = signature({ secret: fake.secret, now: () => Date.parse(clock.now()) }, body);
  const response = await fetch(url, { method: "POST", body, headers: { ...signed, ...headers } });
  return { status: response.status, body: await response.text() };
}

describe("what Slack signed", () => {
  test("commands, mentions and words to us alone are the same events as by the other door", async () => {
    const { fake, heard } = await openSigned();
    await fake.command({ user: "U0ANA", channel: "C0SHIP", text: "run fix" }).answered;
    await fake.say({ user: "U0ANA", channel: "C0SHIP", text: "@lastlight fix" }).answered;
    await fake.say({ user: "U0BEN", channel: "D0BEN", text: "hello" }).answered;
    expect(heard.events).toMatchObject([
      { type: "command", text: "run fix", user: "U0ANA" },
      { type: "mention", text: "@U0LASTLIGHT fix", thread: null },
      { type: "message", text: "hello", direct: true },
    ]);
  });

  test("its question who we are is answered, and never what it did not ask", async () => {
    const world = await openSigned();
    const ask = (challenge: string) => send(world, JSON.stringify({ type: "url_verification", challenge }), JSON_TYPE);
    expect(await ask("3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P")).toEqual({
      status: 200,
      body: "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P",
    });
    expect((await ask("<script>")).status).toBe(400);
    expect((await send(world, "ssl_check=1&token=x")).status).toBe(200);
  });

  test("a command is answered on the spot", async () => {
    const { fake, heard } = await openSigned();
    heard.answer = () => ({ say: "started" });
    const given = fake.command({ user: "U0ANA", channel: "C0SHIP", text: "x" });
    expect(await given.answered).toEqual({ response_type: "ephemeral", text: "started" });
  });

  test("either of two secrets is taken while they are changed", async () => {
    const { fake } = await openSigned({ secrets: ["new", "8f742231b10e8888abcd99yyyzzz85a5"] });
    await fake.command({ user: "U0ANA", channel: "C0SHIP", text: "x" }).answered;
  });
});

describe("what Slack did not sign", () => {
  test.each([
    ["another secret", (good: Record<string, string>) => ({ ...good, "x-slack-signature": `v0=${"0".repeat(64)}` })],
    ["no signature", ({ "x-slack-request-timestamp": at = "" }) => ({ "x-slack-request-timestamp": at })],
    ["no time", ({ "x-slack-signature": it = "" }) => ({ "x-slack-signature": it })],
    ["capitals", (good) => ({ ...good, "x-slack-signature": String(good["x-slack-signature"]).toUpperCase() })],
    ["half a digest", (good) => ({ ...good, "x-slack-signature": String(good["x-slack-signature"]).slice(0, 40) })],
    ["a time that is none", (good) => ({ ...good, "x-slack-request-timestamp": "1e9" })],
  ])("%s: it is refused, and nothing of it is read", async (_, change) => {
    const { heard, url, fake, clock } = await openSigned();
    const good = signature({ secret: fake.secret, now: () => Date.parse(clock.now()) }, COMMAND);
    const response = await fetch(url, { method: "POST", body: COMMAND, headers: { ...FORM, ...change(good) } });
    expect([response.status, heard.events, heard.unfit[0]?.code]).toEqual([401, [], "unsigned"]);
  });

  test("a byte that was changed on the way", async () => {
    const { heard, url, fake, clock } = await openSigned();
    const good = signature({ secret: fake.secret, now: () => Date.parse(clock.now()) }, COMMAND);
    const response = await fetch(url, { method: "POST", body: `${COMMAND}x`, headers: { ...FORM, ...good } });
    expect([response.status, heard.events]).toEqual([401, []]);
  });

  test.each([-301, 301])("a signature that is %i seconds off, whoever made it", async (seconds) => {
    const { heard, url, fake, clock } = await openSigned();
    const then = Date.parse(clock.now()) + seconds * 1000;
    const old = signature({ secret: fake.secret, now: () => then }, COMMAND);
    const response = await fetch(url, { method: "POST", body: COMMAND, headers: { ...FORM, ...old } });
    expect([response.status, heard.events]).toEqual([401, []]);
  });
});

describe("three seconds", () => {
  test("what is not durable in time is asked for again, and comes as the same event", async () => {
    const { fake, heard, clock } = await openSigned();
    const durable = Promise.withResolvers<null>();
    heard.answer = () => durable.promise;
    const said = fake.say({ user: "U0BEN", channel: "D0BEN", text: "hello" });
    await heard.came(1);
    clock.advance(2_500);
    await until(() => fake.doors.answers.length > 0);
    expect(fake.doors.answers).toMatchObject([{ status: 503 }]);
    durable.resolve(null);
    await fake.doors.retry();
    await said.answered;
    expect(heard.events[1]).toEqual(heard.events[0]);
    expect(heard.attempts).toEqual([{ retry: 0 }, { retry: 1 }]);
  });

  test("what could not be kept is asked for again at once", async () => {
    const world = await openSigned();
    world.heard.answer = async () => {
      throw new Error("disk full");
    };
    expect(await send(world, COMMAND)).toEqual({ status: 503, body: "" });
  });
});

describe("what is none of ours", () => {
  test.each<[string, string, Record<string, string>, number]>([
    ["no JSON", "{", JSON_TYPE, 400],
    ["another type of content", "x", { "content-type": "text/plain" }, 400],
    ["an interaction that is none", "payload=%7B", FORM, 200],
    ["a command without a user", "command=%2Fx&team_id=T1&channel_id=C1", FORM, 400],
    ["an event that is not read", '{"type":"event_callback","event_id":"Ev1","event":{"type":"x"}}', JSON_TYPE, 200],
    ["too much", "x".repeat(1_048_577), FORM, 413],
  ])("%s is refused with a reason, and not asked for again", async (_, body, headers, status) => {
    const world = await openSigned();
    expect((await send(world, body, headers)).status).toBe(status);
    expect(world.heard.events).toEqual([]);
    expect(world.heard.unfit).toMatchObject([{ reason: expect.stringMatching(/./) }]);
  });
});
