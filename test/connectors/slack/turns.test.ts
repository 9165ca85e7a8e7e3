import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Line, type Turns, turns } from "../../../src/connectors/slack/turns.ts";
import { fakeClock } from "../../support/clock.ts";

interface Said extends Line {
  readonly text: string;
}

function line(text: string, more: Partial<Said> = {}): Said {
  const ts = `1763715600.${String(text.charCodeAt(0)).padStart(6, "0")}`;
  return { channel: "C1", thread: null, user: "U1", ts, text, ...more };
}

function open() {
  const clock = fakeClock();
  const taken: string[] = [];
  const all: Turns<Said> = turns<Said>({
    clock,
    quietMs: 2_000,
    mostMs: 10_000,
    take: (turn) => taken.push(turn.map(({ text }) => text).join("")),
  });
  return { clock, taken, hear: all.hear, stop: all.stop };
}

describe("a burst", () => {
  test("of ten messages is one turn, in the order of their saying", () => {
    const { clock, taken, hear } = open();
    for (const text of "jaihbgcfde") hear(line(text));
    clock.advance(1_999);
    expect(taken).toEqual([]);
    clock.advance(1);
    expect(taken).toEqual(["abcdefghij"]);
  });

  test("goes on for as long as more comes, but not for ever", () => {
    const { clock, taken, hear } = open();
    for (const text of "abcdefghijkl") {
      hear(line(text));
      clock.advance(1_000);
    }
    expect(taken).toEqual(["abcdefghij"]);
    clock.advance(2_000);
    expect(taken).toEqual(["abcdefghij", "kl"]);
  });

  test("is one person's in one place: threads, channels and people are kept apart", () => {
    const { clock, taken, hear } = open();
    hear(line("a"));
    hear(line("b", { user: "U2" }));
    hear(line("c", { channel: "C2" }));
    hear(line("d", { thread: "1763715600.000001" }));
    hear(line("e"));
    clock.advance(2_000);
    expect(taken.toSorted()).toEqual(["ae", "b", "c", "d"]);
  });

  test("that grows too large is a turn at once", () => {
    const { taken, hear } = open();
    for (let at = 0; at < 50; at++) hear(line(String.fromCharCode(65 + at)));
    expect(taken.map((each) => each.length)).toEqual([50]);
  });
});

describe("a message that comes twice", () => {
  test("is said once, within a burst and after it", () => {
    const { clock, taken, hear } = open();
    hear(line("a"));
    hear(line("a"));
    clock.advance(2_000);
    hear(line("a"));
    hear(line("b"));
    clock.advance(2_000);
    expect(taken).toEqual(["a", "b"]);
  });
});

test("a message that comes late is a turn of its own", () => {
  const { clock, taken, hear } = open();
  hear(line("b"));
  clock.advance(2_000);
  hear(line("a"));
  clock.advance(2_000);
  expect(taken).toEqual(["b", "a"]);
});

test("at the end nothing that was gathered is lost, and no timer is left", () => {
  const { clock, taken, hear, stop } = open();
  hear(line("b"));
  hear(line("a"));
  stop();
  clock.advance(60_000);
  expect(taken).toEqual(["ab"]);
});

test("whatever comes when, each message is in one turn, in order, and none waits longer than the most", () => {
  const one = fc.record({ at: fc.nat(3_000), which: fc.nat(30), user: fc.constantFrom("U1", "U2") });
  fc.assert(
    fc.property(fc.array(one, { maxLength: 80 }), (steps) => {
      const clock = fakeClock();
      const heard = new Map<string, number>();
      const taken: string[] = [];
      const { hear } = turns<Said>({
        clock,
        quietMs: 2_000,
        mostMs: 10_000,
        take: (turn) => {
          const order = turn.map(({ ts }) => ts);
          expect(order).toEqual(order.toSorted());
          for (const { ts } of turn)
            expect(Date.parse(clock.now()) - (heard.get(ts) as number)).toBeLessThanOrEqual(10_000);
          taken.push(...order);
        },
      });
      for (const { at, which, user } of steps) {
        clock.advance(at);
        const ts = `17637156${user.slice(1)}0.${String(which).padStart(6, "0")}`;
        if (!heard.has(ts)) heard.set(ts, Date.parse(clock.now()));
        hear({ channel: "C1", thread: null, user, ts, text: "" });
      }
      clock.advance(10_000);
      expect(taken.toSorted()).toEqual([...heard.keys()].toSorted());
    }),
  );
});
