import type { People } from "../../store/people.ts";
import type { UserList } from "../api.ts";
import type { Accounts } from "../identity/accounts.ts";
import { type App, route } from "../route.ts";
import * as schemas from "../schemas/people.ts";

/** Who there is, and what they are trusted with. */
export function userRoutes(app: App, { people, accounts }: { people: People; accounts: Accounts }): void {
  route(
    app,
    {
      method: "get",
      path: "/api/v1/users",
      needs: "admin",
      summary: "List people with their roles and groups",
      answers: { 200: schemas.userList },
    },
    async ({ c }) => c.json({ items: await people.users() } satisfies UserList),
  );

  route(
    app,
    {
      method: "post",
      path: "/api/v1/users",
      needs: "admin",
      summary: "Add a person",
      body: schemas.addUser,
      answers: { 201: schemas.userLine },
    },
    async ({ c, by, body }) => {
      const user = await accounts.add(body, by);
      c.set("subject", user.name);
      return c.json(user, 201);
    },
  );

  route(
    app,
    {
      method: "put",
      path: "/api/v1/users/{name}",
      needs: "admin",
      summary: "Change a person's role, groups, address or password; disable or enable them",
      body: schemas.changeUser,
      answers: { 200: schemas.userLine },
    },
    async ({ c, id: name, body }) => {
      const changed = Object.keys(body).map((key) => (key === "role" ? `role ${body.role}` : key));
      c.set("subject", `${name.slice(0, 64)}: ${changed.join(", ")}`);
      return c.json(await accounts.change(name, body));
    },
  );

  route(
    app,
    {
      method: "delete",
      path: "/api/v1/users/{name}",
      needs: "admin",
      summary: "Remove a person with their sessions and tokens; what they did stays in the audit",
      answers: { 200: schemas.userLine },
    },
    async ({ c, id: name }) => c.json(await accounts.remove(name)),
  );
}
