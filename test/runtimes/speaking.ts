import { fileURLToPath } from "node:url";
import type { Ended } from "../../src/engine/contracts/keeper.ts";
import { acp } from "../../src/runtimes/acp.ts";

const AGENT = fileURLToPath(new URL("../support/acp-agent.ts", import.meta.url));

/** A runtime whose agent speaks ACP and does what that manner says. */
export const speaking = (manner: string) => acp(`acp:'${process.execPath}' ${AGENT} ${manner}`)!;

export function exited(ended: Ended): Extract<Ended, { type: "exited" }> {
  if (ended.type !== "exited") throw new Error(`it was ${ended.type}`);
  return ended;
}

export function parsed(printed: string): { readonly [key: string]: unknown }[] {
  return printed
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));
}
