import { z } from "zod";

/**
 * How far lastlight is with a key the grammar knows: `later` would change how a run goes, so a run that needs it is
 * refused; `shown` only tells people something, so its absence is merely said. A key with neither is carried out.
 */
export type Stage = "later" | "shown";

const stages = z.registry<{ stage: Stage }>();

export function stageOf(schema: z.core.$ZodType): Stage | undefined {
  return stages.get(schema)?.stage;
}

/** An optional key whose meaning waits for a later version. Remove the word when it is carried out. */
export function later<Schema extends z.ZodType>(schema: Schema): z.ZodOptional<Schema> {
  return marked(schema, "later");
}

/** An optional key that tells people something and is not acted on yet. */
export function shown<Schema extends z.ZodType>(schema: Schema): z.ZodOptional<Schema> {
  return marked(schema, "shown");
}

function marked<Schema extends z.ZodType>(schema: Schema, stage: Stage): z.ZodOptional<Schema> {
  const optional = schema.optional();
  stages.add(optional, { stage });
  return optional;
}
