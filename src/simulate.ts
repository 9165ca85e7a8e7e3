import type { PhaseKind } from "./engine/contracts/phase.ts";
import type { Runtime } from "./engine/contracts/runtime.ts";
import { type Simulated, type Simulation, simulate } from "./engine/simulation/simulate.ts";
import { absent } from "./phases/absent.ts";
import { phases } from "./plugins.ts";
import { openMemory } from "./store/sqlite/memory.ts";

/** Introduces the rooms of a daemon that only seems to run: its store ends with it, and nothing outside is touched. */
export async function simulateRuns(of: Omit<Simulated, "phases" | "open">): Promise<Simulation> {
  const memory = openMemory();
  try {
    return await simulate({ ...of, phases: everyPhase, open: memory.open });
  } finally {
    memory.close();
  }
}

function everyPhase(runtimes: readonly Runtime[]): readonly PhaseKind[] {
  return [...phases(runtimes), absent("tool")];
}
