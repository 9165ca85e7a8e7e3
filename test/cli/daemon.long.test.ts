import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { ApprovalList, RunBody, RunList } from "../../src/http/api.ts";
import { temporaryFolder } from "../support/world.ts";
import { daemon, environment, eventually, lastlight } from "./command.ts";

const WORKFLOW = `name: greet
inputs:
  who: { type: string }
  times: { type: integer, default: 1 }
phases:
  - { name: hello, type: bash, command: 'printf "# Hi\\n\\nhello %s, %s times\\033[31m\\n" "$LASTLIGHT_INPUT_WHO" "$LASTLIGHT_INPUT_TIMES"' }
  - { name: ask, type: approval, approval: { summary: "Wave too?" } }
  - { name: wave, type: bash, command: "echo waved" }
`;

/** A daemon whose library holds one workflow: it says hello, asks, waves. */
async function greeter() {
  const workflows = temporaryFolder();
  writeFileSync(join(workflows, "greet.yaml"), WORKFLOW);
  const { say, ...rest } = await daemon(workflows);
  const json = async <T>(...argv: string[]): Promise<T> => JSON.parse((await say(...argv, "--json")).stdout) as T;
  const settled = (id: string, status: string): Promise<RunBody> =>
    eventually(async () => {
      const run = await json<RunBody>("show", id);
      return run.status === status ? run : null;
    });
  return {
    say,
    json,
    settled,
    /** A run that waits at its gate. */
    waiting: async (): Promise<string> => {
      const { id } = await json<{ id: string }>("run", "greet", "--input", "who=Ana");
      await settled(id, "paused");
      return id;
    },
    ...rest,
  };
}

test("serve prints one line when it is ready, says where it is, and keeps its token to itself", async () => {
  const { line, stateDir, stop } = await daemon();
  const [, url] = /^lastlight \d+\.\d+\.\d+ is ready at (http:\/\/127\.0\.0\.1:\d+)$/.exec(line) ?? [];
  expect(JSON.parse(readFileSync(join(stateDir, "daemon.json"), "utf8"))).toMatchObject({ url });
  expect(statSync(join(stateDir, "api-token")).mode & 0o777).toBe(0o600);
  await stop();
  expect(existsSync(join(stateDir, "daemon.json"))).toBe(false);
});

test("a second daemon on one STATE_DIR exits 78 and says why", async () => {
  const { stateDir } = await daemon();
  const said = await lastlight(["serve"], environment(stateDir, { LASTLIGHT_PORT: "0" }));
  expect(said).toMatchObject({ code: 78, stdout: "" });
  expect(said.stderr).toContain(`${stateDir} is in use by another daemon\n`);
});

describe("run", () => {
  test("starts a run, inputs typed as the workflow declares them", async () => {
    const { say, settled } = await greeter();
    const said = await say("run", "greet", "--input", "who=42", "--input", "times=3");
    expect(said).toMatchObject({ code: 0, stderr: "" });
    const [, id] = /^Run (\S+) is \w+\.\n/.exec(said.stdout) ?? [];
    expect((await settled(id!, "paused")).inputs).toEqual({ who: "42", times: 3 });
  });

  test("takes inputs from a file, those on the command line before them", async () => {
    const { say, json } = await greeter();
    const file = join(temporaryFolder(), "inputs.json");
    writeFileSync(file, '{ "who": "file", "times": 2 }');
    const { id } = await json<{ id: string }>("run", "greet", "--inputs", file, "--input", "who=line");
    expect(JSON.parse((await say("show", id, "--json")).stdout)).toMatchObject({ inputs: { who: "line", times: 2 } });
  });

  test("asked twice with one key starts once", async () => {
    const { say, json } = await greeter();
    const first = await json<{ id: string; created: boolean }>("run", "greet", "--input", "who=a", "--key", "k");
    const second = await json<{ id: string; created: boolean }>("run", "greet", "--input", "who=b", "--key", "k");
    expect([first.created, second.created, second.id]).toEqual([true, false, first.id]);
    expect((await say("run", "greet", "--input", "who=c", "--key", "k")).stdout).toContain("has this key already");
  });

  test("inputs that do not fit are refused, each problem by its path", async () => {
    const { say } = await greeter();
    const said = await say("run", "greet", "--input", "times=often");
    expect(said).toMatchObject({ code: 1, stdout: "" });
    expect(said.stderr).toContain("\n  /who is required\n");
    expect(said.stderr).toContain("\n  /times must be integer\n");
  });

  test("a workflow nobody has is told as such", async () => {
    const { say } = await greeter();
    const said = await say("run", "greett");
    expect(said).toMatchObject({ code: 1, stdout: "" });
    expect(said.stderr).toMatch(/^No workflow is called "greett"\. Did you mean "greet"\?\n/);
  });

  test("followed, it tells each phase and how to answer, and ends with the run", async () => {
    const { say, json } = await greeter();
    const following = say("run", "greet", "--input", "who=Ana", "--follow");
    const gate = await eventually(async () => (await json<ApprovalList>("approvals")).items[0] ?? null);
    await say("approve", gate.id);
    const said = await following;
    expect(said).toMatchObject({ code: 0, stderr: "" });
    expect(said.stdout).toMatch(/^hello succeeded in .*: hello Ana, 1 times$/m);
    expect(said.stdout).toContain(`It waits for an answer: lastlight approve ${gate.id} (or reject)\n`);
    expect(said.stdout).toMatch(/^status +succeeded$/m);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: their absence is the promise
    expect(said.stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/);
  });
});

describe("a run at its gate", () => {
  test("is listed, shown, and approved by the end of its id; the run goes on", async () => {
    const { say, settled, waiting } = await greeter();
    const id = await waiting();
    expect((await say("approvals")).stdout).toMatch(/ask +\d+ s ago +Wave too\?$/m);
    expect((await say("show", id.slice(-8))).stdout).toMatch(/^ask +waiting .*Wave too\?$/m);
    const said = await say("approve", id.slice(-8), "--comment", "go on");
    expect(said).toMatchObject({ code: 0, stderr: "" });
    expect((await settled(id, "succeeded")).approvals[0]).toMatchObject({ status: "approved", response: "go on" });
    expect((await say("show", id)).stdout).toMatch(/^ask +succeeded .*approved by local:\S+: go on$/m);
    expect((await say("approvals")).stdout).toBe("Nothing waits for an answer.\n");
  });

  test("is rejected; a second answer is told who was first", async () => {
    const { say, json, settled, waiting } = await greeter();
    const id = await waiting();
    const gate = (await json<ApprovalList>("approvals")).items[0]!.id;
    expect((await say("reject", id)).code).toBe(0);
    expect(await settled(id, "failed")).toMatchObject({ reason: "rejected" });
    const said = await say("approve", gate);
    expect(said).toMatchObject({ code: 1, stdout: "" });
    expect(said.stderr).toMatch(/ was rejected by local:\S+ at /);
  });

  test("is cancelled; a second time it is over already", async () => {
    const { say, settled, waiting } = await greeter();
    const id = await waiting();
    expect(await say("cancel", id)).toEqual({ code: 0, stdout: `Run ${id} is cancelled.\n`, stderr: "" });
    await settled(id, "cancelled");
    expect(await say("cancel", id)).toMatchObject({ code: 1, stdout: "" });
  });
});

test("runs are listed newest first, filtered, page after page", async () => {
  const { say, json, waiting, settled } = await greeter();
  const first = await waiting();
  const second = await waiting();
  await say("cancel", first);
  await settled(first, "cancelled");
  const page = await json<RunList>("runs", "--limit", "1");
  expect(page.items.map(({ id }) => id)).toEqual([second]);
  const rest = await json<RunList>("runs", "--limit", "1", "--cursor", page.next_cursor!);
  expect(rest.items.map(({ id }) => id)).toEqual([first]);
  expect((await json<RunList>("runs", "--status", "cancelled,failed")).items.map(({ id }) => id)).toEqual([first]);
  expect((await json<RunList>("runs", "--since", "1h", "--workflow", "greet")).items).toHaveLength(2);
  expect((await say("runs", "--starred")).stdout).toBe("No run fits.\n");
  expect((await say("runs")).stdout).toMatch(new RegExp(`^${second} +greet +paused \\(gate\\) +ask +\\d+ s ago$`, "m"));
});

test("the library is listed with what each workflow takes", async () => {
  const { say } = await greeter();
  expect((await say("workflows")).stdout).toMatch(/^greet +ready +who, times$/m);
});

test("doctor speaks of the daemon that runs", async () => {
  const { say } = await greeter();
  const said = await say("doctor");
  expect(said).toMatchObject({ code: 0, stderr: "" });
  expect(said.stdout).toMatch(/^ok +daemon +\S+ at http:\/\/127\.0\.0\.1:\d+, pid \d+, ready for /m);
});

test("output that nobody reads any more ends quietly", async () => {
  const { stateDir } = await greeter();
  const env = { ...environment(stateDir), NODE: process.execPath };
  const { spawnSync } = await import("node:child_process");
  const { stdout, stderr } = spawnSync(
    "bash",
    ["-c", '"$NODE" src/main.ts runs --json | true; echo "${PIPESTATUS[0]}"'],
    {
      env,
      encoding: "utf8",
    },
  );
  expect([stdout, stderr]).toEqual(["0\n", ""]);
});
