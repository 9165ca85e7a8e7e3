import { z } from "@hono/zod-openapi";
import { APPROVAL_STATUSES, DECISIONS } from "../domain/approval.ts";
import { OUTCOMES, VIAS } from "../domain/delivery.ts";
import { EXECUTION_STATUSES } from "../domain/execution.ts";
import { PHASE_STATUSES } from "../domain/graph.ts";
import { RUN_STATUSES } from "../domain/run.ts";
import type { DeliveryLine } from "../store/deliveries.ts";
import type { ApprovalLine, ExecutionLine, RunDetail, RunLine } from "../store/lines.ts";
import { LETTER_STATES, type Letter } from "../store/replies.ts";
import type { Counts } from "../store/store.ts";
import type {
  ApprovalList,
  Cancelled,
  CheckResult,
  ComplaintBody,
  DeliveryBody,
  DeliveryList,
  DeliveryReceipt,
  ErrorBody,
  ExecutionList,
  ForkRun,
  Health,
  LabelRun,
  LetterList,
  LetterMoved,
  Live,
  Moved,
  OverrideWorkflow,
  Ready,
  Respond,
  RetryRun,
  RunList,
  SendSignal,
  SessionBody,
  SessionItem,
  StarRun,
  StartedRun,
  StartRun,
  WorkflowBody,
  WorkflowItem,
  WorkflowList,
} from "./api.ts";

/** Every key of an interface, none besides: the compiler holds these schemas to the types that faces share. */
type Fields<T> = { readonly [Key in keyof T]-?: z.ZodType };

const json = z.any();
const iso = z.iso.datetime();
const maybe = (schema: z.ZodType) => schema.nullable();
const text = maybe(z.string());
const count = z.int().min(0);
const runStatus = z.enum(RUN_STATUSES);

export const errorSchema = z
  .object({
    error: z.object({
      code: z.string(),
      message: z.string(),
      hint: z.string(),
      details: z.array(z.object({ path: z.string(), message: z.string() })),
    } satisfies Fields<ErrorBody["error"]>),
  })
  .openapi("Error");

const onceKey = z.string().min(1).max(200);
export const startRun = z.strictObject({
  workflow: z.string().min(1).max(128),
  inputs: z.record(z.string(), json).optional(),
  idempotency_key: onceKey.optional(),
  context: z.record(z.string(), json).optional(),
} satisfies Fields<StartRun>);
export const retryRun = z.strictObject({ from: z.string().min(1).max(64).optional() } satisfies Fields<RetryRun>);
export const forkRun = z.strictObject({
  from: z.string().min(1).max(64),
  inputs: z.record(z.string(), json).optional(),
  yaml: z.string().min(1).max(262_144).optional(),
  files: z.record(z.string().min(1).max(255), z.string().max(262_144)).optional(),
  idempotency_key: onceKey.optional(),
} satisfies Fields<ForkRun>);
const SIGNAL_LIMIT = 65_536;
export const sendSignal = z.strictObject({
  name: z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,63}$/, "must be letters, digits and _, at most 64"),
  payload: json
    .refine(
      (value) => Buffer.byteLength(JSON.stringify(value ?? null)) <= SIGNAL_LIMIT,
      "must be at most 64 KiB of JSON",
    )
    .optional(),
  id: z.string().min(1).max(200).optional(),
} satisfies Fields<SendSignal>);
export const moved = z.object({ id: z.string(), status: runStatus } satisfies Fields<Moved>);
export const starRun = z.strictObject({ starred: z.boolean() } satisfies Fields<StarRun>);
export const labelRun = z.strictObject({
  label: z
    .string()
    .min(1)
    .max(100)
    .regex(/^[^\p{Cc}]*$/u, "must not hold control characters")
    .nullable(),
} satisfies Fields<LabelRun>);
const COMMENT_LIMIT = 8_192;
export const respond = z.strictObject({
  decision: z.enum(DECISIONS),
  comment: z
    .string()
    .max(COMMENT_LIMIT)
    .refine((comment) => Buffer.byteLength(comment) <= COMMENT_LIMIT, `must be at most ${COMMENT_LIMIT} bytes`)
    .optional(),
} satisfies Fields<Respond>);
export const overrideWorkflow = z.strictObject({ enabled: z.boolean() } satisfies Fields<OverrideWorkflow>);

export const startedRun = z.object({
  id: z.string(),
  status: runStatus,
  created: z.boolean(),
} satisfies Fields<StartedRun>);
export const cancelled = z.object({ id: z.string(), status: runStatus } satisfies Fields<Cancelled>);

const runLine = {
  id: z.string(),
  workflow_name: z.string(),
  workflow_hash: text,
  trigger_type: text,
  trigger_id: z.string(),
  repo: text,
  issue_number: maybe(z.int()),
  current_phase: z.string(),
  status: runStatus,
  reason: text,
  restart_count: count,
  rev: count,
  epoch: count,
  priority: z.int(),
  starred: z.boolean(),
  label: text,
  parent_run_id: text,
  forked_from: text,
  cost_usd: z.number(),
  turns: count,
  tokens: count,
  queued_at: maybe(iso),
  started_at: iso,
  updated_at: iso,
  finished_at: maybe(iso),
} satisfies Fields<RunLine>;

const executionLine = z
  .object({
    id: z.string(),
    workflow_run_id: text,
    skill: z.string(),
    phase: text,
    name: text,
    iteration: maybe(count),
    attempt: maybe(count),
    epoch: maybe(count),
    status: maybe(z.enum(EXECUTION_STATUSES)),
    success: maybe(z.boolean()),
    error: text,
    failure: text,
    exit_code: maybe(z.int()),
    input: json,
    output: text,
    output_bytes: maybe(count),
    outputs: json,
    cost_usd: maybe(z.number()),
    turns: maybe(count),
    input_tokens: maybe(count),
    output_tokens: maybe(count),
    idle: z.boolean(),
    retries: maybe(count),
    started_at: iso,
    finished_at: maybe(iso),
    duration_ms: maybe(count),
    session_id: text,
    runtime_session_id: text,
  } satisfies Fields<ExecutionLine>)
  .openapi("Execution");

export const approvalLine = z
  .object({
    id: z.string(),
    workflow_run_id: z.string(),
    gate: z.string(),
    phase: text,
    iteration: maybe(count),
    summary: z.string(),
    status: z.enum(APPROVAL_STATUSES),
    kind: z.string(),
    requested_by: text,
    responded_by: text,
    response: text,
    responded_at: maybe(iso),
    created_at: iso,
    deadline: maybe(iso),
  } satisfies Fields<ApprovalLine>)
  .openapi("Approval");

export const runBody = z
  .object({
    ...runLine,
    context: json,
    inputs: json,
    scratch: json,
    node_statuses: z.record(z.string(), z.enum(PHASE_STATUSES)),
    phase_history: z.array(json),
    idempotency_key: text,
    concurrency_key: text,
    ending: json,
    decisions: z.array(json),
    signals: z.array(json),
    artefacts: z.array(json),
    executions: z.array(executionLine),
    approvals: z.array(approvalLine),
  } satisfies Fields<RunDetail>)
  .openapi("Run");

export const runList = z.object({
  items: z.array(z.object(runLine).openapi("RunLine")),
  next_cursor: text,
} satisfies Fields<RunList>);
export const executionList = z.object({ items: z.array(executionLine) } satisfies Fields<ExecutionList>);
export const approvalList = z.object({
  items: z.array(approvalLine),
  next_cursor: text,
} satisfies Fields<ApprovalList>);

const letter = z
  .object({
    id: z.string(),
    run_id: z.string(),
    kind: z.string(),
    state: z.enum(LETTER_STATES),
    tries: count,
    error: text,
    due: iso,
    died_at: maybe(iso),
  } satisfies Fields<Letter>)
  .openapi("Letter");
export const letterList = z.object({ items: z.array(letter), next_cursor: text } satisfies Fields<LetterList>);
export const letterMoved = z.object({
  id: z.string(),
  state: z.enum(["owed", "dropped"]),
} satisfies Fields<LetterMoved>);

const deliveryLine = {
  id: z.string(),
  source: z.string(),
  delivery_id: z.string(),
  via: z.enum(VIAS),
  type: z.string(),
  repo: text,
  issue_number: maybe(z.int()),
  actor: text,
  outcome: z.enum(OUTCOMES),
  reason: text,
  replay_of: text,
  received_at: iso,
} satisfies Fields<DeliveryLine>;
export const deliveryReceipt = z
  .object({
    id: z.string(),
    outcome: z.enum(OUTCOMES),
    reason: text,
    runs: z.array(z.string()),
  } satisfies Fields<DeliveryReceipt>)
  .openapi("DeliveryReceipt");
export const deliveryList = z.object({
  items: z.array(z.object(deliveryLine).openapi("DeliveryLine")),
  next_cursor: text,
  refused: z.record(z.string(), count),
} satisfies Fields<DeliveryList>);
export const deliveryBody = z
  .object({
    ...deliveryLine,
    verdicts: z.array(z.object({ workflow: z.string(), why: z.string(), run: text })),
    payload: json,
  } satisfies Fields<DeliveryBody>)
  .openapi("Delivery");

const sessionItem = z
  .object({
    offset: count,
    line: maybe(z.record(z.string(), json)),
    fault: maybe(z.enum(["damaged", "too_long"])),
  } satisfies Fields<SessionItem>)
  .openapi("SessionItem");
export const sessionBody = z.object({
  items: z.array(sessionItem),
  next_offset: count,
  size: count,
} satisfies Fields<SessionBody>);

const complaint = z
  .object({
    file: z.string(),
    line: count,
    column: count,
    severity: z.enum(["error", "warning"]),
    message: z.string(),
  } satisfies Fields<ComplaintBody>)
  .openapi("Complaint");
const workflowFields = {
  name: text,
  file: z.string(),
  kind: z.string(),
  description: text,
  hash: text,
  enabled: z.boolean(),
  unavailable: z.array(z.string()),
  phases: z.array(z.object({ name: z.string(), type: z.string(), depends_on: z.array(z.string()) })),
  inputs: z.record(z.string(), json),
  complaints: z.array(complaint),
} satisfies Fields<WorkflowItem>;
export const workflowItem = z.object(workflowFields).openapi("WorkflowItem");
export const workflowBody = z
  .object({ ...workflowFields, yaml: text } satisfies Fields<WorkflowBody>)
  .openapi("Workflow");
export const workflowList = z.object({ items: z.array(workflowItem) } satisfies Fields<WorkflowList>);
export const checkResult = z.object({
  ok: z.boolean(),
  complaints: z.array(complaint),
} satisfies Fields<CheckResult>);

export const health = z
  .object({
    status: z.enum(["ready", "stopping", "safe_mode"]),
    trouble: z.string().nullable(),
    version: z.string(),
    node_version: z.string(),
    pid: z.int(),
    started_at: iso,
    uptime_s: z.number(),
    state_dir: z.string(),
    workflows_dirs: z.array(z.string()),
    counts: z.object({ executing: count, owed: count, pending_approvals: count } satisfies Fields<Counts>),
    cap: count,
    rss_bytes: count,
    loop_lag_ms: z.number(),
  } satisfies Fields<Health>)
  .openapi("Health");
export const live = z.object({ status: z.literal("alive"), loop_lag_ms: z.number() } satisfies Fields<Live>);
export const ready = z.object({ status: z.literal("ready") } satisfies Fields<Ready>);
