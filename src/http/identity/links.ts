import type { Clock } from "../../domain/clock.ts";
import { digest, secret } from "./secrets.ts";

/** Codes that log a browser in once, for whoever has the daemon's own token and wants to look by browser. */
export interface Links {
  issue(): { readonly code: string; readonly expiresAt: string };
  /** Whether it was one, and not used before. */
  redeem(code: string): boolean;
}

const LIFE_MS = 60_000;
const OPEN = 100;

export function links(clock: Clock): Links {
  const open = new Map<string, number>();
  return {
    issue: () => {
      const code = secret();
      const until = Date.parse(clock.now()) + LIFE_MS;
      open.set(digest(code), until);
      if (open.size > OPEN) open.delete(open.keys().next().value as string);
      return { code, expiresAt: new Date(until).toISOString() };
    },
    redeem: (code) => {
      const key = digest(code);
      const until = open.get(key);
      open.delete(key);
      return until !== undefined && Date.parse(clock.now()) < until;
    },
  };
}
