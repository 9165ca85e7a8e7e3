import type { Json } from "../../domain/json.ts";

/** A value on its way through a template; absent is null. */
export type Value = Json | undefined;

/** What a value looks like in a text: null is nothing, an object or a list is JSON. */
export function textOf(value: Value): string {
  if (value === null || value === undefined) return "";
  if (typeof value === "string") return value;
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** The truth of `{{#if}}`: null, false, 0, "" and [] are absent; {} and "false" are there. Liquid's own differs. */
export function isPresent(value: Value): boolean {
  if (Array.isArray(value)) return value.length > 0;
  return value !== null && value !== undefined && value !== false && value !== 0 && value !== "";
}

/** Follows own keys only, so that neither a text's length nor an object's prototype is ever reached. */
export function valueAt(value: Value, keys: readonly Value[]): Value {
  let at = value;
  for (const key of keys) {
    const name = textOf(key);
    // A phase's text stands under its name: asked for its output, it is that (the contrast's own document says so).
    if (typeof at === "string" && name === "output") continue;
    if (at === null || typeof at !== "object" || !Object.hasOwn(at, name)) return null;
    at = (at as Readonly<Record<string, Json>>)[name];
  }
  return at;
}

/** Lower-case Latin letters and digits joined by `-`, at most 40 characters: a part of a branch's name. */
export function slugOf(value: Value): string {
  return textOf(value)
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "")
    .slice(0, 40);
}

/** The text of a phase's output: the text itself, or what an object has under `output`. */
export function outputOf(value: Value): Value {
  const inside = typeof value === "object" ? valueAt(value, ["output"]) : null;
  return inside === null || inside === undefined ? (value ?? null) : inside;
}

/** A key with a dot or a bracket would be read as a path by the library, and as an expression by some of its filters. */
export function isPlainKey(key: Value): boolean {
  return typeof key === "string" && /^[A-Za-z_][\w-]*(?:\.[A-Za-z_][\w-]*)*$/.test(key);
}

const MOMENT = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d))?$/;

/** Written by the machine's own customs, so not the same on every machine. */
const LOCAL_FORMAT = /%[-_0^#:]*\d*[EO]?[cxX]/;

/**
 * Why a date cannot be written the same on every machine and in every try, or null. A moment is ISO 8601 with its zone,
 * a day, or seconds since 1970; it is written in UTC.
 */
export function dateRefusal(value: Value, format: Value): string | null {
  if (typeof value === "string" && value !== "" && !MOMENT.test(value) && !/^\d{1,15}$/.test(value))
    return "a date needs a moment such as 2026-01-31T09:00:00Z";
  if (typeof format === "string" && LOCAL_FORMAT.test(format))
    return "%c, %x and %X differ between machines. Write out the format, e.g. %Y-%m-%d";
  return null;
}
