import { createHash } from "node:crypto";

/**
 * What nobody sees and we know again: nobody can tell it beforehand, and whoever copies it is later than we. So the
 * oldest text that holds it is ours.
 */
export function markerOf(key: string): string {
  return `<!-- lastlight:${createHash("sha256").update(key).digest("hex").slice(0, 32)} -->`;
}

/** GitHub takes 65,536 characters of text. */
const MOST = 60_000;

export function marked(text: string, key: string): string {
  const whole = text.length <= MOST ? text : `${text.slice(0, MOST).replace(/[\ud800-\udbff]$/, "")}\n\n…[cut]`;
  return `${whole}\n\n${markerOf(key)}`;
}
