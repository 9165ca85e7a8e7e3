import { appendFileSync, mkdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { Fault } from "../../src/domain/fault.ts";
import type { SessionEnd } from "../../src/domain/session.ts";
import type { Transcript } from "../../src/engine/contracts/transcript.ts";
import type { SessionFile } from "../../src/store/files/sessions.ts";
import { audited, said } from "../store/files/killed.ts";
import { DONE, executionIn, transcriptsIn } from "../store/files/transcriber.ts";
import { temporaryFolder } from "../support/world.ts";

const EXECUTION = "01930000-0000-7abc-8123-0123456789ab";

/** A command's folder, and the lives of daemons that transcribe it. */
function world(more: Parameters<typeof transcriptsIn>[1] = {}) {
  const folder = temporaryFolder();
  const of = executionIn(folder, EXECUTION);
  return {
    of,
    life: (also = more): Transcript => {
      const transcript = transcriptsIn(folder, also).transcripts.open(of);
      onTestFinished(() => transcript.release());
      return transcript;
    },
    print: (text: string | Buffer, to: "stdout" | "stderr" = "stdout") => appendFileSync(of[to], text),
    lines: () => audited(of.file),
    files: transcriptsIn(folder).files,
  };
}

async function until(holds: () => boolean): Promise<void> {
  for (const deadline = Date.now() + 10_000; !holds(); await setTimeout(5)) {
    if (Date.now() > deadline) throw new Error("it did not come about in time");
  }
}
const size = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0;

test("a command becomes a conversation: the prompt, the call, what it printed, how it ended", async () => {
  const { life, print, lines } = world();
  const transcript = life();
  print("out\n");
  print("err\n", "stderr");
  print("no end");
  await transcript.finish({ status: "error", stopReason: "exit 3", durationMs: 12 });
  const told = lines();
  expect(told.slice(0, 2)).toMatchObject([
    { type: "user", message: { content: "seq 1 100" } },
    { type: "assistant", message: { content: [{ type: "tool_use", name: "bash", input: { command: "seq 1 100" } }] } },
  ]);
  expect([said(told, false), said(told, true)]).toEqual(["out\nno end", "err\n"]);
  expect(told.at(-1)).toMatchObject({ type: "result", stop_reason: "exit 3", duration_ms: 12, spool: [10, 4] });
});

test("what is printed can be read while it is printed", async () => {
  const { life, print, of, lines } = world();
  life();
  await until(() => size(of.file) > 0);
  expect(lines()).toHaveLength(2);
  print("first\n");
  await until(() => said(lines(), false) === "first\n");
  print("half a li");
  print("second\n", "stderr");
  await until(() => said(lines(), true) === "second\n");
  expect(said(lines(), false)).toBe("first\n");
});

test.each<[SessionEnd["status"], string]>([
  ["ok", "end_turn"],
  ["timeout", "timeout"],
  ["cancelled", "cancelled"],
  ["lost", "lost"],
])("a command that ends %s and printed nothing has an end, too", async (status, stopReason) => {
  const { life, lines } = world();
  await life().finish({ status, stopReason, durationMs: 1 });
  expect(lines().at(-1)).toMatchObject({
    subtype: status === "ok" ? "success" : "error_during_execution",
    is_error: status !== "ok",
    stop_reason: stopReason,
  });
});

test("an end told twice, or again after a crash, is one end", async () => {
  const { life, print, of } = world();
  print("out\n");
  const first = life();
  await Promise.all([first.finish(DONE), first.finish(DONE)]);
  const before = readFileSync(of.file);
  await life().finish({ status: "lost", stopReason: "lost", durationMs: 9 });
  expect(readFileSync(of.file).equals(before)).toBe(true);
});

test("one that is followed already is not followed twice", async () => {
  const folder = temporaryFolder();
  const { transcripts } = transcriptsIn(folder);
  const of = executionIn(folder, EXECUTION);
  const one = transcripts.open(of);
  expect(transcripts.open(of)).toBe(one);
  await one.release();
  const other = transcripts.open(of);
  expect(other).not.toBe(one);
  await other.finish(DONE);
  await expect(one.finish(DONE)).rejects.toMatchObject({ code: "store.stopped" });
});

test("a daemon that lets go and its successor tell one story", async () => {
  const { life, print, of, lines } = world();
  const first = life();
  print("one\n");
  await until(() => size(of.file) > 0 && said(lines(), false) === "one\n");
  await first.release();
  print("two\n");
  await life().finish(DONE);
  expect(said(lines(), false)).toBe("one\ntwo\n");
});

test("a line of 5 MB is shown in part and marked; what was printed stays as it was", async () => {
  const { life, print, lines, of } = world();
  print(`${"x".repeat(5_000_000)}\nafter\n`);
  await life().finish(DONE);
  expect(said(lines(), false)).toBe(`${"x".repeat(65_536)}…[truncated 4934464 chars]\nafter\n`);
  expect(size(of.stdout)).toBe(5_000_007);
});

test("a flood on one stream does not keep the other waiting", async () => {
  const { life, print, lines, of } = world();
  print(`${"x".repeat(99)}\n`.repeat(50_000));
  print("hear me\n", "stderr");
  life();
  await until(() => size(of.file) > 0 && lines().some(({ spool }) => (spool as number[])[1] === 8));
  expect(size(of.file)).toBeLessThan(5_000_000);
});

/** Sessions whose appends fail for as long as the test says. */
function troubled(files: ReturnType<typeof transcriptsIn>["files"]) {
  const state = { fault: null as Fault | null, syncFault: null as Fault | null };
  const open = (of: Parameters<typeof files.open>[0]): SessionFile => {
    const file = files.open(of);
    return {
      get last() {
        return file.last;
      },
      append: (lines) => {
        if (state.fault) throw state.fault;
        file.append(lines);
      },
      sync: () => (state.syncFault ? Promise.reject(state.syncFault) : file.sync()),
      close: () => file.close(),
    };
  };
  return { state, sessions: { open } };
}

test("on a full disk it waits, says so once, and goes on where it was when there is room", async () => {
  const { life, print, lines, files, of } = world();
  const { state, sessions } = troubled(files);
  const heard: string[] = [];
  const transcript = life({
    sessions,
    onTrouble: ({ code }, execution) => heard.push(`${code} ${execution}`),
    onRelief: () => heard.push("relief"),
  });
  print("one\n");
  await until(() => size(of.file) > 0 && said(lines(), false) === "one\n");
  state.fault = new Fault("disk.full", "no space is left");
  print("two\n".repeat(20_000));
  const ending = transcript.finish(DONE);
  await until(() => heard.length === 1);
  print("two\n", "stderr");
  state.fault = null;
  await ending;
  expect(heard).toEqual([`disk.full ${EXECUTION}`, "relief"]);
  expect(said(lines(), false)).toBe(`one\n${"two\n".repeat(20_000)}`);
});

test("a sync that failed is told, and the end is not", async () => {
  const { life, files } = world();
  const { state, sessions } = troubled(files);
  const heard: string[] = [];
  const transcript = life({ sessions, onTrouble: ({ code }) => heard.push(code) });
  state.syncFault = new Fault("store.trouble", "EIO");
  await expect(transcript.finish(DONE)).rejects.toMatchObject({ code: "store.trouble" });
  expect(heard).toEqual(["store.trouble"]);
});

test("where a link lies in the file's place, nothing is written and the end says why", async () => {
  const { life, print, of } = world();
  mkdirSync(dirname(of.file), { recursive: true });
  const victim = `${of.file}.victim`;
  writeFileSync(victim, "precious");
  symlinkSync(victim, of.file);
  print("out\n");
  await expect(life().finish(DONE)).rejects.toMatchObject({ code: "session.refused" });
  expect(readFileSync(victim, "utf8")).toBe("precious");
  rmSync(of.file);
  await life().finish(DONE);
});
