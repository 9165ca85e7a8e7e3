import { z } from "@hono/zod-openapi";
import { OUTCOMES } from "../../domain/delivery.ts";
import { Fault } from "../../domain/fault.ts";
import type { Deliveries } from "../../store/deliveries.ts";
import type { Refusals } from "../../triggers/refusals.ts";
import type { Replay } from "../../triggers/replay.ts";
import type { DeliveryBody, DeliveryList, DeliveryReceipt } from "../api.ts";
import { type App, route } from "../route.ts";
import * as schemas from "../schemas.ts";
import { page } from "./page.ts";

const listQuery = z.strictObject({
  ...page,
  source: z.string().min(1).max(64).optional(),
  outcome: z.enum(OUTCOMES).optional(),
  since: z
    .union([z.iso.datetime({ offset: true }), z.iso.date()], "must be a date or a moment in ISO 8601")
    .transform((moment) => new Date(moment).toISOString())
    .optional()
    .openapi({ type: "string", format: "date-time" }),
});

/** What came from outside, what it started, and why or why not. */
export function deliveryRoutes(
  app: App,
  { deliveries, refusals, replay }: { deliveries: Deliveries; refusals: Refusals; replay: Replay },
): void {
  route(
    app,
    {
      method: "get",
      path: "/api/v1/deliveries",
      needs: "viewer",
      summary: "What came from outside, newest first; and how often something was refused since the daemon started",
      query: listQuery,
      answers: { 200: schemas.deliveryList },
    },
    async ({ c, query: { limit, cursor, source, outcome, since } }) => {
      const filter = { ...(source && { source }), ...(outcome && { outcome }), ...(since && { since }) };
      const { rows, next } = await deliveries.list(filter, { limit, ...(cursor !== undefined && { after: cursor }) });
      return c.json<DeliveryList>({ items: rows, next_cursor: next, refused: refusals.counts() });
    },
  );

  route(
    app,
    {
      method: "get",
      path: "/api/v1/deliveries/{id}",
      needs: "viewer",
      summary: "One delivery, with what each workflow said to it and, where it started one, its payload",
      answers: { 200: schemas.deliveryBody },
    },
    async ({ c, id }) => {
      const delivery = await deliveries.one(id);
      if (!delivery) throw new Fault("delivery.unknown", "There is no delivery of that id");
      return c.json<DeliveryBody>(delivery);
    },
  );

  route(
    app,
    {
      method: "post",
      path: "/api/v1/deliveries/{id}/replay",
      needs: "operator",
      summary: "Take a delivery in once more, as one of its own",
      answers: { 202: schemas.deliveryReceipt },
    },
    async ({ c, id }) => {
      const { fresh: _, ...receipt } = await replay(id);
      return c.json<DeliveryReceipt>(receipt, 202);
    },
  );
}
