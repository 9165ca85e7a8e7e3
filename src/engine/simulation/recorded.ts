import { roundOf } from "../../domain/round.ts";
import { isOver } from "../../domain/run.ts";
import type { Act, Answer, Cast, Deed, Expectation, Scenario, ScenarioTrigger } from "../../domain/scenario.ts";
import type { Workflow } from "../../domain/workflow.ts";
import type { ApprovalLine, ExecutionLine, RunDetail } from "../../store/lines.ts";
import { easyScenario } from "../../workflow/scenario/easy.ts";

/** A run that really happened as a scenario, and what of it a scenario cannot say. */
export interface Recorded {
  readonly scenario: Scenario;
  /** For the head of the file: where it is from, and what to know of it. */
  readonly remarks: readonly string[];
}

/**
 * What programs printed, how long they took and failed, what people answered and when, what came from outside: enough to
 * have the run happen once more, and to change it. `children` are the runs that its phases started, oldest first.
 */
export function recorded(run: RunDetail, children: readonly RunDetail[], workflow: Workflow): Recorded {
  const plain = easyScenario(workflow);
  const { settings } = plain;
  const remarks = new Set<string>();
  const casts = Map.groupBy(
    children.filter((child) => child.workflow_name !== run.workflow_name),
    (child) => child.workflow_name,
  );
  const scenario: Scenario = {
    ...plain,
    name: `recorded from run ${run.id}`,
    start: run.started_at,
    settings: { ...settings, approvals: gatesOf(run, workflow) },
    triggers: [triggerOf(run)],
    cast: castOf([run, ...children.filter((child) => child.workflow_name === run.workflow_name)], remarks),
    children: Object.fromEntries([...casts].map(([name, runs]) => [name, castOf(runs, remarks)])),
    signals: run.signals.map(({ id, name, payload, received_at: at }) => ({
      atMs: since(run, at),
      trigger: 0,
      id,
      name,
      payload,
      said: null,
    })),
    operator: deedsOf(run),
    easy: false,
  };
  if (!isOver(run.status)) remarks.add(`The run was ${run.status} when it was recorded: what came later is not here.`);
  if (run.reason === "operator" || run.reason === "disk_full")
    remarks.add("Pauses by an operator and for want of room leave no trace in a run, and are not here.");
  return { scenario, remarks: [...remarks] };
}

function since({ started_at: start }: RunDetail, moment: string): number {
  return Math.max(0, Date.parse(moment) - Date.parse(start));
}

/** Gates behind phases that asked: they were enabled. */
function gatesOf({ approvals }: RunDetail, { phases }: Workflow): string[] {
  const asked = new Set(approvals.map(({ gate }) => gate));
  return phases.flatMap(({ approvalGate }) =>
    approvalGate && asked.has(approvalGate.name) ? [approvalGate.name] : [],
  );
}

function triggerOf(run: RunDetail): ScenarioTrigger {
  const { trigger, ...context } = (run.context ?? {}) as ScenarioTrigger["context"];
  const { by } = (trigger ?? {}) as { readonly by?: string };
  return {
    atMs: 0,
    type: (run.trigger_type ?? "api") as ScenarioTrigger["type"],
    id: run.trigger_id === run.id ? null : run.trigger_id,
    by: by ?? "you",
    once: run.idempotency_key,
    inputs: (run.inputs ?? {}) as ScenarioTrigger["inputs"],
    context,
    expect: isOver(run.status) ? expectationsOf(run) : [],
    said: null,
  };
}

function expectationsOf(run: RunDetail): Expectation[] {
  const tries = Map.groupBy(run.executions, ({ phase }) => phase);
  return [
    { type: "status", is: run.status, said: null },
    ...(run.reason === null ? [] : [{ type: "reason", is: run.reason, said: null } as const]),
    ...Object.entries(run.node_statuses).flatMap(([phase, is]): Expectation[] => [
      { type: "phase.status", phase, is, said: null },
      ...(tries.has(phase)
        ? [{ type: "phase.tries", phase, is: tries.get(phase)?.length ?? 0, said: null } as const]
        : []),
    ]),
  ];
}

function castOf(runs: readonly RunDetail[], remarks: Set<string>): Cast {
  // Only programs have sessions; what else has an execution is carried out in the simulation as it was in the run.
  const programs = runs.flatMap((run) =>
    run.executions.filter(({ name, session_id: session }) => name !== null && session !== null),
  );
  const approvals = runs.flatMap((run) => run.approvals);
  return {
    phases: grouped(
      programs,
      ({ name }) => name as string,
      (each) => actOf(each, remarks),
    ),
    answers: grouped(approvals, ({ phase, gate }) => phase ?? gate, answerOf),
  };
}

function grouped<T, To>(list: readonly T[], key: (each: T) => string, to: (each: T) => To): Record<string, To[]> {
  return Object.fromEntries([...Map.groupBy(list, key)].map(([name, group]) => [name, group.map(to)]));
}

function actOf(line: ExecutionLine, remarks: Set<string>): Act {
  const { name, phase, status, failure, exit_code: code, output, output_bytes: bytes, duration_ms: took } = line;
  if (output !== null && bytes !== null && bytes > Buffer.byteLength(output))
    remarks.add(`${name} printed ${bytes} bytes; only what its row holds is here.`);
  const isCheck = roundOf(phase ?? "", name ?? "")?.part === "check";
  const isLost = failure === "lost" || status === "interrupted";
  const isEndless = failure === "timeout" || status === "cancelled" || status === "running";
  return {
    takesMs: isEndless ? null : (took ?? 0),
    end: isLost ? { type: "lost" } : { type: "exit", code: isCheck || failure === "exit" ? (code ?? 0) : 0 },
    output: output ?? "",
    stderr: "",
    error: failure === "agent_error" ? (line.error ?? "failed") : null,
    files: {},
    usage: {
      ...(line.cost_usd === null ? {} : { usd: line.cost_usd }),
      ...(line.turns === null ? {} : { turns: line.turns }),
      ...(line.input_tokens === null ? {} : { inputTokens: line.input_tokens }),
      ...(line.output_tokens === null ? {} : { outputTokens: line.output_tokens }),
    },
    said: null,
  };
}

function answerOf({
  status,
  kind,
  created_at: asked,
  responded_at: at,
  responded_by: by,
  response,
}: ApprovalLine): Answer {
  if (status !== "approved" && status !== "rejected") return { type: "nobody", said: null };
  const decision = status === "rejected" ? "reject" : kind === "reply" ? "reply" : "approve";
  const afterMs = at === null ? 0 : Math.max(0, Date.parse(at) - Date.parse(asked));
  return { type: "answer", decision, by: by ?? "someone", afterMs, comment: response, said: null };
}

/** What an operator did that the run remembers: retries, and the cancel that ended it. */
function deedsOf(run: RunDetail): Deed[] {
  const retries = run.phase_history.flatMap((line): Deed[] =>
    line.retried_by === undefined
      ? []
      : [
          {
            atMs: since(run, line.started_at),
            trigger: 0,
            what: "retry",
            from: line.phase,
            by: line.retried_by,
            said: null,
          },
        ],
  );
  const cancelled = run.status === "cancelled" && run.reason !== "concurrency" && run.finished_at !== null;
  return cancelled
    ? [
        ...retries,
        {
          atMs: since(run, run.finished_at as string),
          trigger: 0,
          what: "cancel",
          from: null,
          by: "operator",
          said: null,
        },
      ]
    : retries;
}
