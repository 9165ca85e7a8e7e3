import type { Folder } from "../store/files/spool.ts";
import type { Program } from "./contracts/keeper.ts";
import type { Log } from "./contracts/log.ts";
import type { Limits, Sandbox, Sandboxes, Verdict, Wrapped } from "./contracts/sandbox.ts";

/** Puts programs into their sandboxes, and knows later, in whatever daemon, what they were put into. */
export interface Confinements {
  /** The program as the keeper is to start it. What it was put into is noted before anything starts. */
  wrap(program: Program, folder: Folder, place: Place): Wrapped;
  /** Its working directory as the program sees it; null where that is where it lies. */
  workspaceSeen(folder: Folder): string | null;
  verdict(folder: Folder): Verdict | null;
  /** Ends what of an execution its keeper's tree does not hold. */
  end(execution: string, folder: Folder): Promise<void>;
}

/** What a program is given that is there by now; paths are the machine's own. */
interface Place {
  readonly workspace: string;
  readonly home: string | null;
  readonly environment: { readonly [name: string]: string };
  /** What it was handed, by variable. */
  readonly handed: { readonly [variable: string]: string };
}

export interface SandboxSettings {
  /** For programs that are to be confined. */
  readonly current: Sandbox;
  /** All there are: a program that another daemon put into another one is ended there. */
  readonly known: readonly Sandbox[];
  readonly limits: Limits;
  /** Hosts that every program may reach. */
  readonly hosts: readonly string[];
  /** Folders that no program may see. */
  readonly hidden: readonly string[];
}

export function confinements({ current, known, limits, hosts, hidden }: SandboxSettings): Confinements {
  const sandboxOf = (folder: Folder): Sandbox | null => {
    const name = folder.sandbox();
    return name === null ? null : (known.find((each) => each.name === name) ?? null);
  };
  return {
    wrap: ({ execution, argv, confinement }, folder, { workspace, home, environment, handed }) => {
      const sandbox = confinement === undefined ? null : current;
      const seen = sandbox?.inside?.home ?? home;
      const whole = {
        ...environment,
        ...handed,
        ...(home === null || seen === null ? {} : { LASTLIGHT_HOME: seen }),
        LASTLIGHT_EXECUTION: execution,
      };
      if (confinement === undefined || sandbox === null) return { argv, environment: whole };
      folder.write("sandbox", sandbox.name);
      return sandbox.wrap({
        execution,
        argv,
        environment: whole,
        workspace,
        ...(home === null ? {} : { home }),
        spool: folder.path,
        reads: [...new Set([...Object.values(handed), ...confinement.reads])],
        hidden,
        limits,
        hosts: [...new Set([...hosts, ...confinement.hosts])],
        ...(confinement.image === undefined ? {} : { image: confinement.image }),
      });
    },
    workspaceSeen: (folder) => sandboxOf(folder)?.inside?.workspace ?? null,
    verdict: (folder) => sandboxOf(folder)?.verdict(folder.path) ?? null,
    end: async (execution, folder) => sandboxOf(folder)?.end(execution),
  };
}

/**
 * The sandbox that the configuration names, if it works here; with `auto` bubblewrap, if that does. What was asked for by
 * name and does not work is said aloud: agents are refused for want of it.
 */
export async function chosenSandbox(
  wanted: keyof Sandboxes | "auto",
  all: Sandboxes,
  log: Log,
): Promise<keyof Sandboxes> {
  const name = wanted === "auto" ? "bubblewrap" : wanted;
  const available = await all[name].available();
  if ("found" in available) return name;
  const { missing, remedy } = available;
  if (wanted === "auto") log.info({ missing, remedy }, "there is no sandbox for agents here");
  else log.error({ sandbox: name, missing, remedy }, "the sandbox that is configured does not work");
  return "none";
}
