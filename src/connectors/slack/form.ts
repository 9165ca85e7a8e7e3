import type { Json } from "../../domain/json.ts";
import { type Block, plainText, type View } from "./blocks.ts";
import { cutPlain } from "./text.ts";

/** A form that a modal can show, or why it cannot: people are then led to a page that can. */
export type Shown<T> = ({ readonly ok: true } & T) | { readonly ok: false; readonly why: string };

/** One thing to fill in. */
export interface Field {
  readonly name: string;
  readonly kind: "text" | "number" | "yes_no" | "choice" | "choices";
  readonly required: boolean;
  readonly schema: Schema;
  /** What there is to choose from; empty for other kinds. */
  readonly choices: readonly Json[];
}
export interface Schema {
  readonly [keyword: string]: Json | undefined;
}

/** What the blocks and inputs of a form are called. */
export const BLOCK = "field:";
const INPUT = "value";
export const YES = "yes";
export const NO = "no";

const MOST_FIELDS = 90;
const MOST_CHOICES = 100;
const MOST_BOXES = 10;
const LONGEST_CHOICE = 75;
const LONGEST_TEXT = 3_000;
const LONGEST_TITLE = 24;
const LONGEST_LABEL = 2_000;
const LONGEST_NAME = 200;
const ONE_LINE = 200;

/** The fields of a form's JSON Schema: an object of plain values, choices, and lists of choices. */
export function fieldsOf(form: Json): Shown<{ readonly fields: readonly Field[] }> {
  const schema = schemaOf(form);
  if (schema.type !== undefined && schema.type !== "object") return unshown("the form is no object");
  const properties = Object.entries(schemaOf(schema.properties));
  const required = Array.isArray(schema.required) ? schema.required : [];
  if (properties.length > MOST_FIELDS) return unshown(`more than ${MOST_FIELDS} fields`);
  const fields: Field[] = [];
  for (const [name, each] of properties) {
    const field = fieldOf(name, schemaOf(each), required.includes(name));
    if (typeof field === "string") return unshown(`"${name.slice(0, LONGEST_NAME)}" is ${field}`);
    fields.push(field);
  }
  const missing = required.find((name) => !properties.some(([each]) => each === name));
  if (missing !== undefined) return unshown("the form requires a field that it does not describe");
  return { ok: true, fields };
}

/** The modal of a form. What it carries comes back with what is entered, unseen. */
export function formModal(options: {
  readonly form: Json;
  readonly callback: string;
  readonly carries: string;
  readonly title: string;
  readonly submit: string;
  readonly words: string;
}): Shown<{ readonly view: View }> {
  const { form, callback, carries, title, submit, words } = options;
  const read = fieldsOf(form);
  if (!read.ok) return read;
  const view: View = {
    type: "modal",
    callback_id: callback,
    private_metadata: carries,
    title: plainText(title, LONGEST_TITLE),
    submit: plainText(submit, LONGEST_TITLE),
    close: plainText("Back", LONGEST_TITLE),
    blocks: [{ type: "section", text: plainText(words, LONGEST_TEXT) }, ...read.fields.map(block)],
  };
  return { ok: true, view };
}

/** A field, or what it is that no modal shows. */
function fieldOf(name: string, schema: Schema, required: boolean): Field | string {
  if (name === "" || name.length > LONGEST_NAME) return "of a name that no block can bear";
  const choices = choicesIn(schema);
  if (choices !== null) {
    if (choices.length === 0 || choices.length > MOST_CHOICES) return "a choice of too many, or of nothing";
    if (!choices.every(isPlain)) return "a choice of things that are no plain values";
    return { name, kind: "choice", required, schema, choices };
  }
  switch (schema.type) {
    case "string":
      if (Number(schema.minLength ?? 0) > LONGEST_TEXT) return "longer than a field holds";
      return { name, kind: "text", required, schema, choices: [] };
    case "number":
    case "integer":
      return { name, kind: "number", required, schema, choices: [] };
    case "boolean":
      return { name, kind: "yes_no", required, schema, choices: [] };
    case "array": {
      const items = choicesIn(schemaOf(schema.items));
      if (items === null) return "a list of what cannot be listed beforehand";
      if (items.length === 0 || items.length > MOST_CHOICES) return "a choice of too many, or of nothing";
      return items.every(isPlain)
        ? { name, kind: "choices", required, schema, choices: items }
        : "a choice of things that are no plain values";
    }
    default:
      return "of a type that no modal shows";
  }
}

function block(field: Field): Block {
  const { name, required, schema } = field;
  const { title, description } = schema;
  return {
    type: "input",
    block_id: `${BLOCK}${name}`,
    // Slack asks for at least one box where boxes are not optional; a list may well be empty.
    optional: !required || (field.kind === "choices" && Number(schema.minItems ?? 0) === 0),
    label: plainText(typeof title === "string" && title.trim() !== "" ? title : name, LONGEST_LABEL),
    ...(typeof description === "string" && description.trim() !== ""
      ? { hint: plainText(description, LONGEST_LABEL) }
      : {}),
    element: element(field),
  };
}

function element({ kind, schema, choices }: Field): Json {
  const initial = schema.default;
  switch (kind) {
    case "text":
      return {
        type: "plain_text_input",
        action_id: INPUT,
        multiline: typeof schema.maxLength !== "number" || schema.maxLength > ONE_LINE,
        ...length("min_length", schema.minLength),
        max_length: Math.max(1, Math.min(Number(schema.maxLength ?? LONGEST_TEXT), LONGEST_TEXT)),
        ...(typeof initial === "string" && initial !== "" ? { initial_value: cutPlain(initial, LONGEST_TEXT) } : {}),
      };
    case "number":
      return {
        type: "number_input",
        action_id: INPUT,
        is_decimal_allowed: schema.type === "number",
        ...bound("min_value", schema.minimum),
        ...bound("max_value", schema.maximum),
        ...(typeof initial === "number" ? { initial_value: String(initial) } : {}),
      };
    case "yes_no": {
      const options = [option("Yes", YES), option("No", NO)];
      const chosen = options[initial === true ? 0 : 1] as Json;
      return {
        type: "radio_buttons",
        action_id: INPUT,
        options,
        ...(typeof initial === "boolean" ? { initial_option: chosen } : {}),
      };
    }
    case "choice": {
      const options = choices.map(offered);
      const at = choices.indexOf(initial ?? (choices.length === 1 ? (choices[0] as Json) : NOTHING));
      return {
        type: "static_select",
        action_id: INPUT,
        options,
        ...(at < 0 ? {} : { initial_option: options[at] as Json }),
      };
    }
    case "choices": {
      const options = choices.map(offered);
      const chosen = Array.isArray(initial) ? options.filter((_, at) => initial.includes(choices[at])) : [];
      const few = options.length <= MOST_BOXES;
      return {
        type: few ? "checkboxes" : "multi_static_select",
        action_id: INPUT,
        options,
        ...(!few && typeof schema.maxItems === "number" ? { max_selected_items: Math.max(1, schema.maxItems) } : {}),
        ...(chosen.length === 0 ? {} : { initial_options: chosen }),
      };
    }
  }
}

/** Equal to no choice: what is not there must not be taken for one. */
const NOTHING: Json = {};

/** By its place in the list: a value may be longer than Slack takes, and need not be a text. */
function offered(choice: Json, at: number): Json {
  return option(typeof choice === "string" ? choice : JSON.stringify(choice), String(at));
}

function option(words: string, value: string): Json {
  return { text: plainText(words, LONGEST_CHOICE), value };
}

function length(name: string, value: Json | undefined): { readonly [name: string]: Json } {
  return typeof value === "number" && value > 0 ? { [name]: Math.min(value, LONGEST_TEXT) } : {};
}

function bound(name: string, value: Json | undefined): { readonly [name: string]: Json } {
  return typeof value === "number" ? { [name]: String(value) } : {};
}

function choicesIn(schema: Schema): readonly Json[] | null {
  if (schema.const !== undefined) return [schema.const];
  return Array.isArray(schema.enum) ? schema.enum : null;
}

function isPlain(value: Json): boolean {
  return value === null || typeof value !== "object";
}

function schemaOf(value: Json | undefined): Schema {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Schema) : {};
}

function unshown(why: string): { readonly ok: false; readonly why: string } {
  return { ok: false, why };
}
