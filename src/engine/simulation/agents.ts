import type { Usage } from "../../domain/execution.ts";
import type { Act } from "../../domain/scenario.ts";
import type { Runtime } from "../contracts/runtime.ts";

/** Stands in for the runtime of a name: what its agent says, uses up and fails of is what the scenario says. */
export function simulatedRuntime(name: string): Runtime {
  return {
    name,
    needs: () => ({ reads: [], hosts: [] }),
    keys: () => [],
    program: () => ({ argv: ["simulated"], environment: {}, files: {} }),
    read: (stdout) => {
      const end = stdout.indexOf("\n");
      const { usage, error } = JSON.parse(stdout.slice(0, end)) as { usage: Usage | null; error: string | null };
      const text = stdout.slice(end + 1);
      return { text, ...(usage ? { usage } : {}), ...(error === null ? {} : { error }) };
    },
  };
}

/** What such an agent's program prints: first what it used up, so that no limit on its words cuts that off. */
export function spoken({ output, usage, error }: Act): string {
  const used = Object.keys(usage).length > 0 ? usage : null;
  return `${JSON.stringify({ usage: used, error })}\n${output}`;
}
