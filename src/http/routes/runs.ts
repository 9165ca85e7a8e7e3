import { z } from "@hono/zod-openapi";
import { Fault } from "../../domain/fault.ts";
import { RUN_STATUSES, type RunStatus } from "../../domain/run.ts";
import type { Dispatch } from "../../engine/dispatch.ts";
import type { Engine } from "../../engine/engine.ts";
import type { RunDetail } from "../../store/lines.ts";
import type { Store } from "../../store/store.ts";
import type { Cancelled, ExecutionList, RunList, StartedRun } from "../api.ts";
import type { Newsroom } from "../news.ts";
import { type App, route } from "../route.ts";
import * as schemas from "../schemas.ts";
import { page } from "./page.ts";

const short = z.string().min(1).max(200);
const statusWord = z.enum(RUN_STATUSES);

/** Several words, each parameter holding one or more between commas. */
const statuses = z
  .union([z.string(), z.array(z.string())])
  .transform((given): RunStatus[] => [given].flat().flatMap((each) => each.split(",")) as RunStatus[])
  .pipe(z.array(statusWord).max(50));

const listQuery = z.strictObject({
  ...page,
  status: statuses.optional().openapi({ type: "array", items: { type: "string", enum: [...RUN_STATUSES] } }),
  workflow: short.optional(),
  trigger: short.optional(),
  label: short.optional(),
  starred: z
    .enum(["true", "false"])
    .transform((word) => word === "true")
    .optional()
    .openapi({ type: "boolean" }),
  since: z
    .union([z.iso.datetime({ offset: true }), z.iso.date()], "must be a date or a moment in ISO 8601")
    // Text order is time order only in one fixed form.
    .transform((moment) => new Date(moment).toISOString())
    .optional()
    .openapi({ type: "string", format: "date-time" }),
});

export function runRoutes(
  app: App,
  { store, engine, dispatch, newsroom }: { store: Store; engine: Engine; dispatch: Dispatch; newsroom: Newsroom },
): void {
  const known = async (id: string): Promise<RunDetail> => {
    const run = await store.run(id);
    if (!run) throw new Fault("run.unknown", `There is no run ${id}`);
    return run;
  };

  route(
    app,
    {
      method: "post",
      path: "/api/v1/runs",
      needs: "operator",
      summary: "Start a run; a known idempotency key answers with the run that exists",
      workflow: ({ body }) => body.workflow,
      body: schemas.startRun,
      answers: { 202: schemas.startedRun, 200: schemas.startedRun },
    },
    async ({ c, by, body }) => {
      const { created, run } = await dispatch({
        workflow: body.workflow,
        inputs: body.inputs ?? {},
        ...(body.context && { context: body.context }),
        trigger: { type: "api", id: null, by },
        once: body.idempotency_key ?? null,
      });
      c.set("subject", run.id);
      return c.json<StartedRun>({ id: run.id, status: run.status, created }, created ? 202 : 200);
    },
  );

  route(
    app,
    {
      method: "get",
      path: "/api/v1/runs",
      needs: "viewer",
      summary: "List runs, newest first",
      workflow: ({ query }) => query.workflow ?? null,
      query: listQuery,
      answers: { 200: schemas.runList },
    },
    async ({ c, query: { limit, cursor, ...filter } }) => {
      const { rows, next } = await store.runs(filter, { limit, ...(cursor !== undefined && { after: cursor }) });
      return c.json({ items: rows, next_cursor: next } satisfies RunList);
    },
  );

  route(
    app,
    {
      method: "get",
      path: "/api/v1/runs/{id}",
      needs: "viewer",
      ownRun: true,
      of: "run",
      summary: "Everything about a run",
      answers: { 200: schemas.runBody },
    },
    async ({ c, id }) => c.json(await known(id)),
  );

  route(
    app,
    {
      method: "get",
      path: "/api/v1/runs/{id}/executions",
      needs: "viewer",
      ownRun: true,
      of: "run",
      summary: "The tries of a run's phases",
      answers: { 200: schemas.executionList },
    },
    async ({ c, id }) => c.json({ items: (await known(id)).executions } satisfies ExecutionList),
  );

  route(
    app,
    {
      method: "get",
      path: "/api/v1/runs/{id}/events",
      needs: "viewer",
      ownRun: true,
      of: "run",
      summary: "A run's changes as server-sent events: event `run`, id the revision",
      answers: { 200: "text/event-stream", 204: "The run is over and everything was seen" },
    },
    async ({ c, id }) => {
      // One connection for one stream: when the stream ends there is nothing to keep alive.
      const headers = { "Content-Type": "text/event-stream; charset=utf-8", Connection: "close" };
      await known(id);
      if (c.req.method === "HEAD") return c.body(null, 200, headers);
      if (newsroom.full) throw new Fault("stream.too_many", "Too many event streams are open");
      const last = c.req.header("last-event-id") ?? "";
      const stream = await newsroom.open(id, /^\d{1,15}$/.test(last) ? Number(last) : -1);
      return stream ? c.body(stream, 200, headers) : c.body(null, 204);
    },
  );

  route(
    app,
    {
      method: "post",
      path: "/api/v1/runs/{id}/cancel",
      needs: "operator",
      of: "run",
      summary: "End a run and everything it has under way",
      answers: { 200: schemas.cancelled },
    },
    async ({ c, id, by }) => {
      const { status } = await engine.cancel(id, by);
      return c.json<Cancelled>({ id, status });
    },
  );

  const mark = async (id: string, marks: Parameters<Store["mark"]>[1]): Promise<RunDetail> => {
    await store.mark(id, marks);
    return known(id);
  };
  route(
    app,
    {
      method: "post",
      path: "/api/v1/runs/{id}/star",
      needs: "operator",
      of: "run",
      summary: "Star a run, or take the star away",
      body: schemas.starRun,
      answers: { 200: schemas.runBody },
    },
    async ({ c, id, body }) => c.json(await mark(id, body)),
  );
  route(
    app,
    {
      method: "post",
      path: "/api/v1/runs/{id}/label",
      needs: "operator",
      of: "run",
      summary: "Label a run, or take the label away",
      body: schemas.labelRun,
      answers: { 200: schemas.runBody },
    },
    async ({ c, id, body }) => c.json(await mark(id, body)),
  );
}
