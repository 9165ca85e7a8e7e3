import { z } from "zod";
import { PHASE_TYPES } from "../../domain/workflow.ts";
import { agentKeys, approvalKeys, bashKeys, callKeys, scriptKeys, waitKeys } from "./kinds.ts";
import { later, shown } from "./stage.ts";
import {
  condition,
  duration,
  fromContext,
  hostName,
  identifier,
  imageName,
  ownName,
  phaseName,
  positive,
  relativePath,
  variableName,
} from "./text.ts";

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
  times: positive.max(100),
  backoff: z.strictObject({ duration, factor: z.number().min(1).optional(), max: duration.optional() }).optional(),
  when: z
    .array(z.enum(["timeout", "exit", "lost", "agent_error", "budget", "any"]))
    .min(1)
    .optional(),
});

const output = z
  .strictObject({ from: z.enum(["stdout", "file", "json"]), path: relativePath.optional() })
  .refine((from) => from.from !== "file" || from.path !== undefined, { error: "needs path: which file" })
  .refine((from) => from.from !== "stdout" || from.path === undefined, {
    error: "takes no path: it is what was printed",
  });

const AXIS = "must be a list of values, or an expression that gives one";

export const phase = z.strictObject({
  name: phaseName,
  label: z.string().optional(),
  type: z.enum(PHASE_TYPES).optional(),
  depends_on: z.array(z.string()).optional(),
  trigger_rule: z.enum(TRIGGER_RULES).optional(),
  skip_if: z
    .union([condition, z.array(condition)], { error: "must be a condition or a list of conditions" })
    .optional(),
  if: condition.optional(),
  requires_sandbox: z.string().optional(),
  sandbox_image: imageName.optional(),
  unrestricted_egress: z.boolean().optional(),
  egress: z
    .array(hostName)
    .max(100)
    .describe(
      "Hosts that the phase's programs may reach from their sandbox: example.com, *.example.com, example.com:8443.",
    )
    .optional(),
  web_search: shown(z.boolean()),
  runs_on: later(z.string()),
  finally: z.boolean().optional(),
  timeout: duration.optional(),
  timeout_seconds: fromContext.optional(),
  retry: retry.optional(),
  secrets: z.array(variableName).optional(),
  env: z.record(variableName, z.string()).optional(),
  artefacts: z
    .array(z.strictObject({ path: relativePath, name: identifier }))
    .max(100)
    .optional(),
  outputs: z.record(identifier, output).optional(),
  output_var: ownName.optional(),
  matrix: z.record(ownName, z.union([z.array(z.unknown()), z.string()], { error: AXIS })).optional(),
  max_parallel: positive.max(1_000).optional(),
  fail_fast: z.boolean().optional(),
  approval_gate: z.string().optional(),
  approval_artifact: z.string().optional(),
  approval_gate_message: z.string().optional(),
  messages: messages.optional(),
  on_success: z.strictObject({ set_phase: z.string() }).optional(),
  ...bashKeys,
  ...scriptKeys,
  ...callKeys,
  ...approvalKeys,
  ...waitKeys,
  ...agentKeys,
});

export type DeclaredPhase = z.infer<typeof phase>;
