import { z } from "zod";
import { CATCH_UPS, OVERLAPS } from "../../domain/schedule.ts";
import { inputs } from "./input.ts";
import { limits } from "./kinds.ts";
import { phase } from "./phase.ts";
import { shown } from "./stage.ts";
import { anyValue, condition, duration, ownName, positive, sourceName, variableName, workflowName } from "./text.ts";

/** When a schedule comes round, and what becomes of the times that were missed. */
const calendar = {
  timezone: z
    .string()
    .max(64)
    .describe("A place, as Europe/Berlin. Without it the daemon's own (LASTLIGHT_TIMEZONE, UTC unless it is set).")
    .optional(),
  jitter: duration
    .describe("Each slot fires up to this much later; the same slot always by the same amount.")
    .optional(),
  overlap: z
    .enum(OVERLAPS)
    .describe("What becomes of a slot while a run of this schedule is not over. Without it skip.")
    .optional(),
  catch_up: z
    .enum(CATCH_UPS)
    .describe(
      "Which slots are made up that passed while no daemon ran or the machine slept; of all, at most the newest 100. Without it latest.",
    )
    .optional(),
  window: duration.describe("Slots that are later than this are not made up. Without it 1d.").optional(),
};

const triggers = z.strictObject({
  github: z
    .array(z.strictObject({ events: z.array(z.string()).min(1).max(200), if: condition.optional() }))
    .max(50)
    .describe(
      "Events of GitHub, as issues.opened or, for all its actions, issues. Bots start nothing unless `if` reads actor.kind; comments only of maintainers, unless it reads actor.association.",
    )
    .optional(),
  webhook: z
    .array(z.strictObject({ source: sourceName, if: condition.optional() }))
    .max(50)
    .describe("What comes to /hooks/<source>, for the sources that the daemon is told of.")
    .optional(),
  slack: shown(
    z.array(
      z.strictObject({ command: z.string().optional(), mention: z.unknown().optional(), if: condition.optional() }),
    ),
  ),
  schedule: z
    .array(
      z.strictObject({ name: workflowName.optional(), cron: z.string(), ...calendar, inputs: anyValue.optional() }),
    )
    .max(50)
    .describe("Times at which it starts: five fields of cron. Several need names of their own.")
    .optional(),
});

export const workflow = z.strictObject({
  grammar: z.literal(1, { error: "must be 1, the only grammar there is" }).optional(),
  kind: z.string().min(1).optional(),
  name: workflowName,
  description: z.string().optional(),
  trigger: z.string().optional(),
  on: triggers.optional(),
  inputs: inputs.optional(),
  variables: z.record(ownName, z.string()).optional(),
  secrets: z.array(variableName).optional(),
  env: z.record(variableName, z.string()).optional(),
  concurrency: z
    .strictObject({
      group: z.string().min(1).optional(),
      max: positive.max(1_000).optional(),
      on_conflict: z.enum(["queue", "skip", "replace"]).optional(),
    })
    .optional(),
  budget: z
    .strictObject({ ...limits, per_day_usd: z.number().gt(0).optional() })
    .describe(
      "What a run may use up, all tries together. A limit that is reached ends the run, also while an agent works.",
    )
    .optional(),
  priority: z.int().min(-100).max(100).optional(),
  timeout: duration.optional(),
  pr_scoped: shown(z.boolean()),
  status_checklist: z.boolean().optional(),
  final_message: z.string().optional(),
  notify: shown(z.unknown()),
  classification: shown(
    z.strictObject({ intent: z.string(), description: z.string(), examples: z.array(z.string()).optional() }),
  ),
  chat: shown(
    z
      .strictObject({
        summary: z.string(),
        trigger: z.string().optional(),
        reply: z.string().optional(),
        deflect: z.array(z.string()).optional(),
      })
      .refine((chat) => chat.trigger !== undefined || chat.reply !== undefined, { error: "needs trigger or reply" }),
  ),
  phases: z.array(phase).min(1).max(500),
});

export type DeclaredWorkflow = z.infer<typeof workflow>;

/** A schedule in a file of its own; `condition.unless` is the name of a setting, never an expression. */
export const cron = z
  .strictObject({
    kind: z.literal("cron"),
    name: workflowName,
    description: z.string().optional(),
    schedule: z.string().min(1),
    workflow: z.string().min(1).optional(),
    handler: z.string().min(1).optional(),
    context: anyValue.optional(),
    condition: z.strictObject({ unless: z.string() }).optional(),
    messages: anyValue.optional(),
    ...calendar,
  })
  .refine((file) => (file.workflow === undefined) !== (file.handler === undefined), {
    error: "needs workflow or handler, and not both",
  });

export type DeclaredCron = z.infer<typeof cron>;
