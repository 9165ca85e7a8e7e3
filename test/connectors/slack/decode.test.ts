import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { payloadOf } from "../../../src/connectors/slack/answer.ts";
import { decodeCommand, decodeEvent, decodeInteraction } from "../../../src/connectors/slack/decode.ts";
import type { ButtonPressed, FormSubmitted } from "../../../src/connectors/slack/events.ts";
import type { Json } from "../../../src/domain/json.ts";

const TS = "1763715600.000100";
const EVENT = { type: "app_mention", user: "U1", text: "<@U9> hi", ts: TS, channel: "C1" };
const authorizations = [{ user_id: "U9" }];
const outer = (event: { readonly [name: string]: Json | undefined }): Json =>
  JSON.parse(JSON.stringify({ type: "event_callback", team_id: "T1", event_id: "Ev1", authorizations, event }));
const PRESS = {
  type: "block_actions",
  user: { id: "U1" },
  team: { id: "T1" },
  trigger_id: "1.2.a",
  channel: { id: "C1" },
  message: { ts: TS },
  actions: [{ type: "button", action_id: "gate.approve", value: "g d" }],
};
const SUBMIT = {
  type: "view_submission",
  user: { id: "U1" },
  team: { id: "T1" },
  view: { callback_id: "gate.form", private_metadata: "g d", state: { values: {} } },
};
const given = (type: string, state: object) => ({
  view: { ...SUBMIT.view, state: { values: { b: { value: { type, ...state } } } } },
});

describe("what is no event of ours is refused, never thrown", () => {
  test("whatever comes", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        for (const decode of [decodeEvent, decodeCommand, decodeInteraction])
          expect(decode(value as Json, "id").ok).toBe(false);
      }),
    );
  });

  test("whatever part of a good one is something else", () => {
    const good: [(body: Json, id: string) => { ok: boolean }, Json][] = [
      [decodeEvent, outer(EVENT)],
      [decodeInteraction, PRESS],
      [decodeInteraction, SUBMIT as Json],
      [decodeCommand, { command: "/x", team_id: "T1", channel_id: "C1", user_id: "U1", text: "x", trigger_id: "1.2" }],
    ];
    for (const [decode, body] of good) expect(decode(body, "id").ok).toBe(true);
    fc.assert(
      fc.property(fc.constantFrom(...good), fc.nat(40), fc.jsonValue(), ([decode, body], which, odd) => {
        const paths = placesIn(body);
        const changed = JSON.parse(JSON.stringify(body));
        const path = paths[which % paths.length] as string[];
        const last = path.at(-1) as string;
        const parent = path.slice(0, -1).reduce((at, key) => at[key], changed);
        parent[last] = odd;
        expect(typeof decode(changed, "id").ok).toBe("boolean");
      }),
      { numRuns: 500 },
    );
  });

  test.each([
    ["an edit", { subtype: "message_changed", message: EVENT }],
    ["a deletion", { subtype: "message_deleted" }],
    ["a message of another program", { bot_id: "B7" }],
    ["a message of ours", { user: "U9" }],
    ["somebody who joins", { subtype: "channel_join" }],
  ])("%s is not for us", (_, more) => {
    expect(decodeEvent(outer({ ...EVENT, type: "message", channel_type: "im", ...more }))).toMatchObject({
      ok: false,
      code: "not_for_us",
    });
  });

  test.each([
    ["a path for a channel", { channel: "../x" }],
    ["a time stamp that does not sort", { ts: "17.1" }],
    ["a thread that is none", { thread_ts: "x" }],
    ["nobody", { user: undefined }],
  ])("%s is malformed", (_, more) => {
    expect(decodeEvent(outer({ ...EVENT, ...more }))).toMatchObject({ ok: false, code: "malformed" });
  });

  test("a refusal quotes nobody", () => {
    const told = decodeEvent(outer({ ...EVENT, type: "x\n{injected}" }));
    expect(JSON.stringify(told)).not.toContain("injected");
  });
});

describe("what is an event of ours", () => {
  test("a file with words, and a reply that is shown in the channel too, are messages", () => {
    for (const subtype of ["file_share", "thread_broadcast"])
      expect(decodeEvent(outer({ ...EVENT, type: "message", text: "hi", thread_ts: TS, subtype }))).toMatchObject({
        ok: true,
      });
  });

  test("a text is bounded, and says how much is missing", () => {
    const told = decodeEvent(outer({ ...EVENT, text: "x".repeat(50_000) }));
    if (!told.ok || told.event.type !== "mention") throw new Error("not read");
    expect(told.event.text).toMatch(/^x{40000}…\[truncated 10000 chars\]$/);
  });

  test("a command is known by its trigger, and without one by its delivery", () => {
    const command = { command: "/x", team_id: "T1", channel_id: "C1", user_id: "U1" };
    expect(decodeCommand({ ...command, trigger_id: "1.2" }, "env")).toMatchObject({ event: { id: "1.2" } });
    expect(decodeCommand(command, "env")).toMatchObject({ event: { id: "env" } });
  });

  test("a press of a button is known by its trigger, and tells its message and thread", () => {
    expect(decodeInteraction({ ...PRESS, message: { ts: TS, thread_ts: TS } }, "fallback")).toEqual({
      ok: true,
      event: {
        type: "button",
        id: "1.2.a",
        team: "T1",
        user: "U1",
        channel: "C1",
        thread: TS,
        message: TS,
        trigger: "1.2.a",
        action: "gate.approve",
        value: "g d",
      },
    });
  });

  test.each([
    ["plain_text_input", { value: "hi" }, "hi"],
    ["plain_text_input", { value: null }, null],
    ["number_input", { value: "3" }, "3"],
    ["static_select", { selected_option: { value: "0" } }, "0"],
    ["radio_buttons", { selected_option: null }, null],
    ["checkboxes", { selected_options: [{ value: "0" }, { value: "2" }] }, ["0", "2"]],
    ["multi_static_select", { selected_options: [] }, []],
  ])("what was entered into a %s is read: %j", (type, state, expected) => {
    const told = decodeInteraction({ ...SUBMIT, ...given(type, state) } as unknown as Json, "body-hash");
    expect(told).toMatchObject({ ok: true, event: { type: "form", id: "body-hash", fields: { b: expected } } });
  });

  test("elements that no form of ours has are refused, and so is more than Slack would take", () => {
    const of = (type: string, state: object) =>
      decodeInteraction({ ...SUBMIT, ...given(type, state) } as unknown as Json, "id");
    expect(of("datepicker", { selected_date: "2026-01-01" })).toMatchObject({ ok: false, code: "malformed" });
    expect(of("plain_text_input", { value: "x".repeat(3_001) })).toMatchObject({ ok: false, code: "too_large" });
  });

  test("names that mean something to JavaScript are names of blocks", () => {
    const values = JSON.parse('{"__proto__":{"value":{"type":"plain_text_input","value":"x"}}}');
    const told = decodeInteraction({ ...SUBMIT, view: { ...SUBMIT.view, state: { values } } } as unknown as Json, "id");
    if (!told.ok || told.event.type !== "form") throw new Error("not read");
    expect(Object.keys(told.event.fields)).toEqual(["__proto__"]);
  });
});

test("an answer that does not fit what was asked is a plain yes", () => {
  const form = { type: "form" } as FormSubmitted;
  expect(payloadOf(form, { say: "x" })).toBeNull();
  expect(payloadOf({ type: "button" } as ButtonPressed, { errors: {} })).toBeNull();
  expect(payloadOf(form, { errors: { "field:a": "no" } })).toEqual({
    response_action: "errors",
    errors: { "field:a": "no" },
  });
  expect(payloadOf(form, { close: true })).toEqual({ response_action: "clear" });
});

function placesIn(value: unknown, path: string[] = []): string[][] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, each]) => [[...path, key], ...placesIn(each, [...path, key])]);
}
