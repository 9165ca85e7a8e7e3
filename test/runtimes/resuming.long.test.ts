import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { carriers } from "../../src/engine/processes.ts";
import { claude } from "../../src/runtimes/claude.ts";
import { codex } from "../../src/runtimes/codex.ts";
import { temporaryFolder } from "../support/world.ts";
import { kept } from "./kept.ts";
import { exited } from "./speaking.ts";

const ID = "84701325-7dab-44c4-8a8d-8b6c5ebdd577";
const OTHER = "01930000-0000-7abc-8123-0123456789ab";
const session = { id: ID, of: "e", before: { usd: 0.00585 } };

/** A command that notes how it was started and what it was told, and then does as `script` says. */
function commanded(name: "claude" | "codex", script: string) {
  const folder = temporaryFolder();
  const file = join(folder, name);
  writeFileSync(file, `#!/bin/sh\nprintf '%s\\n' "$*" >> "${folder}/starts"; cat >> "${folder}/told"\n${script}`);
  chmodSync(file, 0o755);
  return {
    world: kept(`${folder}:/usr/bin:/bin`),
    starts: (): string[] => readFileSync(join(folder, "starts"), "utf8").trimEnd().split("\n"),
    told: (): string => readFileSync(join(folder, "told"), "utf8"),
  };
}

const init = (id: string): string => `{"type":"system","subtype":"init","session_id":"${id}","model":"m"}`;
const words = '{"type":"assistant","message":{"id":"m1","content":[{"type":"text","text":"Done"}],"usage":{}}}';
const result = '{"type":"result","subtype":"success","is_error":false,"total_cost_usd":0.0117,"usage":{}}';
const say = (...lines: string[]): string => lines.map((line) => `echo '${line}'`).join("\n");
const GONE = `case "$*" in *--resume*)
  echo '{"type":"result","subtype":"error_during_execution","is_error":true,"errors":["No conversation found"]}'
  echo "No conversation found with session ID: ${ID}" >&2; exit 1;; esac\n`;

describe("a command that is to go on with a session", () => {
  test("is told which, with its prompt, and billed for what is new", async () => {
    const { world, starts, told } = commanded("claude", say(init(ID), words, result));
    const ended = exited(await world.run(claude, { session, prompt: "go\u2028on" }));
    expect(starts()).toEqual([expect.stringMatching(new RegExp(` --resume ${ID}$`))]);
    expect(told()).toBe("go\u2028on");
    expect(ended).toMatchObject({ code: 0, report: { status: "ok", text: "Done", sessionId: ID } });
    expect(ended.stdout.text).toBe(`${[init(ID), words, result].join("\n")}\n`);
  });

  test("begins a new one where that is gone, and what it said of that is no part of its stream", async () => {
    const { world, starts, told } = commanded("claude", GONE + say(init(OTHER), words, result));
    const ended = exited(await world.run(claude, { session, prompt: "go on " }));
    expect(starts()).toEqual([expect.stringContaining("--resume"), expect.not.stringContaining("--resume")]);
    expect(told()).toBe("go on go on ");
    expect(ended).toMatchObject({ code: 0, report: { status: "ok", sessionId: OTHER } });
    expect(ended.stdout.text).toBe(`${[init(OTHER), words, result].join("\n")}\n`);
    expect(ended.stderr.text).toContain("No conversation found with session ID");
    expect(ended.stderr.text).toContain("a new one begins");
  });

  test("that failed once its session had begun is not started again: its work may be half done", async () => {
    const { world, starts } = commanded("claude", `${say(init(ID))}\nexit 1`);
    const ended = exited(await world.run(claude, { session }));
    expect(starts()).toHaveLength(1);
    expect(ended).toMatchObject({ code: 1, report: { status: "lost", sessionId: ID } });
  });

  test("that ends well without a word is not started again", async () => {
    const { world, starts } = commanded("claude", "exit 0");
    exited(await world.run(claude, { session }));
    expect(starts()).toHaveLength(1);
  });

  test("that is not there is missed by name, with how to get it", async () => {
    const ended = exited(await kept("/usr/bin:/bin").run(claude, { session }));
    expect(ended).toMatchObject({ code: 127, stderr: { text: expect.stringMatching(/^claude was not found.*npm/) } });
  });

  test("is codex's own, its options before the word, the prompt from stdin behind it", async () => {
    const started = `{"type":"thread.started","thread_id":"${ID}"}`;
    const over = '{"type":"turn.completed","usage":{"input_tokens":1,"cached_input_tokens":0,"output_tokens":1}}';
    const { world, starts } = commanded("codex", say(started, over));
    const ended = exited(await world.run(codex, { session, model: "m" }));
    expect(starts()).toEqual([expect.stringMatching(new RegExp(`^exec --json .*--model m resume ${ID} -$`))]);
    expect(ended.report).toMatchObject({ status: "ok", sessionId: ID });
  });

  test("is ended with its run, and so is what it started", async () => {
    const { world, starts } = commanded("claude", `${say(init(ID))}\nsetsid sleep 1000 & sleep 1000`);
    const running = world.run(claude, { session });
    await vi.waitFor(() => expect(world.printed()).toContain(ID), { timeout: 20_000, interval: 10 });
    world.abort.abort();
    expect((await running).type).toBe("cancelled");
    expect(carriers(world.execution, 0)).toEqual([]);
    expect(starts()).toHaveLength(1);
  });
});

test.for(["--last", "my-session", "../../x", ID.toUpperCase(), `${ID} `, ""])(
  "%j is no session that claude or codex is told to go on with: they may take it for words to look for",
  (id) => {
    expect([claude.resumes?.(id), codex.resumes?.(id)]).toEqual([false, false]);
  },
);
