import type { Clock } from "../../domain/clock.ts";
import type { Run } from "../../domain/run.ts";
import type { Engine } from "../../engine/engine.ts";
import type { Fork } from "../../engine/fork.ts";
import type { Moved, StartedRun } from "../api.ts";
import { type App, route } from "../route.ts";
import * as schemas from "../schemas.ts";

/** What an operator does to a run: hold it back, let it go on, have it done again, send it word. */
export function operateRoutes(app: App, { engine, fork, clock }: { engine: Engine; fork: Fork; clock: Clock }): void {
  const moved = ({ id, status }: Run): Moved => ({ id, status });

  route(
    app,
    {
      method: "post",
      path: "/api/v1/runs/{id}/pause",
      needs: "operator",
      of: "run",
      summary: "Hold a run back: what executes goes on, nothing more starts",
      answers: { 200: schemas.moved },
    },
    async ({ c, id }) => c.json(moved(await engine.pause(id))),
  );
  route(
    app,
    {
      method: "post",
      path: "/api/v1/runs/{id}/resume",
      needs: "operator",
      of: "run",
      summary: "Let a run go on that an operator held back",
      answers: { 200: schemas.moved },
    },
    async ({ c, id }) => c.json(moved(await engine.resume(id))),
  );
  route(
    app,
    {
      method: "post",
      path: "/api/v1/runs/{id}/retry",
      needs: "operator",
      of: "run",
      summary: "Have a run that is over go on, from a phase or from whatever did not succeed",
      body: schemas.retryRun,
      answers: { 200: schemas.moved },
    },
    async ({ c, id, by, body }) => c.json(moved(await engine.retry(id, body.from ?? null, by))),
  );
  route(
    app,
    {
      method: "post",
      path: "/api/v1/runs/{id}/fork",
      needs: "operator",
      of: "run",
      summary: "Start a run that begins as this one stood before a phase, with what is edited about it",
      // Who brings a text of their own brings another workflow, whatever its name.
      workflow: ({ body }) => (body.yaml === undefined && body.files === undefined ? undefined : null),
      body: schemas.forkRun,
      answers: { 202: schemas.startedRun, 200: schemas.startedRun },
    },
    async ({ c, id, by, body: { from, inputs, yaml, files, idempotency_key: once } }) => {
      const edits = { ...(inputs && { inputs }), ...(yaml !== undefined && { yaml }), ...(files && { files }) };
      const { created, run } = await fork({ run: id, from, by, once: once ?? null, ...edits });
      return c.json<StartedRun>({ id: run.id, status: run.status, created }, created ? 202 : 200);
    },
  );
  route(
    app,
    {
      method: "post",
      path: "/api/v1/runs/{id}/signals",
      needs: "operator",
      of: "run",
      summary: "Send a run word from outside: kept whether or not it waits; the first under an id stands",
      body: schemas.sendSignal,
      answers: { 202: schemas.moved },
    },
    async ({ c, id, body: { name, payload = true, id: signal = clock.id() } }) =>
      c.json(moved(await engine.signal(id, { id: signal, name, payload })), 202),
  );
}
