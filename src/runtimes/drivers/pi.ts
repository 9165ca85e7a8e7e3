import { readFileSync } from "node:fs";
import { PI_MISSING, SESSION_OPTION } from "../pi.ts";
import { type Child, EXIT, exit, onSignal, start } from "./child.ts";
import { lines } from "./lines.ts";

/** A line that says more than this is the agent's conversation, and nothing that its driver waits for. */
const LARGEST_SIGN = 65_536;

interface Sign {
  readonly type?: unknown;
  readonly command?: unknown;
  readonly success?: unknown;
  readonly id?: unknown;
  readonly method?: unknown;
}

/**
 * Drives `pi --mode rpc`: the prompt on stdin, pi's stream on stdout as it comes. Arguments: where else than on the PATH
 * to look for it, then its own words.
 */
async function drive(): Promise<number> {
  const prompt = readFileSync(0, "utf8");
  const [otherwise = "pi", ...words] = process.argv.slice(2);
  const at = words.indexOf(SESSION_OPTION);
  const end = await run(otherwise, words, prompt);
  if (at < 0 || end !== "unbegun") return end === "unbegun" ? EXIT.died : end;
  process.stderr.write("pi cannot go on with its session, and begins a new one\n");
  const again = await run(otherwise, words.toSpliced(at, 2), prompt);
  return again === "unbegun" ? EXIT.died : again;
}

/** The exit code, unless pi died before it had said anything of its session. */
async function run(otherwise: string, words: readonly string[], prompt: string): Promise<number | "unbegun"> {
  const pi = await start(["pi", otherwise], ["--mode", "rpc", ...words]);
  if (!pi) {
    process.stderr.write(`${PI_MISSING.missing}. ${PI_MISSING.remedy}\n`);
    return EXIT.missing;
  }
  const end = await conversation(pi, prompt);
  if (end.type === "died") process.stderr.write(`pi ended without a terminal event: ${end.how}\n`);
  await pi.leave();
  if (end.type !== "died") return EXIT[end.type];
  return end.begun ? EXIT.died : "unbegun";
}

type End =
  | { readonly type: "ended" | "cancelled" }
  | { readonly type: "died"; readonly how: string; readonly begun: boolean };

function conversation(pi: Child, prompt: string): Promise<End> {
  return new Promise((resolve) => {
    let cancelled = false;
    let begun = false;
    const say = (command: object): void => void pi.stdin.write(`${JSON.stringify(command)}\n`);
    const over = (): void => resolve({ type: cancelled ? "cancelled" : "ended" });
    const hear = lines(LARGEST_SIGN, (line) => {
      const sign = read(line);
      if (!sign) return;
      begun ||= answers(sign, "get_state");
      if (isTerminal(sign) || (cancelled && answers(sign, "abort"))) over();
      // Nobody is there to choose; an extension that waits for an answer would wait for ever.
      else if (isDialog(sign)) say({ type: "extension_ui_response", id: sign.id, cancelled: true });
    });
    onSignal(() => {
      cancelled = true;
      // Queued after the prompt, so that there is something to abort.
      say({ id: "abort", type: "abort" });
    }, over);
    pi.stdout.on("data", (chunk: Buffer) => {
      process.stdout.write(chunk);
      hear(chunk);
    });
    pi.gone.then((how) => resolve(cancelled ? { type: "cancelled" } : { type: "died", how, begun }));
    say({ id: "state", type: "get_state" });
    say({ id: "prompt", type: "prompt", message: prompt });
  });
}

/** Settled, not `agent_end`: after that one pi may still compact and try again. */
function isTerminal(sign: Sign): boolean {
  return (
    sign.type === "agent_settled" || sign.type === "fatal_error" || (answers(sign, "prompt") && sign.success === false)
  );
}

function answers({ type, command }: Sign, to: string): boolean {
  return type === "response" && command === to;
}

function isDialog({ type, method }: Sign): boolean {
  return type === "extension_ui_request" && ["select", "confirm", "input", "editor"].includes(method as string);
}

function read(line: string): Sign | null {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" ? (value as Sign | null) : null;
  } catch {
    return null;
  }
}

exit(await drive());
