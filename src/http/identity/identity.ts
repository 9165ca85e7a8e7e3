import type { Clock } from "../../domain/clock.ts";
import type { Log } from "../../engine/contracts/log.ts";
import type { Store } from "../../store/store.ts";
import { guard } from "../auth.ts";
import type { Door } from "../door.ts";
import type { App, WorkflowOf } from "../route.ts";
import { auditRoutes } from "../routes/audit.ts";
import { loginRoutes, type Oidc } from "../routes/login.ts";
import { webSessionRoutes } from "../routes/session.ts";
import { tokenRoutes } from "../routes/tokens.ts";
import { userRoutes } from "../routes/users.ts";
import { accounts } from "./accounts.ts";
import { attempts } from "./attempts.ts";
import { links } from "./links.ts";
import { loginRecord } from "./login-record.ts";
import { passwords } from "./passwords.ts";
import { recogniser } from "./recognise.ts";
import { webSessions } from "./web-sessions.ts";

/** Puts the guard before every route of an app, and adds the routes that have to do with who someone is. */
export function identify(
  app: App,
  options: {
    store: Store;
    door: Door;
    token: string;
    user: string;
    oidc: Oidc | null;
    publicUrl: string;
    clock: Clock;
    log: Log;
  },
): void {
  const { store, door, clock, log } = options;
  const { people } = store;
  const browsers = webSessions({ people, clock });
  const tries = attempts();
  const recognise = recogniser({ ...options, people, sessions: browsers });
  app.use(guard(app, { door, recognise, attempts: tries, people, workflowOf: workflowsOf(store), clock, log }));

  const rooms = {
    people,
    accounts: accounts({ people, passwords: passwords(), attempts: tries }),
    browsers,
    links: links(clock),
    record: loginRecord({ people, attempts: tries, log }),
    clock,
  };
  webSessionRoutes(app, rooms);
  loginRoutes(app, { ...options, ...rooms });
  userRoutes(app, rooms);
  tokenRoutes(app, rooms);
  auditRoutes(app, rooms);
}

function workflowsOf(store: Store): WorkflowOf {
  return async (of, id) => {
    if (of === "workflow") return id;
    const run = of === "run" ? id : ((await store.approval(id))?.workflow_run_id ?? null);
    return run === null ? null : ((await store.run(run))?.workflow_name ?? null);
  };
}
