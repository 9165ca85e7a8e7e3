import type { Json } from "../../domain/json.ts";
import type { FieldGiven } from "./events.ts";
import { BLOCK, type Field, fieldsOf, NO, type Schema, YES } from "./form.ts";

/** What somebody entered, as the form's schema wants it; or what is wrong, by block, in words for whoever entered it. */
export type FormRead =
  | { readonly ok: true; readonly value: { readonly [name: string]: Json } }
  | { readonly ok: false; readonly errors: { readonly [block: string]: string } };

/** Reads what was handed in. A field that may be left out, and was, is absent; nothing that was not offered is taken. */
export function readForm(form: Json, given: { readonly [block: string]: FieldGiven }): FormRead {
  const shown = fieldsOf(form);
  if (!shown.ok) return { ok: false, errors: {} };
  const values: [string, Json][] = [];
  const errors: [string, string][] = [];
  for (const field of shown.fields) {
    const block = `${BLOCK}${field.name}`;
    const read = readField(field, given[block] ?? null);
    if (typeof read === "string") errors.push([block, read]);
    else if (read !== null) values.push([field.name, read.value]);
  }
  if (errors.length > 0) return { ok: false, errors: Object.fromEntries(errors) };
  return { ok: true, value: Object.fromEntries(values) };
}

/** The value; null where nothing was entered, and need not be; a text says what is wrong. */
type FieldRead = { readonly value: Json } | null | string;

function readField(field: Field, given: FieldGiven): FieldRead {
  const { kind, required, schema, choices } = field;
  if (kind === "choices") return readChoices(field, given);
  if (given === null || given === "") return required ? "Please fill this in" : null;
  if (typeof given !== "string") return "This is not one of those offered";
  switch (kind) {
    case "text":
      return readText(schema, given);
    case "number":
      return readNumber(schema, given);
    case "yes_no":
      return given === YES || given === NO ? { value: given === YES } : "Please choose yes or no";
    case "choice": {
      const at = placeIn(choices, given);
      return at === null ? "This is not one of those offered" : { value: choices[at] as Json };
    }
  }
}

function readText(schema: Schema, given: string): FieldRead {
  const { minLength, maxLength } = schema;
  const long = [...given].length;
  if (typeof minLength === "number" && long < minLength) return `Please write at least ${minLength} characters`;
  if (typeof maxLength === "number" && long > maxLength) return `Please write at most ${maxLength} characters`;
  return { value: given };
}

function readNumber(schema: Schema, given: string): FieldRead {
  const value = /^-?\d{1,300}(\.\d{1,300})?$/.test(given.trim()) ? Number(given) : Number.NaN;
  if (!Number.isFinite(value)) return "Please enter a number";
  const { type, minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = schema;
  if (type === "integer" && !Number.isSafeInteger(value)) return "Please enter a whole number";
  if (typeof minimum === "number" && value < minimum) return `Please enter ${minimum} or more`;
  if (typeof maximum === "number" && value > maximum) return `Please enter ${maximum} or less`;
  if (typeof exclusiveMinimum === "number" && value <= exclusiveMinimum)
    return `Please enter more than ${exclusiveMinimum}`;
  if (typeof exclusiveMaximum === "number" && value >= exclusiveMaximum)
    return `Please enter less than ${exclusiveMaximum}`;
  if (typeof multipleOf === "number" && !Number.isInteger(value / multipleOf))
    return `Please enter a multiple of ${multipleOf}`;
  return { value };
}

/** Nothing ticked is an empty list where a list is required, and no list where it is not. */
function readChoices({ schema, required, choices }: Field, given: FieldGiven): FieldRead {
  const ticked = typeof given === "string" ? [given] : (given ?? []);
  const places = new Set<number>();
  for (const each of ticked) {
    const at = placeIn(choices, each);
    if (at === null) return "This is not one of those offered";
    places.add(at);
  }
  const { minItems, maxItems } = schema;
  if (places.size === 0 && !required) return null;
  if (typeof minItems === "number" && places.size < minItems) return `Please choose at least ${minItems}`;
  if (typeof maxItems === "number" && places.size > maxItems) return `Please choose at most ${maxItems}`;
  return { value: [...places].sort((a, b) => a - b).map((at) => choices[at] as Json) };
}

function placeIn(choices: readonly Json[], given: string): number | null {
  const at = /^\d{1,3}$/.test(given) ? Number(given) : -1;
  return at >= 0 && at < choices.length ? at : null;
}
