import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect, test } from "vitest";
import { temporaryFolder } from "../support/world.ts";
import { environment, eventually, lastlight, launch, lives } from "./command.ts";
import { repository } from "./repository.ts";

test("a demo that is interrupted stops the daemon it started", async () => {
  const stateDir = temporaryFolder();
  const repo = repository({ "a.ts": "a\n" });
  const child = launch(["demo", "--yes", "--keep", "--repo", repo], environment(stateDir));
  const lines: string[] = [];
  createInterface({ input: child.stdout! }).on("line", (line) => lines.push(line));
  await eventually(async () => lines.find((line) => line.endsWith(" until Ctrl-C.")) ?? null);
  const { pid } = JSON.parse(readFileSync(join(stateDir, "demo", "daemon.json"), "utf8")) as { pid: number };
  expect(lives(pid)).toBe(true);
  child.kill("SIGINT");
  const [code] = (await once(child, "exit")) as [number | null];
  expect([code, lives(pid)]).toEqual([0, false]);
});

test("two demos of one STATE_DIR do not get into each other's way: the second says so", async () => {
  const stateDir = temporaryFolder();
  const repo = repository({ "a.ts": "a\n" });
  const env = environment(stateDir);
  const first = launch(["demo", "--yes", "--keep", "--repo", repo], env);
  const lines: string[] = [];
  createInterface({ input: first.stdout! }).on("line", (line) => lines.push(line));
  await eventually(async () => lines.find((line) => line.endsWith(" until Ctrl-C.")) ?? null);
  const second = await lastlight(["demo", "--yes", "--repo", repo], env);
  expect(second).toMatchObject({ code: 78, stdout: "" });
  expect(second.stderr).toMatch(/^Another demo is running: .* is in use by another daemon\n/);
  first.kill("SIGTERM");
  await once(first, "exit");
});
