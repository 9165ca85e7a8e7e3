import type { KeptArtefact, Outcome, Output } from "../domain/execution.ts";
import { INLINE_LIMIT } from "../domain/execution.ts";
import { asFault, Fault } from "../domain/fault.ts";
import { type Json, utf8Length } from "../domain/json.ts";
import type { Phase } from "../domain/workflow.ts";
import type { Ended, SpoolText } from "../engine/contracts/keeper.ts";
import type { PhaseExecution } from "../engine/contracts/phase.ts";
import type { Verdict } from "../engine/contracts/sandbox.ts";
import { matrixOf, numberAt } from "../engine/scope.ts";
import type { Workplace } from "../store/files/workspaces.ts";
import type { Brief } from "../store/store.ts";
import { render, type Scope } from "../workflow/template.ts";

/** Linux takes no longer text as one variable. */
const LARGEST_VALUE = 120_000;

type Named = { readonly [variable: string]: string };

/** What any program of a phase finds in its environment, secrets apart. */
export function environmentOf(brief: Brief, phase: Phase): Record<string, string> {
  const { grant } = brief;
  const environment: Record<string, string> = {
    LASTLIGHT_RUN: grant.run,
    LASTLIGHT_WORKFLOW: grant.workflow,
    LASTLIGHT_PHASE: grant.phase,
    LASTLIGHT_EXECUTION: grant.execution,
    LASTLIGHT_ATTEMPT: String(grant.attempt),
  };
  for (const [name, value] of Object.entries(brief.inputs as { readonly [name: string]: Json }))
    environment[`LASTLIGHT_INPUT_${variableOf(name)}`] = checked(`Input "${name}"`, value);
  const { matrix, item } = matrixOf(brief, phase);
  if (item !== undefined) environment.LASTLIGHT_ITEM = String(item);
  for (const [name, value] of Object.entries(matrix ?? {}))
    environment[`LASTLIGHT_MATRIX_${variableOf(name)}`] = checked(`The matrix's "${name}"`, value);
  return environment;
}

/** Files in the spool folder, their paths in the environment: inputs as JSON, and a file per phase before this one. */
export function filesOf(brief: Brief, phase: Phase) {
  return {
    LASTLIGHT_INPUTS: JSON.stringify(brief.inputs),
    LASTLIGHT_OUTPUTS: outputFiles([
      ...brief.outputs.filter((each) => each.phase !== phase.name),
      ...brief.outputs.filter((each) => each.phase === phase.name).slice(-MOST_ROUNDS),
    ]),
    ...(phase.matrix ? { LASTLIGHT_MATRIX: JSON.stringify(matrixOf(brief, phase).matrix ?? {}) } : {}),
  };
}

/** Of its own earlier rounds a loop finds the newest in files: with all of them each round would take longer than the last. */
const MOST_ROUNDS = 20;

/** All that each phase printed: from the row where it fits there, from the spool where it does not; a file per item. */
function outputFiles(outputs: Brief["outputs"]): Record<string, SpoolText> {
  return Object.fromEntries(
    outputs.flatMap(({ phase, name, execution, text, bytes, status }) => {
      if (status !== "ok") return [];
      const file: SpoolText = { of: execution, text: Buffer.byteLength(text) === bytes ? text : null };
      return name === phase ? [[phase, file]] : [[phase, file] as const, [name, file] as const];
    }),
  );
}

/** Values that a person wrote, checked before the program starts: what no environment can carry is refused with its name. */
export function checkedValues(values: Named): Named {
  for (const [name, value] of Object.entries(values)) checked(name, value);
  return values;
}

function checked(what: string, value: Json): string {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  if (text.includes("\0"))
    throw new Fault("input.invalid", `${what} holds a NUL character, which no environment can carry`);
  const bytes = utf8Length(text);
  if (bytes > LARGEST_VALUE)
    throw new Fault(
      "output.too_large",
      `${what} holds ${bytes} bytes and a variable ${LARGEST_VALUE} at most; read it from a file of $LASTLIGHT_OUTPUTS or $LASTLIGHT_INPUTS`,
    );
  return text;
}

function variableOf(name: string): string {
  return name.toUpperCase().replaceAll("-", "_");
}

/** The secrets a phase asked for, each under its own name; a name without a value stops the try. */
export function secretsOf(phase: Phase, { secrets }: PhaseExecution["settings"]): Named {
  return Object.fromEntries(
    (phase.secrets ?? []).map((name) => {
      const value = Object.hasOwn(secrets, name) ? secrets[name] : undefined;
      if (value === undefined) throw new Fault("secret.missing", `Phase "${phase.name}" needs the secret ${name}`);
      return [name, value];
    }),
  );
}

export function timeoutOf(phase: Phase, brief: Brief): number {
  if (!("timeoutMs" in phase) || phase.timeoutMs === undefined) return 0;
  const from = "timeoutFrom" in phase && phase.timeoutFrom ? numberAt(brief.context, phase.timeoutFrom) : null;
  return from === null ? phase.timeoutMs : Math.min(from * 1000, LONGEST_MS);
}

/** A timer of Node counts in 31 bits of milliseconds. */
const LONGEST_MS = 24 * 86_400_000;

const LONGEST_REASON = 500;

/** How a program's end reads as the end of a try. */
export function outcomeOf(ended: Ended, timeoutMs: number, input: Json): Outcome {
  if ("verdict" in ended && ended.verdict) return endedBySandbox(ended.verdict, ended.stdout, input);
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
        error: `no end within ${timeoutMs / 1000} s`,
        output: ended.stdout,
        input,
      };
    case "lost":
    case "cancelled":
    case "detached":
      return { type: "failed", failure: "lost", error: ended.type, input };
  }
}

/** A limit is the program's doing and is judged like an exit; a sandbox that could not be made is none of its. */
function endedBySandbox({ of, told }: Verdict, output: Output, input: Json): Outcome {
  const why = told === "" ? "" : `: ${told}`;
  return of === "unmade"
    ? { type: "failed", failure: "error", error: `sandbox.missing: the sandbox could not be made${why}`, output, input }
    : { type: "failed", failure: "exit", error: `its sandbox ended it for ${WANTS[of]}${why}`, output, input };
}

const WANTS = { memory: "the memory it took", processes: "the processes it started", disk: "the disk it filled" };

function lastLine(stderr: string): string {
  const line = stderr.trimEnd().split("\n").at(-1)?.trim();
  return line ? `: ${line.slice(0, LONGEST_REASON)}` : "";
}

/** Collects what a phase declared: a declared thing that is not there fails the try, and says which. */
export async function collected(
  execution: PhaseExecution,
  { run, own }: Workplace,
  phase: Phase,
  outcome: Outcome,
): Promise<Outcome> {
  if (outcome.type !== "succeeded" || (!phase.outputs && !phase.artefacts)) return outcome;
  const folder = execution.keeper.workspace(run, own);
  try {
    const artefacts: KeptArtefact[] = [];
    for (const { name, path } of phase.artefacts ?? [])
      artefacts.push({ name, path, ...(await execution.blobs.keep(folder, path)) });
    const outputs: Record<string, Json> = {};
    for (const [name, { from, path }] of Object.entries(phase.outputs ?? {})) {
      const text =
        path === undefined
          ? whole(outcome.output, name)
          : execution.words.text(await execution.blobs.text(folder, path, INLINE_LIMIT));
      outputs[name] = from === "json" ? execution.handling(() => parsed(text, name)) : text;
    }
    const bytes = utf8Length(JSON.stringify(outputs));
    if (bytes > INLINE_LIMIT)
      throw new Fault("output.too_large", `the outputs make ${bytes} bytes of JSON; ${INLINE_LIMIT} are the most`);
    return { ...outcome, artefacts, ...(phase.outputs ? { outputs } : {}) };
  } catch (error) {
    const { code, message } = asFault(error);
    if (code === "internal.error") throw error;
    const { output, exitCode, input, usage, says } = outcome;
    const rest = { output, exitCode, input, usage, says };
    const kept = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
    return { ...kept, type: "failed", failure: "error", error: `${code}: ${message}` };
  }
}

function whole(output: Output | undefined, name: string): string {
  const { text = "", bytes = 0 } = output ?? {};
  if (bytes > INLINE_LIMIT)
    throw new Fault("output.too_large", `output "${name}" is ${bytes} bytes of stdout; ${INLINE_LIMIT} are the most`);
  return text;
}

const DEEPEST = 64;

function parsed(text: string, name: string): Json {
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch (error) {
    throw new Fault("artefact.missing", `output "${name}" is not JSON: ${(error as Error).message}`);
  }
  if (depthOf(value) > DEEPEST)
    throw new Fault("output.too_large", `output "${name}" nests deeper than ${DEEPEST} levels`);
  return value;
}

/** Stops counting where it is too deep: the text is 64 KiB at most, and may be all brackets. */
function depthOf(value: Json): number {
  let level: Json[] = [value];
  let depth = 0;
  while (level.length > 0 && depth <= DEEPEST) {
    level = level.flatMap((each) => (each !== null && typeof each === "object" ? (Object.values(each) as Json[]) : []));
    depth++;
  }
  return depth;
}

/** A question with the id it will have, so that its words can name it: a try asks once at most, hence its own. */
export type Asks = { readonly ask?: { readonly summary: string; readonly approval: string } };

/** What people are asked when the operator has enabled the gate behind a phase. */
export function askedAfter(phase: Phase, brief: Brief, scope: Scope, { approvals }: PhaseExecution["settings"]): Asks {
  const { approvalGate: gate, label } = phase;
  if (!gate || !approvals.has(gate.name)) return {};
  return asking(brief, gate.message, scope, `${label}: is this good to go on?`);
}

export function asking({ grant }: Brief, message: string | undefined, scope: Scope, otherwise: string): Asks {
  const approval = grant.execution;
  const words = message === undefined ? "" : render(message, { ...scope, approvalId: approval }).trim();
  return { ask: { summary: words === "" ? otherwise : words, approval } };
}
