import { Fault } from "../../domain/fault.ts";
import type { CreateToken } from "../../http/api.ts";
import type { TokenLine } from "../../store/people.ts";
import type { Desk, Register } from "../desk.ts";
import { ago } from "../moments.ts";
import { type Cell, table } from "../table.ts";
import { clean } from "../terminal.ts";
import { roleOf } from "./users.ts";

interface CreateOptions {
  role?: string;
  workflow?: readonly string[];
  days?: string;
  forever?: true;
  owner?: string;
  json?: true;
}

/** Tokens for programs. */
export const tokens: Register = (program, desk) => {
  const command = program.command("tokens").description("tokens for programs: `create`, `list`, `revoke`");
  command
    .command("create")
    .description("make a token; it is shown this once")
    .argument("<name>", "what it is for")
    .option("--role <role>", "what it may do at most (default: what its owner may)")
    .option("--workflow <name...>", "only runs of these workflows")
    .option("--days <count>", "for how many days it is good (default: 90)")
    .option("--forever", "it never expires")
    .option("--owner <user>", "whose it is (default: this machine's)")
    .option("--json", "print JSON")
    .action(async (name: string, { json, ...options }: CreateOptions) => {
      const made = await desk.client().createToken({ name, ...asked(options) });
      if (json) return desk.terminal.json(made);
      const { terminal } = desk;
      terminal.line(clean(made.token));
      terminal.line(terminal.paint("dim", "It is not shown again. Programs send it as Authorization: Bearer <token>."));
    });
  command
    .command("list", { isDefault: true })
    .description("list tokens")
    .option("--json", "print JSON")
    .action(({ json }: { json?: true }) => list(desk, json === true));
  command
    .command("revoke")
    .description("have a token good for nothing from now on")
    .argument("<id>", "as `tokens list` shows it")
    .option("--json", "print JSON")
    .action(async (id: string, { json }: { json?: true }) => {
      const revoked = await desk.client().revokeToken(id);
      if (json) desk.terminal.json(revoked);
      else desk.terminal.line(clean(`${revoked.owner}/${revoked.name} is revoked.`));
    });
};

function asked({ role, workflow, days, forever, owner }: CreateOptions): Omit<CreateToken, "name"> {
  if (days !== undefined && !/^\d{1,4}$/.test(days)) {
    throw new Fault("usage.invalid", `--days takes a whole number, not "${days}"`);
  }
  return {
    ...(role !== undefined && { role: roleOf(role) }),
    ...(workflow && { workflows: workflow }),
    ...(days !== undefined && { expires_in_days: Number(days) }),
    ...(forever && { expires_in_days: null }),
    ...(owner !== undefined && { owner }),
  };
}

async function list(desk: Desk, json: boolean): Promise<void> {
  const { terminal } = desk;
  const { items } = await desk.client().tokens();
  if (json) return terminal.json({ items });
  if (items.length === 0) return terminal.line("There are no tokens.");
  const now = desk.clock.now();
  const rows = items.map((token): Cell[] => [
    token.id,
    `${token.owner}/${token.name}`,
    state(token, now),
    token.last_used_at === null ? "never" : ago(token.last_used_at, now),
    token.workflows?.join(", ") ?? "all",
  ]);
  terminal.line(table(terminal, ["ID", "TOKEN", "ROLE", "USED", "WORKFLOWS"], rows));
}

function state({ role, revoked_at, expires_at }: TokenLine, now: string): Cell {
  if (revoked_at !== null) return { text: "revoked", style: "yellow" };
  return expires_at !== null && expires_at <= now ? { text: "expired", style: "yellow" } : role;
}
