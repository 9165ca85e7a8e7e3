/**
 * What people are trusted with; each may do what those before it may. A viewer reads; an approver also answers gates; an
 * operator also starts, cancels, retries, pauses and marks runs, triggers crons, replays deliveries; an admin also
 * switches workflows, overrides, leaves safe mode, and looks after users, tokens and the audit.
 */
export const ROLES = ["viewer", "approver", "operator", "admin"] as const;
export type Role = (typeof ROLES)[number];

/** Whom a route is for: anyone at all, or whoever holds this role. */
export type Needs = Role | "public";

/**
 * Who asks. `local`: whoever can read the daemon's own token file; `user`: a person, by a web session; `token`: a program
 * with a token that a person made for it; `execution`: a phase's own try.
 */
export interface Identity {
  readonly kind: "local" | "user" | "token" | "execution";
  /** A person's name; `owner/name` of a token; an execution's id. */
  readonly name: string;
  readonly role: Role;
  readonly groups: readonly string[];
  readonly scopes: Scopes;
}
export interface Scopes {
  /** Only runs of these workflows; null for all. */
  readonly workflows: readonly string[] | null;
  /** The one run an execution belongs to; null for everyone else. */
  readonly run: string | null;
}

export const UNSCOPED: Scopes = { workflows: null, run: null };

/** What is asked, as far as anyone's leave depends on it. */
interface Asked {
  readonly needs: Needs;
  /** The run it is about, where an execution may ask that of its own. */
  readonly ownRun?: string;
}

/** Whether an identity may do this at all; what of it stands open to a token for certain workflows is `reaches`. */
export function mayDo(identity: Identity, { needs, ownRun }: Asked): boolean {
  if (needs === "public") return true;
  // Never by rank: an execution reads its own run where a route says so, and is nobody everywhere else.
  if (identity.kind === "execution")
    return needs === "viewer" && ownRun !== undefined && ownRun === identity.scopes.run;
  return isAtLeast(identity.role, needs);
}

/** Whether a workflow's runs stand open to this identity; null is what belongs to no workflow, or to several. */
export function reaches({ scopes }: Identity, workflow: string | null): boolean {
  return scopes.workflows === null || (workflow !== null && scopes.workflows.includes(workflow));
}

export function isAtLeast(role: Role, least: Role): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(least);
}

/** Who did it, as it is recorded: `local:ana`, `user:ana`, `token:ana/ci`, `execution:<id>`. */
export function byOf({ kind, name }: Identity): string {
  return `${kind}:${name}`;
}

const NAME = /^[a-z0-9][a-z0-9._-]{0,63}$/;

/**
 * A name as it is kept: one spelling for what looks alike, and only letters that nothing else looks like. Null where it
 * cannot be one.
 */
export function nameOf(given: string): string | null {
  if (given.length > 256) return null;
  const name = given.normalize("NFKC").trim().toLowerCase();
  return NAME.test(name) ? name : null;
}
