import { z } from "@hono/zod-openapi";
import { APPROVAL_STATUSES } from "../../domain/approval.ts";
import { Fault } from "../../domain/fault.ts";
import type { Engine } from "../../engine/engine.ts";
import type { Store } from "../../store/store.ts";
import type { ApprovalList } from "../api.ts";
import { type App, route } from "../route.ts";
import * as schemas from "../schemas.ts";
import { page } from "./page.ts";

export function approvalRoutes(app: App, { store, engine }: { store: Store; engine: Engine }): void {
  route(
    app,
    {
      method: "get",
      path: "/api/v1/approvals",
      needs: "viewer",
      summary: "List gates, newest first",
      query: z.strictObject({ ...page, status: z.enum(APPROVAL_STATUSES).optional() }),
      answers: { 200: schemas.approvalList },
    },
    async ({ c, query: { limit, cursor, ...filter } }) => {
      const { rows, next } = await store.approvals(filter, { limit, ...(cursor !== undefined && { after: cursor }) });
      return c.json({ items: rows, next_cursor: next } satisfies ApprovalList);
    },
  );

  route(
    app,
    {
      method: "get",
      path: "/api/v1/approvals/{id}",
      needs: "viewer",
      of: "approval",
      summary: "One gate and its answer",
      answers: { 200: schemas.approvalLine },
    },
    async ({ c, id }) => {
      const approval = await store.approval(id);
      if (!approval) throw new Fault("approval.unknown", `There is no approval ${id}`);
      return c.json(approval);
    },
  );

  route(
    app,
    {
      method: "post",
      path: "/api/v1/approvals/{id}/respond",
      needs: "approver",
      of: "approval",
      summary: "Answer a gate; the first valid answer stands",
      body: schemas.respond,
      answers: { 200: schemas.approvalLine },
    },
    async ({ c, id, by, body }) =>
      c.json(await engine.answer(id, { decision: body.decision, by, comment: body.comment ?? null })),
  );
}
