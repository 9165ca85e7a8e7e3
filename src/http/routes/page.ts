import { z } from "@hono/zod-openapi";

/** The two parameters every list takes. */
export const page = {
  limit: z
    .string()
    .regex(/^(?:[1-9]\d?|1\d\d|200)$/, "must be a whole number from 1 to 200")
    .transform(Number)
    .default(20)
    .openapi({ type: "integer", minimum: 1, maximum: 200, default: 20 }),
  cursor: z.string().min(1).max(512).optional(),
};
