/** Moments of a phase that people may be told about. */
export type MessageEvent =
  | "on_start"
  | "on_success"
  | "on_failure"
  | "on_skipped_done"
  | "on_blocked"
  | "on_blocked_bypassed"
  | "on_cycle_start"
  | "on_approved"
  | "on_request_changes"
  | "on_max_cycles"
  | "on_fix_start"
  | "on_fix_failed"
  | "on_pause_for_approval";

export type Messages = { readonly [Event in MessageEvent]?: string };
