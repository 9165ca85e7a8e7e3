import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { messageOf } from "../../../src/connectors/slack/blocks.ts";
import { slack } from "../../../src/connectors/slack/client.ts";
import { openClient, outgoing, START, value } from "./world.ts";

describe("saying something", () => {
  test("a message is posted to a channel, or to a thread, under the effect that owes it", async () => {
    const { fake, client } = await openClient();
    const first = value(await client.post(outgoing("Hello & <!channel>")));
    value(await client.post(outgoing("more", { thread: first.ts, effect: "run-1/post/2" })));
    expect(fake.posted()).toMatchObject([
      { words: "Hello & <!channel>", thread: null, effect: "run-1/ask/1", pings: [] },
      { words: "more", thread: first.ts, effect: "run-1/post/2" },
    ]);
  });

  test("Slack opens no page that a message names", async () => {
    const { fake, client } = await openClient();
    value(await client.post(outgoing("https://evil.test/?q=secret")));
    expect(fake.calls.at(-1)?.args).toMatchObject({ unfurl_links: "false", unfurl_media: "false", parse: "none" });
  });

  test("an edited message is the same message, and still known by its effect", async () => {
    const { fake, client } = await openClient();
    const posted = value(await client.post(outgoing("first")));
    expect(value(await client.edit(posted, messageOf("second"), "run-1/ask/1"))).toEqual(posted);
    expect(fake.posted()).toMatchObject([{ words: "second", edits: 1, effect: "run-1/ask/1" }]);
    expect(value(await client.findPosted("run-1/ask/1", { channel: "C0SHIP", thread: null }, START))).toEqual(posted);
  });

  test("one person can be told something that nobody else sees", async () => {
    const { fake, client } = await openClient();
    value(await client.whisper("U0BEN", { channel: "C0SHIP", thread: null }, messageOf("Ana was first")));
    expect(fake.world.whispers).toEqual([{ user: "U0BEN", channel: "C0SHIP", words: "Ana was first" }]);
    expect(fake.posted()).toEqual([]);
  });

  test("somebody is spoken to alone in a channel of their own", async () => {
    const { fake, client } = await openClient();
    const channel = value(await client.direct("U0ANA"));
    value(await client.post(outgoing("psst", { channel })));
    expect(fake.posted(channel)).toMatchObject([{ words: "psst" }]);
  });
});

describe("a kill between saying something and noting it", () => {
  test.each([
    ["channel", null],
    ["thread", "parent"],
  ])("posts nothing twice to a %s", async (_, parent) => {
    const { fake, client, clock } = await openClient();
    const thread = parent === null ? null : value(await client.post(outgoing(parent, { effect: "other" }))).ts;
    const said = outgoing("once", { thread });
    const first = value(await client.post(said));
    clock.advance(3_600_000);
    const again = slack({ api: fake.api, token: fake.token, clock });
    expect(value(await again.postOnce(said, START))).toEqual(first);
    expect(fake.posted().filter(({ words }) => words === "once").length).toBe(1);
  });

  test("what was said, but not heard to be, is found again", async () => {
    const { fake, client } = await openClient();
    fake.trouble("chat.postMessage", { lost: true });
    expect(await client.post(outgoing("once"))).toMatchObject({ ok: false, kind: "later", code: "network" });
    value(await client.postOnce(outgoing("once"), START));
    expect(fake.posted().length).toBe(1);
  });

  test("what was not said is said by the next try", async () => {
    const { fake, client } = await openClient();
    value(await client.postOnce(outgoing("once"), START));
    expect(fake.posted().length).toBe(1);
  });

  test("it is found behind hundreds of other messages", async () => {
    const { fake, client } = await openClient();
    const first = value(await client.post(outgoing("once")));
    for (let at = 0; at < 450; at++) fake.say({ user: "U0ANA", channel: "C0SHIP", text: `noise ${at}` });
    expect(value(await client.postOnce(outgoing("once"), START))).toEqual(first);
    expect(fake.calls.filter(({ method }) => method === "conversations.history").length).toBe(3);
  });

  test("a mark that somebody else put there is not taken for ours", async () => {
    const { fake, client } = await openClient();
    const metadata = { event_type: "lastlight", event_payload: { effect: "run-1/ask/1" } };
    const forged = { channel: "C0SHIP", thread: null, ts: fake.world.ts(), user: "U0EVIL", bot: "B0EVIL" };
    fake.world.messages.push({ ...forged, text: "x", blocks: [], metadata, edits: 0, pings: [] });
    expect(value(await client.findPosted("run-1/ask/1", { channel: "C0SHIP", thread: null }, START))).toBeNull();
  });

  test("where it cannot be looked up, nothing is said", async () => {
    const { fake, client } = await openClient();
    fake.trouble("conversations.history", { status: 500 });
    expect(await client.postOnce(outgoing("once"), START)).toMatchObject({ ok: false, kind: "later" });
    expect(fake.posted()).toEqual([]);
  });
});

describe("when Slack says no", () => {
  test.each([
    ["channel_not_found", { channel: "C0GONE" }],
    ["not_in_channel", { channel: "C0SECRET" }],
  ])("%s is for good, in Slack's words", async (code, where) => {
    const { fake, client } = await openClient();
    fake.channel("C0SECRET", { joined: false });
    const told = await client.post(outgoing("x", where));
    expect(told).toMatchObject({ ok: false, kind: "permanent", code, words: `chat.postMessage: ${code}` });
  });

  test("a token that is no longer believed is for good, and is told to nobody", async () => {
    const { fake, clock } = await openClient();
    const told = await slack({ api: fake.api, token: "xoxb-revoked", clock }).post(outgoing("x"));
    expect(told).toMatchObject({ ok: false, kind: "permanent", code: "invalid_auth" });
    expect(JSON.stringify(told)).not.toContain("xoxb");
  });

  test("a missing right is named", async () => {
    const { fake, client } = await openClient();
    fake.trouble("chat.postMessage", { error: "missing_scope", more: { needed: "chat:write" } });
    expect(await client.post(outgoing("x"))).toMatchObject({
      kind: "permanent",
      words: "chat.postMessage: missing_scope (needs the scope chat:write)",
    });
  });

  test("a limit names its time, and until then Slack is not asked", async () => {
    const { fake, client, clock } = await openClient();
    fake.trouble("chat.postMessage", { status: 429, retryAfter: "30" });
    const limited = { ok: false, kind: "later", code: "ratelimited", retryAt: "2026-11-21T09:00:30.000Z" };
    expect(await client.post(outgoing("x"))).toMatchObject(limited);
    clock.advance(29_000);
    expect(await client.post(outgoing("x"))).toMatchObject(limited);
    expect(fake.calls.length).toBe(1);
    clock.advance(1_000);
    expect(await client.post(outgoing("x"))).toMatchObject({ ok: true });
  });

  test.each([
    ["a limit without a time", { status: 429 }, "2026-11-21T09:01:00.000Z"],
    ["a limit with nonsense for a time", { status: 429, retryAfter: "soon" }, "2026-11-21T09:01:00.000Z"],
    ["a limit of years", { status: 429, retryAfter: "999999999" }, "2026-11-22T09:00:00.000Z"],
    ["a server in trouble", { status: 503, retryAfter: "7" }, "2026-11-21T09:00:07.000Z"],
    ["a gateway's page", { status: 502 }, "2026-11-21T09:00:05.000Z"],
    ["a proxy's page that pretends to be an answer", { status: 200 }, "2026-11-21T09:00:05.000Z"],
    ["an answer that is no object", { status: 200, body: "null" }, "2026-11-21T09:00:05.000Z"],
    [
      "an odd object",
      { status: 200, body: '{"ok":true,"response_metadata":{"warnings":7}}' },
      "2026-11-21T09:00:05.000Z",
    ],
    ["Slack's own trouble", { error: "internal_error" }, "2026-11-21T09:00:05.000Z"],
  ])("%s is worth another try", async (_, what, retryAt) => {
    const { fake, client } = await openClient();
    fake.trouble("chat.postMessage", what);
    expect(await client.post(outgoing("x"))).toMatchObject({ ok: false, kind: "later", retryAt });
    expect(fake.posted()).toEqual([]);
  });

  test("a Slack that is down for an hour costs nothing but the hour", async () => {
    const { fake, client, clock } = await openClient();
    fake.down();
    expect(await client.post(outgoing("x"))).toMatchObject({ ok: false, kind: "later", code: "network" });
    clock.advance(3_600_000);
    fake.up();
    value(await client.postOnce(outgoing("x"), START));
    expect(fake.posted().length).toBe(1);
  });

  test("a Slack that does not answer is not waited for", async () => {
    const { fake, client, clock } = await openClient();
    const never = Promise.withResolvers<void>();
    onTestFinished(() => never.resolve());
    fake.trouble("chat.postMessage", { slow: never.promise });
    const told = client.post(outgoing("x"));
    await fake.called(1);
    clock.advance(15_000);
    expect(await told).toMatchObject({ ok: false, kind: "later", words: expect.stringContaining("within 15 s") });
  });

  test("an answer without an end is not read to the end", async () => {
    const { clock } = await openClient();
    const endless = createServer((request, response) => {
      const more = (): void => {
        while (!response.destroyed && response.write("x".repeat(65_536)));
      };
      response.on("drain", more);
      request.resume().on("end", more);
    });
    await new Promise<void>((resolve) => endless.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void endless.close());
    const { port } = endless.address() as AddressInfo;
    const client = slack({ api: `http://127.0.0.1:${port}/api/`, token: "xoxb-fake", clock });
    expect(await client.post(outgoing("x"))).toMatchObject({ ok: false, kind: "later", code: "too_large" });
  });
});

describe("asking Slack", () => {
  test("a thread is told in its order, in plain words, with who said what", async () => {
    const { fake, client } = await openClient();
    const { ts } = fake.say({ user: "U0ANA", channel: "C0SHIP", text: "a < b, @lastlight?" });
    value(await client.post(outgoing("yes", { thread: ts })));
    fake.say({ user: "U0BEN", channel: "C0SHIP", text: "thanks", thread: ts });
    expect(value(await client.thread("C0SHIP", ts))).toMatchObject([
      { user: "U0ANA", own: false, program: false, text: "a < b, @U0LASTLIGHT?" },
      { own: true, program: true, effect: "run-1/ask/1" },
      { user: "U0BEN", text: "thanks" },
    ]);
  });

  test("of a thread that never ends the newest is told", async () => {
    const { fake, client } = await openClient();
    const { ts } = fake.say({ user: "U0ANA", channel: "C0SHIP", text: "begin" });
    for (let at = 0; at < 700; at++) fake.say({ user: "U0BEN", channel: "C0SHIP", text: `${at}`, thread: ts });
    const told = value(await client.thread("C0SHIP", ts));
    expect([told.length, told[0]?.text, told.at(-1)?.text]).toEqual([200, "500", "699"]);
  });

  test("people are found by id and by address; nobody is nobody", async () => {
    const { client } = await openClient();
    expect(value(await client.user("U0ANA"))).toMatchObject({ id: "U0ANA", name: "Ana", email: "ana@acme.test" });
    expect(value(await client.userByEmail("ana@acme.test"))).toMatchObject({ id: "U0ANA" });
    expect(value(await client.user("U0GONE"))).toBeNull();
    expect(value(await client.userByEmail("gone@acme.test"))).toBeNull();
  });

  test("an address that nobody confirmed is none", async () => {
    const { fake, client } = await openClient();
    fake.person("U0EVE", { email: "ana2@acme.test", confirmed: false, more: { is_restricted: true } });
    expect(value(await client.user("U0EVE"))).toMatchObject({ email: null, isGuest: true });
  });

  test("a modal is opened by what somebody just did, once", async () => {
    const { fake, client } = await openClient();
    fake.command({ user: "U0ANA", channel: "C0SHIP", text: "" });
    const [trigger = ""] = fake.world.triggers.keys();
    const title = { type: "plain_text", text: "Form" };
    expect(value(await client.openModal(trigger, { type: "modal", title, blocks: [] }))).toMatch(/^V/);
    expect(await client.openModal(trigger, { type: "modal", title, blocks: [] })).toMatchObject({
      kind: "permanent",
      code: "exchanged_trigger_id",
    });
  });
});
