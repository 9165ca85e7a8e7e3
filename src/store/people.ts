import type { Iso } from "../domain/clock.ts";
import type { Identity, Role } from "../domain/identity.ts";
import type { Page, PageRequest } from "./store.ts";

/**
 * Who may ask, and what was asked. Secrets arrive here as digests and are never handed out again, but for a password's
 * hash, to be compared with.
 */
export interface People {
  users(): Promise<readonly UserLine[]>;
  user(name: string): Promise<UserLine | null>;
  /** Whether anyone could log in. */
  hasUsers(): Promise<boolean>;
  /** Whom an identity provider means: by its own word for them, else by an e-mail address it vouches for. */
  known(by: { readonly subject: string; readonly email: string | null }): Promise<UserLine | null>;
  /** What to compare a password with; null for nobody, the disabled, and whoever has none. */
  passwordHash(name: string): Promise<string | null>;

  /** False when the name, the e-mail address or the subject is someone's already. */
  addUser(user: NewUser): Promise<boolean>;
  /** Null when there is nobody of that name. Whoever is disabled, or has a new password, is logged out everywhere. */
  changeUser(name: string, change: UserChange): Promise<UserLine | null>;
  /** Takes sessions and tokens along; what they did stays in the audit. */
  removeUser(name: string): Promise<boolean>;

  /** False when the owner has a token of that name; revoked ones do not count. */
  addToken(token: NewToken): Promise<boolean>;
  /** Null for everyone's. */
  tokens(owner: string | null): Promise<readonly TokenLine[]>;
  /** Null when the owner has none of that id, or it is revoked already; a null owner has everyone's. */
  revokeToken(id: string, owner: string | null): Promise<TokenLine | null>;
  /** Makes a word with which an execution says who it is, for as long as it runs. */
  addExecutionToken(token: { readonly hash: string; readonly execution: string; readonly run: string }): Promise<void>;
  /** Whose bearer token this is the sha-256 of. */
  bearer(hash: string): Promise<Known | null>;

  openSession(session: NewWebSession): Promise<void>;
  /** Whose cookie this is the sha-256 of. */
  session(hash: string): Promise<KnownSession | null>;
  endSession(hash: string): Promise<void>;

  record(entry: AuditEntry): Promise<void>;
  audit(filter: { readonly who?: string }, page: PageRequest): Promise<Page<AuditLine>>;
}

export interface UserLine {
  readonly name: string;
  readonly role: Role;
  readonly groups: readonly string[];
  readonly email: string | null;
  /** Whether there is a password to log in with. */
  readonly password: boolean;
  readonly disabled_at: Iso | null;
  readonly created_at: Iso;
  readonly created_by: string;
  readonly last_login_at: Iso | null;
}

export interface NewUser {
  readonly name: string;
  readonly role: Role;
  readonly groups: readonly string[];
  readonly passwordHash: string | null;
  readonly email: string | null;
  readonly subject: string | null;
  readonly by: string;
}

export interface UserChange {
  readonly role?: Role;
  /** In place of those there were. */
  readonly groups?: readonly string[];
  readonly disabled?: boolean;
  readonly passwordHash?: string;
  readonly email?: string | null;
  readonly subject?: string;
}

export interface NewToken {
  readonly id: string;
  readonly hash: string;
  /** A user's name; with `machine`, of whoever holds STATE_DIR. */
  readonly owner: string;
  readonly machine: boolean;
  readonly name: string;
  readonly role: Role;
  readonly workflows: readonly string[] | null;
  readonly expiresAt: Iso | null;
}

export interface TokenLine {
  readonly id: string;
  readonly owner: string;
  readonly name: string;
  readonly role: Role;
  readonly workflows: readonly string[] | null;
  readonly created_at: Iso;
  readonly expires_at: Iso | null;
  readonly last_used_at: Iso | null;
  readonly revoked_at: Iso | null;
}

/** What a secret stands for, and why it does not any more. */
export interface Known {
  readonly identity: Identity;
  readonly lapsed: "expired" | "revoked" | "disabled" | null;
}

export interface NewWebSession {
  readonly hash: string;
  readonly owner: string;
  /** Of whoever holds STATE_DIR, not of a user. */
  readonly machine: boolean;
  readonly expiresAt: Iso;
}

export interface KnownSession extends Known {
  readonly expiresAt: Iso;
}

export interface AuditEntry {
  /** As in `byOf`; `nobody` for a stranger. */
  readonly who: string;
  /** A method and a route, or what else was done. */
  readonly what: string;
  readonly subject: string | null;
  readonly address: string | null;
  readonly agent: string | null;
  /** `ok`, or the code of the fault. */
  readonly outcome: string;
}
export interface AuditLine extends AuditEntry {
  readonly id: string;
  readonly at: Iso;
}
