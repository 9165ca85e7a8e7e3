import { Fault } from "../../domain/fault.ts";
import { nameOf } from "../../domain/identity.ts";
import type { People, UserChange, UserLine } from "../../store/people.ts";
import type { AddUser, ChangeUser } from "../api.ts";
import type { Attempts } from "./attempts.ts";
import type { Passwords } from "./passwords.ts";

/** What is done with people: by the API, and by whoever makes the first one before there is an API to ask. */
export interface Accounts {
  add(user: AddUser, by: string): Promise<UserLine>;
  change(name: string, change: ChangeUser): Promise<UserLine>;
  /** Who they were. */
  remove(name: string): Promise<UserLine>;
  /** Throws `identity.refused`, which does not say what was wrong, or `identity.busy`. */
  logIn(name: string, password: string, address: string): Promise<UserLine>;
}

export function accounts(options: { people: People; passwords: Passwords; attempts: Attempts }): Accounts {
  const { people, passwords, attempts } = options;
  return {
    add: async ({ name: given, role, groups = [], email = null, password }, by) => {
      const name = keptName(given);
      const passwordHash = password === undefined ? null : await passwords.hash(password);
      const user = { name, role, groups: groups.map(keptName), email: email && addressOf(email), passwordHash, by };
      if (!(await people.addUser({ ...user, subject: null }))) {
        throw new Fault("user.taken", `There is a user ${name} already, or one with that e-mail address`);
      }
      return (await people.user(name)) ?? unknown(name);
    },
    change: async (given, { role, groups, email, disabled, password }) => {
      const name = keptName(given);
      const change: UserChange = {
        ...(role && { role }),
        ...(groups && { groups: groups.map(keptName) }),
        ...(email !== undefined && { email: email && addressOf(email) }),
        ...(disabled !== undefined && { disabled }),
        ...(password !== undefined && { passwordHash: await passwords.hash(password) }),
      };
      return (await people.changeUser(name, change)) ?? unknown(name);
    },
    remove: async (given) => {
      const name = keptName(given);
      const user = await people.user(name);
      return user && (await people.removeUser(name)) ? user : unknown(name);
    },
    logIn: async (given, password, address) => {
      // Whatever cannot be a name is tried like any other that nobody has, and takes as long.
      const name = nameOf(given) ?? "";
      await attempts.admit(name, address);
      const hash = await people.passwordHash(name);
      if (!(await passwords.fits(password, hash))) throw new Fault("identity.refused", "Name or password is wrong");
      const user = await people.user(name);
      if (!user || user.disabled_at !== null) throw new Fault("identity.refused", "Name or password is wrong");
      await attempts.succeeded(name, address);
      return user;
    },
  };
}

/** A name of a user or a group as it is kept; throws `user.unfit`. */
export function keptName(given: string): string {
  const name = nameOf(given);
  if (name !== null) return name;
  throw new Fault("user.unfit", `"${given.slice(0, 64)}" cannot be the name of a user or a group`);
}

function addressOf(email: string): string {
  return email.normalize("NFKC").trim().toLowerCase();
}

function unknown(name: string): never {
  throw new Fault("user.unknown", `There is no user ${name}`);
}
