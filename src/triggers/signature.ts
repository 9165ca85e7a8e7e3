import { createHmac, timingSafeEqual } from "node:crypto";
import { Webhook } from "standardwebhooks";

/** How a source writes a keyed digest into a header. */
export interface Hmac {
  readonly algorithm: "sha256" | "sha512";
  readonly encoding: "hex" | "base64";
  /** What stands before the digest. */
  readonly prefix: string;
}

const BYTES = { sha256: 32, sha512: 64 } as const;

/** The digest in a header's value; null where the value can be none. */
export function digestIn(value: string, { algorithm, encoding, prefix }: Hmac): Buffer | null {
  if (!value.startsWith(prefix)) return null;
  const text = value.slice(prefix.length);
  if (!(encoding === "hex" ? /^[0-9a-f]+$/i : /^[A-Za-z0-9+/]+={0,2}$/).test(text)) return null;
  const bytes = Buffer.from(text, encoding);
  // A base64 text has several spellings; only the one that gives itself back is taken.
  const same = encoding === "hex" || bytes.toString("base64") === text;
  return same && bytes.length === BYTES[algorithm] ? bytes : null;
}

/** Whether any of the secrets made the digest over these bytes. As long for one that is nearly right as for any other. */
export function isSigned(
  given: Buffer,
  secrets: readonly string[],
  algorithm: Hmac["algorithm"],
  parts: readonly (Buffer | string)[],
): boolean {
  let found = false;
  for (const secret of secrets) {
    const made = createHmac(algorithm, secret);
    for (const part of parts) made.update(part);
    if (timingSafeEqual(made.digest(), given)) found = true;
  }
  return found;
}

/** The three headers of Standard Webhooks. */
export interface Standard {
  readonly id: string;
  readonly timestamp: string;
  readonly signature: string;
}

/** Whether they could be those of a signed request; its own reader takes `12x` for a time. */
export function couldBeStandard({ id, timestamp, signature }: Standard): boolean {
  return (
    /^[\x21-\x7e]{1,200}$/.test(id) && /^\d{9,11}$/.test(timestamp) && /(^| )v1,[A-Za-z0-9+/]{43}=( |$)/.test(signature)
  );
}

/** Whether a Standard Webhooks signature holds, and was made at most five minutes ago, or from now. */
export function isStandard({ id, timestamp, signature }: Standard, secrets: readonly string[], body: Buffer): boolean {
  const headers = { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": signature };
  return secrets.some((secret) => {
    try {
      new Webhook(secret).verify(body, headers, { jsonParse: false });
      return true;
    } catch {
      return false;
    }
  });
}
