import { createHash, randomBytes, timingSafeEqual } from "node:crypto";

/** A word nobody can guess, for a URL, a header or a cookie. */
export function secret(): string {
  return randomBytes(32).toString("base64url");
}

/** Bearer tokens say what they are, so that scanners of leaked secrets, and people, know one when they see it. */
export const TOKEN_PREFIX = "llt_";
export const EXECUTION_PREFIX = "llx_";

/** All that is kept of a secret of ours: it is as long as chance itself, so it needs no salt and no slow hash. */
export function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** Compares digests, which are equally long whatever was sent: it takes the same time and never throws. */
export function isSame(one: string, other: string): boolean {
  return timingSafeEqual(createHash("sha256").update(one).digest(), createHash("sha256").update(other).digest());
}
