import type { Health } from "../api.ts";
import { type App, route } from "../route.ts";
import * as schemas from "../schemas.ts";

/** An operator's word to the daemon itself. */
export function adminRoutes(app: App, options: { health: () => Promise<Health>; leaveSafeMode: () => void }): void {
  route(
    app,
    {
      method: "delete",
      path: "/api/v1/admin/safe-mode",
      needs: "admin",
      summary: "Leave safe mode: what is owed may start again. Without effect when it is not in force",
      answers: { 200: schemas.health },
    },
    async ({ c }) => {
      options.leaveSafeMode();
      return c.json(await options.health());
    },
  );
}
