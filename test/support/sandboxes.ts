import type { SandboxSettings } from "../../src/engine/confinement.ts";
import { none } from "../../src/runtimes/sandbox/none.ts";

/** Programs run as they are. */
export const UNCONFINED: SandboxSettings = {
  current: none(),
  known: [none()],
  limits: { memoryBytes: 8 * 2 ** 30, processes: 1_024, diskBytes: 20 * 2 ** 30 },
  hosts: [],
  hidden: [],
};
