import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { RunBody } from "../../http/api.ts";
import { type Client, createClient } from "../../http/client.ts";
import { printRun } from "../commands/show.ts";
import type { Desk } from "../desk.ts";
import { clean } from "../terminal.ts";
import type { Child } from "./child.ts";

const WORKFLOW = "slow-look";
const BEFORE_KILL = 5;
const WITHOUT_DAEMON = 4;
const LOOK_MS = 50;

/**
 * The second act: the daemon is killed with SIGKILL in the middle of a phase and another is started, before the person's
 * eyes. The phase goes on where it was; nothing is redone or lost. Returns the daemon that serves then.
 */
export async function survive(
  desk: Desk,
  daemon: Child,
  options: { readonly repo: string; readonly signal: AbortSignal; readonly restart: () => Promise<Child> },
): Promise<Child> {
  const { terminal } = desk;
  const { repo, signal } = options;
  const say = (line: string): void => terminal.line(terminal.paint("bold", line));
  terminal.line();
  say("And now the other thing worth seeing: the daemon is killed while a phase runs.");
  terminal.line();
  const client = clientOf(daemon);
  const { id } = await client.startRun({ workflow: WORKFLOW, inputs: { repo } });
  let serving = daemon;
  try {
    const execution = await firstExecution(client, id, signal);
    // Read from the raw output, as a person with `tail -f` would: it needs no daemon.
    const words = output(join(daemon.stateDir, "spool", execution, "stdout"), desk, signal);
    await words.until(BEFORE_KILL);
    await daemon.kill();
    say(`  SIGKILL. The daemon (pid ${daemon.pid}) is gone. The phase is not:`);
    await words.until(BEFORE_KILL + WITHOUT_DAEMON);
    serving = await options.restart();
    say(`  A new daemon (pid ${serving.pid}) takes the phase up where it is.`);
    const run = await over(clientOf(serving), id, () => words.show(), signal);
    words.show();
    conclude(desk, run, words.count());
  } catch (error) {
    // Programs outlive the daemon; they are not to outlive the demo.
    await clientOf(serving)
      .cancel(id)
      .catch(() => {});
    throw error;
  }
  return serving;
}

function conclude(desk: Desk, run: RunBody, lines: number): void {
  const { terminal } = desk;
  terminal.line();
  printRun(desk, run);
  terminal.line();
  const [execution] = run.executions;
  const whole = execution?.output?.split("\n").length === lines + 1;
  if (run.status === "succeeded" && run.executions.length === 1 && whole) {
    terminal.line(`One execution, one try, ${lines} lines, each once: nothing was redone, nothing was lost.`);
  } else {
    terminal.line("That is not how it should have gone. Please report it, with the table above.");
    desk.code(1);
  }
}

function clientOf(daemon: Child): Client {
  return createClient({ url: daemon.url, token: readFileSync(join(daemon.stateDir, "api-token"), "utf8").trim() });
}

async function firstExecution(client: Client, id: string, signal: AbortSignal): Promise<string> {
  for (;;) {
    const execution = (await client.run(id)).executions[0]?.id;
    if (execution !== undefined) return execution;
    await moment(signal);
  }
}

async function over(client: Client, id: string, meanwhile: () => void, signal: AbortSignal): Promise<RunBody> {
  for (;;) {
    const run = await client.run(id);
    if (run.finished_at !== null) return run;
    meanwhile();
    await moment(signal);
  }
}

/** Shows a growing file line by line. */
function output(file: string, { terminal }: Desk, signal: AbortSignal) {
  let shown = 0;
  const show = (): void => {
    if (!existsSync(file)) return;
    const lines = readFileSync(file, "utf8").split("\n").slice(0, -1);
    for (const line of lines.slice(shown)) terminal.line(`    ${clean(line)}`);
    shown = lines.length;
  };
  return {
    show,
    count: () => shown,
    until: async (lines: number): Promise<void> => {
      for (show(); shown < lines; show()) await moment(signal);
    },
  };
}

async function moment(signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  await new Promise<void>((resolve) => void setTimeout(resolve, LOOK_MS));
}
