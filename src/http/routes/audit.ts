import { z } from "@hono/zod-openapi";
import type { People } from "../../store/people.ts";
import type { AuditList } from "../api.ts";
import { type App, route } from "../route.ts";
import * as schemas from "../schemas/people.ts";
import { page } from "./page.ts";

/** Who did what. */
export function auditRoutes(app: App, { people }: { people: People }): void {
  route(
    app,
    {
      method: "get",
      path: "/api/v1/audit",
      needs: "admin",
      summary: "What was asked of the daemon, by whom, from where and with what outcome; newest first",
      query: z.strictObject({ ...page, who: z.string().min(1).max(200).optional() }),
      answers: { 200: schemas.auditList },
    },
    async ({ c, query: { limit, cursor, who } }) => {
      const filter = who === undefined ? {} : { who };
      const { rows, next } = await people.audit(filter, { limit, ...(cursor !== undefined && { after: cursor }) });
      return c.json({ items: rows, next_cursor: next } satisfies AuditList);
    },
  );
}
