import { spawn } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { type Clock, systemClock } from "../../src/domain/clock.ts";
import { DETACH, type Ended, type Program } from "../../src/engine/contracts/keeper.ts";
import { createKeeper } from "../../src/engine/keeper.ts";
import { bootId, carriers, isAlive, readIdentity } from "../../src/engine/processes.ts";
import { createTranscripts } from "../../src/engine/transcript.ts";
import { sessions } from "../../src/store/files/sessions.ts";
import { spool } from "../../src/store/files/spool.ts";
import { workspaces } from "../../src/store/files/workspaces.ts";
import { silent } from "../support/engine.ts";
import { UNCONFINED } from "../support/sandboxes.ts";
import { temporaryFolder } from "../support/world.ts";

function world() {
  const folder = temporaryFolder();
  const clock = systemClock();
  const executions = new Set<string>();
  const kept = sessions(join(folder, "sessions"), clock);
  /** A daemon's life: each has a keeper of its own on the same spool. */
  const life = (time: Clock = clock) => {
    const files = spool(join(folder, "spool"));
    const keeper = createKeeper({
      spool: files,
      workspaces: workspaces({ root: join(folder, "workspaces"), id: clock.id }),
      clock: time,
      environment: { PATH: process.env.PATH ?? "", GREETING: "hello" },
      sandboxes: UNCONFINED,
      transcripts: createTranscripts({ sessions: kept, clock, log: silent, version: "0.0.0" }),
      log: silent,
      onUnknown: (error) => {
        throw error;
      },
    });
    const abort = new AbortController();
    const run = (command: string, more: Partial<Program> = {}): Promise<Ended> => {
      const execution = more.execution ?? clock.id();
      executions.add(execution);
      const argv = ["bash", "-c", command] as const;
      const told = { tool: "bash", command } as const;
      const plain = { run: "run-1", startedAt: clock.now(), told, argv, environment: {}, files: {}, timeoutMs: 20_000 };
      const program: Program = { ...plain, ...more, execution };
      return keeper.run(program, abort.signal);
    };
    return { keeper, files, run, abort };
  };
  onTestFinished(async () => {
    for (const execution of executions) await life().keeper.clear(execution);
  });
  const file = (name: string) => join(folder, "workspaces", "run-1", name);
  const written = async (name: string): Promise<string> => {
    while (!existsSync(file(name)) || !readFileSync(file(name), "utf8").endsWith("\n")) await moment();
    return readFileSync(file(name), "utf8").trim();
  };
  return { folder, clock, kept, life, file, written, ...life() };
}

const moment = (): Promise<void> => new Promise((resolve) => void setTimeout(resolve, 5));

/** Whether a process lives, and is no zombie that only waits to be reaped. */
function lives(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) [ZX]/.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

async function gone(pid: number): Promise<boolean> {
  for (let turn = 0; turn < 400 && lives(pid); turn++) await moment();
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
    files: {
      IN: '{"a":"$(touch x)"}\n',
      OUT: { small: { of: "other", text: "tiny\n" }, large: { of: "first", text: null } },
    },
  });
  expect(ended).toMatchObject({ stdout: { text: '{"a":"$(touch x)"}\nlarge\nsmall\ntiny\n200000\n' } });
});

test("what many programs are handed is one file, which none of them spoils for the next, nor for the record", async () => {
  const { run, folder } = world();
  await run("echo said", { execution: "first" });
  const files = { OUT: { one: { of: "first", text: "said\n" }, gone: { of: "nobody", text: null } } };
  const spoil = 'rm "$OUT/one"; echo mine > "$OUT/one"; cat "$OUT/one"; wc -c < "$OUT/gone"';
  expect(await run(spoil, { execution: "second", files })).toMatchObject({ stdout: { text: "mine\n0\n" } });
  expect(await run('cat "$OUT/one"', { execution: "third", files })).toMatchObject({ stdout: { text: "said\n" } });
  expect(readFileSync(join(folder, "spool", "first", "stdout"), "utf8")).toBe("said\n");
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

test("what a program was told and what it said stands in its session file, in the seed's envelopes", async () => {
  const { run, clock, kept } = world();
  const execution = clock.id();
  await run("echo out; exit 3", { execution });
  const { lines } = await kept.page(execution, 0, 65_536);
  expect(lines.map(({ line }) => line)).toMatchObject([
    { type: "user", seq: 1, sessionId: execution, message: { role: "user", content: "echo out; exit 3" } },
    { type: "assistant", seq: 2, message: { content: [{ type: "tool_use", name: "bash" }] } },
    { type: "user", seq: 3, message: { content: [{ type: "tool_result", content: "out\n" }] } },
    { type: "result", seq: 4, is_error: true, stop_reason: "exit 3" },
  ]);
});

describe("endings", () => {
  test("a program that does not end in time is ended, with all it started", async () => {
    const { run } = world();
    const ended = await run("sleep 300 & echo $!; wait", { timeoutMs: 300 });
    if (ended.type !== "timeout") throw new Error(ended.type);
    expect(await gone(Number(ended.stdout.text))).toBe(true);
  });

  test("cancelling ends a program, with all it started", async () => {
    const { run, abort, written } = world();
    const running = run("sleep 300 & echo $! > pid; wait");
    const pid = Number(await written("pid"));
    abort.abort();
    expect(await running).toEqual({ type: "cancelled" });
    expect(await gone(pid)).toBe(true);
  });

  test("a child that keeps the output open does not hold the end up, and goes too", async () => {
    const { run } = world();
    const ended = await run("sleep 300 & echo $!");
    if (ended.type !== "exited") throw new Error(ended.type);
    expect(await gone(Number(ended.stdout.text))).toBe(true);
  });

  const escapes: [string, string][] = [
    ["sets up a session of its own", "setsid sleep 300 & sleep 0.1; pgrep -n sleep > pid || echo 0 > pid"],
    ["forks twice and leaves", "(setsid bash -c 'sleep 300 & echo $! > pid') & sleep 0.2"],
    ["empties its environment", "(setsid env -i /bin/sh -c '/bin/sleep 300 & echo $! > pid') & sleep 0.2"],
    [
      "ignores being asked",
      "setsid bash -c 'trap \"\" TERM HUP INT; echo $$ > pid; while :; do sleep 1; done' & sleep 0.2",
    ],
    ["closes its output", "setsid bash -c 'exec >&- 2>&-; echo $$ > pid; exec sleep 300' & sleep 0.2"],
    [
      "hands its output to a grandchild",
      "(setsid bash -c 'while :; do echo x; sleep 0.01; done' & echo $! > pid) & sleep 0.2",
    ],
  ];
  test.each(escapes)("a child that %s is ended with its program", async (_how, command) => {
    const { run, written, clock } = world();
    const execution = clock.id();
    const ended = await run(command.replace("pgrep -n sleep > pid || echo 0 > pid", "echo $! > pid"), { execution });
    expect(ended.type).toBe("exited");
    expect(lives(Number(await written("pid")))).toBe(false);
    expect(carriers(execution, 0)).toEqual([]);
  });

  test.each(escapes)("a child that %s is ended on cancel", async (_how, command) => {
    const { run, written, abort, clock } = world();
    const execution = clock.id();
    const running = run(`${command.replace("pgrep -n sleep > pid || echo 0 > pid", "echo $! > pid")}; sleep 300`, {
      execution,
    });
    const pid = Number(await written("pid"));
    abort.abort();
    expect(await running).toEqual({ type: "cancelled" });
    expect([lives(pid), carriers(execution, 0)]).toEqual([false, []]);
  });

  test("a thousand children in sessions of their own are ended on time-out, none left behind", async () => {
    const { run, clock } = world();
    const execution = clock.id();
    const ended = await run("for i in $(seq 1000); do setsid sleep 300 & done; wait", { execution, timeoutMs: 4_000 });
    expect(ended.type).toBe("timeout");
    expect(carriers(execution, 0)).toEqual([]);
  });

  test("a program that ignores being asked is killed after a while, by its keeper alone if need be", async () => {
    const { run, life, clock } = world();
    const execution = clock.id();
    const first = life();
    void first.run("trap '' TERM; while :; do sleep 1; done", { execution, timeoutMs: 200 });
    while (!first.files.find(execution)?.overdue()) await moment();
    // The daemon that started it looks away for good; another takes it up.
    first.abort.abort(DETACH);
    expect((await run("", { execution })).type).toBe("timeout");
  });

  test("a program that is not there is an ending with a reason", async () => {
    const { run } = world();
    expect(await run("", { argv: ["no-such-program"] })).toMatchObject({
      type: "exited",
      code: 127,
      stderr: { text: expect.stringContaining("no-such-program") },
    });
  });

  test("what was cancelled before it started never starts", async () => {
    const { run, abort, folder } = world();
    abort.abort();
    expect(await run("touch here")).toEqual({ type: "cancelled" });
    expect(existsSync(join(folder, "workspaces"))).toBe(false);
  });

  test("what is cancelled while its workspace is made never starts; what is let go then is for the next daemon to start", async () => {
    const { life, file } = world();
    for (const [reason, type] of [
      [undefined, "cancelled"],
      [DETACH, "detached"],
    ] as const) {
      const { run, abort, files } = life();
      const running = run("touch here", { execution: type });
      abort.abort(reason);
      expect([await running, files.find(type)]).toEqual([{ type }, null]);
    }
    expect(existsSync(file("here"))).toBe(false);
  });
});

describe("outliving the daemon", () => {
  test("a program goes on when its daemon lets go, and the next one has its status and every word", async () => {
    const { life, written, clock, file } = world();
    const execution = clock.id();
    const first = life();
    const letting = first.run("echo before; echo up > up; while [ ! -e go ]; do sleep 0.02; done; echo after; exit 7", {
      execution,
    });
    await written("up");
    first.abort.abort(DETACH);
    expect(await letting).toEqual({ type: "detached" });
    const second = life();
    expect(second.keeper.claimed(execution)).toBe(true);
    const taken = second.run("echo a second start", { execution });
    writeFileSync(file("go"), "");
    expect(await taken).toMatchObject({ type: "exited", code: 7, stdout: { text: "before\nafter\n" } });
  });

  test("a program that ended while nobody looked is adopted as it ended", async () => {
    const { life, clock } = world();
    const execution = clock.id();
    const first = life();
    const letting = first.run("echo done; exit 3", { execution });
    while (!first.files.find(execution)) await moment();
    first.abort.abort(DETACH);
    await letting;
    while (first.files.find(execution)?.status() === null) await moment();
    expect(await life().run("", { execution })).toMatchObject({ type: "exited", code: 3, stdout: { text: "done\n" } });
  });

  test("an execution that no keeper claimed never runs, even if its keeper wakes up late", async () => {
    const { life, clock, file } = world();
    const execution = clock.id();
    const { files, keeper } = life();
    const folder = files.create(execution);
    expect(keeper.claimed(execution)).toBe(false);
    // A second crash before the first answer was recorded does not make a process of it that vanished.
    expect(keeper.claimed(execution)).toBe(false);
    // The late keeper: the same words, after recovery has judged.
    const late = spawn("/bin/sh", [
      "-c",
      'set -C; { true > "$1/claim"; } 2>/dev/null || exit 125; touch "$2"',
      "keeper",
      folder.path,
      file("ran"),
    ]);
    expect(await new Promise((resolve) => late.once("exit", resolve))).toBe(125);
    expect([existsSync(file("ran")), keeper.claimed(execution)]).toEqual([false, false]);
    expect(keeper.claimed(clock.id())).toBe(false);
  });

  test("a keeper that was killed before it said who it is has run nothing: the execution is lost", async () => {
    const { life, clock } = world();
    const execution = clock.id();
    const { files, run } = life();
    writeFileSync(join(files.create(execution).path, "claim"), "");
    expect(await run("", { execution })).toEqual({ type: "lost" });
  });

  test.each(["its keeper", "its keeper and itself"])(
    "a program that loses %s is lost, and nothing of it lives on",
    async (who) => {
      const { life, written, clock } = world();
      const execution = clock.id();
      const { files, run } = life();
      const running = run("echo $$ > pid; sleep 300", { execution });
      const pid = Number(await written("pid"));
      const keeper = readIdentity(files.find(execution)?.claimant() ?? "")!.pid;
      process.kill(keeper, "SIGKILL");
      if (who.endsWith("itself")) process.kill(pid, "SIGKILL");
      expect(await running).toEqual({ type: "lost" });
      expect([lives(pid), carriers(execution, 0)]).toEqual([false, []]);
    },
  );

  test("a program that is killed alone ends with the status that says so", async () => {
    const { run } = world();
    expect(await run("kill -KILL $$")).toMatchObject({ type: "exited", code: 137 });
  });

  test("another process under the same number is not mistaken for life", async () => {
    const { life, clock } = world();
    const execution = clock.id();
    const { files, run } = life();
    const folder = files.create(execution);
    const mine = readFileSync("/proc/self/stat", "utf8").trim();
    expect(isAlive(readIdentity(`${process.pid} ${bootId()} ${mine}`)!)).toBe(true);
    // Our own number and boot, one tick older: whoever wrote this is gone.
    const fields = mine.slice(mine.lastIndexOf(")") + 2).split(" ");
    fields[19] = String(Number(fields[19]) - 1);
    const forged = `${process.pid} ${bootId()} ${process.pid} (a) b) ${fields.join(" ")}`;
    expect(isAlive(readIdentity(forged)!)).toBe(false);
    expect(isAlive(readIdentity(`${process.pid} 00000000-0000-0000-0000-000000000000 ${mine}`)!)).toBe(false);
    writeFileSync(join(folder.path, "claim"), `${forged}\n`);
    expect(await run("", { execution })).toEqual({ type: "lost" });
  });

  test("nothing goes on looking at an adopted program that is over", async () => {
    const pending = new Set<object>();
    const { life, clock, written } = world();
    const counting: Clock = {
      ...clock,
      after: (ms, wake) => {
        const entry = {};
        pending.add(entry);
        const cancel = clock.after(ms, () => {
          pending.delete(entry);
          wake();
        });
        return () => {
          pending.delete(entry);
          cancel();
        };
      },
    };
    const execution = clock.id();
    const first = life();
    void first.run("echo up > up; sleep 30", { execution });
    await written("up");
    first.abort.abort(DETACH);
    const attached = life(counting).run("", { execution });
    process.kill(readIdentity(first.files.find(execution)?.claimant() ?? "")!.pid, "SIGKILL");
    expect(await attached).toEqual({ type: "lost" });
    expect(pending.size).toBe(0);
  });

  test("processes of an execution that nobody wants are found by their mark, those of others left alone", async () => {
    const { life, written, clock } = world();
    const [wanted, stray] = [clock.id(), clock.id()];
    const first = life();
    void first.run("echo up > one; sleep 300", { execution: wanted });
    void first.run("echo up > two; sleep 300", { execution: stray });
    await Promise.all([written("one"), written("two")]);
    first.abort.abort(DETACH);
    const { keeper } = life();
    expect(keeper.strays(new Set([wanted]))).toEqual([stray]);
    await keeper.clear(stray);
    expect([carriers(stray, 0), carriers(wanted, 0).length > 0]).toEqual([[], true]);
  });
});
