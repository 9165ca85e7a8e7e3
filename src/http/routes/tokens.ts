import type { Clock } from "../../domain/clock.ts";
import { Fault } from "../../domain/fault.ts";
import { type Identity, isAtLeast } from "../../domain/identity.ts";
import type { People, TokenLine } from "../../store/people.ts";
import type { CreateToken, IssuedToken, TokenList } from "../api.ts";
import { keptName } from "../identity/accounts.ts";
import { digest, secret, TOKEN_PREFIX } from "../identity/secrets.ts";
import { type App, route } from "../route.ts";
import * as schemas from "../schemas/people.ts";

const DAY_MS = 24 * 3_600_000;
const DAYS = 90;

/** Tokens for programs: no more than their owner may, shown once, good until they expire or are revoked. */
export function tokenRoutes(app: App, { people, clock }: { people: People; clock: Clock }): void {
  route(
    app,
    {
      method: "get",
      path: "/api/v1/tokens",
      needs: "viewer",
      summary: "List one's own tokens; for an admin everyone's",
      answers: { 200: schemas.tokenList },
    },
    async ({ c }) => {
      const identity = c.get("identity") as Identity;
      const owner = identity.role === "admin" ? null : ownerOf(identity);
      return c.json({ items: await people.tokens(owner) } satisfies TokenList);
    },
  );

  route(
    app,
    {
      method: "post",
      path: "/api/v1/tokens",
      needs: "viewer",
      summary: "Make a token; it is shown this once",
      body: schemas.createToken,
      answers: { 201: schemas.issuedToken },
    },
    async ({ c, body }) => {
      const identity = c.get("identity") as Identity;
      const { token, ...asked } = await drawn(identity, body);
      if (!(await people.addToken({ ...asked, hash: digest(token) }))) {
        throw new Fault("token.taken", `${asked.owner} has a token ${asked.name} already`);
      }
      const made = (await people.tokens(asked.owner)).find(({ id }) => id === asked.id) as TokenLine;
      c.set("subject", made.id);
      return c.json({ ...made, token } satisfies IssuedToken, 201);
    },
  );

  async function drawn(identity: Identity, body: CreateToken) {
    // A token that leaked is not to outlive itself.
    if (identity.kind === "token") throw new Fault("identity.forbidden", "A token cannot make tokens");
    const other = body.owner === undefined ? null : keptName(body.owner);
    if (other !== null && other !== identity.name && identity.role !== "admin") {
      throw new Fault("identity.forbidden", "Tokens of others are for admins to make");
    }
    const owner = other === null ? null : await people.user(other);
    if (other !== null && !owner) throw new Fault("user.unknown", `There is no user ${other}`);
    const most = owner?.role ?? identity.role;
    const { role = most, expires_in_days: days = DAYS } = body;
    if (!isAtLeast(most, role)) {
      throw new Fault(
        "identity.forbidden",
        `${owner?.name ?? identity.name} is ${most}, and no token of theirs is more`,
      );
    }
    return {
      id: clock.id(),
      owner: other ?? ownerOf(identity),
      machine: other === null && identity.kind === "local",
      name: keptName(body.name),
      role,
      workflows: body.workflows ?? null,
      expiresAt: days === null ? null : new Date(Date.parse(clock.now()) + days * DAY_MS).toISOString(),
      token: `${TOKEN_PREFIX}${secret()}`,
    };
  }

  route(
    app,
    {
      method: "delete",
      path: "/api/v1/tokens/{id}",
      needs: "viewer",
      summary: "Revoke a token: one's own, or as an admin anyone's",
      answers: { 200: schemas.tokenLine },
    },
    async ({ c, id }) => {
      const identity = c.get("identity") as Identity;
      const owner = identity.role === "admin" ? null : ownerOf(identity);
      const revoked = await people.revokeToken(id, owner);
      if (!revoked) throw new Fault("token.unknown", `There is no token ${id.slice(0, 64)} to revoke`);
      return c.json(revoked);
    },
  );
}

/** Whose tokens are one's own. The machine's have no user, and no user's name. */
function ownerOf({ kind, name }: Identity): string {
  if (kind === "local") return `local:${name}`;
  return kind === "token" ? (name.split("/")[0] as string) : name;
}
