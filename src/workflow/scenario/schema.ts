import { z } from "zod";
import type { FaultCode } from "../../domain/fault.ts";
import { PHASE_STATUSES } from "../../domain/graph.ts";
import { RUN_STATUSES, type RunReason } from "../../domain/run.ts";
import { anyValue, duration, positive, relativePath, span, spanOrNever } from "../schema/text.ts";
import { didYouMean } from "../suggest.ts";

const REASONS = [
  "gate",
  "timer",
  "child",
  "action",
  "operator",
  "concurrency",
  "disk_full",
  "rejected",
  "expired",
  "timeout",
  "budget",
  "crash_loop",
] as const satisfies readonly RunReason[];

/** How a request for a run is turned down. */
const REFUSALS = [
  "workflow.unknown",
  "workflow.invalid",
  "workflow.unavailable",
  "workflow.disabled",
  "input.invalid",
  "secret.missing",
  "budget.exceeded",
  "template.failed",
] as const satisfies readonly FaultCode[];

const MOST_ACTS = 1_000;
const MOST_ANSWERS = 1_000;
const MOST_TRIGGERS = 200;
const MOST_EVENTS = 1_000;
const MOST_FILES = 100;
const MOST_SETTINGS = 500;
/** Of one list of expectations, and of all that is expected of one run. */
export const MOST_EXPECTATIONS = 500;

const count = z.int().min(0);
const word = z.string().min(1).max(200);
const words = z.string().min(1);

/** Phases, gates and workflows by name; whether there are such is judged against the workflow. */
const byName = <Value extends z.ZodType>(value: Value) => z.record(z.string(), value);

/** Rules between keys are silent about a map whose keys are wrong already. */
const whenWellFormed = { when: ({ issues }: { readonly issues: readonly unknown[] }) => issues.length === 0 };

const saysSomething = (words: string) => ({ ...whenWellFormed, error: `expects nothing. Write ${words}` });

type Forms = readonly [z.ZodType, ...z.ZodType[]];

/** One, or a list of them in the order they are needed. A form's own forms stand beside the list: unions do not nest well. */
function oneOrMany<const One extends Forms>(one: One, most: number, wanted: string, known: readonly string[] = []) {
  const form = ({ input }: { readonly input?: unknown }): string => {
    const meant = typeof input === "string" ? didYouMean(input, known) : "";
    return `${input === null ? "has no value; it " : ""}must be ${wanted}${meant}`;
  };
  return z
    .union([...one, z.array(z.union(one, { error: form }))], { error: form })
    .refine((given) => !Array.isArray(given) || given.length > 0, { error: "must not be empty" })
    .refine((given) => !Array.isArray(given) || given.length <= most, { error: `may hold at most ${most}` });
}

const act = [
  z.string(),
  z.strictObject({
    exit: z.int().min(0).max(255).optional(),
    output: z.string().optional(),
    stderr: z.string().optional(),
    takes: spanOrNever.optional(),
    lost: z.boolean().optional(),
    error: words.optional(),
    usd: z.number().min(0).optional(),
    turns: count.optional(),
    input_tokens: count.optional(),
    output_tokens: count.optional(),
    files: z
      .record(relativePath, z.string())
      .refine((files) => Object.keys(files).length <= MOST_FILES, { error: `may hold at most ${MOST_FILES}` })
      .optional(),
  }),
] as const;

const ACT = "an output, a map of exit, output, stderr, takes, lost, error, usd, turns, files, or a list of those";

const WORDS = ["approve", "reject", "nobody"] as const;

const answer = [
  z.enum(WORDS),
  z
    .strictObject({
      decision: z.enum(["approve", "reject"]).optional(),
      reply: z.string().optional(),
      by: word.optional(),
      after: span.optional(),
      comment: z.string().optional(),
    })
    .refine((given) => (given.decision === undefined) !== (given.reply === undefined), {
      ...whenWellFormed,
      error: "needs decision or reply, and not both",
    })
    .refine((given) => given.reply === undefined || given.comment === undefined, {
      ...whenWellFormed,
      path: ["comment"],
      error: "means nothing beside reply, which is all that is said. Remove it",
    }),
] as const;

const ANSWER = "approve, reject, nobody, a map of decision or reply, by, after, comment, or a list of those";

const cast = {
  phases: byName(oneOrMany(act, MOST_ACTS, ACT)).optional(),
  answers: byName(oneOrMany(answer, MOST_ANSWERS, ANSWER, WORDS)).optional(),
};

const phaseExpectation = z
  .strictObject({
    status: z.enum(PHASE_STATUSES).optional(),
    tries: count.optional(),
    asks: count.optional(),
    output: z
      .union([z.string(), z.strictObject({ contains: words })], { error: "must be a text, or { contains: … }" })
      .optional(),
    given: words.optional(),
  })
  .refine((given) => Object.keys(given).length > 0, saysSomething("status, tries, asks, output or given"));

const expectation = z.strictObject({
  status: z.enum(RUN_STATUSES).optional(),
  reason: z.enum(REASONS).nullable().optional(),
  refused: z.enum(REFUSALS).optional(),
  phases: byName(phaseExpectation).optional(),
  order: z.array(z.string()).min(1).max(MOST_EXPECTATIONS).optional(),
  never: z.array(z.string()).min(1).max(MOST_EXPECTATIONS).optional(),
  said: z.array(words).min(1).max(MOST_EXPECTATIONS).optional(),
  takes: z
    .strictObject({ at_least: span.optional(), at_most: span.optional() })
    .refine((given) => Object.keys(given).length > 0, saysSomething("at_least or at_most"))
    .optional(),
  costs: z
    .strictObject({ usd: z.number().min(0).optional(), turns: count.optional(), tokens: count.optional() })
    .refine((given) => Object.keys(given).length > 0, saysSomething("usd, turns or tokens"))
    .optional(),
});

const trigger = {
  at: span.optional(),
  type: z.enum(["api", "webhook", "cron", "chat"]).optional(),
  id: word.optional(),
  by: word.optional(),
  once: word.optional(),
  inputs: anyValue.optional(),
  context: anyValue.optional(),
};

const moment = z.string().refine(isMoment, {
  error: 'must be a moment from 1970 to 9900 with its zone, such as "2026-01-05T09:00:00Z"',
});

/** ISO 8601 with its zone, of a day that the calendar has. */
function isMoment(text: string): boolean {
  const found = /^(\d{4}-\d\d-\d\d)T\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?(?:Z|[+-]\d\d:\d\d)$/.exec(text);
  const day = Date.parse(`${found?.[1]}T00:00:00Z`);
  if (!found || Number.isNaN(day) || !new Date(day).toISOString().startsWith(found[1] as string)) return false;
  const ms = Date.parse(text);
  // Moments are compared as text, which ends with the year 9999, and a scenario may go on for ten years.
  return ms >= 0 && ms < Date.UTC(9900, 0);
}

export const scenario = z.strictObject({
  name: z.string().max(200).optional(),
  description: z.string().optional(),
  seed: count.optional(),
  start: moment.optional(),
  limit: duration.optional(),
  easy: z.boolean().optional(),
  settings: z
    .strictObject({
      approvals: z.array(words).max(MOST_SETTINGS).optional(),
      models: byName(z.string()).optional(),
      variants: byName(z.string()).optional(),
      secrets: z.array(words).max(MOST_SETTINGS).optional(),
      public_url: z
        .string()
        .regex(/^https?:\/\/\S+$/, { error: "must be an address that begins with http:// or https://" })
        .optional(),
      sandbox: word.optional(),
      max_executions: positive.max(1_000).optional(),
    })
    .optional(),
  trigger: z.strictObject(trigger).optional(),
  expect: expectation.optional(),
  triggers: z
    .array(z.strictObject({ ...trigger, expect: expectation.optional() }))
    .min(1)
    .max(MOST_TRIGGERS)
    .optional(),
  ...cast,
  children: byName(z.strictObject(cast)).optional(),
  signals: z
    .array(
      z.strictObject({
        at: span,
        name: word,
        payload: z.unknown().optional(),
        id: word.optional(),
        run: positive.optional(),
      }),
    )
    .max(MOST_EVENTS)
    .optional(),
  operator: z
    .array(
      z
        .strictObject({
          at: span,
          do: z.enum(["pause", "resume", "cancel", "retry"]),
          from: z.string().optional(),
          by: word.optional(),
          run: positive.optional(),
        })
        .refine((deed) => deed.from === undefined || deed.do === "retry", {
          path: ["from"],
          error: "belongs to do: retry. Remove it",
        }),
    )
    .max(MOST_EVENTS)
    .optional(),
});

export type DeclaredScenario = z.infer<typeof scenario>;
export type DeclaredCast = Pick<DeclaredScenario, "phases" | "answers">;
export type DeclaredExpectation = z.infer<typeof expectation>;
export type DeclaredAct = z.infer<(typeof act)[number]>;
export type DeclaredAnswer = z.infer<(typeof answer)[number]>;
export type DeclaredTrigger = NonNullable<DeclaredScenario["triggers"]>[number];
