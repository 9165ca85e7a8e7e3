import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { systemClock } from "../../src/domain/clock.ts";
import type { Program } from "../../src/engine/contracts/keeper.ts";
import { childKeeper } from "../../src/engine/keeper.ts";
import { spool } from "../../src/store/files/spool.ts";
import { temporaryFolder } from "../support/world.ts";

function world() {
  const folder = temporaryFolder();
  const clock = systemClock();
  const keeper = childKeeper({
    spool: spool(join(folder, "spool")),
    workspaces: join(folder, "workspaces"),
    clock,
    environment: { PATH: process.env.PATH ?? "", GREETING: "hello" },
  });
  const abort = new AbortController();
  onTestFinished(() => abort.abort());
  const run = (command: string, more: Partial<Program> = {}) =>
    keeper.run(
      {
        execution: clock.id(),
        run: "run-1",
        argv: ["bash", "-c", command],
        environment: {},
        files: {},
        timeoutMs: 20_000,
        ...more,
      },
      abort.signal,
    );
  return { folder, run, abort };
}

/** Whether a process lives, and is no zombie that only waits to be reaped. */
function lives(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) [ZX]/.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

async function gone(pid: number): Promise<boolean> {
  for (let turn = 0; turn < 200 && lives(pid); turn++) await new Promise((resolve) => void setTimeout(resolve, 10));
  return !lives(pid);
}

test("a program's status and words are what it gave", async () => {
  const { run } = world();
  expect(await run("echo out; echo err >&2; exit 3")).toEqual({
    type: "exited",
    code: 3,
    stdout: { text: "out\n", bytes: 4 },
    stderr: { text: "err\n", bytes: 4 },
  });
});

test("a program sees the allow-listed environment and its own, nothing of the daemon's", async () => {
  process.env.LASTLIGHT_TEST_SECRET = "canary";
  onTestFinished(() => void delete process.env.LASTLIGHT_TEST_SECRET);
  const { run } = world();
  const ended = await run("env", { environment: { MINE: "a'b\"c $(x)" } });
  const seen = ended.type === "exited" ? ended.stdout.text : "";
  expect(seen).toContain("GREETING=hello\n");
  expect(seen).toContain("MINE=a'b\"c $(x)\n");
  expect(seen).not.toContain("canary");
});

test("it works in the run's workspace, which the run's next program finds as it was left", async () => {
  const { run, folder } = world();
  await run("echo kept > note");
  expect(await run("cat note; pwd")).toMatchObject({
    stdout: { text: `kept\n${join(folder, "workspaces", "run-1")}\n` },
  });
});

test("values arrive as files, word for word", async () => {
  const { run } = world();
  const first = await run("head -c 200000 /dev/zero | tr '\\0' x", { execution: "first" });
  expect(first).toMatchObject({ stdout: { bytes: 200_000 } });
  const ended = await run('cat "$IN"; ls "$OUT"; cat "$OUT/small"; wc -c < "$OUT/large"', {
    files: { IN: '{"a":"$(touch x)"}\n', OUT: { small: { text: "tiny\n" }, large: { stdoutOf: "first" } } },
  });
  expect(ended).toMatchObject({ stdout: { text: '{"a":"$(touch x)"}\nlarge\nsmall\ntiny\n200000\n' } });
});

test("a large output is cut between characters at 65,536 bytes; all of it stays in the spool", async () => {
  const { run, folder } = world();
  const ended = await run("printf x; for i in $(seq 40000); do printf 'ü'; done", { execution: "large" });
  if (ended.type !== "exited") throw new Error(ended.type);
  expect(ended.stdout.bytes).toBe(80_001);
  expect(Buffer.byteLength(ended.stdout.text)).toBe(65_535);
  expect(ended.stdout.text.endsWith("ü")).toBe(true);
  expect(readFileSync(join(folder, "spool", "large", "stdout")).length).toBe(80_001);
});

test("bytes that are no text come out as text of at most 65,536 bytes", async () => {
  const { run } = world();
  const ended = await run("head -c 65536 /dev/zero | tr '\\0' '\\377'");
  if (ended.type !== "exited") throw new Error(ended.type);
  expect(Buffer.byteLength(ended.stdout.text)).toBeLessThanOrEqual(65_536);
});

test("a program that does not end in time is ended, with all it started", async () => {
  const { run } = world();
  const ended = await run("sleep 300 & echo $!; wait", { timeoutMs: 300 });
  if (ended.type !== "timeout") throw new Error(ended.type);
  expect(await gone(Number(ended.stdout.text))).toBe(true);
});

test("cancelling ends a program, with all it started", async () => {
  const { run, abort, folder } = world();
  const running = run("sleep 300 & echo $! > pid; wait");
  const file = join(folder, "workspaces", "run-1", "pid");
  while (!existsSync(file) || readFileSync(file, "utf8") === "")
    await new Promise((resolve) => void setTimeout(resolve, 5));
  abort.abort();
  expect(await running).toEqual({ type: "cancelled" });
  expect(await gone(Number(readFileSync(file, "utf8")))).toBe(true);
});

test("a child that keeps the output open does not hold the end up, and goes too", async () => {
  const { run } = world();
  const ended = await run("sleep 300 & echo $!");
  if (ended.type !== "exited") throw new Error(ended.type);
  expect(await gone(Number(ended.stdout.text))).toBe(true);
});

test("a program that a signal ends says which", async () => {
  const { run } = world();
  expect(await run("kill -SEGV $$")).toMatchObject({ type: "signalled", signal: "SIGSEGV" });
});

test("a program that is not there is a surprise with its name", async () => {
  const { run } = world();
  await expect(run("", { argv: ["no-such-program"] })).rejects.toThrow(/no-such-program/);
});

test("what was cancelled before it started never starts", async () => {
  const { run, abort, folder } = world();
  abort.abort();
  expect(await run("touch here")).toEqual({ type: "cancelled" });
  expect(existsSync(join(folder, "workspaces"))).toBe(false);
});
