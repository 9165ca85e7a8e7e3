import type { Sandbox } from "../../engine/contracts/sandbox.ts";

/** No sandbox: the program as it is, with all that the daemon's user may do. */
export function none(): Sandbox {
  return {
    name: "none",
    inside: null,
    wrap: ({ argv, environment }) => ({ argv, environment }),
    available: () => Promise.resolve({ found: "programs run with the rights of the daemon's user" }),
    verdict: () => null,
    end: () => Promise.resolve(),
  };
}
