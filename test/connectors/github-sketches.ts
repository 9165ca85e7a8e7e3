import type { Asked, Fate } from "../support/github.ts";
import { version, workflow } from "../support/workflow.ts";

export const talking = version(
  workflow("talking", [{ name: "a", messages: { on_success: "It is **done**: hunter2hunter2" } }], {
    statusChecklist: true,
    finalMessage: "All is well.",
  }),
);
export const saying = version(workflow("saying", [{ name: "a", messages: { on_success: "done" } }]));
export const silent = version(workflow("silent", [{ name: "a" }]));
export const acting = (action: string, given: object = {}, more: object = {}) =>
  version(workflow("acting", [{ name: "act", action, with: given as never, ...more }]));

export const posts = ({ method, path }: Asked): boolean => method === "POST" && path.endsWith("/comments");
export const checks = ({ method, path }: Asked): boolean => method === "POST" && path.endsWith("/check-runs");

/** This fate for the first that fits; all others pass. */
export function once(fits: (asked: Asked) => boolean, fate: Fate): (asked: Asked) => Fate | null {
  let met = false;
  return (asked) => {
    if (met || !fits(asked)) return null;
    met = true;
    return fate;
  };
}
