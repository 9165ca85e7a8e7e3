import { once } from "node:events";
import { closeSync, openSync, statSync, writeSync } from "node:fs";
import { text } from "node:stream/consumers";
import { expect, test } from "vitest";
import { killed } from "../store/files/killed.ts";
import { executionIn, type Measured, prepare } from "../store/files/transcriber.ts";
import { temporaryFolder } from "../support/world.ts";

test("300 SIGKILLs and torn files: each byte of output is told once, in order, with no gap", async () => {
  await killed(300);
});

const FLOOD = 600 * 1024 * 1024;

test("600 MB of output take bounded memory; how long the loop was held is printed", async () => {
  const folder = temporaryFolder();
  const execution = executionIn(folder, "01930000-0000-7000-8000-000000000001");
  const line = `${"x".repeat(99)}\n`.repeat(10_000);
  const stdout = openSync(execution.stdout, "w");
  for (let written = 0; written < FLOOD; ) written += writeSync(stdout, line);
  closeSync(stdout);
  const child = prepare(folder, execution.execution);
  child.stdin?.write("end\n");
  const [said] = await Promise.all([text(child.stdout!), once(child, "exit")]);
  const measured = JSON.parse(said) as Measured;
  console.log({ ...measured, lines_per_s: Math.round(FLOOD / 100 / (measured.tookMs / 1000)) });
  expect(statSync(execution.file).size).toBeGreaterThan(FLOOD);
  // A third of what flows through: reading ahead would show. The figure itself is for people, as all times are.
  expect(measured.rssMb).toBeLessThanOrEqual(200);
});
