import { CommanderError } from "commander";
import { asFault, Fault, type FaultCode } from "../domain/fault.ts";
import type { ErrorBody } from "../http/api.ts";
import { type Io, openDesk } from "./desk.ts";
import { program } from "./program.ts";
import { clean } from "./terminal.ts";

/** Carries out one command line and resolves with the exit code: 0 done, 1 failed, 2 used wrongly, 78 not configured. */
export async function runCli(argv: readonly string[], io: Io): Promise<number> {
  const desk = openDesk(io);
  try {
    await program(desk).parseAsync(argv, { from: "user" });
    return desk.code();
  } catch (thrown) {
    // Whoever read has read enough; to complain into a closed pipe helps nobody.
    if (desk.terminal.closed.aborted) return 0;
    if (thrown instanceof CommanderError && thrown.exitCode === 0) return 0;
    const fault = thrown instanceof CommanderError ? misuse(thrown) : asFault(thrown);
    // An argument called `--json` asks for it even where the command line is too wrong to be understood.
    desk.terminal.complain(argv.includes("--json") ? JSON.stringify(bodyOf(fault)) : printFault(fault));
    return EXIT_CODES[fault.code] ?? 1;
  }
}

const EXIT_CODES: Partial<Record<FaultCode, number>> = {
  "usage.invalid": 2,
  "config.invalid": 78,
  "database.altered": 78,
  "database.newer": 78,
  "database.unfit": 78,
  "state.locked": 78,
  "state.unwritable": 78,
};

function misuse({ code, message }: CommanderError): Fault {
  if (code === "commander.help") return new Fault("usage.invalid", "What should lastlight do? No command was given");
  return new Fault("usage.invalid", message.replace(/^error: /, ""));
}

function bodyOf({ code, message, hint, details }: Fault): ErrorBody {
  return { error: { code, message, hint, details } };
}

function printFault(fault: Fault): string {
  const cause = fault.code === "internal.error" && fault.cause instanceof Error ? [`  ${fault.cause.message}`] : [];
  const problems = fault.details.map(({ path, message }) => `  ${path === "" ? "" : `${path} `}${message}`);
  return [fault.message, ...cause, ...problems, fault.hint].map((each) => clean(each, "lines")).join("\n");
}
