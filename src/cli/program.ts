import { Command } from "commander";
import { answers } from "./commands/answer.ts";
import { approvals } from "./commands/approvals.ts";
import { audit } from "./commands/audit.ts";
import { cancel } from "./commands/cancel.ts";
import { crons } from "./commands/crons.ts";
import { deliveries } from "./commands/deliveries.ts";
import { demo } from "./commands/demo.ts";
import { doctor } from "./commands/doctor.ts";
import { hooks } from "./commands/hooks.ts";
import { logs } from "./commands/logs.ts";
import { operate } from "./commands/operate.ts";
import { outbox } from "./commands/outbox.ts";
import { run } from "./commands/run.ts";
import { runs } from "./commands/runs.ts";
import { safeMode } from "./commands/safe-mode.ts";
import { serve } from "./commands/serve.ts";
import { sessions } from "./commands/sessions.ts";
import { show } from "./commands/show.ts";
import { tokens } from "./commands/tokens.ts";
import { users } from "./commands/users.ts";
import { workflows } from "./commands/workflows.ts";
import type { Desk, Register } from "./desk.ts";

const COMMANDS: readonly Register[] = [
  serve,
  demo,
  run,
  runs,
  show,
  logs,
  approvals,
  answers,
  cancel,
  operate,
  workflows,
  crons,
  deliveries,
  hooks,
  outbox,
  sessions,
  users,
  tokens,
  audit,
  doctor,
  safeMode,
];

/** The whole command line. Nothing in it ends the process or writes past the desk. */
export function program(desk: Desk): Command {
  const program = new Command("lastlight")
    .description("Runs workflows that programs carry out and people approve; nothing that was acknowledged is lost.")
    .version(desk.version, "-V, --version", "print the version")
    .helpOption("-h, --help", "show help")
    .exitOverride()
    .configureOutput({
      writeOut: (text) => desk.terminal.write(text),
      writeErr: (text) => desk.terminal.complain(text.trimEnd()),
      // A usage error is a fault like any other, printed once, by whoever catches it.
      outputError: () => {},
    });
  for (const register of COMMANDS) register(program, desk);
  return program;
}
