import { z } from "zod";
import type { Path } from "../source.ts";

/** The object a value at `path` must be, or null where the grammar leaves the keys open. */
export function objectAt(schema: z.core.$ZodType, path: Path): z.ZodObject | null {
  let reached = schema;
  for (const each of path) {
    const next = step(reached, each);
    if (!next) return null;
    reached = next;
  }
  const inner = bare(reached);
  return inner instanceof z.ZodObject ? inner : null;
}

/** What is declared for one key of a map or one place of a list. */
export function step(schema: z.core.$ZodType, key: string | number): z.core.$ZodType | null {
  if (schema instanceof z.ZodOptional) return step(schema.unwrap(), key);
  // Of several forms, the first that has such a place.
  if (schema instanceof z.ZodUnion) return schema.options.map((each) => step(each, key)).find(Boolean) ?? null;
  if (schema instanceof z.ZodObject) return Object.hasOwn(schema.shape, key) ? (schema.shape[key] ?? null) : null;
  if (schema instanceof z.ZodArray) return typeof key === "number" ? schema.element : null;
  if (schema instanceof z.ZodRecord) return typeof key === "string" ? schema.valueType : null;
  return null;
}

/** A schema without its question mark; of several forms, the one with keys of its own. */
export function bare(schema: z.core.$ZodType): z.core.$ZodType {
  if (schema instanceof z.ZodOptional) return bare(schema.unwrap());
  if (schema instanceof z.ZodUnion) return schema.options.find((each) => each instanceof z.ZodObject) ?? schema;
  return schema;
}
