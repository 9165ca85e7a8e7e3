import { z } from "zod";
import { later, shown } from "./stage.ts";
import { anyValue, condition, duration, fromContext, ownName, positive, promptPath, skillName } from "./text.ts";

/** What each phase type brings of its own; which keys belong to which type is `KEYS_OF_TYPE`. */
export const bashKeys = {
  command: z
    .string()
    .min(1)
    .refine((command) => !command.includes("\0"), { error: "holds a NUL character" })
    // Linux refuses a single argument above 128 KiB, long after the run has started.
    .refine((command) => command.length <= 30_000, { error: "may hold 30,000 characters. Put longer ones in a script" })
    .optional(),
};

export const scriptKeys = {
  script: z.string().min(1).optional(),
  runtime: z.enum(["js", "ts", "python"]).optional(),
};

export const callKeys = {
  tool: z.string().min(1).optional(),
  action: z.string().min(1).optional(),
  workflow: z.string().min(1).optional(),
  with: anyValue.optional(),
};

const called = z.array(z.string().min(1).max(100)).max(50);
const people = z.strictObject({ users: called.optional(), groups: called.optional() });

export const approvalKeys = {
  approval: z
    .strictObject({
      summary: z.string().optional(),
      show: later(z.array(z.string())),
      form: later(anyValue),
      approvers: later(people.extend({ min: positive.optional(), not_requester: z.boolean().optional() })),
      timeout: duration.optional(),
      on_timeout: z.enum(["reject", "fail", "continue"]).optional(),
      remind: z.array(duration).max(20).optional(),
      escalate: z.strictObject({ after: duration, to: people }).optional(),
      on_reject: z.strictObject({ rework: z.string(), max: positive.max(100).optional() }).optional(),
    })
    .refine((approval) => approval.on_timeout === undefined || approval.timeout !== undefined, {
      path: ["on_timeout"],
      error: "means nothing without timeout",
    })
    .optional(),
};

export const waitKeys = {
  wait: z
    .strictObject({
      for: duration.optional(),
      at: z.string().optional(),
      until: condition.optional(),
      every: duration.optional(),
    })
    .refine((wait) => [wait.for, wait.at, wait.until].filter((each) => each !== undefined).length === 1, {
      error: "needs one of for, at, or until with every",
    })
    .refine((wait) => wait.every === undefined || wait.until !== undefined, {
      path: ["every"],
      error: "means nothing without until",
    })
    .optional(),
};

/** A loop's history is kept line by line, and shown. */
const MOST_ROUNDS = 1_000;
const TOO_MANY_ROUNDS = { error: `may go round ${MOST_ROUNDS} times at most` };

const outcome = z.strictObject({
  action: z.enum(["fail", "continue", "pause"]),
  message: z.string().optional(),
  unless_label: z.string().optional(),
  unless_title_matches: z.string().optional(),
  bypass_message: z.string().optional(),
});

const cycleMessages = z.strictObject({
  on_cycle_start: z.string().optional(),
  on_approved: z.string().optional(),
  on_request_changes: z.string().optional(),
  on_max_cycles: z.string().optional(),
  on_fix_start: z.string().optional(),
  on_fix_failed: z.string().optional(),
  on_pause_for_approval: z.string().optional(),
});

const changes = z.strictObject({
  fix_prompt: promptPath,
  re_review_prompt: promptPath,
  fix_model: z.string().optional(),
  fix_variant: z.string().optional(),
});

/** Limits of what may be used up. */
export const limits = {
  usd: z.number().gt(0).optional(),
  turns: positive.optional(),
  tokens: positive.optional(),
};

export const agentKeys = {
  prompt: promptPath.optional(),
  skill: skillName.optional(),
  skills: z.array(skillName).min(1).optional(),
  model: z.string().optional(),
  variant: z.string().optional(),
  agent: z
    .string()
    .regex(/^(?:pi|claude|codex|agentic|scripted|acp:.+)$/, {
      error: "must be pi, claude, codex, agentic, scripted or acp:…",
    })
    .optional(),
  session: z
    .enum(["fresh", "continue"])
    .describe(
      "Whether a later round, a rework or a reply goes on with the agent's conversation where its runtime can; fresh when absent. Behind a try that failed there is always a new one.",
    )
    .optional(),
  budget: z
    .strictObject(limits)
    .refine((budget) => Object.keys(budget).length > 0, { error: "needs usd, turns or tokens" })
    .describe(
      "What one try may use up. Reached while it works, the try fails, class budget; retry.when tells whether it comes again.",
    )
    .optional(),
  on_output: z
    .strictObject({
      requires_marker: z.string().min(1).optional(),
      contains_BLOCKED: outcome.optional(),
      contains_READY: shown(outcome),
    })
    .optional(),
  loop: z
    .strictObject({
      max_cycles: positive.max(MOST_ROUNDS, TOO_MANY_ROUNDS),
      on_request_changes: changes,
      approval_gate: z.string().optional(),
      approval_artifact: z.string().optional(),
      messages: cycleMessages.optional(),
    })
    .optional(),
  generic_loop: z
    .strictObject({
      max_iterations: fromContext,
      until: condition.optional(),
      until_bash: z.string().min(1).optional(),
      interactive: z.boolean().optional(),
      gate_kind: z.enum(["approve", "reply"]).optional(),
      gate_message: z.string().optional(),
      scratch_key: ownName.optional(),
      fresh_context: z.boolean().optional(),
      on_soft_failure: z
        // biome-ignore lint/suspicious/noThenProperty: a word of the grammar; nobody awaits this object.
        .strictObject({ retries: z.int().min(0).optional(), then: z.enum(["fail", "complete"]).optional() })
        .optional(),
    })
    .refine((loop) => loop.until !== undefined || loop.until_bash !== undefined, {
      error: "needs until, until_bash or both",
    })
    .refine((loop) => typeof loop.max_iterations !== "number" || loop.max_iterations <= MOST_ROUNDS, {
      path: ["max_iterations"],
      ...TOO_MANY_ROUNDS,
    })
    .optional(),
};

/** Which phase types read a key; a key that is not here means the same on every type. */
export const KEYS_OF_TYPE: Readonly<Record<string, readonly string[]>> = {
  ...Object.fromEntries(Object.keys(agentKeys).map((key) => [key, ["agent"]])),
  command: ["bash"],
  script: ["script"],
  runtime: ["script"],
  tool: ["tool"],
  action: ["action"],
  workflow: ["workflow"],
  with: ["tool", "action", "post-review", "workflow"],
  approval: ["approval"],
  wait: ["wait"],
};

/** One of these must be there for a phase of the type to mean anything. */
export const NEEDED_BY_TYPE: Readonly<Record<string, readonly string[]>> = {
  agent: ["prompt", "skill", "skills"],
  bash: ["command"],
  script: ["script"],
  tool: ["tool"],
  action: ["action"],
  workflow: ["workflow"],
  wait: ["wait"],
};
