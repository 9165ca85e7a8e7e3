import { INLINE_LIMIT } from "../domain/execution.ts";
import { Fault } from "../domain/fault.ts";
import { graphOf } from "../domain/graph.ts";
import type { Json } from "../domain/json.ts";
import { combination, placeOf } from "../domain/matrix.ts";
import { loopOf, roundOf } from "../domain/round.ts";
import type { AgentPhase, Phase } from "../domain/workflow.ts";
import type { Brief, PhaseOutput, RunData } from "../store/store.ts";
import type { Scope } from "../workflow/template.ts";
import type { Settings } from "./settings.ts";

type Fields = { readonly [name: string]: Json };

/** Of earlier rounds, a round is told this much: the end of what was said, in characters. */
const LONGEST_MEMORY = 10_240;

/** Everything a template or a condition may read of a run; what has no value is absent. Values are never scanned again. */
export function scopeOf(data: RunData, settings: Settings): Scope {
  const { run, version, context } = data;
  const phases = phasesOf(data);
  const outputs = Object.fromEntries(
    version.workflow.phases.flatMap(({ name, outputVar = name }) => {
      const { output } = phases[name] as Record<string, Json>;
      return output === undefined ? [] : [[name, output] as const, [outputVar, output] as const];
    }),
  );
  const answer = data.answers.findLast(({ kind, status }) => kind === "approve" && status !== "pending");
  const { trigger = {}, ...flat } = isFields(context) ? context : {};
  return {
    ...rootsOf(version.workflow.phases, phases),
    ...flat,
    context,
    trigger: {
      ...(isFields(trigger) ? trigger : {}),
      ...known({ repo: run.repo, issue_number: run.issue_number, payload: flat.payload }),
    },
    run: { id: run.id, workflow: run.workflow_name, epoch: run.epoch, started_at: run.started_at },
    inputs: data.inputs,
    variables: version.workflow.variables ?? {},
    phases,
    phaseOutputs: outputs,
    scratch: scratchOf(data),
    artefacts: artefactsOf(data, settings),
    signals: Object.fromEntries(data.signals.map(({ name, payload }) => [name, payload])),
    models: settings.models,
    variants: settings.variants,
    ...known({
      publicUrl: settings.publicUrl || null,
      reviewerNote: answer?.response ?? null,
      repo: repoOf(data),
      issueNumber: flat.issueNumber ?? run.issue_number,
    }),
  };
}

function repoOf({ run, context }: Pick<RunData, "run" | "context">): Json | undefined {
  return (isFields(context) ? context.repo : undefined) ?? run.repo;
}

/** What `{{repo}}` reads, as `owner/name`, also where older files have `{{owner}}` beside it; null where there is none. */
export function repositoryOf(data: Pick<RunData, "run" | "context">): string | null {
  const repo = repoOf(data);
  if (typeof repo !== "string" || repo === "") return null;
  const { owner } = isFields(data.context) ? data.context : {};
  return repo.includes("/") || typeof owner !== "string" ? repo : `${owner}/${repo}`;
}

/** The same for one try: with the values of its matrix item, or of its round. */
export function scopeOfTry(brief: Brief, phase: Phase, settings: Settings): Scope {
  return { ...scopeOf(brief, settings), ...matrixOf(brief, phase), ...roundValues(brief, phase) };
}

/** What is said about a round that is over or under way may name it. */
export function roundValuesOf({ phases, outputs }: RunData, phase: Phase, iteration: number): Scope {
  const over = outputs.find((each) => each.phase === phase.name && each.iteration === iteration);
  const state = phases[phase.name];
  const round = over ? roundOf(phase.name, over.name) : state?.iteration === iteration ? state.round : null;
  return round && loopOf(phase) ? numbersOf(phase as AgentPhase, round.n, state?.round?.max) : {};
}

/** The values of one item. */
export function matrixOf({ grant, finding }: Brief, phase: Phase): { matrix?: Fields; item?: number } {
  const place = phase.matrix ? placeOf(phase.name, grant.name) : null;
  if (!phase.matrix || place === null) return {};
  const found = finding?.type === "run" ? finding.axes : undefined;
  return {
    matrix: combination(found ?? (phase.matrix.axes as { [name: string]: readonly Json[] }), place),
    item: place,
  };
}

function roundValues({ grant, phases, outputs }: Brief, phase: Phase): Scope {
  const round = loopOf(phase) ? roundOf(phase.name, grant.name) : null;
  if (!round) return {};
  const { genericLoop } = phase as AgentPhase;
  const said = earlier(outputs, phase.name, grant.iteration).map(({ text }) => text);
  const memory = genericLoop?.freshContext ? "" : endOf(said.join("\n\n"));
  return {
    ...numbersOf(phase as AgentPhase, round.n, phases[phase.name]?.round?.max),
    previousOutput: genericLoop ? memory : (said.at(-1) ?? ""),
  };
}

function numbersOf({ genericLoop, loop }: AgentPhase, n: number, settled: number | undefined): Scope {
  const max = settled ?? genericLoop?.maxIterations ?? loop?.maxCycles ?? 0;
  return genericLoop ? { iteration: n, maxIterations: max } : { cycle: n, maxCycles: max, fixCycle: n, fixCycles: max };
}

/** Not from the middle of a character: half of one is no text, and would not come out of a file as it went in. */
function endOf(text: string): string {
  return text.slice(-LONGEST_MEMORY).replace(/^[\udc00-\udfff]/, "");
}

/** What earlier rounds said since the loop last began. */
function earlier(outputs: readonly PhaseOutput[], phase: string, iteration: number): PhaseOutput[] {
  const own = outputs.filter((each) => each.phase === phase && each.iteration < iteration && each.status === "ok");
  const first = own.findLastIndex(({ name }) => {
    const round = roundOf(phase, name);
    return round?.part === "review" || ((round?.part === "iter" || round?.part === "retry") && round.n === 1);
  });
  return own.slice(Math.max(0, first));
}

/** One entry per phase, absent keys where there is nothing to say: `exit_code != 0` must not hold for a skipped phase. */
function phasesOf(data: RunData): Record<string, Record<string, Json>> {
  const { version, phases, answers } = data;
  const graph = graphOf(version.workflow);
  const entries: Record<string, Record<string, Json>> = {};
  for (const { name } of version.workflow.phases) {
    const state = phases[name];
    const own = outputsOf(data, name);
    const last = own.at(-1);
    const phase = graph.phase.get(name) as Phase;
    const note = answers.findLast((each) => each.phase === name && each.status !== "pending");
    entries[name] = {
      ...known({ status: state?.status ?? null, response: note?.response ?? null, answered_by: note?.by ?? null }),
      ...(phase.matrix ? { items: own.map(valuesOf), output: allOf(own) } : last ? valuesOf(last) : {}),
      ...loopResult(phase, own),
    };
  }
  return entries;
}

/** A phase's outputs, oldest first; of a matrix those of the last time it ran: it may have had more items before. */
export function outputsOf({ phases, outputs }: RunData, name: string): PhaseOutput[] {
  const { base, total } = phases[name]?.items ?? { base: 0, total: Number.POSITIVE_INFINITY };
  return outputs.filter(({ phase, iteration }) => phase === name && iteration >= base && iteration < base + total);
}

function valuesOf(of: PhaseOutput): Record<string, Json> {
  return {
    output: textOf(of),
    ...known({ exit_code: of.exitCode, outputs: of.outputs }),
    ...(of.name === of.phase ? {} : { name: of.name }),
  };
}

/** A row holds the beginning of what was printed; whoever asks for it by name is owed all of it, or a reason. */
function textOf({ text, bytes }: PhaseOutput): string {
  return bytes > INLINE_LIMIT
    ? `${text}\n[cut: ${bytes} bytes in all; programs find them in $LASTLIGHT_OUTPUTS]`
    : text;
}

function allOf(items: readonly PhaseOutput[]): string {
  return JSON.stringify(items.map(({ text }) => text));
}

/** Told by the last try's name, which a fork has too, and not by where the loop stands. */
function loopResult(phase: Phase, own: readonly PhaseOutput[]): Record<string, Json> {
  const last = own.at(-1);
  const round = loopOf(phase) && last ? roundOf(phase.name, last.name) : null;
  if (!round || !last) return {};
  if ((phase as AgentPhase).genericLoop) return { iterations: round.n, completed: last.enough };
  // What a fix says of itself is no verdict.
  const look = own.findLast(({ name }) => roundOf(phase.name, name)?.part !== "fix");
  return { cycles: round.n, approved: isApproved(look?.text ?? "") };
}

/** `VERDICT: APPROVED`, on a line of its own; without a verdict a text that begins with the word counts (contrast: loops). */
export function isApproved(text: string): boolean {
  const verdict = text.match(/^[ \t]*VERDICT:[ \t]*(APPROVED|REQUEST_CHANGES)\b/im);
  if (verdict) return (verdict[1] as string).toUpperCase() === "APPROVED";
  return /^\s*APPROVED\b/i.test(text) && !/REQUEST_CHANGES/i.test(text);
}

/** Flat names: a phase's own is its text, an output variable is that too, or what its loop came to. */
function rootsOf(declared: readonly Phase[], entries: Record<string, Record<string, Json>>): Record<string, Json> {
  const roots: Record<string, Json> = {};
  for (const phase of declared) {
    const { output, iterations, completed, cycles, approved } = entries[phase.name] as Record<string, Json>;
    if (output === undefined) continue;
    roots[phase.name] = output;
    if (phase.outputVar === undefined) continue;
    roots[phase.outputVar] = known({ iterations, completed, cycles, approved, output }) as Fields;
    if (iterations === undefined && cycles === undefined) roots[phase.outputVar] = output;
  }
  return roots;
}

/** Scratch as it is kept, and with what people replied to a loop: those texts stand elsewhere, and are joined here. */
function scratchOf({ scratch, version, phases, outputs, answers }: RunData): Fields {
  const joined: Record<string, Json> = isFields(scratch) ? { ...scratch } : {};
  for (const phase of version.workflow.phases) {
    if (phase.type !== "agent" || phase.genericLoop?.gate?.kind !== "reply") continue;
    const key = phase.genericLoop.scratchKey;
    const own = outputs.filter((each) => each.phase === phase.name);
    const now = Math.max(phases[phase.name]?.iteration ?? 0, own.at(-1)?.iteration ?? 0);
    const replies = answers.filter(({ phase: at, kind }) => at === phase.name && kind === "reply");
    const turns = replies.flatMap(({ response, iteration }, at) => {
      // A reply is followed by an iteration. One that is not is of a time before the loop began anew, as is the first
      // of two to the same iteration.
      const isOld = iteration >= now || replies.findLastIndex((each) => each.iteration === iteration) !== at;
      if (isOld || response === null) return [];
      const asked = own.find((each) => each.iteration === iteration);
      return [`Q: ${asked?.text ?? ""}\n\nA: ${response}`];
    });
    if (turns.length > 0)
      joined[key] = { ...(isFields(joined[key]) ? joined[key] : {}), qa: endOf(turns.join("\n\n")) };
  }
  return joined;
}

/** Where the newest file of each name lies; ids of executions are in the order of their beginning. */
function artefactsOf({ outputs }: RunData, { artefacts }: Settings): Fields {
  const oldestFirst = [...outputs].sort((a, b) => (a.execution < b.execution ? -1 : 1));
  return Object.fromEntries(
    oldestFirst.flatMap((each) => each.artefacts.map(({ name, path }) => [name, `${artefacts}/${path}`])),
  );
}

/** Without what is not there: absent, never null. */
function known(fields: { readonly [name: string]: Json | undefined }): Record<string, Json> {
  return Object.fromEntries(
    Object.entries(fields).filter((each): each is [string, Json] => each[1] !== null && each[1] !== undefined),
  );
}

export function isFields(value: Json | undefined): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A number at a dotted path of the context; null where there is none that counts. */
export function numberAt(context: Json, path: string): number | null {
  let at: Json | undefined = context;
  for (const each of path.split(".")) at = isFields(at) && Object.hasOwn(at, each) ? at[each] : undefined;
  return typeof at === "number" && Number.isFinite(at) && at > 0 ? Math.ceil(at) : null;
}

/** Texts at any depth, filled in; one that is a single path keeps its value as it is, so that a number stays a number. */
export function filled(value: Json, scope: Scope, render: (text: string, scope: Scope) => string, depth = 0): Json {
  if (depth > 64) throw new Fault("template.failed", "values nest deeper than 64 levels");
  if (typeof value === "string") {
    const path = /^\{\{\s*([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)\s*\}\}$/.exec(value)?.[1];
    const found = path === undefined ? undefined : at(scope, path.split("."));
    return found === undefined ? render(value, scope) : found;
  }
  if (Array.isArray(value)) return value.map((each) => filled(each as Json, scope, render, depth + 1));
  if (!isFields(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, filled(each, scope, render, depth + 1)]));
}

function at(scope: Scope, path: readonly string[]): Json | undefined {
  let value: Json | undefined = scope as Fields;
  for (const each of path) value = isFields(value) && Object.hasOwn(value, each) ? value[each] : undefined;
  return value;
}
