import type { WorkflowVersion } from "../../src/domain/workflow.ts";
import type { PhaseKind } from "../../src/engine/contracts/phase.ts";
import { openEngine, requestOf } from "./harness.ts";

/** A crash to come. This file is a program: it starts so many runs, each in the midst of a command, and kills itself. */
export interface Crash {
  readonly file: string;
  readonly runs: number;
  readonly version: WorkflowVersion;
}

const AT_ONCE = 500;

async function leave({ file, runs, version }: Crash): Promise<void> {
  const held: PhaseKind = { type: "bash", execute: () => new Promise(() => {}) };
  const { engine, store, clock } = openEngine({ file, phases: [held], cap: runs });
  await engine.begin();
  for (let made = 0; made < runs; made += AT_ONCE) {
    const some = Array.from({ length: Math.min(AT_ONCE, runs - made) }, () => clock.id());
    await Promise.all(some.map((id) => engine.create(requestOf(id, id, version))));
  }
  const left = await store.counts();
  process.stdout.write(JSON.stringify(left), () => process.kill(process.pid, "SIGKILL"));
}

if (import.meta.main) await leave(JSON.parse(process.argv[2] as string) as Crash);
