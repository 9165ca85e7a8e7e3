import type { Json } from "../domain/json.ts";

/** Values as an expression sees them, and what is left of the work it may do. */
export interface View {
  readonly scope: Record<string, unknown>;
  /** The JSON value behind something an expression gave back, or undefined when it made the thing itself. */
  original(value: unknown): Json | undefined;
  /** True once the expression has read more than it may; its result then means nothing. */
  readonly exhausted: boolean;
}

/** Thrown out of a read; no expression can catch it for long, since every later read throws it again. */
export class Exhausted extends Error {}

/** Reads of one evaluation: entries, and two hundred characters of text, each count as one. */
const MOST_READS = 200_000;
const CHARACTERS = 200;

/**
 * A lazy view of JSON: whole numbers are BigInt, as the language wants its integers, a key whose value is null or
 * undefined is absent, only own keys exist, and every read is counted. Nothing is copied: a large scope costs as much as is read of it. Entries
 * of lists stay where they are, so null is kept there. A key named `constructor` reads as absent, because the language
 * library tells types by that property.
 */
export function viewOf(scope: { readonly [name: string]: Json | undefined }): View {
  const views = new WeakMap<object, object>();
  const originals = new WeakMap<object, Json>();
  let reads = 0;

  function count(cost: number): void {
    reads += cost;
    if (reads > MOST_READS) throw new Exhausted("too much to read");
  }

  function seen(value: Json): unknown {
    if (typeof value === "number") return Number.isSafeInteger(value) ? BigInt(value) : value;
    if (typeof value === "string") count(value.length / CHARACTERS);
    if (value === null || typeof value !== "object") return value;
    let view = views.get(value);
    if (!view) {
      view = Array.isArray(value) ? listView(value) : mapView(value as Record<string, Json>);
      views.set(value, view);
      originals.set(view, value);
    }
    return view;
  }

  const present = (map: Record<string, Json | undefined>, key: PropertyKey): key is string =>
    typeof key === "string" &&
    key !== "constructor" &&
    Object.hasOwn(map, key) &&
    map[key] !== undefined &&
    map[key] !== null;

  function mapView(map: Record<string, Json | undefined>): Record<string, unknown> {
    const read = (key: PropertyKey): unknown => {
      count(1);
      return present(map, key) ? seen(map[key] as Json) : undefined;
    };
    // The target is an empty stand-in: a frozen original would forbid to show anything but itself.
    return new Proxy(Object.create(null), {
      get: (_, key) => read(key),
      has: (_, key) => present(map, key),
      ownKeys: () => {
        const keys = Object.keys(map).filter((key) => present(map, key));
        count(1 + keys.length / 10);
        return keys;
      },
      getOwnPropertyDescriptor: (_, key) =>
        present(map, key) ? { value: read(key), enumerable: true, configurable: true } : undefined,
    });
  }

  function listView(list: readonly Json[]): unknown[] {
    return new Proxy([] as unknown[], {
      get: (target, key) => {
        if (key === "length") return list.length;
        if (typeof key !== "string" || !INDEX.test(key)) return Reflect.get(target, key);
        count(1);
        const value = list[Number(key)];
        return value === undefined ? undefined : seen(value);
      },
    });
  }

  return {
    scope: mapView(scope),
    original: (value) => (value !== null && typeof value === "object" ? originals.get(value) : undefined),
    get exhausted() {
      return reads > MOST_READS;
    },
  };
}

const INDEX = /^\d+$/;
