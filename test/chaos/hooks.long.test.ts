import { expect, test } from "vitest";
import { hookStorm } from "./hooks.ts";

/** `HOOKS=whole`: a thousand deliveries and ten kills, ten times over. */
const WHOLE = process.env.HOOKS === "whole";

test("every delivery that was answered has its runs, and none has two, though the daemon is killed as they come", async () => {
  const seed = Number(process.env.SEED ?? Date.now() % 1_000_000);
  const told: string[] = [];
  for (let storm = 0; storm < (WHOLE ? 10 : 1); storm++) {
    const of = { seed: seed + storm, deliveries: WHOLE ? 1_000 : 300, kills: WHOLE ? 10 : 5 };
    const { kills, answers, broken, violations } = await hookStorm(of);
    told.push(`seed ${of.seed}: ${kills} kills, ${answers} answers, ${broken} connections broken`);
    expect({ seed: of.seed, violations: violations.slice(0, 10) }).toEqual({ seed: of.seed, violations: [] });
    expect(answers).toBeGreaterThanOrEqual(of.deliveries);
    expect(broken).toBeGreaterThan(0);
  }
  console.log(told.join("\n"));
});
