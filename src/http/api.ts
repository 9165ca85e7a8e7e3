import type { ApprovalStatus, Decision } from "../domain/approval.ts";
import type { DeliveryOutcome } from "../domain/delivery.ts";
import type { FaultCode, Problem } from "../domain/fault.ts";
import type { Role } from "../domain/identity.ts";
import type { Json } from "../domain/json.ts";
import type { RunStatus } from "../domain/run.ts";
import type { CronFire } from "../store/crons.ts";
import type { DeliveryDetail, DeliveryLine } from "../store/deliveries.ts";
import type { ApprovalLine, ExecutionLine, RunDetail, RunLine } from "../store/lines.ts";
import type { AuditLine, TokenLine, UserLine } from "../store/people.ts";
import type { Letter } from "../store/replies.ts";
import type { Counts } from "../store/store.ts";
import type { CronLine } from "../triggers/cron.ts";

/** The HTTP API as types, shared by server, CLI and dashboard. JSON is snake_case, named as the columns are. */
export interface ErrorBody {
  readonly error: {
    readonly code: FaultCode;
    readonly message: string;
    readonly hint: string;
    readonly details: readonly Problem[];
  };
}

/** POST /api/v1/runs → 202, or 200 when the idempotency key is known. */
export interface StartRun {
  readonly workflow: string;
  readonly inputs?: { readonly [name: string]: Json };
  readonly idempotency_key?: string;
  /** What set it off, for texts and conditions to read: `context.<name>`, and by its own name. */
  readonly context?: { readonly [name: string]: Json };
}
export interface StartedRun {
  readonly id: string;
  readonly status: RunStatus;
  readonly created: boolean;
}

/** GET /api/v1/runs?status=&workflow=&trigger=&label=&starred=&since=&limit=&cursor= ; `status` may repeat or hold commas. */
export interface RunList {
  readonly items: readonly RunLine[];
  readonly next_cursor: string | null;
}

/** GET /api/v1/runs/:id */
export type RunBody = RunDetail;

/** GET /api/v1/runs/:id/executions */
export interface ExecutionList {
  readonly items: readonly ExecutionLine[];
}

/**
 * GET /api/v1/runs/:id/events: SSE; event `run`, id = rev, data = this. Ends after a terminal status. A run that is over
 * and has nothing newer than Last-Event-ID answers 204, which ends a browser's reconnecting.
 */
export interface RunNews {
  readonly run: string;
  readonly rev: number;
  readonly status: RunStatus;
}

/** POST /api/v1/runs/:id/cancel → 200 */
export interface Cancelled {
  readonly id: string;
  readonly status: RunStatus;
}

/** POST /api/v1/runs/:id/pause and /resume → 200; an operator holds a run back, and lets it go on. */
export interface Moved {
  readonly id: string;
  readonly status: RunStatus;
}
/** POST /api/v1/runs/:id/retry → 200: a run that is over goes on, from a phase or from whatever did not succeed. */
export interface RetryRun {
  readonly from?: string;
}
/** POST /api/v1/runs/:id/fork → 202 StartedRun: a new run that begins as this one stood before a phase. */
export interface ForkRun {
  readonly from: string;
  readonly inputs?: { readonly [name: string]: Json };
  readonly yaml?: string;
  /** Prompts and skills in place of those of the version, by path. */
  readonly files?: { readonly [path: string]: string };
  readonly idempotency_key?: string;
}
/** POST /api/v1/runs/:id/signals → 202: word from outside; the first under an id stands. */
export interface SendSignal {
  readonly name: string;
  /** `true` where there is none: conditions ask whether a signal has come. */
  readonly payload?: Json;
  readonly id?: string;
}

/** POST /api/v1/runs/:id/star {starred} and /label {label: string | null} → 200 RunBody */
export interface StarRun {
  readonly starred: boolean;
}
export interface LabelRun {
  readonly label: string | null;
}

/** GET /api/v1/approvals?status=&limit=&cursor= */
export interface ApprovalList {
  readonly items: readonly ApprovalLine[];
  readonly next_cursor: string | null;
}
export type ApprovalFilter = { readonly status?: ApprovalStatus };

/** POST /api/v1/approvals/:id/respond → 200 ApprovalLine; 409 approval.answered when someone was first. */
export interface Respond {
  readonly decision: Decision;
  readonly comment?: string;
}

/** POST /hooks/:source → 202, or 200 when it was seen before; POST /api/v1/deliveries/:id/replay → 202 */
export interface DeliveryReceipt {
  readonly id: string;
  readonly outcome: DeliveryOutcome;
  /** A rule of the house (`bot`, `held`, …), or the code of the first fault. */
  readonly reason: string | null;
  readonly runs: readonly string[];
}
/** GET /api/v1/deliveries?source=&outcome=&since=&limit=&cursor= */
export interface DeliveryList {
  readonly items: readonly DeliveryLine[];
  readonly next_cursor: string | null;
  /** How often deliveries were refused since the daemon started, by the code they were refused with. */
  readonly refused: { readonly [code: string]: number };
}
export interface DeliveryFilter {
  readonly source?: string;
  readonly outcome?: DeliveryOutcome;
  readonly since?: string;
}
/** GET /api/v1/deliveries/:id */
export type DeliveryBody = DeliveryDetail;

/** GET /api/v1/outbox?state=dead|late&limit=&cursor= */
export interface LetterList {
  readonly items: readonly Letter[];
  readonly next_cursor: string | null;
}
/** POST /api/v1/outbox/retry {id} and /drop {id} → 200 */
export interface LetterMoved {
  readonly id: string;
  readonly state: "owed" | "dropped";
}

/** GET /api/v1/workflows */
export interface WorkflowList {
  readonly items: readonly WorkflowItem[];
}
export interface WorkflowItem {
  readonly name: string | null;
  readonly file: string;
  readonly kind: string;
  readonly description: string | null;
  readonly hash: string | null;
  readonly enabled: boolean;
  /** Keys the grammar knows and this version does not carry out: runs of it are refused. */
  readonly unavailable: readonly string[];
  readonly phases: readonly { readonly name: string; readonly type: string; readonly depends_on: readonly string[] }[];
  readonly inputs: { readonly [name: string]: Json };
  readonly complaints: readonly ComplaintBody[];
}
export interface ComplaintBody {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly severity: "error" | "warning";
  readonly message: string;
}
/** GET /api/v1/workflows/:name */
export interface WorkflowBody extends WorkflowItem {
  readonly yaml: string | null;
}
/** POST /api/v1/workflows/:name/check with the YAML as text/yaml or text/plain body → 200 */
export interface CheckResult {
  readonly ok: boolean;
  readonly complaints: readonly ComplaintBody[];
}
/** PUT /api/v1/workflows/:name/override {enabled}; DELETE reverts to the YAML. → 200 WorkflowItem */
export interface OverrideWorkflow {
  readonly enabled: boolean;
}

/** GET /api/v1/crons?next= and GET /api/v1/crons/:name?next= : up to 50 next slots each, one by default. */
export interface CronList {
  readonly items: readonly CronLine[];
}
export type CronBody = CronLine;
/** GET /api/v1/crons/:name/fires?limit=&cursor= : what came of each slot, newest first. */
export interface CronFires {
  readonly items: readonly CronFire[];
  readonly next_cursor: string | null;
}
/** PUT /api/v1/crons/:name/override: what is left out stays as it is; a schedule of null is the file's. DELETE reverts. */
export interface OverrideCron {
  readonly enabled?: boolean;
  readonly schedule?: string | null;
}
/** POST /api/v1/crons/:name/trigger → 202 CronFire: now, out of turn; with a key once, as runs have it. */
export interface TriggerCron {
  readonly idempotency_key?: string;
}

/** GET /api/v1/sessions/:id?offset=&limit= : offsets and limit in bytes; offset 0 and 262144 by default. */
export interface SessionBody {
  readonly items: readonly SessionItem[];
  /** The offset of the page after: the end of the last whole line. */
  readonly next_offset: number;
  readonly size: number;
}
export interface SessionItem {
  readonly offset: number;
  /** Null where the bytes are no line; `fault` says why. */
  readonly line: SessionEnvelope | null;
  readonly fault: "damaged" | "too_long" | null;
}
/** A line as it stands in the file: see seed 001, Line format. */
export type SessionEnvelope = { readonly [field: string]: Json };

/**
 * GET /api/v1/sessions/:id/tail: SSE; event `line`, id = the byte offset behind the line, data = the line (`null` where
 * the bytes are none). Ends after the result; a session that is over and was seen answers 204. What it takes up after
 * Last-Event-ID, or `?offset=`, it neither loses nor repeats.
 */
export interface SessionNews {
  /** Where to go on from. */
  readonly next: number;
  readonly line: SessionEnvelope | null;
}

/** GET /api/v1/users (admin) */
export interface UserList {
  readonly items: readonly UserLine[];
}
/** POST /api/v1/users → 201 UserLine. Without a password they come by the identity provider, known by the address. */
export interface AddUser {
  readonly name: string;
  readonly role: Role;
  readonly groups?: readonly string[];
  readonly email?: string | null;
  readonly password?: string;
}
/** PUT /api/v1/users/:name → 200 UserLine; what is not named stays. DELETE removes. */
export interface ChangeUser {
  readonly role?: Role;
  readonly groups?: readonly string[];
  readonly email?: string | null;
  readonly disabled?: boolean;
  readonly password?: string;
}

/** POST /api/v1/session → 200 SessionState, and a cookie. */
export interface LogIn {
  readonly name: string;
  readonly password: string;
}
/** GET /api/v1/session: who asks. Every mutation by cookie carries `X-Lastlight-CSRF: 1`. */
export interface SessionState {
  readonly by: string;
  readonly role: Role;
  readonly groups: readonly string[];
}
/** PUT /api/v1/session/password → 200 SessionState: every session of theirs ends, and this browser has a new one. */
export interface ChangePassword {
  readonly current: string;
  readonly password: string;
}
/** POST /api/v1/session/link → 201: logs one browser in, once, within a minute. */
export interface LoginLink {
  readonly url: string;
  readonly expires_at: string;
}

/** GET /api/v1/tokens: one's own; for an admin everyone's. */
export interface TokenList {
  readonly items: readonly TokenLine[];
}
/** POST /api/v1/tokens → 201 IssuedToken. No more than its owner may; by default that, for all workflows, for 90 days. */
export interface CreateToken {
  readonly name: string;
  readonly role?: Role;
  readonly workflows?: readonly string[];
  /** Days; null for ever. */
  readonly expires_in_days?: number | null;
  /** For someone else; for admins. */
  readonly owner?: string;
}
export interface IssuedToken extends TokenLine {
  /** Shown this once. */
  readonly token: string;
}

/** GET /api/v1/audit?who=&limit=&cursor= (admin), newest first */
export interface AuditList {
  readonly items: readonly AuditLine[];
  readonly next_cursor: string | null;
}

/** GET /livez, to anyone: the process turns its loop. */
export interface Live {
  readonly status: "alive";
  readonly loop_lag_ms: number;
}
/** GET /readyz, to anyone: the disk takes writes and the daemon is not stopping; otherwise 503. */
export interface Ready {
  readonly status: "ready";
}

/** GET /api/v1/health (needs an identity). */
export interface Health {
  readonly status: "ready" | "stopping" | "safe_mode";
  /** Why nothing is dispatched; null while all is well. */
  readonly trouble: string | null;
  readonly version: string;
  readonly node_version: string;
  readonly pid: number;
  readonly started_at: string;
  readonly uptime_s: number;
  readonly state_dir: string;
  readonly workflows_dirs: readonly string[];
  readonly counts: Counts;
  readonly cap: number;
  readonly rss_bytes: number;
  readonly loop_lag_ms: number;
}
