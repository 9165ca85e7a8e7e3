import { asFault, Fault } from "../../domain/fault.ts";
import { ROLES, type Role } from "../../domain/identity.ts";
import type { AddUser, ChangeUser } from "../../http/api.ts";
import type { UserLine } from "../../store/people.ts";
import type { Desk, Register } from "../desk.ts";
import { ago } from "../moments.ts";
import { table } from "../table.ts";
import { clean } from "../terminal.ts";

interface AddOptions {
  role: string;
  group?: readonly string[];
  email?: string;
  withoutPassword?: true;
  json?: true;
}

/** Who there is, and what they are trusted with. */
export const users: Register = (program, desk) => {
  const command = program
    .command("users")
    .description(
      "people with roles: `add`, `list`, `role`, `groups`, `email`, `password`, `disable`, `enable`, `remove`",
    )
    .addHelpText(
      "after",
      "\nRoles, each with what those before it may: viewer reads, approver answers gates, operator starts and stops runs,\n" +
        "admin looks after people and switches.\n\nExample:\n  lastlight users add ana --role admin",
    );
  const told = (user: UserLine, what: string, json: true | undefined): void => {
    if (json) desk.terminal.json(user);
    else desk.terminal.line(clean(`${user.name} ${what}.`));
  };
  const change = async (name: string, to: ChangeUser, what: string, json: true | undefined): Promise<void> =>
    told(await desk.client().changeUser(name, to), what, json);

  command
    .command("add")
    .description("add a person; the password is asked for, or read from stdin")
    .argument("<name>", "letters, digits, dots, dashes and underscores")
    .requiredOption("--role <role>", `one of ${ROLES.join(", ")}`)
    .option("--group <name...>", "groups they belong to")
    .option("--email <address>", "by which the identity provider knows them")
    .option("--without-password", "they come by the identity provider alone")
    .option("--json", "print JSON")
    .action(async (name: string, { role, group = [], email, withoutPassword, json }: AddOptions) => {
      const user: AddUser = {
        name,
        role: roleOf(role),
        groups: group,
        ...(email !== undefined && { email }),
        ...(!withoutPassword && { password: await newPassword(desk) }),
      };
      const added = await add(desk, user);
      told(added, `is ${article(added.role)} ${added.role}`, json);
    });
  command
    .command("list", { isDefault: true })
    .description("list people with their roles and groups")
    .option("--json", "print JSON")
    .action(({ json }: { json?: true }) => list(desk, json === true));
  command
    .command("role")
    .description("change what a person is trusted with")
    .argument("<name>")
    .argument("<role>", `one of ${ROLES.join(", ")}`)
    .option("--json", "print JSON")
    .action((name: string, role: string, { json }: { json?: true }) =>
      change(name, { role: roleOf(role) }, `is now ${article(role)} ${role}`, json),
    );
  command
    .command("groups")
    .description("change which groups a person belongs to; none are named to leave all")
    .argument("<name>")
    .argument("[groups...]")
    .option("--json", "print JSON")
    .action((name: string, groups: string[], { json }: { json?: true }) =>
      change(name, { groups }, groups.length > 0 ? `belongs to ${groups.join(", ")}` : "belongs to no group", json),
    );
  command
    .command("email")
    .description("change the address by which the identity provider knows a person")
    .argument("<name>")
    .argument("[address]", "without it there is none")
    .option("--json", "print JSON")
    .action((name: string, address: string | undefined, { json }: { json?: true }) =>
      change(name, { email: address ?? null }, address === undefined ? "has no address" : `is ${address}`, json),
    );
  command
    .command("password")
    .description("set a person's password, asked for or read from stdin; they are logged out everywhere")
    .argument("<name>")
    .option("--json", "print JSON")
    .action(async (name: string, { json }: { json?: true }) =>
      change(name, { password: await newPassword(desk) }, "has a new password", json),
    );
  for (const [word, disabled] of [
    ["disable", true],
    ["enable", false],
  ] as const) {
    command
      .command(word)
      .description(disabled ? "keep a person out, their tokens too" : "let a person in again")
      .argument("<name>")
      .option("--json", "print JSON")
      .action((name: string, { json }: { json?: true }) => change(name, { disabled }, `is ${word}d`, json));
  }
  command
    .command("remove")
    .description("remove a person with their sessions and tokens; what they did stays in the audit")
    .argument("<name>")
    .option("--json", "print JSON")
    .action(async (name: string, { json }: { json?: true }) =>
      told(await desk.client().removeUser(name), "is removed", json),
    );
};

/** By the daemon; where none answers, on what it would serve. */
async function add(desk: Desk, user: AddUser): Promise<UserLine> {
  try {
    return await desk.client().addUser(user);
  } catch (error) {
    if (asFault(error).code !== "daemon.unreachable") throw error;
    return desk.io.addUser(desk.config(), user);
  }
}

async function list(desk: Desk, json: boolean): Promise<void> {
  const { terminal } = desk;
  const { items } = await desk.client().users();
  if (json) return terminal.json({ items });
  if (items.length === 0) return terminal.line("There are no users; this machine's own token does everything.");
  const now = desk.clock.now();
  const rows = items.map(({ name, role, groups, email, disabled_at, last_login_at }) => [
    name,
    disabled_at === null ? role : { text: "disabled", style: "yellow" as const },
    groups.join(", "),
    last_login_at === null ? "never" : ago(last_login_at, now),
    email ?? "",
  ]);
  terminal.line(table(terminal, ["NAME", "ROLE", "GROUPS", "LOGGED IN", "E-MAIL"], rows));
}

/** Only when it is needed: no other command is to wait for what asks. */
async function newPassword(desk: Desk): Promise<string> {
  const { readPassword } = await import("../password.ts");
  return readPassword(desk);
}

/** A word of the command line as a role; throws `usage.invalid`. */
export function roleOf(word: string): Role {
  const role = ROLES.find((each) => each === word);
  if (role) return role;
  throw new Fault("usage.invalid", `"${word}" is no role. They are ${ROLES.join(", ")}`);
}

function article(role: string): string {
  return /^[aeiou]/.test(role) ? "an" : "a";
}
