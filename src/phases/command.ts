import type { Outcome } from "../domain/execution.ts";
import { Fault } from "../domain/fault.ts";
import type { Json } from "../domain/json.ts";
import type { BashPhase, ScriptPhase } from "../domain/workflow.ts";
import type { Ended, Program, SpoolText } from "../engine/contracts/keeper.ts";
import type { PhaseExecution, PhaseKind } from "../engine/contracts/phase.ts";
import type { Brief } from "../store/store.ts";

/** A command of the shell, in the run's workspace. Values reach it as environment and files; nothing is spliced in. */
export const bash: PhaseKind = { type: "bash", outlives: true, execute };

/** A script in the run's workspace, its values the same way; JavaScript and TypeScript run on the daemon's own Node. */
export const script: PhaseKind = { type: "script", outlives: true, execute };

type Programmed = BashPhase | ScriptPhase;

async function execute({ brief, keeper, signal, handling }: PhaseExecution): Promise<Outcome> {
  const told = await brief();
  const phase = told.version.workflow.phases.find((each) => each.name === told.grant.phase) as Programmed;
  const program = handling(() => programOf(phase, told));
  const ended = await keeper.run(program, signal);
  return handling(() => outcomeOf(ended, phase));
}

/**
 * What runs a script: a line of shell that names its file by the environment, so that no text of the author's is ever
 * part of a command. From stdin, Node takes the language from its flags and resolves imports from the workspace.
 */
const RUNTIMES: Record<ScriptPhase["runtime"], readonly [string, ...string[]]> = {
  js: ["sh", "-c", 'exec "$0" - < "$LASTLIGHT_SCRIPT"', process.execPath],
  ts: ["sh", "-c", 'exec "$0" --input-type=module-typescript - < "$LASTLIGHT_SCRIPT"', process.execPath],
  python: ["sh", "-c", 'exec python3 "$LASTLIGHT_SCRIPT"'],
};

function programOf(phase: Programmed, { grant, startedAt, inputs, outputs }: Brief): Program {
  const values = inputs as { readonly [name: string]: Json };
  const environment: Record<string, string> = {
    LASTLIGHT_RUN: grant.run,
    LASTLIGHT_WORKFLOW: grant.workflow,
    LASTLIGHT_PHASE: grant.phase,
    LASTLIGHT_EXECUTION: grant.execution,
    LASTLIGHT_ATTEMPT: String(grant.attempt),
  };
  for (const [name, value] of Object.entries(values)) {
    const text = typeof value === "string" ? value : JSON.stringify(value);
    if (text.includes("\0"))
      throw new Fault("input.invalid", `Input "${name}" holds a NUL character, which no environment can carry`);
    environment[`LASTLIGHT_INPUT_${name.toUpperCase().replaceAll("-", "_")}`] = text;
  }
  return {
    execution: grant.execution,
    run: grant.run,
    startedAt,
    told: { tool: phase.type, command: textOf(phase) },
    argv: phase.type === "bash" ? ["bash", "-c", phase.command] : RUNTIMES[phase.runtime],
    environment,
    files: {
      LASTLIGHT_INPUTS: JSON.stringify(values),
      LASTLIGHT_OUTPUTS: outputFiles(outputs),
      ...(phase.type === "script" ? { LASTLIGHT_SCRIPT: phase.script } : {}),
    },
    timeoutMs: phase.timeoutMs,
  };
}

/** A file per phase before this one, with all that it printed: the row where it fits there, the spool where it does not. */
function outputFiles(outputs: Brief["outputs"]): Record<string, SpoolText> {
  return Object.fromEntries(
    outputs.map(({ phase, execution, text, bytes }) => [
      phase,
      Buffer.byteLength(text) === bytes ? { text } : { stdoutOf: execution },
    ]),
  );
}

function textOf(phase: Programmed): string {
  return phase.type === "bash" ? phase.command : phase.script;
}

function outcomeOf(ended: Ended, phase: Programmed): Outcome {
  const input: Json =
    phase.type === "bash" ? { command: phase.command } : { script: phase.script, runtime: phase.runtime };
  switch (ended.type) {
    case "exited":
      if (ended.code === 0) return { type: "succeeded", output: ended.stdout, exitCode: 0, input };
      return {
        type: "failed",
        failure: "exit",
        error: `exit ${ended.code}${lastLine(ended.stderr.text)}`,
        output: ended.stdout,
        exitCode: ended.code,
        input,
      };
    case "timeout":
      return {
        type: "failed",
        failure: "timeout",
        error: `no end within ${phase.timeoutMs / 1000} s`,
        output: ended.stdout,
        input,
      };
    case "lost":
    case "cancelled":
    case "detached":
      return { type: "failed", failure: "lost", error: ended.type, input };
  }
}

const LONGEST_REASON = 500;

function lastLine(stderr: string): string {
  const line = stderr.trimEnd().split("\n").at(-1)?.trim();
  return line ? `: ${line.slice(0, LONGEST_REASON)}` : "";
}
