import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { RunBody } from "../../src/http/api.ts";
import { temporaryFolder } from "../support/world.ts";
import { daemon, environment, eventually, lastlight } from "./command.ts";

const WORKFLOW = `name: talk
inputs: { who: { type: string, default: Ana } }
phases:
  - { name: greet, type: bash, command: "printf 'hello %s' {{inputs.who}}" }
  - { name: hold, type: wait, wait: { until: 'signals.go == 3', every: 1h } }
  - { name: ask, type: approval, approval: { summary: "Good?" } }
  - { name: last, type: bash, command: "printf 'bye %s, %s' {{inputs.who}} {{greet}}" }
`;

test("a run is held back, sent word, let go on, retried, forked and compared from the command line", async () => {
  const workflows = temporaryFolder();
  writeFileSync(join(workflows, "talk.yaml"), WORKFLOW);
  const { say } = await daemon(workflows);
  const json = async <T>(...argv: string[]): Promise<T> => JSON.parse((await say(...argv, "--json")).stdout) as T;
  const once = (run: string, ready: (run: RunBody) => boolean): Promise<RunBody> =>
    eventually(async () => {
      const now = await json<RunBody>("show", run);
      return ready(now) ? now : null;
    });

  const { id } = await json<{ id: string }>("run", "talk");
  await once(id, ({ reason }) => reason === "timer");
  expect(await say("pause", id.slice(-8))).toEqual({ code: 0, stdout: `Run ${id} is paused.\n`, stderr: "" });
  expect((await say("pause", id)).stderr).toContain(`Run ${id} is paused`);
  expect(await json("signal", id, "go", "3", "--id", "one")).toMatchObject({ id });
  await once(id, ({ reason }) => reason === "operator");
  expect((await say("resume", id)).code).toBe(0);
  await once(id, ({ reason }) => reason === "gate");
  const early = await say("retry", id);
  expect([early.code, early.stdout]).toEqual([1, ""]);
  expect(early.stderr).toContain(`Run ${id} is paused`);
  const wrong = await say("reply", id.slice(-8), "what now?");
  expect([wrong.code, wrong.stdout]).toEqual([1, ""]);
  expect(wrong.stderr).toContain("is answered with approve or reject, not with a reply");
  await say("reject", id);
  await once(id, ({ status }) => status === "failed");
  expect((await say("retry", id, "--from", "nobody")).stderr).toContain("it has greet, hold, ask, last");
  expect((await say("retry", id)).code).toBe(0);
  await once(id, ({ reason }) => reason === "gate");
  await say("approve", id);
  await once(id, ({ status }) => status === "succeeded");

  const forked = await say("fork", id, "--from", "last", "--input", "who=42");
  const [, copy] = /^Run (\S+) is \w+: a fork of \S+ from last\.$/m.exec(forked.stdout) ?? [];
  expect(forked.stdout).toContain(`lastlight show --compare ${id} ${copy}\n`);
  await once(copy as string, ({ status }) => status === "succeeded");
  const sides = await json<{ what: string; left: string; right: string; same: boolean }[]>(
    "show",
    "--compare",
    id,
    copy as string,
  );
  expect(sides).toContainEqual({ what: "input who", left: "Ana", right: "42", same: false });
  expect(sides).toContainEqual({
    what: "last output",
    left: "bye Ana, hello Ana",
    right: "bye 42, hello Ana",
    same: false,
  });
  expect((await say("show", "--compare", id, copy as string)).stdout).toMatch(
    /^last output +bye Ana, hello Ana +bye 42, hello Ana$/m,
  );
  expect((await say("show", "--compare", id)).stderr).toContain("--compare takes two runs\n");
});

describe("a command line that cannot be meant exits 2 and says why", () => {
  test.each([
    [["signal", "abcdef"], "missing required argument 'name'\n"],
    [["fork", "abcdef"], "required option '--from <phase>' not specified\n"],
    [["retry"], "missing required argument 'run'\n"],
    [["pause", "x"], '"x" is neither an id nor the last 6 or more characters of one\n'],
    [["reply", "abcdef"], "missing required argument 'text'\n"],
  ])("lastlight %j", async (argv, message) => {
    const said = await lastlight(argv, environment(temporaryFolder(), { LASTLIGHT_PORT: "9" }));
    expect(said.stderr.startsWith(message), said.stderr).toBe(true);
    expect(said).toMatchObject({ code: 2, stdout: "" });
  });
});
