import { readFileSync } from "node:fs";
import { Fault } from "../domain/fault.ts";
import type { Json } from "../domain/json.ts";

type Values = Record<string, Json>;

/**
 * `name=value` pairs as a person types them: text where the workflow declares text, else JSON. What does not parse is
 * sent as text: the daemon alone judges inputs, and names the path of what it refuses.
 */
export function declaredPairs(pairs: readonly string[], declared: { readonly [name: string]: Json }): Values {
  const typed = pairs.map((pair): [string, Json] => {
    const at = pair.indexOf("=");
    if (at < 1) throw new Fault("usage.invalid", `--input takes name=value, not "${pair}"`);
    const [name, text] = [pair.slice(0, at), pair.slice(at + 1)];
    const type = (Object.hasOwn(declared, name) ? (declared[name] as { readonly type?: Json }) : undefined)?.type;
    return [name, type === "string" ? text : parsed(text)];
  });
  // Not by assignment, which would lose a pair named like the prototype: the daemon is to see it, and refuse it.
  return Object.fromEntries(typed);
}

/** JSON where it is some, else the text itself. */
export function parsed(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return text;
  }
}

/** A file with one JSON object; `what` says of what. */
export function readJson(file: string, what: string): Values {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(file, "utf8"));
  } catch (cause) {
    throw new Fault("usage.invalid", `${file} cannot be read as JSON: ${(cause as Error).message}`, { cause });
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Values;
  throw new Fault("usage.invalid", `${file} must hold one JSON object of ${what} by name`);
}
