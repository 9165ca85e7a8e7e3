import { z } from "zod";
import { RESERVED_WORDS } from "../names.ts";

const TYPES = ["string", "number", "integer", "boolean", "object", "array", "null"] as const;
const count = z.int().min(0);

/** Set apart from `property`, whose type refers to itself. */
const keywords = {
  type: z
    .union([z.enum(TYPES), z.array(z.enum(TYPES)).min(1)], { error: `must be one or more of ${TYPES.join(", ")}` })
    .optional(),
  title: z.string().optional(),
  description: z.string().optional(),
  enum: z.array(z.unknown()).min(1).optional(),
  const: z.unknown().optional(),
  default: z.unknown().optional(),
  minimum: z.number().optional(),
  maximum: z.number().optional(),
  exclusiveMinimum: z.number().optional(),
  exclusiveMaximum: z.number().optional(),
  multipleOf: z.number().gt(0).optional(),
  minLength: count.optional(),
  maxLength: count.optional(),
  minItems: count.optional(),
  maxItems: count.optional(),
  uniqueItems: z.boolean().optional(),
  required: z.array(z.string()).optional(),
  additionalProperties: z.boolean().optional(),
  format: z
    .enum(["path"], { error: "can only be path; others are not checked. Say it in description" })
    .describe("`path`: a file or folder of the machine, which the sandboxed programs of the run may read")
    .optional(),
};

/** The JSON Schema keywords an input may use. A list of what is let in: each is linear in the value it judges. */
const property = z
  .strictObject({
    ...keywords,
    get items(): z.ZodOptional<z.ZodType> {
      return z.optional(property);
    },
    get properties(): z.ZodOptional<z.ZodType> {
      return z.optional(z.record(z.string(), property));
    },
  })
  .meta({ id: "input" });

const inputName = z
  .string()
  .regex(/^[A-Za-z][A-Za-z0-9_]{0,63}$/, {
    error: "must be letters, digits and _, at most 64, and begin with a letter",
  })
  .refine((name) => !RESERVED_WORDS.has(name), {
    error: "is a word of the template or condition language. Choose another",
  });

export const inputs = z.record(inputName, property);

/** Why a keyword that JSON Schema knows is not let in. */
export const REFUSED_KEYWORDS: Readonly<Record<string, string>> = {
  pattern: "an author's regular expression could stop the daemon. Use enum, minLength or maxLength",
  patternProperties: "an author's regular expression could stop the daemon. Use properties",
  $ref: "references are not followed. Write the schema out",
  $defs: "references are not followed. Write the schema out",
  oneOf: "alternatives are not supported. Use enum, or type as a list",
  anyOf: "alternatives are not supported. Use enum, or type as a list",
  allOf: "write the keywords together",
  not: "say what is allowed instead",
};
