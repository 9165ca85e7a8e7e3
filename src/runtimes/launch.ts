import { Fault } from "../domain/fault.ts";
import type { Program } from "../engine/contracts/keeper.ts";
import type { Missing } from "./found.ts";

/** Nothing of an author's is part of this text: what is said to the agent comes as its stdin, and all else as words. */
const LAUNCH =
  'command -v "$1" >/dev/null 2>&1 || { printf "%s\\n" "$0" >&2; exit 127; }; exec "$@" < "$LASTLIGHT_PROMPT"';

/** A program that reads its prompt from stdin, and one clear line where it is not there. */
export function launched(argv: readonly string[], { missing, remedy }: Missing): Program["argv"] {
  return ["sh", "-c", LAUNCH, `${missing}. ${remedy}`, ...argv];
}

/** An option with its value, where there is one; never a value that would be read as an option itself. */
export function option(name: string, value: string | null): readonly string[] {
  if (value === null) return [];
  return [name, plain(name, value)];
}

export function plain(name: string, value: string): string {
  if (!/^[^-\p{Cc}][^\p{Cc}]*$/u.test(value) || value.length > LONGEST)
    throw new Fault(
      "template.failed",
      `${JSON.stringify(value.slice(0, 100))} cannot be handed to an agent as ${name}`,
    );
  return value;
}

const LONGEST = 300;
