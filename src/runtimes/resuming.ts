import { fileURLToPath } from "node:url";
import type { Program } from "../engine/contracts/keeper.ts";
import type { Missing } from "./found.ts";
import { launched } from "./launch.ts";

const LAUNCH = 'exec "$@" < "$LASTLIGHT_PROMPT"';
const DRIVER = fileURLToPath(new URL("./drivers/resume.ts", import.meta.url));

/** How a command is told to go on with a session, and the line of its stream by which one sees that it does. */
interface Resuming {
  readonly words: readonly string[];
  readonly begins: { readonly type: string; readonly subtype?: string };
}

/** What a driver is told: what to start, and what instead where that finds no session any more. */
export interface Tried {
  readonly argv: readonly string[];
  readonly otherwise: readonly string[];
  readonly begins: Resuming["begins"];
  readonly missing: string;
}

/** A program that reads its prompt from stdin; where it is to go on with a session that is gone, it begins one. */
export function resuming(
  argv: readonly string[],
  session: Resuming | null,
  why: Missing,
  last: readonly string[] = [],
): Program["argv"] {
  if (!session) return launched([...argv, ...last], why);
  const tried: Tried = {
    argv: [...argv, ...session.words, ...last],
    otherwise: [...argv, ...last],
    begins: session.begins,
    missing: `${why.missing}. ${why.remedy}`,
  };
  return ["sh", "-c", LAUNCH, "resume", process.execPath, DRIVER, JSON.stringify(tried)];
}

/** Some take what is no UUID for the name of a session, or for words to look for. */
export function isUuid(session: string): boolean {
  return /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(session);
}
