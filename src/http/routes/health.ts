import { performance } from "node:perf_hooks";
import { z } from "@hono/zod-openapi";
import type { Clock } from "../../domain/clock.ts";
import { Fault } from "../../domain/fault.ts";
import type { Log } from "../../engine/contracts/log.ts";
import type { Store } from "../../store/store.ts";
import { jsonSchema } from "../../workflow/schema.ts";
import type { Health, Live, Ready } from "../api.ts";
import { type App, route } from "../route.ts";
import * as schemas from "../schemas.ts";

const PULSE_MS = 1_000;

export function healthRoutes(
  app: App,
  options: {
    store: Store;
    clock: Clock;
    log: Log;
    version: string;
    health: () => Promise<Health>;
    stopping: () => boolean;
  },
): void {
  const { store, clock, log, version, health, stopping } = options;
  const pulse = paced(() => store.pulse(), clock);

  route(
    app,
    {
      method: "get",
      path: "/api/v1/health",
      needs: "viewer",
      summary: "How the daemon is",
      answers: { 200: schemas.health },
    },
    async ({ c }) => c.json(await health()),
  );

  route(
    app,
    {
      method: "get",
      path: "/livez",
      needs: "public",
      summary: "Whether the process is alive",
      answers: { 200: schemas.live },
    },
    async ({ c }) => {
      const asked = performance.now();
      await new Promise<void>((resolve) => void setImmediate(resolve));
      const lag = Math.round((performance.now() - asked) * 100) / 100;
      return c.json<Live>({ status: "alive", loop_lag_ms: lag });
    },
  );

  route(
    app,
    {
      method: "get",
      path: "/readyz",
      needs: "public",
      summary: "Whether the daemon takes work: its disk was written to",
      answers: { 200: schemas.ready },
    },
    async ({ c }) => {
      if (stopping()) throw new Fault("store.stopped", "The daemon is stopping");
      await pulse().catch((error: unknown) => {
        log.error({ err: error }, "the store took no write");
        // Anyone may ask, so nobody is told more.
        throw new Fault("store.trouble", "The store took no write");
      });
      return c.json<Ready>({ status: "ready" });
    },
  );

  let schema: object | null = null;
  route(
    app,
    {
      method: "get",
      path: "/schema/workflow.json",
      needs: "public",
      summary: "The grammar as JSON Schema, for editors",
      answers: { 200: z.any() },
    },
    ({ c }) => {
      schema ??= jsonSchema();
      return c.json(schema);
    },
  );

  let description: object | null = null;
  route(
    app,
    { method: "get", path: "/openapi.json", needs: "public", summary: "This description", answers: { 200: z.any() } },
    ({ c }) => {
      description ??= app.getOpenAPI31Document({
        openapi: "3.1.0",
        info: { title: "lastlight", version },
        security: [{ token: [] }],
      });
      return c.json(description);
    },
  );
  app.openAPIRegistry.registerComponent("securitySchemes", "token", { type: "http", scheme: "bearer" });

  route(
    app,
    { method: "get", path: "/", needs: "public", summary: "What this is", answers: { 200: "text/plain" } },
    ({ c }) =>
      c.text(`lastlight ${version}\n\nThe API is under /api/v1 and needs a token; it is described in /openapi.json.\n`),
  );
}

/** One call for all who ask within a second: a health check must not become a load on the disk. */
function paced(act: () => Promise<void>, clock: Clock): () => Promise<void> {
  let last: Promise<void> | null = null;
  let at = 0;
  return () => {
    const now = Date.parse(clock.now());
    if (!last || Math.abs(now - at) >= PULSE_MS) {
      at = now;
      last = act();
    }
    return last;
  };
}
