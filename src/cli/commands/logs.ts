import { asFault, Fault } from "../../domain/fault.ts";
import { isOver } from "../../domain/run.ts";
import type { RunBody, SessionEnvelope } from "../../http/api.ts";
import type { Client } from "../../http/client.ts";
import type { Desk, Register } from "../desk.ts";
import { findRun } from "../ids.ts";
import { lengthOf } from "../moments.ts";
import { clean } from "../terminal.ts";

interface Options {
  follow?: true;
  phase?: string;
  raw?: true;
  json?: true;
}
type Execution = RunBody["executions"][number];

export const logs: Register = (program, desk) => {
  program
    .command("logs")
    .description("print what a run's phases said, as it was said")
    .argument("<id>", "a run, or its last 6 or more characters; or the full id of an execution or a session")
    .option("-f, --follow", "stay and print what comes until it is over")
    .option("--phase <name>", "only of this phase")
    .option("--raw", "leave control characters as they are")
    .option("--json", "print the envelopes, one a line")
    .action(async (given: string, options: Options) => {
      const client = desk.client();
      const run = await runOf(client, given);
      if (run) return printRun(desk, client, run, options);
      if (options.phase !== undefined) throw new Fault("usage.invalid", "--phase goes with a run");
      const session = given.toLowerCase();
      if (!options.follow) return void (await printRest(desk, client, session, 0, options));
      for await (const { line } of client.watchSession(session, 0, desk.terminal.closed)) print(desk, line, options);
    });
};

/** The run someone means; null where it is none, and may be an execution or a session. */
async function runOf(client: Client, given: string): Promise<RunBody | null> {
  try {
    return await client.run(await findRun(client, given));
  } catch (error) {
    if (asFault(error).code === "run.unknown" && given.length === FULL_ID) return null;
    throw error;
  }
}

const FULL_ID = 36;

/** Phase after phase in the order of their starts: two at a time would be read by nobody. */
async function printRun(desk: Desk, client: Client, first: RunBody, options: Options): Promise<void> {
  const printed = new Set<string>();
  const watch = options.follow ? openWatch(desk, client, first) : null;
  try {
    for (;;) {
      const run = watch?.run() ?? first;
      const next = run.executions
        .filter(({ id, phase }) => !printed.has(id) && (options.phase ?? phase) === phase)
        .toSorted((one, other) => (one.id < other.id ? -1 : 1))[0];
      if (next) {
        printed.add(next.id);
        await printExecution(desk, client, next, watch, options);
      } else if (!watch || isOver(run.status) || desk.terminal.closed.aborted) return;
      else await watch.change(run);
    }
  } finally {
    watch?.close();
  }
}

async function printExecution(
  desk: Desk,
  client: Client,
  execution: Execution,
  watch: Watch | null,
  options: Options,
): Promise<void> {
  const session = execution.session_id ?? execution.id;
  const tell = header(desk, execution, options);
  const over = new AbortController();
  // The row knows of endings that leave no result behind; whatever came before them is on disk by then.
  const ending = untilEnded(execution, watch).finally(() => over.abort());
  ending.catch(() => {});
  let at = 0;
  for (let seen = watch === null; !seen && !desk.terminal.closed.aborted && !over.signal.aborted; ) {
    try {
      for await (const { next, line } of client.watchSession(session, at, over.signal)) {
        tell();
        print(desk, line, options);
        at = next;
      }
      seen = true;
    } catch (error) {
      if (asFault(error).code !== "session.unknown") throw error;
      // It has not begun yet, or phases of this kind have none.
      await Promise.race([ending, pause(desk)]);
    }
  }
  try {
    await printRest(desk, watch ? patient(desk, client) : client, session, at, options, tell);
  } catch (error) {
    if (asFault(error).code !== "session.unknown") throw error;
  }
}

async function untilEnded({ id }: Execution, watch: Watch | null): Promise<void> {
  for (let run = watch?.run(); watch && run && !isOver(run.status); run = watch.run()) {
    if (run.executions.find((each) => each.id === id)?.status !== "running") return;
    await watch.change(run);
  }
}

const PAUSE_MS = 250;
const PATIENCE = 120;
const PASSING: ReadonlySet<string> = new Set(["daemon.unreachable", "store.stopped", "store.trouble"]);

/** Asks again for as long as a daemon may take to come back. */
function patient(desk: Desk, client: Client): Pick<Client, "run" | "session"> {
  const again = async <T>(ask: () => Promise<T>): Promise<T> => {
    for (let tries = 0; ; tries++) {
      try {
        return await ask();
      } catch (error) {
        if (tries >= PATIENCE || desk.terminal.closed.aborted || !PASSING.has(asFault(error).code)) throw error;
        await pause(desk);
      }
    }
  };
  return {
    run: (id) => again(() => client.run(id)),
    session: (id, page) => again(() => client.session(id, page)),
  };
}

function pause({ clock }: Desk): Promise<void> {
  return new Promise((resolve) => void clock.after(PAUSE_MS, resolve));
}

async function printRest(
  desk: Desk,
  client: Pick<Client, "session">,
  session: string,
  from: number,
  options: Options,
  tell = (): void => {},
): Promise<void> {
  for (let at = from; !desk.terminal.closed.aborted; ) {
    const { items, next_offset: next } = await client.session(session, { offset: at, limit: LARGEST_PAGE });
    for (const { line } of items) {
      tell();
      print(desk, line, options);
    }
    if (next === at) return;
    at = next;
  }
}

const LARGEST_PAGE = 1_048_576;

/** Says whose words follow, once, and only when there are some. */
function header({ terminal }: Desk, { phase, attempt }: Execution, { json }: Options): () => void {
  let told = json === true;
  return () => {
    if (told) return;
    told = true;
    const again = attempt !== null && attempt > 1 ? ` (try ${attempt})` : "";
    terminal.line(terminal.paint("bold", clean(`${phase ?? "?"}${again}`)));
  };
}

/** A run as it is known now, kept up to date in the background, over lost connections too. */
interface Watch {
  run(): RunBody;
  /** Resolves once the run is another than this. Rejects when the daemon stays away. */
  change(known: RunBody): Promise<void>;
  close(): void;
}

function openWatch(desk: Desk, client: Client, first: RunBody): Watch {
  const left = new AbortController();
  const signal = AbortSignal.any([left.signal, desk.terminal.closed]);
  let run = first;
  let next = Promise.withResolvers<void>();
  const listen = async (): Promise<void> => {
    for await (const { rev } of client.watchRun(run.id, signal)) {
      if (rev <= run.rev) continue;
      run = await patient(desk, client).run(run.id);
      next.resolve();
      next = Promise.withResolvers();
    }
  };
  const listening = listen();
  listening.catch(() => {});
  return {
    run: () => run,
    change: (known) => (known === run ? Promise.race([next.promise, listening]) : Promise.resolve()),
    close: () => left.abort(),
  };
}

function print({ terminal }: Desk, line: SessionEnvelope | null, { json, raw }: Options): void {
  if (json) terminal.line(JSON.stringify(line));
  else if (line === null) terminal.line(terminal.paint("red", "[a line that cannot be read]"));
  else if (line.type === "result") printResult(terminal, line);
  else if (line.type === "system") printNote(terminal, line);
  else printMessage(terminal, line, raw ? (text) => text : cleanLines);
}

function printMessage(terminal: Desk["terminal"], line: SessionEnvelope, shown: (text: string) => string): void {
  const { content } = (line.message ?? {}) as { readonly content?: unknown };
  for (const block of Array.isArray(content) ? (content as readonly Block[]) : []) {
    if (block.type === "tool_use") terminal.line(terminal.paint("dim", shown(`$ ${commandOf(block)}`)));
    if (block.type === "text" && typeof block.text === "string") terminal.line(shown(block.text));
    if (block.type !== "tool_result" || typeof block.content !== "string") continue;
    const text = shown(block.content.endsWith("\n") ? block.content.slice(0, -1) : block.content);
    if (!block.is_error) terminal.line(text);
    else for (const each of text.split("\n")) terminal.line(`${terminal.paint("red", "!")} ${each}`);
  }
}

interface Block {
  readonly type?: unknown;
  readonly text?: unknown;
  readonly content?: unknown;
  readonly is_error?: unknown;
  readonly name?: unknown;
  readonly input?: { readonly command?: unknown };
}

function commandOf({ name, input }: Block): string {
  return typeof input?.command === "string" ? input.command : `${name} ${JSON.stringify(input)}`;
}

/** What the house says of a session: what it goes on with, that a model is asked again. */
function printNote(terminal: Desk["terminal"], { content, level }: SessionEnvelope): void {
  if (typeof content === "string") terminal.line(terminal.paint(level === "info" ? "dim" : "yellow", clean(content)));
}

function printResult(terminal: Desk["terminal"], line: SessionEnvelope): void {
  const { result, stop_reason: reason, duration_ms: took, is_error: failed } = line;
  const words = clean(typeof result === "string" ? result : String(reason));
  const length = typeof took === "number" ? ` in ${lengthOf(took)}` : "";
  terminal.line(terminal.paint(failed ? "red" : "dim", `${words}${length}`));
  terminal.line();
}

function cleanLines(text: string): string {
  return text
    .split("\t")
    .map((each) => clean(each, "lines"))
    .join("\t");
}
