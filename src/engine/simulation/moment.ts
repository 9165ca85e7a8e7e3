import type { ApprovalKind } from "../../domain/approval.ts";
import type { Iso } from "../../domain/clock.ts";
import type { PhaseStatus } from "../../domain/graph.ts";
import type { Json } from "../../domain/json.ts";
import type { Waits } from "../../domain/phase-state.ts";
import type { RunReason, RunStatus } from "../../domain/run.ts";
import type { Deed } from "../../domain/scenario.ts";

/** Something that happened in a simulated world; `afterMs` counts from its beginning. */
export type Moment = { readonly at: Iso; readonly afterMs: number; readonly run: string | null } & Happening;

export type Happening =
  | { readonly type: "run.begun"; readonly workflow: string; readonly by: string; readonly parent: string | null }
  /** Nothing began: why, in the words of a fault. */
  | {
      readonly type: "run.refused";
      /** Counted from 0. */
      readonly trigger: number;
      readonly workflow: string;
      readonly code: string;
      readonly message: string;
    }
  /** A second trigger with the key of an earlier one, or one that its group turned away. */
  | { readonly type: "run.known" }
  | { readonly type: "run.status"; readonly status: RunStatus; readonly reason: RunReason | null }
  | {
      readonly type: "try.begun";
      readonly phase: string;
      readonly name: string;
      readonly attempt: number;
      readonly execution: string;
    }
  | {
      readonly type: "try.ended";
      readonly phase: string;
      readonly name: string;
      readonly attempt: number;
      readonly execution: string;
      readonly status: "ok" | "error" | "cancelled" | "interrupted";
      readonly error: string | null;
      readonly tookMs: number;
      readonly usd: number | null;
    }
  | { readonly type: "phase.status"; readonly phase: string; readonly status: PhaseStatus; readonly why: string | null }
  | {
      readonly type: "phase.waits";
      readonly phase: string;
      readonly for: Waits["for"];
      /** When it is over at the latest, or looked at again. */
      readonly until: Iso | null;
    }
  | {
      readonly type: "gate.asks";
      readonly phase: string;
      readonly approval: string;
      readonly kind: ApprovalKind;
      readonly summary: string;
      readonly deadline: Iso | null;
    }
  | { readonly type: "gate.reminds"; readonly phase: string; readonly summary: string; readonly ordinal: number }
  | {
      readonly type: "gate.escalates";
      readonly phase: string;
      readonly summary: string;
      readonly to: { readonly users?: readonly string[]; readonly groups?: readonly string[] };
    }
  | {
      readonly type: "gate.closed";
      readonly phase: string;
      readonly status: "approved" | "rejected" | "expired" | "void";
      readonly by: string | null;
      readonly response: string | null;
    }
  | { readonly type: "people.told"; readonly event: string; readonly phase: string | null; readonly text: string }
  | { readonly type: "signal"; readonly name: string; readonly payload: Json }
  | { readonly type: "operator"; readonly what: Deed["what"]; readonly by: string }
  /** Something from outside that changed nothing: why, in the words of a fault. */
  | { readonly type: "refused"; readonly what: string; readonly code: string; readonly message: string };
