import { describe, expect, test } from "vitest";
import { openSocket, socketWorld } from "./doors-world.ts";
import { until } from "./world.ts";

describe("what people do", () => {
  test("commands, mentions, replies and words to us alone come down the line", async () => {
    const { fake, heard } = await openSocket();
    await fake.command({ user: "U0ANA", channel: "C0SHIP", text: "run fix <now> & here" }).answered;
    const { ts, answered } = fake.say({ user: "U0ANA", channel: "C0SHIP", text: "@lastlight fix a < b" });
    await answered;
    await fake.say({ user: "U0BEN", channel: "C0SHIP", text: "me too", thread: ts }).answered;
    await fake.say({ user: "U0BEN", channel: "D0BEN", text: "hello" }).answered;
    expect(heard.events).toMatchObject([
      { type: "command", command: "/lastlight", text: "run fix <now> & here", user: "U0ANA", channel: "C0SHIP" },
      { type: "mention", text: "@U0LASTLIGHT fix a < b", thread: null, ts, team: "T0LASTLIGHT" },
      { type: "message", text: "me too", thread: ts, user: "U0BEN", direct: false },
      { type: "message", text: "hello", thread: null, channel: "D0BEN", direct: true },
    ]);
    // A mention comes a second time, as a message of its channel.
    expect(heard.unfit).toMatchObject([{ code: "not_for_us" }]);
  });

  test("a mention within a thread comes once, as a mention", async () => {
    const { fake, heard } = await openSocket();
    const { ts } = fake.say({ user: "U0ANA", channel: "C0SHIP", text: "@lastlight hello" });
    fake.say({ user: "U0ANA", channel: "C0SHIP", text: "@lastlight again", thread: ts });
    await heard.came(4);
    expect(heard.events).toMatchObject([{ type: "mention" }, { type: "mention", thread: ts }]);
  });

  test("what is said to nobody, or by a program, starts nothing and is not delivered again", async () => {
    const { fake, heard } = await openSocket();
    await fake.say({ user: "U0ANA", channel: "C0SHIP", text: "lunch?" }).answered;
    await fake.say({ user: "U0LASTLIGHT", channel: "D0ANA", text: "I said this" }).answered;
    expect(heard.events).toEqual([]);
    expect(heard.unfit.map(({ code }) => code)).toEqual(["not_for_us", "not_for_us"]);
  });
});

describe("acknowledging", () => {
  test("Slack hears yes only once an event is durable", async () => {
    const { fake, heard } = await openSocket();
    const durable = Promise.withResolvers<null>();
    heard.answer = () => durable.promise;
    const given = fake.command({ user: "U0ANA", channel: "C0SHIP", text: "x" });
    await heard.came(1);
    expect(fake.doors.answers).toEqual([]);
    durable.resolve(null);
    expect(await given.answered).toBeNull();
  });

  test("what could not be kept is not acknowledged, and comes again as the same event", async () => {
    const { fake, heard } = await openSocket();
    heard.answer = async () => {
      throw new Error("disk full");
    };
    const said = fake.say({ user: "U0BEN", channel: "D0BEN", text: "hello" });
    await heard.came(1);
    heard.answer = () => null;
    await fake.doors.retry();
    await said.answered;
    expect(heard.events[1]).toEqual(heard.events[0]);
    expect(heard.attempts).toEqual([{ retry: 0 }, { retry: 1 }]);
  });

  test("whatever comes twice has the same id both times", async () => {
    const { fake, heard } = await openSocket();
    const given = [
      fake.command({ user: "U0ANA", channel: "C0SHIP", text: "x" }),
      fake.say({ user: "U0ANA", channel: "D0ANA", text: "x" }),
    ];
    await Promise.all(given.map(({ answered }) => answered));
    for (const each of given) await each.send();
    await heard.came(4);
    const ids = heard.events.map(({ id }) => id);
    expect(ids.slice(2)).toEqual(ids.slice(0, 2));
    expect(new Set(ids).size).toBe(2);
  });

  test("a command is answered on the spot, to whoever gave it, in words that summon nobody", async () => {
    const { fake, heard } = await openSocket();
    heard.answer = () => ({ say: "started <!channel>" });
    const answered = await fake.command({ user: "U0ANA", channel: "C0SHIP", text: "x" }).answered;
    expect(answered).toEqual({ response_type: "ephemeral", text: "started &lt;!channel&gt;" });
  });

  test("events in any order come as they are, each once", async () => {
    const { fake, heard } = await openSocket();
    fake.doors.hold();
    const all = ["a", "b", "c"].map((text) => fake.say({ user: "U0ANA", channel: "D0ANA", text }));
    await fake.doors.release((held) => held.toReversed());
    await Promise.all(all.map(({ answered }) => answered));
    expect(heard.events.map((each) => "text" in each && each.text)).toEqual(["c", "b", "a"]);
  });
});

describe("what is none of ours", () => {
  test.each([
    ["no JSON", "{", "malformed"],
    ["nothing", "null", "malformed"],
    ["a list", "[]", "malformed"],
    ["no envelope", '{"type":"events_api","payload":{}}', "malformed"],
    ["no payload", '{"type":"events_api","envelope_id":"e"}', "malformed"],
    ["an event without itself", '{"type":"events_api","envelope_id":"e","payload":{"event":null}}', "malformed"],
    ["another type", '{"type":"error","envelope_id":"e","payload":{}}', "unsupported"],
    ["the name of a part of us", '{"type":"ws_message","envelope_id":"e"}', "unsupported"],
    ["too much", JSON.stringify({ envelope_id: "e", type: "x".repeat(1_100_000) }), "malformed"],
  ])("%s is refused with a reason, and the line lives on", async (_, text, code) => {
    const { fake, heard } = await openSocket();
    for (const line of fake.doors.lines) line.send(text);
    await heard.came(1);
    expect(heard.unfit).toMatchObject([{ code, reason: expect.stringMatching(/./) }]);
    await fake.command({ user: "U0ANA", channel: "C0SHIP", text: "x" }).answered;
    expect(heard.events.length).toBe(1);
  });

  test("more than can be in hand is left for Slack to deliver again", async () => {
    const { fake, heard } = await openSocket();
    const durable = Promise.withResolvers<null>();
    heard.answer = () => durable.promise;
    const all = Array.from({ length: 130 }, () => fake.command({ user: "U0ANA", channel: "C0SHIP", text: "x" }));
    await heard.came(130);
    expect([heard.events.length, heard.unfit[0]?.code]).toEqual([100, "busy"]);
    durable.resolve(null);
    await Promise.all(all.slice(0, 100).map(({ answered }) => answered));
    await fake.doors.retry();
    await Promise.all(all.map(({ answered }) => answered));
    expect(new Set(heard.events.map(({ id }) => id)).size).toBe(130);
  });
});

describe("the line", () => {
  test("is opened again after it was cut, and what came meanwhile comes then", async () => {
    const { fake, heard, door, clock } = await openSocket();
    for (const line of fake.doors.lines) line.cut();
    const said = fake.say({ user: "U0BEN", channel: "D0BEN", text: "hello" });
    await until(() => door.standing().state === "waiting");
    clock.advance(1_000);
    await said.answered;
    expect(heard.events.length).toBe(1);
    await until(() => door.standing().state === "open");
    expect(door.standing().state).toBe("open");
  });

  test("is changed for another when Slack asks, and loses nothing that is in hand", async () => {
    const { fake, heard, door, clock } = await openSocket();
    clock.advance(3_600_000);
    const durable = Promise.withResolvers<null>();
    heard.answer = () => durable.promise;
    const given = fake.command({ user: "U0ANA", channel: "C0SHIP", text: "x" });
    await heard.came(1);
    for (const line of fake.doors.lines) line.send('{"type":"disconnect","reason":"refresh_requested"}');
    await fake.doors.opened(2);
    await until(() => door.standing().state === "open");
    expect(fake.doors.lines.size).toBe(2);
    durable.resolve(null);
    await given.answered;
    await until(() => fake.doors.lines.size === 1);
  });

  test("is tried with growing pauses while Slack is down, up to a minute", async () => {
    const { fake, door, clock } = await socketWorld();
    fake.down();
    door.start();
    const pauses: number[] = [];
    for (let tries = 0; tries < 9; tries++) {
      await until(() => door.standing().state === "waiting");
      const since = Date.parse(clock.now());
      let waited = 0;
      while (door.standing().state === "waiting") {
        clock.advance(1_000);
        waited += 1_000;
      }
      expect(Date.parse(clock.now()) - since).toBe(waited);
      pauses.push(waited / 1_000);
    }
    expect(pauses).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60]);
    fake.up();
    await until(() => door.standing().state !== "connecting");
    clock.advance(60_000);
    await fake.doors.opened(1);
  });

  test("waits as long as Slack says where there is a limit", async () => {
    const { fake, door, clock } = await socketWorld();
    fake.trouble("apps.connections.open", { status: 429, retryAfter: "45" });
    door.start();
    await until(() => door.standing().state === "waiting");
    clock.advance(44_000);
    expect(door.standing().state).toBe("waiting");
    clock.advance(1_000);
    await fake.doors.opened(1);
  });

  test("is not hammered with a token that Slack does not believe, and its word is told", async () => {
    const { fake, door, clock } = await socketWorld();
    fake.trouble("apps.connections.open", { error: "invalid_auth" });
    door.start();
    await until(() => door.standing().state === "waiting");
    expect(door.standing().words).toBe("apps.connections.open: invalid_auth");
    clock.advance(299_000);
    expect(door.standing().state).toBe("waiting");
    clock.advance(1_000);
    await fake.doors.opened(1);
  });

  test("that never says hello is given up", async () => {
    const { fake, door, clock } = await socketWorld();
    const hello = Promise.withResolvers<void>();
    fake.doors.hello = hello.promise;
    door.start();
    await fake.called(1);
    clock.advance(30_000);
    await until(() => door.standing().state === "waiting");
    expect(door.standing().words).toMatch(/hello/);
    hello.resolve();
  });

  test("that is refreshed as soon as it is open is not opened in a circle", async () => {
    const { fake, door } = await openSocket();
    for (const line of fake.doors.lines) line.send('{"type":"disconnect","reason":"warning"}');
    await until(() => door.standing().state === "waiting");
    expect(fake.calls.length).toBe(1);
  });
});

describe("stopping", () => {
  test("what is in hand is kept and acknowledged; nothing more is taken", async () => {
    const { fake, heard, door } = await openSocket();
    const durable = Promise.withResolvers<null>();
    heard.answer = () => durable.promise;
    const given = fake.command({ user: "U0ANA", channel: "C0SHIP", text: "x" });
    await heard.came(1);
    const stopped = door.stop();
    fake.command({ user: "U0ANA", channel: "C0SHIP", text: "y" });
    durable.resolve(null);
    await stopped;
    await given.answered;
    await until(() => fake.doors.lines.size === 0);
    expect(heard.events.length).toBe(1);
  });

  test("a line that has not said hello is not waited for", async () => {
    const { fake, door } = await socketWorld();
    const hello = Promise.withResolvers<void>();
    fake.doors.hello = hello.promise;
    door.start();
    await until(() => fake.doors.upgrades === 1);
    await door.stop();
    hello.resolve();
    expect(door.standing().state).toBe("stopped");
  });

  test("a line that is being opened is given up", async () => {
    const { fake, door } = await socketWorld();
    const never = Promise.withResolvers<void>();
    fake.trouble("apps.connections.open", { slow: never.promise });
    door.start();
    await fake.called(1);
    await door.stop();
    never.resolve();
    expect(door.standing().state).toBe("stopped");
  });
});
