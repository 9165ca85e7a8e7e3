import type { Json } from "./json.ts";

/** The value at a JSON Pointer (RFC 6901), own keys only; undefined where there is none. */
export function at(value: Json | undefined, pointer: string): Json | undefined {
  let found: Json | undefined = value;
  for (const part of pointer === "" ? [] : pointer.slice(1).split("/")) {
    if (typeof found !== "object" || found === null) return undefined;
    const key = part.replaceAll("~1", "/").replaceAll("~0", "~");
    found = Object.hasOwn(found, key) ? (found as { readonly [key: string]: Json })[key] : undefined;
  }
  return found;
}

/** The same where it is a text that is not empty. */
export function textAt(value: Json | undefined, pointer: string): string | null {
  const found = at(value, pointer);
  return typeof found === "string" && found !== "" ? found : null;
}

/** The same where it is a number that counts things. */
export function wholeAt(value: Json | undefined, pointer: string): number | null {
  const found = at(value, pointer);
  return typeof found === "number" && Number.isSafeInteger(found) && found >= 0 ? found : null;
}
