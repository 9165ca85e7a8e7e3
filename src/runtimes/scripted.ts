import type { Runtime } from "../engine/contracts/runtime.ts";

/** What an agent is to say instead of thinking: by the name of an iteration, else by the phase's; a list is taken in order. */
export interface Script {
  readonly phases: { readonly [name: string]: Line | readonly Line[] };
}
export interface Line {
  readonly output?: string;
  readonly exit?: number;
  /** How long it takes, in seconds. */
  readonly seconds?: number;
  readonly usd?: number;
  readonly turns?: number;
  readonly tokens?: number;
}

/**
 * An agent that says what it was told to: for trying a workflow without a model, and for tests. It is a program like any
 * other, so that it outlives the daemon and leaves a session. `script` is read at each start, so that it can be changed.
 */
export function scripted(script: () => Script): Runtime {
  return {
    name: "scripted",
    needs: () => ({ reads: [], hosts: [] }),
    keys: () => [],
    program: ({ name, phase, attempt }) => {
      const line = lineFor(script(), name, phase, attempt);
      return {
        argv: ["sh", "-c", 'sleep "$1"; cat "$LASTLIGHT_SAYS"; exit "$2"', "scripted", seconds(line), code(line)],
        environment: {},
        files: { LASTLIGHT_SAYS: said(line, name) },
      };
    },
    read: (stdout) => {
      const end = stdout.lastIndexOf(USAGE);
      if (end < 0) return { text: stdout };
      const [usd, turns, tokens] = stdout
        .slice(end + USAGE.length)
        .trim()
        .split(" ")
        .map(Number);
      const usage = { usd: usd ?? 0, turns: turns ?? 0, inputTokens: tokens ?? 0 };
      return { text: stdout.slice(0, end), usage };
    },
  };
}

const USAGE = "\n\u001eusage ";

function said({ output, usd, turns, tokens }: Line, name: string): string {
  const text = output ?? `scripted: ${name}`;
  return usd === undefined && turns === undefined && tokens === undefined
    ? text
    : `${text}${USAGE}${usd ?? 0} ${turns ?? 0} ${tokens ?? 0}`;
}

function lineFor({ phases }: Script, name: string, phase: string, attempt: number): Line {
  const found = own(phases, name) ?? own(phases, phase) ?? {};
  if (!Array.isArray(found)) return found as Line;
  return (found[Math.min(attempt, found.length) - 1] as Line | undefined) ?? {};
}

function own<T>(map: { readonly [name: string]: T }, name: string): T | undefined {
  return Object.hasOwn(map, name) ? map[name] : undefined;
}

function seconds({ seconds = 0 }: Line): string {
  return String(Math.max(0, seconds));
}

function code({ exit = 0 }: Line): string {
  return String(exit);
}
