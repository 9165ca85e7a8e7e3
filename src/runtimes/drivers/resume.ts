import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import type { Tried } from "../resuming.ts";
import { EXIT, exit } from "./child.ts";
import { lines } from "./lines.ts";

/** A line by which a session begins is no longer; what is printed before it is kept back so far. */
const LARGEST_SIGN = 1_048_576;

/**
 * Starts a command that is to go on with a session. Where it ends in trouble before its session has begun, there is none
 * to be gone on with: another one is begun, and what it complained of goes to stderr, since it is no part of the stream.
 */
async function drive(): Promise<number> {
  const prompt = readFileSync(0);
  const { argv, otherwise, begins, missing } = JSON.parse(process.argv[2] ?? "") as Tried;
  let child: ChildProcess | null = null;
  let cancelled = false;
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
    process.on(signal, () => {
      cancelled = true;
      child?.kill(signal);
    });
  }
  const hold = (started: ChildProcess): void => {
    child = started;
  };
  const { code, kept } = await run(argv, prompt, begins, hold);
  const gone = kept !== null && code !== 0 && code !== EXIT.missing && !cancelled;
  if (kept !== null) (gone ? process.stderr : process.stdout).write(kept);
  if (code === EXIT.missing) process.stderr.write(`${missing}\n`);
  if (!gone) return code;
  process.stderr.write("The session cannot be gone on with: a new one begins\n");
  return (await run(otherwise, prompt, null, hold)).code;
}

/** `kept` is what it printed, where its session never began; `begins` is null where nothing is kept back. */
function run(
  [program = "", ...words]: readonly string[],
  prompt: Buffer,
  begins: Tried["begins"] | null,
  hold: (child: ChildProcess) => void,
): Promise<{ code: number; kept: Buffer | null }> {
  return new Promise((resolve) => {
    // In the driver's own group: whatever ends that ends it, too.
    const child = spawn(program, words, { stdio: ["pipe", "pipe", "inherit"] });
    let kept: Buffer[] | null = begins ? [] : null;
    let size = 0;
    const release = (): void => {
      for (const each of kept ?? []) process.stdout.write(each);
      kept = null;
    };
    const hear = lines(LARGEST_SIGN, (line) => {
      if (kept && begins && isSign(line, begins)) release();
    });
    child.stdout.on("data", (chunk: Buffer) => {
      if (!kept) return void process.stdout.write(chunk);
      kept.push(chunk);
      size += chunk.length;
      hear(chunk);
      if (size > LARGEST_SIGN) release();
    });
    // Who dies while it is spoken to says so by its end.
    child.stdin.on("error", () => {});
    child.stdin.end(prompt);
    child.once("error", () => resolve({ code: EXIT.missing, kept: null }));
    child.once("close", (code) => resolve({ code: code ?? EXIT.died, kept: kept && Buffer.concat(kept) }));
    hold(child);
  });
}

function isSign(line: string, begins: Tried["begins"]): boolean {
  try {
    const value = JSON.parse(line) as { readonly type?: unknown; readonly subtype?: unknown } | null;
    return value?.type === begins.type && (begins.subtype === undefined || value.subtype === begins.subtype);
  } catch {
    return false;
  }
}

exit(await drive());
