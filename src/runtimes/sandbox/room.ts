import type { ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import type { Verdict } from "../../engine/contracts/sandbox.ts";
import { EXIT } from "./plan.ts";

/** A sandbox with a program in it, as its launcher sees it. */
export interface Room {
  /** The process that stands for it here: when it is gone, so is the room. */
  readonly child: ChildProcess;
  /** Resolves to the process that is number one inside, once that is known; null where it cannot be seen from here. */
  readonly first: Promise<number | null>;
  /** Passes a signal on to the program and what it started. */
  signal(name: NodeJS.Signals): void;
  /** Ends all of it, at once. */
  kill(): void;
  /** What the room itself knows about its end when its process is gone. */
  conclude(): Promise<Verdict | null>;
}

/** Where the launcher's own parts lie inside. */
export const NODE = "/run/lastlight/node";
export const FORWARDER = "/run/lastlight/forward.mjs";

/**
 * The first words inside. The limit holds where the kernel counts processes per sandbox. The forwarder is nobody's
 * child there: a program that waits for its children must not find one it does not know.
 */
export function opening({ processes, wayOut }: { processes: number; wayOut: boolean }): string {
  const forward = `"${NODE}" "${FORWARDER}" "${EXIT.socket}" ${EXIT.port}`;
  return [
    // dash and busybox call it `p`, which is something else in bash, and cannot be set.
    `ulimit -p ${mostThreads(processes)} 2>/dev/null || ulimit -u ${mostThreads(processes)} 2>/dev/null`,
    ...(wayOut
      ? [
          `[ "$(${forward} 2>/dev/null < /dev/null &)" = ready ] || {`,
          '  echo "lastlight: the way out of the sandbox could not be made" >&2; exit 126',
          "}",
        ]
      : []),
    "",
  ].join("\n");
}

/** The kernel counts threads, people count processes: how many threads are too many for that many processes. */
export function mostThreads(processes: number): number {
  return Math.max(512, processes * 4);
}

/** Where a program lies, so that it can be started without a PATH; throws where it is nowhere. */
export function onPath(name: string, path: string): string {
  const places = path.split(delimiter).filter((folder) => folder.startsWith("/"));
  const found = places.map((folder) => join(folder, name)).find((file) => existsSync(file));
  if (!found) throw new Error(`${name} is not on the PATH`);
  return found;
}
