import { once } from "node:events";
import { Fault } from "../../domain/fault.ts";
import { type Child, startChild } from "../demo/child.ts";
import { Interrupt, interruptible } from "../demo/interrupt.ts";
import { play } from "../demo/play.ts";
import { chooseRepository } from "../demo/repository.ts";
import { survive } from "../demo/survive.ts";
import type { Desk, Register } from "../desk.ts";

interface Options {
  repo?: string;
  yes?: true;
  keep?: true;
}

export const demo: Register = (program, desk) => {
  program
    .command("demo")
    .description("see a real run in a minute: inspect a git repository, approve, get a report, survive a SIGKILL")
    .option("--repo <path>", "the git repository to look at (default: the one you are in, else lastlight's own)")
    .option("--yes", "approve without asking")
    .option("--keep", "leave the demo's daemon running until Ctrl-C")
    .action((options: Options) => stage(desk, options));
};

async function stage(desk: Desk, { repo: named, yes, keep }: Options): Promise<void> {
  const { terminal } = desk;
  // Refused before anything starts: a script that waits for an answer nobody can type would wait for ever.
  if (!yes && !terminal.answers) {
    throw new Fault("usage.invalid", "The demo asks a question, and there is no terminal to ask it in. Add --yes");
  }
  const config = desk.config();
  const repo = await chooseRepository(config, named);
  try {
    await interruptible(async (interrupted) => {
      const signal = AbortSignal.any([interrupted, terminal.closed]);
      const start = (): Promise<Child> =>
        startChild(config, signal).catch((error: unknown) => {
          throw interrupted.aborted ? interrupted.reason : error;
        });
      let daemon = await start();
      try {
        await play(desk, daemon, { repo, yes: yes === true, signal });
        const restart = async (): Promise<Child> => {
          daemon = await start();
          return daemon;
        };
        if (!signal.aborted) await survive(desk, daemon, { repo, signal, restart });
        if (keep && !signal.aborted) {
          terminal.line();
          terminal.line(`The daemon stays at ${daemon.url} until Ctrl-C.`);
          await once(signal, "abort");
        }
      } finally {
        await daemon.stop();
      }
    });
  } catch (error) {
    if (!(error instanceof Interrupt)) throw error;
    desk.code(error.exitCode);
  }
}
