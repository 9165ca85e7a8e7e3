import { Ajv2020 } from "ajv/dist/2020.js";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Block, View } from "../../../src/connectors/slack/blocks.ts";
import { formModal } from "../../../src/connectors/slack/form.ts";
import { readForm } from "../../../src/connectors/slack/form-value.ts";
import type { Json } from "../../../src/domain/json.ts";
import { complaint } from "../../support/slack/block-kit.ts";
import { FORM } from "./gates.ts";

function modal(form: Json): View {
  const words = "Ship it? <!channel>";
  const told = formModal({
    form,
    callback: "gate.form",
    carries: "g d",
    title: "Ship the fix",
    submit: "Approve",
    words,
  });
  if (!told.ok) throw new Error(told.why);
  const blocks = told.view.blocks as readonly Block[];
  expect(complaint(blocks, 100)).toBeNull();
  return told.view;
}

function element(view: View, name: string): { readonly [name: string]: Json } {
  const block = (view.blocks as readonly Block[]).find(({ block_id }) => block_id === `field:${name}`);
  return block?.element as { readonly [name: string]: Json };
}

describe("a form as a modal", () => {
  test("asks for each field in its own way", () => {
    const view = modal(FORM);
    expect(view).toMatchObject({ callback_id: "gate.form", private_metadata: "g d", submit: { text: "Approve" } });
    expect(element(view, "note")).toMatchObject({
      type: "plain_text_input",
      multiline: true,
      min_length: 3,
      max_length: 500,
    });
    expect(element(view, "title")).toMatchObject({ multiline: false, initial_value: "Fix", max_length: 80 });
    expect(element(view, "level")).toMatchObject({ type: "static_select", options: { length: 4 } });
    expect(element(view, "count")).toMatchObject({ type: "number_input", is_decimal_allowed: false, min_value: "1" });
    expect(element(view, "share")).toMatchObject({ is_decimal_allowed: true });
    expect(element(view, "ok")).toMatchObject({ type: "radio_buttons" });
    expect(element(view, "areas")).toMatchObject({ type: "checkboxes" });
    expect(element(view, "many")).toMatchObject({ type: "multi_static_select" });
  });

  test("says what a field is for, and what may be left out", () => {
    const [, note, title] = modal(FORM).blocks as readonly Block[];
    expect(note).toMatchObject({ label: { text: "note" }, hint: { text: "What changes & why" }, optional: false });
    expect(title).toMatchObject({ label: { text: "Title" }, optional: true });
  });

  test("begins with what is there by default", () => {
    const view = modal({
      properties: {
        a: { enum: ["x", "y"], default: "y" },
        b: { type: "boolean", default: false },
        c: { type: "number", default: 0.5 },
        d: { type: "array", items: { enum: ["x", "y"] }, default: ["y"] },
        e: { const: "only" },
      },
    });
    expect(element(view, "a")).toMatchObject({ initial_option: { text: { text: "y" } } });
    expect(element(view, "b")).toMatchObject({ initial_option: { value: "no" } });
    expect(element(view, "c")).toMatchObject({ initial_value: "0.5" });
    expect(element(view, "d")).toMatchObject({ initial_options: [{ value: "1" }] });
    expect(element(view, "e")).toMatchObject({ initial_option: { value: "0" } });
  });

  test("shows choices that are longer than Slack takes, cut; and takes them whole", () => {
    const long = "x".repeat(400);
    const form = { properties: { a: { enum: [long, `${long}y`] } } };
    modal(form);
    expect(readForm(form, { "field:a": "1" })).toEqual({ ok: true, value: { a: `${long}y` } });
  });

  test.each<[string, Json]>([
    ["an object within", { properties: { a: { type: "object" } } }],
    ["a list of free words", { properties: { a: { type: "array", items: { type: "string" } } } }],
    ["a field of several types", { properties: { a: { type: ["string", "null"] } } }],
    ["a field of no type", { properties: { a: {} } }],
    ["too many choices", { properties: { a: { enum: Array.from({ length: 101 }, (_, at) => at) } } }],
    ["choices between objects", { properties: { a: { enum: [{ b: 1 }] } } }],
    [
      "too many fields",
      { properties: Object.fromEntries(Array.from({ length: 91 }, (_, at) => [`f${at}`, { type: "string" }])) },
    ],
    ["a text longer than a field", { properties: { a: { type: "string", minLength: 3_001 } } }],
    ["a field that is required and not described", { required: ["b"], properties: {} }],
    ["a list instead of an object", { type: "array" }],
  ])("%s is not shown, and it is said why", (_, form) => {
    const told = formModal({ form, callback: "c", carries: "", title: "t", submit: "s", words: "w" });
    expect(told).toMatchObject({ ok: false, why: expect.stringMatching(/./) });
  });
});

describe("what was handed in", () => {
  const GOOD = {
    "field:note": "because",
    "field:title": "",
    "field:level": "2",
    "field:count": "5",
    "field:share": "0.25",
    "field:ok": "no",
    "field:areas": ["2", "0"],
    "field:many": [],
  };

  test("is a value of the schema: what was left out is absent, choices are what they stand for", () => {
    expect(readForm(FORM, GOOD)).toEqual({
      ok: true,
      value: { note: "because", level: 3, count: 5, share: 0.25, ok: false, areas: ["api", "docs"] },
    });
  });

  test.each<[string, string | readonly string[] | null, RegExp]>([
    ["note", null, /fill this in/],
    ["note", "ab", /at least 3/],
    ["note", "x".repeat(501), /at most 500/],
    ["level", "4", /not one of those/],
    ["level", "-1", /not one of those/],
    ["level", ["0"], /not one of those/],
    ["count", "0", /1 or more/],
    ["count", "6", /5 or less/],
    ["count", "1.5", /whole number/],
    ["count", "1e1", /a number/],
    ["count", "NaN", /a number/],
    ["share", "1", /less than 1/],
    ["ok", "maybe", /yes or no/],
    ["areas", ["0", "1", "2"], /at most 2/],
    ["areas", ["9"], /not one of those/],
  ])("%s as %j is told to whoever entered it, at its field", (name, entered, words) => {
    const block = `field:${name}`;
    expect(readForm(FORM, { ...GOOD, [block]: entered })).toEqual({
      ok: false,
      errors: { [block]: expect.stringMatching(words) },
    });
  });

  test("what no field asked for is not taken", () => {
    const told = readForm({ properties: { a: { type: "string" } } }, { "field:a": "x", "field:b": "y", c: "z" });
    expect(told).toEqual({ ok: true, value: { a: "x" } });
  });

  test("is taken only if the schema would take it, whatever is sent", () => {
    const validate = new Ajv2020({ strict: false }).compile(FORM as object);
    const entry = fc.oneof(
      fc.constantFrom("0", "1", "2", "3", "yes", "no", "", "0.5", "-1", "because"),
      fc.string({ maxLength: 12 }),
      fc.array(fc.constantFrom("0", "1", "2", "7"), { maxLength: 4 }),
      fc.constant(null),
    );
    const names = Object.keys(GOOD);
    fc.assert(
      fc.property(fc.tuple(...names.map(() => fc.option(entry, { nil: undefined }))), (entries) => {
        const changed = names.map((name, at) => [
          name,
          entries[at] === undefined ? GOOD[name as "field:note"] : entries[at],
        ]);
        const told = readForm(FORM, Object.fromEntries(changed));
        if (told.ok) expect([validate(told.value), told.value]).toEqual([true, told.value]);
      }),
      { numRuns: 500 },
    );
  });
});
