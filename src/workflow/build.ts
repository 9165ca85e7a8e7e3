import { orderRule } from "../domain/graph.ts";
import type { Json } from "../domain/json.ts";
import type { OutputSource, Phase, Triggers, WaitPhase, Workflow } from "../domain/workflow.ts";
import { compileCommand } from "./command.ts";
import type { DeclaredPhase } from "./schema/phase.ts";
import { milliseconds } from "./schema/text.ts";
import type { DeclaredWorkflow } from "./schema/workflow.ts";

/** A declaration without faults as the engine wants it: defaults written out, the order rule applied. */
export function workflowOf(
  declared: DeclaredWorkflow,
  {
    kind,
    unavailable,
    files,
  }: { kind: string; unavailable: readonly string[]; files: Readonly<Record<string, string>> },
): Workflow {
  const order = orderRule(orderOf(declared));
  return {
    grammar: 1,
    name: declared.name,
    kind,
    description: declared.description ?? null,
    priority: declared.priority ?? 0,
    inputs: (declared.inputs ?? {}) as Record<string, Json>,
    phases: declared.phases.map((phase, at) => phaseOf(phase, [...new Set(order[at])], declared)),
    ...present({
      on: declared.on && triggersOf(declared.on),
      variables: declared.variables,
      env: declared.env,
      secrets: declared.secrets,
      timeoutMs: durationOf(declared.timeout),
      concurrency: declared.concurrency && {
        ...present({ group: declared.concurrency.group }),
        max: declared.concurrency.max ?? 1,
        onConflict: declared.concurrency.on_conflict ?? "queue",
      },
      budget:
        declared.budget &&
        present({
          usd: declared.budget.usd,
          perDayUsd: declared.budget.per_day_usd,
          turns: declared.budget.turns,
          tokens: declared.budget.tokens,
        }),
      statusChecklist: declared.status_checklist || undefined,
      finalMessage: declared.final_message,
      files: Object.keys(files).length > 0 ? files : undefined,
    }),
    unavailable,
  };
}

export function orderOf({
  phases,
}: DeclaredWorkflow): { name: string; dependsOn: string[] | null; finally: boolean }[] {
  return phases.map((phase) => ({
    name: phase.name,
    dependsOn: phase.depends_on ?? null,
    finally: phase.finally ?? false,
  }));
}

/** What an absent key means is said once, here: nothing of it stands in the declaration. */
function present<Fields extends object>(fields: Fields): { [Key in keyof Fields]: Exclude<Fields[Key], undefined> } {
  const kept = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(kept) as { [Key in keyof Fields]: Exclude<Fields[Key], undefined> };
}

function triggersOf({ github, webhook }: NonNullable<DeclaredWorkflow["on"]>): Triggers {
  return present({
    github: github?.map(({ events, if: condition }) => ({ events, ...present({ if: condition }) })),
    webhook: webhook?.map(({ source, if: condition }) => ({ source, ...present({ if: condition }) })),
  });
}

const COMMAND_TIMEOUT_MS = 300_000;
const AGENT_TIMEOUT_MS = 4 * 3_600_000;
const CHECK_TIMEOUT_MS = 30_000;
const POLL_MS = 30_000;
const MAX_PARALLEL = 10;

function phaseOf(declared: DeclaredPhase, dependsOn: readonly string[], workflow: DeclaredWorkflow): Phase {
  const { name, label = name, type = "agent" } = declared;
  // What runs last is about what came before it, however that ended.
  const triggerRule = declared.trigger_rule ?? (declared.finally ? "all_done" : "all_success");
  const base = { name, label, dependsOn, triggerRule, ...common(declared, workflow) };
  switch (type) {
    case "context":
      return { ...base, type };
    case "bash": {
      const { command, values } = compileCommand(declared.command ?? "").compiled;
      const timed = timedOf(declared, COMMAND_TIMEOUT_MS);
      return { ...base, ...timed, type, command, ...present({ values: values.length > 0 ? values : undefined }) };
    }
    case "script": {
      const { script = "", runtime = "js" } = declared;
      return { ...base, ...timedOf(declared, COMMAND_TIMEOUT_MS), type, script, runtime };
    }
    case "agent": {
      // Beside `until_bash` the older key is about that command (grammar: timeout_seconds).
      const { timeout_seconds: _, ...rest } = declared;
      const timed = timedOf(declared.generic_loop?.until_bash === undefined ? declared : rest, AGENT_TIMEOUT_MS);
      return { ...base, ...timed, type, ...agentOf(declared) };
    }
    case "approval": {
      return { ...base, type, summary: declared.approval?.summary ?? label, ...gateOf(declared.approval ?? {}) };
    }
    case "wait":
      return { ...base, type, wait: waitOf(declared), ...present({ timeoutMs: limitOf(declared) }) };
    case "workflow": {
      const values = (declared.with ?? {}) as Record<string, Json>;
      const timeoutMs = limitOf(declared);
      return { ...base, type, workflow: declared.workflow ?? "", with: values, ...present({ timeoutMs }) };
    }
    case "action":
    case "post-review": {
      const action = type === "action" ? (declared.action ?? "") : "github.review";
      const values = (declared.with ?? {}) as Record<string, Json>;
      return { ...base, type: "action", action, with: values, ...present({ timeoutMs: limitOf(declared) }) };
    }
    default:
      return { ...base, type };
  }
}

/** What any phase may say, where it says it. */
function common(declared: DeclaredPhase, workflow: DeclaredWorkflow) {
  const { matrix, retry, approval_gate: gate, skip_if: skipIf } = declared;
  const env = { ...workflow.env, ...declared.env };
  const agent = (declared.type ?? "agent") === "agent";
  const gateName = gate ?? declared.loop?.approval_gate;
  const messages = { ...declared.messages, ...(agent ? declared.loop?.messages : {}) };
  return present({
    finally: declared.finally || undefined,
    skipIf: skipIf === undefined ? undefined : [skipIf].flat(),
    if: declared.if,
    requiresSandbox: declared.requires_sandbox,
    sandboxImage: declared.sandbox_image,
    egress: declared.unrestricted_egress ? ["*"] : declared.egress,
    retry: retry && {
      times: retry.times,
      when: retry.when ?? ["any" as const],
      pauseMs: durationOf(retry.backoff?.duration) ?? 0,
      factor: retry.backoff?.factor ?? 2,
      longestMs: durationOf(retry.backoff?.max) ?? 3_600_000,
    },
    env: Object.keys(env).length > 0 ? env : undefined,
    secrets: declared.secrets,
    outputVar: declared.output_var,
    outputs: declared.outputs as Record<string, OutputSource> | undefined,
    artefacts: declared.artefacts,
    matrix: matrix && {
      axes: matrix as Record<string, readonly Json[] | string>,
      maxParallel: declared.max_parallel ?? MAX_PARALLEL,
      failFast: declared.fail_fast ?? true,
    },
    approvalGate:
      gateName === undefined
        ? undefined
        : {
            name: gateName,
            ...present({
              artefact: declared.approval_artifact ?? declared.loop?.approval_artifact,
              message: declared.approval_gate_message,
            }),
          },
    messages: Object.keys(messages).length > 0 ? messages : undefined,
    endMarker: declared.on_success?.set_phase,
  });
}

function agentOf(declared: DeclaredPhase) {
  const {
    prompt,
    skill,
    model,
    variant,
    agent,
    session,
    budget,
    on_output: rules,
    loop,
    generic_loop: generic,
  } = declared;
  const blocked = rules?.contains_BLOCKED;
  return present({
    prompt,
    skills: declared.skills ?? (skill === undefined ? undefined : [skill]),
    model,
    variant,
    agent,
    session: session === "continue" ? session : undefined,
    budget: budget && present({ usd: budget.usd, turns: budget.turns, tokens: budget.tokens }),
    requiresMarker: rules?.requires_marker,
    blocked: blocked && {
      action: blocked.action,
      ...present({
        message: blocked.message,
        unlessLabel: blocked.unless_label,
        unlessTitleMatches: blocked.unless_title_matches,
        bypassMessage: blocked.bypass_message,
      }),
    },
    loop: loop && {
      maxCycles: loop.max_cycles,
      fixPrompt: loop.on_request_changes.fix_prompt,
      recheckPrompt: loop.on_request_changes.re_review_prompt,
      ...present({ fixModel: loop.on_request_changes.fix_model, fixVariant: loop.on_request_changes.fix_variant }),
    },
    genericLoop: generic && {
      ...(typeof generic.max_iterations === "number"
        ? { maxIterations: generic.max_iterations }
        : { maxIterations: generic.max_iterations.default, maxFrom: generic.max_iterations.from }),
      ...present({
        until: generic.until,
        untilBash: generic.until_bash,
        gate: generic.interactive
          ? { kind: generic.gate_kind ?? ("approve" as const), ...present({ message: generic.gate_message }) }
          : undefined,
      }),
      untilBashTimeoutMs:
        declared.timeout_seconds === undefined ? CHECK_TIMEOUT_MS : secondsOf(declared.timeout_seconds) * 1000,
      scratchKey: generic.scratch_key ?? declared.name,
      freshContext: generic.fresh_context ?? false,
      softRetries: generic.on_soft_failure?.retries ?? 0,
      thenComplete: generic.on_soft_failure?.then === "complete",
    },
  });
}

function gateOf({ timeout, on_timeout, remind = [], escalate, on_reject }: NonNullable<DeclaredPhase["approval"]>) {
  return present({
    timeoutMs: durationOf(timeout),
    onTimeout: on_timeout,
    remindMs: remind.length > 0 ? remind.map(milliseconds) : undefined,
    escalate: escalate && { afterMs: milliseconds(escalate.after), to: present(escalate.to) },
    rework: on_reject && { phase: on_reject.rework, max: on_reject.max ?? 1 },
  });
}

function waitOf({ wait }: DeclaredPhase): WaitPhase["wait"] {
  if (wait?.until !== undefined) return { until: wait.until, everyMs: durationOf(wait.every) ?? POLL_MS };
  if (wait?.at !== undefined) return { at: wait.at };
  return { forMs: durationOf(wait?.for) ?? 0 };
}

function timedOf({ timeout, timeout_seconds: seconds }: DeclaredPhase, otherwise: number) {
  if (timeout !== undefined) return { timeoutMs: milliseconds(timeout) };
  if (seconds === undefined) return { timeoutMs: otherwise };
  const timeoutMs = secondsOf(seconds) * 1000;
  return typeof seconds === "number" ? { timeoutMs } : { timeoutMs, timeoutFrom: seconds.from };
}

/** What a phase that is no program may take; absent is no limit. */
function limitOf({ timeout, timeout_seconds: seconds }: DeclaredPhase): number | undefined {
  return timeout === undefined && seconds !== undefined ? secondsOf(seconds) * 1000 : durationOf(timeout);
}

function secondsOf(seconds: NonNullable<DeclaredPhase["timeout_seconds"]>): number {
  return typeof seconds === "number" ? seconds : seconds.default;
}

function durationOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : milliseconds(text);
}
