import type { Database } from "better-sqlite3";
import type { Clock, Iso } from "../../domain/clock.ts";
import { Fault } from "../../domain/fault.ts";
import type { People } from "../people.ts";
import type { Work } from "./commit.ts";
import { audit } from "./people/audit.ts";
import { tokens } from "./people/tokens.ts";
import { users } from "./people/users.ts";
import { webSessions } from "./people/web-sessions.ts";

/** Being seen is noted this often at most: to ask for something is not to write. */
const NOTED_MS = 60_000;

/** The room of people on SQLite; what it writes goes through the store's own commit. */
export function people(db: Database, clock: Clock, commit: { add<T>(work: Work<unknown, T>): Promise<T> }): People {
  const [person, token, browser, record] = [users(db), tokens(db), webSessions(db), audit(db)];
  const write = <T>(work: (now: Iso) => T): Promise<T> =>
    commit.add(() => {
      const answer = work(clock.now());
      return () => answer;
    });
  const note = (last: Iso | null, work: (now: Iso) => void): void => {
    if (last !== null && Date.parse(clock.now()) - Date.parse(last) < NOTED_MS) return;
    // Whoever asks is not kept waiting for it, nor refused where it fails.
    write(work).catch(() => {});
  };
  const ownerOf = ({ owner, machine }: { owner: string; machine: boolean }): string | null => {
    const id = machine ? null : person.idOf(owner);
    if (id === null && !machine) throw new Fault("user.unknown", `There is no user ${owner}`);
    return id;
  };

  return {
    users: async () => person.all(),
    user: async (name) => person.one(name),
    hasUsers: async () => person.any(),
    known: async ({ subject, email }) => person.known(subject, email),
    passwordHash: async (name) => person.passwordHash(name),
    addUser: (user) => write((now) => person.add(user, clock.id(), now)),
    changeUser: (name, change) =>
      write((now) => {
        const id = person.change(name, change, now);
        if (id === null) return null;
        if (change.disabled || change.passwordHash !== undefined) browser.endAll(id);
        return person.one(name);
      }),
    removeUser: (name) => write(() => person.remove(name)),

    addToken: (made) => write((now) => token.add(made, ownerOf(made), now)),
    tokens: async (owner) => token.list(owner),
    revokeToken: (id, owner) => write((now) => token.revoke(id, owner, now)),
    addExecutionToken: (made) => write((now) => token.addExecution(made, now)),
    bearer: async (hash) => {
      const found = token.bearer(hash, clock.now());
      if (!found) return null;
      const { known, used } = found;
      if (used && known.lapsed === null) note(used.at, (now) => token.used(used.id, now));
      return known;
    },

    openSession: (session) =>
      write((now) => {
        const id = ownerOf(session);
        browser.open(session, id, now);
        if (id !== null) person.login(id, now);
      }),
    session: async (hash) => {
      const found = browser.one(hash, clock.now());
      if (!found) return null;
      if (found.known.lapsed === null) note(found.seenAt, (now) => browser.seen(hash, now));
      return found.known;
    },
    endSession: (hash) => write(() => browser.end(hash)),

    record: (entry) => write((now) => record.add(entry, clock.id(), now)),
    audit: async (filter, page) => record.list(filter, page),
  };
}
