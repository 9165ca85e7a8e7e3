import { spawnSync } from "node:child_process";
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { systemClock } from "../../../src/domain/clock.ts";
import { conversation, projectSlugForCwd } from "../../../src/domain/session.ts";
import { type SessionFile, sessions } from "../../../src/store/files/sessions.ts";
import { fakeClock } from "../../support/clock.ts";
import { temporaryFolder } from "../../support/world.ts";
import { audited } from "./killed.ts";

const SESSION = "01930000-0000-7abc-8123-0123456789ab";
const CWD = "/home/agent/workspace";
const words = conversation({
  session: SESSION,
  tool: "bash",
  command: "true",
  cwd: CWD,
  version: "0.1.0",
  startedAt: "2026-11-21T09:00:00.000Z",
});
const output = (at: number, text = `line ${at}\n`) =>
  words.output("stdout", at, text, [at + 1, 0], "2026-11-21T09:00:00.000Z");

function world(root = join(temporaryFolder(), "projects")) {
  const files = sessions(root, systemClock());
  const open = (): SessionFile => {
    const file = files.open({ session: SESSION, cwd: CWD });
    onTestFinished(() => file.close().catch(() => {}));
    return file;
  };
  const path = join(root, projectSlugForCwd(CWD), `${SESSION}.jsonl`);
  return { root, files, open, path, torn: path.replace(".jsonl", ".torn") };
}

const shell = (line: string) => spawnSync("sh", ["-c", line], { encoding: "utf8" });

/** A file of so many lines, and where each ends. */
async function written(count: number) {
  const { open, path, ...rest } = world();
  const file = open();
  const ends = Array.from({ length: count }, (_, at) => {
    file.append([output(at)]);
    return statSync(path).size;
  });
  await file.close();
  return { open, path, ends, bytes: readFileSync(path), ...rest };
}

test("a session lies where readers of this format look for it", () => {
  const { open, path } = world();
  open();
  expect(path).toMatch(/\/projects\/-home-agent-workspace\/01930000-0000-7abc-8123-0123456789ab\.jsonl$/);
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test("a line is the envelope of the seed, numbered, chained, checked", async () => {
  const { open, path } = world();
  const file = open();
  file.append([words.prompt(), words.call()]);
  file.append([
    words.result({ status: "error", stopReason: "exit 3", durationMs: 5 }, [0, 0], "2026-11-21T09:00:01.000Z"),
  ]);
  await file.sync();
  const [prompt, call, result] = audited(path);
  expect(prompt).toMatchObject({
    type: "user",
    message: { role: "user", content: "true" },
    sessionId: SESSION,
    cwd: CWD,
  });
  expect(call).toMatchObject({
    message: { role: "assistant", content: [{ type: "tool_use", name: "bash", input: { command: "true" } }] },
    isSidechain: false,
    userType: "external",
    version: "0.1.0",
    gitBranch: "",
    timestamp: "2026-11-21T09:00:00.000Z",
  });
  expect(result).toMatchObject({
    subtype: "error_during_execution",
    is_error: true,
    stop_reason: "exit 3",
    num_turns: 1,
  });
  for (const line of readFileSync(path, "utf8").trimEnd().split("\n")) expect(line).toMatch(/,"crc":"[0-9a-f]{8}"\}$/);
});

test("cut at any byte, a file loses one line at most and goes on without a seam", async () => {
  const { open, path, ends, bytes, torn } = await written(6);
  for (let size = 0; size <= bytes.length; size++) {
    writeFileSync(path, bytes.subarray(0, size));
    rmSync(torn, { force: true });
    const file = open();
    const whole = ends.filter((end) => end <= size);
    expect(file.last?.seq ?? 0).toBe(whole.length);
    file.append([output(whole.length)]);
    await file.close();
    expect(audited(path)).toHaveLength(whole.length + 1);
    const cut = bytes.subarray(whole.at(-1) ?? 0, size);
    if (cut.length > 0) expect(readFileSync(torn).equals(cut)).toBe(true);
    else expect(existsSync(torn)).toBe(false);
  }
});

test("any flipped bit in the last line is found, and the line before it is believed", async () => {
  const { open, path, ends, bytes } = await written(3);
  const start = ends[1] as number;
  for (let at = start; at < bytes.length; at++) {
    const flipped = Buffer.from(bytes);
    flipped[at] = (flipped[at] as number) ^ (1 << (at % 8));
    writeFileSync(path, flipped);
    const file = open();
    expect([at, file.last?.seq]).toEqual([at, 2]);
    await file.close();
    expect(statSync(path).size).toBe(start);
  }
});

test("zeros that a crash of the machine left at the end are no lines", async () => {
  const { open, path, bytes } = await written(3);
  truncateSync(path, bytes.length + 100_000);
  expect(open().last?.seq).toBe(3);
  appendFileSync(path, Buffer.concat([Buffer.alloc(70_000), Buffer.from("\n")]));
  expect(open().last?.seq).toBe(3);
  expect(readFileSync(path).equals(bytes)).toBe(true);
});

test("what other readers take for the end of a line is escaped", () => {
  const { open, path } = world();
  open().append([output(0, "a\u2028b\u2029c\0d\u001b\n")]);
  const text = readFileSync(path, "utf8");
  expect(text).toContain("a\\u2028b\\u2029c\\u0000d\\u001b\\n");
  expect(text.split(/[\n\u2028\u2029]/)).toHaveLength(2);
  audited(path);
});

test("a link, a folder or a pipe in the file's place is refused, and what it leads to stays as it is", () => {
  const { open, path, root } = world();
  mkdirSync(dirname(path), { recursive: true });
  const victim = join(root, "victim");
  writeFileSync(victim, "precious");
  symlinkSync(victim, path);
  expect(open).toThrow(expect.objectContaining({ code: "session.refused" }));
  expect(readFileSync(victim, "utf8")).toBe("precious");
  rmSync(path);
  mkdirSync(path);
  expect(open).toThrow(expect.objectContaining({ code: "session.refused" }));
  rmSync(path, { recursive: true });
  shell(`mkfifo "${path}"`);
  expect(open).toThrow(expect.objectContaining({ code: "session.refused" }));
  rmSync(dirname(path), { recursive: true });
  symlinkSync(temporaryFolder(), dirname(path));
  expect(open).toThrow(expect.objectContaining({ code: "session.refused" }));
});

test("only a UUID ever becomes part of a path", async () => {
  const { files } = world();
  for (const session of [
    "..",
    "../../etc/passwd",
    "a",
    "",
    `${SESSION}/..`,
    `${SESSION}\0`,
    SESSION.toUpperCase().replace("7ABC", "7ABG"),
  ]) {
    expect(() => files.open({ session, cwd: CWD })).toThrow(expect.objectContaining({ code: "session.refused" }));
    await expect(files.page(session, 0, 10_000)).rejects.toMatchObject({ code: "session.unknown" });
  }
});

test("a folder's name is short enough for a disk, however deep the working directory", () => {
  expect(projectSlugForCwd("/home/agent/workspace")).toBe("-home-agent-workspace");
  expect(projectSlugForCwd("/app")).toBe("-app");
  for (const cwd of ["/".repeat(3_000), `/${"ä".repeat(3_000)}`, `/${"😀".repeat(999)}`, "../..", ""]) {
    const slug = projectSlugForCwd(cwd);
    expect(Buffer.byteLength(slug)).toBeLessThanOrEqual(255);
    expect(slug).toMatch(/^-[^/]*$/);
  }
});

test("on a full disk nothing is torn, glued or doubled, and it goes on when there is room", async () => {
  const mount = join(temporaryFolder(), "small");
  mkdirSync(mount);
  const { status, stderr } = shell(`mount -t tmpfs -o size=256k tmpfs "${mount}"`);
  if (status !== 0) return console.log(`not run: no tmpfs can be mounted here (${stderr.trim()})`);
  onTestFinished(() => void shell(`umount -l "${mount}"`));
  const { open, path } = world(join(mount, "projects"));
  const file = open();
  let count = 0;
  const fill = (): void => {
    for (; count < 1_000; count++) file.append([output(count, `${"x".repeat(5_000)}\n`)]);
  };
  expect(fill).toThrow(expect.objectContaining({ code: "disk.full" }));
  expect(fill).toThrow(expect.objectContaining({ code: "disk.full" }));
  expect(audited(path)).toHaveLength(count);
  shell(`mount -o remount,size=2m "${mount}"`);
  for (const until = count + 50; count < until; count++) file.append([output(count)]);
  expect(audited(path)).toHaveLength(count);
  await file.sync();
});

test("a page holds whole lines, and the next begins where it ended", async () => {
  const { files, ends, bytes } = await written(40);
  const seen: unknown[] = [];
  for (let at = 0; at < bytes.length; ) {
    const page = await files.page(SESSION, at, 1_500);
    expect(page.next - at).toBeLessThanOrEqual(1_500);
    expect(page.size).toBe(bytes.length);
    seen.push(...page.lines.map(({ line }) => line?.seq));
    at = page.next;
  }
  expect(seen).toEqual(ends.map((_, at) => at + 1));
  expect(await files.page(SESSION, bytes.length, 1_500)).toMatchObject({ lines: [], next: bytes.length });
  expect(await files.page(SESSION, bytes.length + 99, 1_500)).toMatchObject({ lines: [], next: bytes.length });
});

test("an offset inside a line moves on to the next", async () => {
  const { files, ends } = await written(4);
  const from = async (offset: number) => (await files.page(SESSION, offset, 100_000)).lines.map(({ offset: at }) => at);
  expect(await from(1)).toEqual(ends.slice(0, 3));
  expect(await from((ends[0] as number) - 1)).toEqual(ends.slice(0, 3));
  expect(await from(ends[0] as number)).toEqual(ends.slice(0, 3));
  expect(await from((ends[0] as number) + 1)).toEqual(ends.slice(1, 3));
});

test("bytes that are no line are named and passed by, never thrown", async () => {
  const { files, path, bytes, ends } = await written(2);
  const middle = ends[0] as number;
  const foreign = '{"type":"user","message":{"role":"user","content":"of another program"}}\n';
  const junk = [Buffer.from('{"half\n'), Buffer.from([0xff, 0xfe, 0x0a]), Buffer.from("[]\n"), Buffer.from(foreign)];
  writeFileSync(
    path,
    Buffer.concat([bytes.subarray(0, middle), ...junk, bytes.subarray(middle), Buffer.from('{"torn')]),
  );
  const { lines, next, size } = await files.page(SESSION, 0, 100_000);
  expect(lines.map(({ line, fault }) => fault ?? line?.seq ?? line?.type)).toEqual([
    1,
    "damaged",
    "damaged",
    "damaged",
    "user",
    2,
  ]);
  expect(size - next).toBe(6);
  appendFileSync(path, `${" ".repeat(5_000)}\n`);
  const long = await files.page(SESSION, next, 1_024);
  expect(long.lines).toMatchObject([{ offset: next, line: null, fault: "too_long" }]);
});

test("a session is found among many projects, and one that is none is unknown", async () => {
  const { files, root, path } = await written(1);
  for (let at = 0; at < 1_000; at++) mkdirSync(join(root, `-work-${at}`));
  expect(await files.find(SESSION)).toEqual({ size: statSync(path).size, over: false });
  await expect(files.find(SESSION.replace("7abc", "7abd"))).rejects.toMatchObject({ code: "session.unknown" });
  const other = SESSION.replace("7abc", "7abe");
  symlinkSync(path, join(root, "-work-1", `${other}.jsonl`));
  await expect(files.find(other)).rejects.toMatchObject({ code: "session.unknown" });
});

test("a follower hears each line once, from before it was written to its result", async () => {
  const { open, files } = world();
  const file = open();
  const heard: unknown[] = [];
  const following = (async () => {
    for await (const { line } of files.follow(SESSION, 0, new AbortController().signal)) heard.push(line?.seq);
  })();
  for (let at = 0; at < 200; at++) {
    file.append([output(at)]);
    if (at % 10 === 0) await new Promise(setImmediate);
  }
  file.append([
    words.result({ status: "ok", stopReason: "end_turn", durationMs: 1 }, [9, 0], "2026-11-21T09:00:01.000Z"),
  ]);
  await following;
  expect(heard).toEqual(Array.from({ length: 201 }, (_, at) => at + 1));
});

test("a follower that is told to leaves at once, though nothing comes", async () => {
  const { files } = await written(1);
  const leave = new AbortController();
  const quiet = sessions(join((await written(1)).root), fakeClock());
  const lines = quiet.follow(SESSION, 0, leave.signal);
  await lines.next();
  const waiting = lines.next();
  leave.abort();
  expect(await waiting).toEqual({ done: true, value: undefined });
  expect((await files.find(SESSION)).over).toBe(false);
});

test("a file of any other making is read to its end, too", async () => {
  const { files, path, bytes } = await written(1);
  const copy = `${path}.copy`;
  copyFileSync(path, copy);
  writeFileSync(path, `${'{"type":"result","subtype":"success"}\n'}`);
  expect((await files.find(SESSION)).over).toBe(true);
  expect(readFileSync(copy).equals(bytes)).toBe(true);
});
