import type { Outcome } from "../domain/execution.ts";
import type { Json } from "../domain/json.ts";
import type { BashPhase, ScriptPhase } from "../domain/workflow.ts";
import type { Program } from "../engine/contracts/keeper.ts";
import type { PhaseExecution, PhaseKind } from "../engine/contracts/phase.ts";
import { scopeOfTry } from "../engine/scope.ts";
import { workplaceOf } from "../engine/workplace.ts";
import type { Brief } from "../store/store.ts";
import { render } from "../workflow/template.ts";
import { confinementOf } from "./confinement.ts";
import {
  askedAfter,
  checkedValues,
  collected,
  environmentOf,
  filesOf,
  outcomeOf,
  secretsOf,
  timeoutOf,
} from "./program.ts";

/** A command of the shell, in its workspace. Values reach it as environment and files; nothing is spliced in. */
export const bash: PhaseKind = { type: "bash", outlives: true, execute };

/** A script in its workspace, its values the same way; JavaScript and TypeScript run on the daemon's own Node. */
export const script: PhaseKind = { type: "script", outlives: true, execute };

type Programmed = BashPhase | ScriptPhase;

/** What a try is given besides what every program gets: kept word for word, so that another try gets the same. */
interface Given {
  readonly values: { readonly [variable: string]: string };
}

async function execute(execution: PhaseExecution): Promise<Outcome> {
  const { brief, keeper, signal, handling, settings, keepInput } = execution;
  const told = await brief();
  const phase = told.version.workflow.phases.find((each) => each.name === told.grant.phase) as Programmed;
  const templates = Object.entries({ ...phase.env, ...valuesOf(phase) });
  const before = told.input as (Given & { readonly [key: string]: Json }) | null;
  const values =
    before?.values ??
    handling(() => {
      if (templates.length === 0) return {};
      const scope = scopeOfTry(told, phase, settings);
      return checkedValues(Object.fromEntries(templates.map(([name, text]) => [name, render(text, scope)])));
    });
  const input: Json = { ...textOf(phase), ...(templates.length > 0 ? { values } : {}) };
  // Before the program starts: whoever comes after a crash, or tries again, has the same words.
  if (templates.length > 0 && before === null) await keepInput(input);
  const timeoutMs = timeoutOf(phase, told);
  const program = handling(() => programOf(phase, told, values, timeoutMs));
  const confinement = confinementOf(told, phase, settings);
  const ended = await keeper.run(
    { ...program, ...confinement, environment: { ...program.environment, ...secretsOf(phase, settings) } },
    signal,
  );
  const outcome = await collected(
    execution,
    program,
    phase,
    handling(() => outcomeOf(ended, timeoutMs, input)),
  );
  if (outcome.type !== "succeeded" || !phase.approvalGate) return outcome;
  return handling(() => {
    const scope = { ...scopeOfTry(told, phase, settings), output: outcome.output?.text ?? "" };
    return { ...outcome, ...askedAfter(phase, told, scope, settings) };
  });
}

function valuesOf(phase: Programmed): Record<string, string> {
  const values = phase.type === "bash" ? (phase.values ?? []) : [];
  return Object.fromEntries(values.map(({ variable, template }) => [variable, template]));
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

function programOf(phase: Programmed, brief: Brief, values: Given["values"], timeoutMs: number): Program {
  const { grant, startedAt } = brief;
  return {
    execution: grant.execution,
    ...workplaceOf(brief),
    startedAt,
    told: { tool: phase.type, command: phase.type === "bash" ? phase.command : phase.script },
    argv: phase.type === "bash" ? ["bash", "-c", phase.command] : RUNTIMES[phase.runtime],
    environment: { ...environmentOf(brief, phase), ...values },
    files: { ...filesOf(brief, phase), ...(phase.type === "script" ? { LASTLIGHT_SCRIPT: phase.script } : {}) },
    timeoutMs,
  };
}

function textOf(phase: Programmed): { readonly [key: string]: Json } {
  return phase.type === "bash" ? { command: phase.command } : { script: phase.script, runtime: phase.runtime };
}
