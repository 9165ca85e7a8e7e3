import type { PhaseKind } from "../engine/contracts/phase.ts";

/** A marker the run passes through: what started it is in its context, which every later phase can read. */
export const context: PhaseKind = {
  type: "context",
  execute: async () => ({ type: "succeeded" }),
};
