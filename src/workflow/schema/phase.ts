import { z } from "zod";
import { PHASE_TYPES } from "../../domain/workflow.ts";
import { agentKeys, approvalKeys, bashKeys, callKeys, scriptKeys, waitKeys } from "./kinds.ts";
import { later, shown, template } from "./stage.ts";
import { condition, duration, fromContext, identifier, phaseName, positive } from "./text.ts";

const TRIGGER_RULES = ["all_success", "one_success", "none_failed_min_one_success", "all_done"] as const;

const messages = z.strictObject({
  on_start: z.string().optional(),
  on_success: z.string().optional(),
  on_failure: z.string().optional(),
  on_skipped_done: z.string().optional(),
  on_blocked: z.string().optional(),
  on_blocked_bypassed: z.string().optional(),
});

const retry = z.strictObject({
  times: positive,
  backoff: z.strictObject({ duration, factor: z.number().min(1).optional(), max: duration.optional() }).optional(),
  when: z.array(z.enum(["timeout", "exit", "lost", "agent_error", "any"])).optional(),
});

const output = z.strictObject({ from: z.enum(["stdout", "file", "json"]), path: z.string().optional() });

export const phase = z.strictObject({
  name: phaseName,
  label: z.string().optional(),
  type: z.enum(PHASE_TYPES).optional(),
  depends_on: z.array(z.string()).optional(),
  trigger_rule: z.enum(TRIGGER_RULES).optional(),
  skip_if: later(z.union([condition, z.array(condition)], { error: "must be a condition or a list of conditions" })),
  if: later(condition),
  requires_sandbox: later(z.string()),
  sandbox_image: later(z.string()),
  unrestricted_egress: later(z.boolean()),
  web_search: later(z.boolean()),
  runs_on: later(z.string()),
  finally: later(z.boolean()),
  timeout: duration.optional(),
  timeout_seconds: fromContext.optional(),
  retry: later(retry),
  secrets: later(z.array(identifier)),
  env: later(z.record(identifier, z.string())),
  artefacts: later(z.array(z.strictObject({ path: z.string(), name: z.string() }))),
  outputs: later(z.record(identifier, output)),
  output_var: later(identifier),
  matrix: later(z.record(identifier, z.array(z.unknown()))),
  max_parallel: later(positive),
  fail_fast: later(z.boolean()),
  approval_gate: later(z.string()),
  approval_artifact: later(z.string()),
  approval_gate_message: template(),
  messages: shown(messages),
  on_success: shown(z.strictObject({ set_phase: z.string() })),
  ...bashKeys,
  ...scriptKeys,
  ...callKeys,
  ...approvalKeys,
  ...waitKeys,
  ...agentKeys,
});

export type DeclaredPhase = z.infer<typeof phase>;
