import { Fault } from "../../domain/fault.ts";

/** Where a page ended: the row's time and id. Text order is time order, so the pair is a place in the list for ever. */
export interface Keyset {
  readonly at: string;
  readonly id: string;
}

/** A cursor is opaque to callers: base64url of the list's name and the place in it. */
export function toCursor(list: string, { at, id }: Keyset): string {
  return Buffer.from(JSON.stringify([list, at, id])).toString("base64url");
}

/** Reads a cursor that came back; anything else is a fault, not an empty page. */
export function fromCursor(list: string, cursor: string): Keyset {
  try {
    const read: unknown = JSON.parse(Buffer.from(cursor, "base64url").toString("utf8"));
    if (Array.isArray(read)) {
      const [of, at, id] = read as unknown[];
      if (of === list && typeof at === "string" && typeof id === "string") return { at, id };
    }
  } catch {
    // Not ours: answered below like every other wrong cursor.
  }
  throw new Fault("cursor.invalid", "The cursor is not one that this list gave out");
}
