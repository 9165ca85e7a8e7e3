import { z } from "@hono/zod-openapi";
import type { Crons } from "../../store/crons.ts";
import type { Cron } from "../../triggers/cron.ts";
import type { CronFires, CronList } from "../api.ts";
import { type App, route } from "../route.ts";
import * as schemas from "../schemas/crons.ts";
import { page } from "./page.ts";

/** How many next slots of each are told. */
const preview = (standard: number) =>
  z.strictObject({
    next: z
      .string()
      .regex(/^(?:\d|[1-4]\d|50)$/, "must be a whole number from 0 to 50")
      .transform(Number)
      .default(standard)
      .openapi({ type: "integer", minimum: 0, maximum: 50, default: standard }),
  });

export function cronRoutes(app: App, { cron, crons }: { cron: Cron; crons: Pick<Crons, "fires"> }): void {
  route(
    app,
    {
      method: "get",
      path: "/api/v1/crons",
      needs: "viewer",
      summary: "Schedules by name: whether each is on, what came of its last slot, when the next ones are",
      query: preview(1),
      answers: { 200: schemas.cronList },
    },
    async ({ c, query: { next } }) => c.json({ items: await cron.list(next) } satisfies CronList),
  );

  route(
    app,
    {
      method: "get",
      path: "/api/v1/crons/{name}",
      needs: "viewer",
      summary: "One schedule with its next slots",
      query: preview(10),
      answers: { 200: schemas.cronBody },
    },
    async ({ c, id: name, query: { next } }) => c.json(await cron.one(name, next)),
  );

  route(
    app,
    {
      method: "get",
      path: "/api/v1/crons/{name}/fires",
      needs: "viewer",
      summary: "What came of each slot of a schedule, newest first; also of one that no file has any more",
      query: z.strictObject(page),
      answers: { 200: schemas.cronFires },
    },
    async ({ c, id: name, query: { limit, cursor } }) => {
      const { rows, next } = await crons.fires(name, { limit, ...(cursor !== undefined && { after: cursor }) });
      // Nothing has come of it yet, or nobody knows it.
      if (rows.length === 0) await cron.one(name, 0);
      return c.json({ items: rows, next_cursor: next } satisfies CronFires);
    },
  );

  route(
    app,
    {
      method: "put",
      path: "/api/v1/crons/{name}/override",
      needs: "admin",
      summary: "Switch a schedule off or on, or give it another expression; one that paused itself goes on",
      body: schemas.overrideCron,
      answers: { 200: schemas.cronBody },
    },
    async ({ c, id: name, by, body: { enabled, schedule } }) => {
      await cron.override(
        name,
        { ...(enabled !== undefined && { enabled }), ...(schedule !== undefined && { schedule }) },
        by,
      );
      return c.json(await cron.one(name, 1));
    },
  );

  route(
    app,
    {
      method: "delete",
      path: "/api/v1/crons/{name}/override",
      needs: "admin",
      summary: "Go back to what the file says",
      answers: { 200: schemas.cronBody },
    },
    async ({ c, id: name, by }) => {
      await cron.override(name, null, by);
      return c.json(await cron.one(name, 1));
    },
  );

  route(
    app,
    {
      method: "post",
      path: "/api/v1/crons/{name}/trigger",
      needs: "operator",
      summary: "Start now, out of turn, what a schedule starts; a known idempotency key answers with what came of it",
      body: schemas.triggerCron,
      answers: { 202: schemas.cronFire },
    },
    async ({ c, id: name, by, body: { idempotency_key: once = null } }) =>
      c.json(await cron.trigger(name, { by, once }), 202),
  );
}
