import { z } from "zod";
import { duration, identifier, sourceName } from "./text.ts";

/** The name of a header, as it is compared: in lower case. */
const header = z
  .string()
  .regex(/^[A-Za-z0-9-]{1,64}$/, { error: "must be the name of a header" })
  .transform((name) => name.toLowerCase());

/** Where in the payload something stands, or in which header. */
const place = z.union(
  [
    z.string().regex(/^(\/([^~/]|~[01])*)+$/, { error: 'must be a JSON Pointer such as "/event/id"' }),
    z.strictObject({ header }),
  ],
  { error: 'must be a JSON Pointer such as "/event/id", or { header: NAME }' },
);

const mapping = {
  id: place.optional(),
  type: place.optional(),
  actor: place.optional(),
  repo: place.optional(),
  issue_number: place.optional(),
};

/** One secret, or the new one and the old one while they change: each the name of a `LASTLIGHT_SECRET_…`. */
const secret = z.union([identifier, z.array(identifier).min(1).max(2)], {
  error: "must be the name of a secret, or a list of two while they change",
});

const standard = z.strictObject({ name: sourceName, scheme: z.literal("standard-webhooks"), secret, ...mapping });

const hmac = z.strictObject({
  name: sourceName,
  scheme: z.literal("hmac"),
  secret,
  header,
  algorithm: z.enum(["sha256", "sha512"]).optional(),
  encoding: z.enum(["hex", "base64"]).optional(),
  prefix: z.string().max(40).optional(),
  timestamp: z
    .strictObject({ header, tolerance: duration.optional() })
    .optional()
    .describe("A header with the time in seconds; it must be part of what is signed."),
  signs: z
    .string()
    .max(200)
    .regex(/\{body\}/, { error: "must hold {body}" })
    .optional()
    .describe("What is signed: {body}, with {timestamp}.{body} where there is a timestamp."),
  ...mapping,
});

export const sources = z.strictObject({
  sources: z.array(z.discriminatedUnion("scheme", [standard, hmac])).max(100),
});

export type DeclaredSource = z.output<typeof sources>["sources"][number];
