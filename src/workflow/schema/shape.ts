import { z } from "zod";
import type { Path } from "../source.ts";

/** The object a value at `path` must be, or null where the grammar leaves the keys open. */
export function objectAt(schema: z.core.$ZodType, path: Path): z.ZodObject | null {
  let inner = bare(schema);
  for (const each of path) {
    const next = step(inner, each);
    if (!next) return null;
    inner = bare(next);
  }
  return inner instanceof z.ZodObject ? inner : null;
}

/** What is declared for one key of a map or one place of a list. */
export function step(schema: z.core.$ZodType, key: string | number): z.core.$ZodType | null {
  if (schema instanceof z.ZodObject) return Object.hasOwn(schema.shape, key) ? (schema.shape[key] ?? null) : null;
  if (schema instanceof z.ZodArray) return schema.element;
  if (schema instanceof z.ZodRecord) return schema.valueType;
  return null;
}

/** A schema without its question mark; of several forms, the one with keys of its own. */
export function bare(schema: z.core.$ZodType): z.core.$ZodType {
  if (schema instanceof z.ZodOptional) return bare(schema.unwrap());
  if (schema instanceof z.ZodUnion) return schema.options.find((each) => each instanceof z.ZodObject) ?? schema;
  return schema;
}
