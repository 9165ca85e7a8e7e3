import { z } from "@hono/zod-openapi";
import { CATCH_UPS, OUTCOMES, OVERLAPS, RESULTS } from "../../domain/schedule.ts";
import type { CronFire } from "../../store/crons.ts";
import type { CronLine } from "../../triggers/cron.ts";
import type { CronFires, CronList, OverrideCron, TriggerCron } from "../api.ts";

/** Every key of an interface, none besides: the compiler holds these schemas to the types that faces share. */
type Fields<T> = { readonly [Key in keyof T]-?: z.ZodType };

const iso = z.iso.datetime();
const text = z.string().nullable();
const count = z.int().min(0);

export const cronFire = z
  .object({
    name: z.string(),
    slot: iso,
    outcome: z.enum(OUTCOMES),
    reason: text,
    run_id: text,
    fired_by: text,
    slots: z.int().min(1),
    decided_at: iso,
    result: z.enum(RESULTS).nullable(),
    finished_at: iso.nullable(),
  } satisfies Fields<CronFire>)
  .openapi("CronFire");
export const cronFires = z.object({ items: z.array(cronFire), next_cursor: text } satisfies Fields<CronFires>);

const override = z.object({
  enabled: z.boolean(),
  schedule: text,
  updated_at: iso,
  updated_by: text,
} satisfies Fields<NonNullable<CronLine["override"]>>);
export const cronBody = z
  .object({
    name: z.string(),
    workflow: text,
    handler: text,
    schedule: z.string(),
    declared: z.string(),
    timezone: z.string(),
    jitter_ms: count,
    overlap: z.enum(OVERLAPS),
    catch_up: z.enum(CATCH_UPS),
    window_ms: count,
    status: z.enum(["on", "off", "paused"]),
    reason: text,
    override: override.nullable(),
    last: cronFire.nullable(),
    next: z.array(z.object({ slot: iso, due: iso })),
  } satisfies Fields<CronLine>)
  .openapi("Cron");
export const cronList = z.object({ items: z.array(cronBody) } satisfies Fields<CronList>);

export const overrideCron = z
  .strictObject({
    enabled: z.boolean().optional(),
    schedule: z.string().min(1).max(200).nullable().optional(),
  } satisfies Fields<OverrideCron>)
  .refine((word) => word.enabled !== undefined || word.schedule !== undefined, "needs enabled or schedule");
export const triggerCron = z.strictObject({
  idempotency_key: z.string().min(1).max(200).optional(),
} satisfies Fields<TriggerCron>);
