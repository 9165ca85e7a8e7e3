import { scryptSync } from "node:crypto";
import type { Role } from "../../src/domain/identity.ts";
import { digest, EXECUTION_PREFIX, secret, TOKEN_PREFIX } from "../../src/http/identity/secrets.ts";
import type { NewToken } from "../../src/store/people.ts";
import { version, workflow } from "../support/workflow.ts";
import type { World } from "./world.ts";

/** Headers that say who asks. */
export type Credentials = Readonly<Record<string, string>>;

export const PASSWORD = "correct horse battery staple";
/** As one is kept, with less work in it: what is kept says how much there is, and a test has many to do. */
const HASHED = [
  "scrypt",
  1_024,
  8,
  1,
  "c2FsdCBvZiBhIHRlc3Q",
  scryptSync(PASSWORD, "salt of a test", 32, { N: 1_024 }).toString("base64url"),
].join("$");

/** A person of this name and role, with a password where a test logs in by one. */
export async function addPerson(
  { store }: World,
  name: string,
  role: Role,
  more: { password?: true; groups?: readonly string[]; email?: string } = {},
): Promise<void> {
  const passwordHash = more.password ? HASHED : null;
  const { groups = [], email = null } = more;
  await store.people.addUser({ name, role, groups, email, passwordHash, subject: null, by: "local:ada" });
}

/** A browser that this person is logged in with. */
export async function browserOf({ store, server }: World, owner: string): Promise<Credentials> {
  const cookie = secret();
  await store.people.openSession({
    hash: digest(cookie),
    owner,
    machine: false,
    expiresAt: "9999-01-01T00:00:00.000Z",
  });
  return { cookie: `lastlight-${server.port}=${cookie}`, "x-lastlight-csrf": "1" };
}

/** A token of this person's, and its id. */
export async function tokenOf(
  world: World,
  owner: string,
  more: Partial<NewToken> = {},
): Promise<Credentials & { readonly id: string }> {
  const token = `${TOKEN_PREFIX}${secret()}`;
  const id = world.options.clock.id();
  const name = `t${id.slice(-8)}`;
  await world.store.people.addToken({
    id,
    hash: digest(token),
    owner,
    machine: false,
    name,
    role: "admin",
    workflows: null,
    expiresAt: null,
    ...more,
  });
  return { authorization: `Bearer ${token}`, id };
}

/** What an execution would say who it is with. */
export async function executionToken({ store }: World, execution: string, run: string): Promise<Credentials> {
  const token = `${EXECUTION_PREFIX}${secret()}`;
  await store.people.addExecutionToken({ hash: digest(token), execution, run });
  return { authorization: `Bearer ${token}` };
}

/** An execution that runs, held by nobody who would end it. */
export async function executing({ store }: World): Promise<{ execution: string; run: string }> {
  const run = crypto.randomUUID();
  const made = await store.create(
    {
      id: run,
      version: version(workflow("greet", [{ name: "hello" }])),
      trigger: { type: "api", id: run },
      repo: null,
      issueNumber: null,
      context: {},
      inputs: {},
      priority: 0,
      once: null,
    },
    { node: { node: "elsewhere", incarnation: "another" }, cap: 100 },
  );
  const [grant] = made.granted;
  if (!grant) throw new Error("nothing was granted");
  return { execution: grant.execution, run };
}
