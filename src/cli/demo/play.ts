import { readFileSync } from "node:fs";
import { join } from "node:path";
import { confirm, isCancel } from "@clack/prompts";
import type { Decision } from "../../domain/approval.ts";
import { asFault } from "../../domain/fault.ts";
import { isOver } from "../../domain/run.ts";
import type { RunBody } from "../../http/api.ts";
import { type Client, createClient } from "../../http/client.ts";
import type { ApprovalLine } from "../../store/lines.ts";
import { printRun } from "../commands/show.ts";
import type { Desk } from "../desk.ts";
import { follow } from "../follow.ts";
import { clean } from "../terminal.ts";
import { type Child, ROOT } from "./child.ts";
import { Interrupt } from "./interrupt.ts";

const WORKFLOW = "repo-checkup";

/** One run of the shipped workflow, from the first phase to the report, told to someone who sees it for the first time. */
export async function play(
  desk: Desk,
  daemon: Child,
  options: { readonly repo: string; readonly yes: boolean; readonly signal: AbortSignal },
): Promise<void> {
  const { terminal } = desk;
  const token = readFileSync(join(daemon.stateDir, "api-token"), "utf8").trim();
  const client = createClient({ url: daemon.url, token });
  const { id } = await client.startRun({ workflow: WORKFLOW, inputs: { repo: options.repo } });
  terminal.line(clean(`Run ${id} of ${WORKFLOW} looks at ${options.repo}`));
  terminal.line();
  const workspace = join(daemon.stateDir, "workspaces", id);
  const run = await follow(desk, client, id, {
    signal: options.signal,
    onGate: async (gate) => {
      terminal.line();
      showBeginning(desk, join(workspace, "checkup.md"), terminal.answers ? 40 : 10);
      terminal.line();
      await answer(desk, client, gate, options).catch((error: unknown) => {
        if (error instanceof Interrupt) leave(desk, daemon, id);
        throw error;
      });
      terminal.line();
    },
  });
  if (!isOver(run.status)) {
    leave(desk, daemon, id);
    options.signal.throwIfAborted();
    return;
  }
  conclude(desk, daemon, run, workspace);
  if (run.status !== "succeeded" && run.reason !== "rejected") desk.code(1);
}

/** A gate takes the first valid answer, whoever gives it: here, or `lastlight approve` from somewhere else. */
async function answer(
  { terminal, io }: Desk,
  client: Client,
  gate: ApprovalLine,
  { yes, signal }: { readonly yes: boolean; readonly signal: AbortSignal },
): Promise<void> {
  let decision: Decision = "approve";
  if (yes) terminal.line(`${clean(gate.summary)} Approved by --yes.`);
  else {
    const said = await confirm({
      message: clean(gate.summary),
      active: "Approve",
      inactive: "Reject",
      input: io.stdin,
      output: io.stdout,
      signal,
    });
    // While a prompt reads keys one by one, Ctrl-C arrives as a key.
    if (isCancel(said)) throw signal.aborted ? signal.reason : new Interrupt("SIGINT");
    decision = said ? "approve" : "reject";
  }
  try {
    await client.respond(gate.id, { decision });
  } catch (error) {
    const fault = asFault(error);
    if (fault.code !== "approval.answered") throw error;
    terminal.line(clean(fault.message));
  }
}

function leave(desk: Desk, daemon: Child, id: string): void {
  desk.terminal.line();
  desk.terminal.line("Stopped before the run was over; it goes on when its daemon does.");
  lookAgain(desk, daemon, id);
}

function conclude(desk: Desk, daemon: Child, run: RunBody, workspace: string): void {
  const { terminal } = desk;
  terminal.line();
  printRun(desk, run);
  terminal.line();
  const done = run.status === "succeeded";
  if (done) showBeginning(desk, join(workspace, "report.md"), 10);
  else if (run.reason === "rejected")
    terminal.line("You turned the draft away, so no report was made. That is an answer too.");
  else terminal.line("The run did not get to its end. The table says which phase stopped it, and why.");
  terminal.line();
  const place = (name: string, value: string): void =>
    terminal.line(`${terminal.paint("dim", name.padEnd(9))} ${clean(value)}`);
  if (done) place("report", join(workspace, "report.md"));
  place(done ? "draft" : "workspace", done ? join(workspace, "checkup.md") : workspace);
  place("database", join(daemon.stateDir, "lastlight.db"));
  place("log", daemon.log);
  lookAgain(desk, daemon, run.id);
}

function lookAgain({ terminal }: Desk, { stateDir }: Child, id: string): void {
  const go = process.cwd() === ROOT ? "" : `cd ${quoted(ROOT)} && `;
  terminal.line();
  terminal.line("Look again, with the daemon in one terminal and you in another:");
  terminal.line(`  ${go}STATE_DIR=${quoted(stateDir)} LASTLIGHT_PORT=0 npm start`);
  terminal.line(`  ${go}STATE_DIR=${quoted(stateDir)} npm run cli -- show ${id}`);
}

/** The first lines of a Markdown file, and how many more there are. */
function showBeginning({ terminal }: Desk, file: string, most: number): void {
  let lines: string[];
  try {
    lines = clean(readFileSync(file, "utf8"), "lines").trimEnd().split("\n");
  } catch {
    return;
  }
  for (const line of lines.slice(0, most)) {
    terminal.line(`  ${line.startsWith("#") ? terminal.paint("bold", line) : line}`.trimEnd());
  }
  if (lines.length > most)
    terminal.line(terminal.paint("dim", `  … ${lines.length - most} more lines in ${clean(file)}`));
}

/** A word a shell takes as it is. */
function quoted(text: string): string {
  return /^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
