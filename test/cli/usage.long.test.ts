import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { temporaryFolder } from "../support/world.ts";
import { daemon, environment, lastlight, ROOT } from "./command.ts";

const HINT = "See `lastlight help` and the command's own `--help`.\n";

/** Nobody listens there: the discard port of this machine. */
const NOBODY = { LASTLIGHT_PORT: "9" };

describe("a command line that cannot be meant exits 2, says why and what to do, on stderr", () => {
  test.each([
    [["frobnicate"], "unknown command 'frobnicate'\n"],
    [["show"], "show takes a run\n"],
    [["show", "abc"], '"abc" is neither an id nor the last 6 or more characters of one\n'],
    [["runs", "--status", "done"], '"done" is no status of a run. '],
    [["runs", "--limit", "0"], '--limit takes a whole number from 1 to 200, not "0"\n'],
    [["runs", "--colour"], "unknown option '--colour'\n"],
    [["run", "x", "--input", "novalue"], '--input takes name=value, not "novalue"\n'],
    [["run", "x", "--inputs", "/nowhere.json"], "/nowhere.json cannot be read as JSON: "],
    [["workflows", "check"], "missing required argument 'files'\n"],
    [["workflows", "check", "/nowhere.yaml"], "/nowhere.yaml cannot be read\n"],
    [["demo"], "The demo asks a question, and there is no terminal to ask it in. Add --yes\n"],
    [["demo", "--yes", "--repo", "/"], "/ is not a git repository, or git refuses to read it\n"],
  ])("lastlight %j", async (argv, message) => {
    const stateDir = temporaryFolder();
    const said = await lastlight(argv, environment(stateDir, NOBODY));
    expect(said.stderr.startsWith(message), said.stderr).toBe(true);
    expect(said).toMatchObject({ code: 2, stdout: "" });
    expect(said.stderr.endsWith(HINT)).toBe(true);
    expect(existsSync(join(stateDir, "demo"))).toBe(false);
  });

  test("with --json it is the error of the API", async () => {
    const said = await lastlight(["show", "abc", "--json"], environment(temporaryFolder(), NOBODY));
    expect(said).toMatchObject({ code: 2, stdout: "" });
    expect(JSON.parse(said.stderr)).toEqual({
      error: {
        code: "usage.invalid",
        message: '"abc" is neither an id nor the last 6 or more characters of one',
        hint: HINT.trim(),
        details: [],
      },
    });
  });
});

test("--version prints the version alone", async () => {
  const said = await lastlight(["--version"], environment(temporaryFolder()));
  expect(said).toEqual({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/), stderr: "" });
});

test("help is no error; it names every command", async () => {
  const said = await lastlight(["--help"], environment(temporaryFolder()));
  expect(said).toMatchObject({ code: 0, stderr: "" });
  for (const name of [
    "serve",
    "demo",
    "run",
    "runs",
    "show",
    "approvals",
    "approve",
    "reject",
    "cancel",
    "workflows",
    "doctor",
  ]) {
    expect(said.stdout).toMatch(new RegExp(`^  ${name}\\b`, "m"));
  }
});

test("no command at all is a misuse, answered with help", async () => {
  const said = await lastlight([], environment(temporaryFolder()));
  expect(said).toMatchObject({ code: 2, stdout: "" });
  expect(said.stderr).toContain("Usage: lastlight");
});

test("a daemon that is not there is told with how to start it", async () => {
  const said = await lastlight(["runs"], environment(temporaryFolder(), NOBODY));
  expect(said).toEqual({
    code: 1,
    stdout: "",
    stderr:
      "Nothing answers at http://127.0.0.1:9\nStart it with `npm start` (or `lastlight serve`) and the same STATE_DIR.\n",
  });
});

test("an environment that cannot be meant exits 78 and names the variable; help and version work all the same", async () => {
  const env = environment(temporaryFolder(), { LASTLIGHT_PORT: "many" });
  const said = await lastlight(["runs"], env);
  expect(said).toMatchObject({ code: 78, stdout: "" });
  expect(said.stderr).toContain('LASTLIGHT_PORT: "many" is not a whole number from 0 to 65535\n');
  expect((await lastlight(["--version"], env)).code).toBe(0);
});

describe("doctor", () => {
  test("on a good machine without a daemon finds nothing wrong, and says that none runs", async () => {
    const said = await lastlight(["doctor"], environment(join(temporaryFolder(), "not", "yet"), NOBODY));
    expect(said).toMatchObject({ code: 0, stderr: "" });
    expect(said.stdout).toMatch(/^note {3}daemon .* not running: Nothing answers at http:\/\/127.0.0.1:9$/m);
    expect(said.stdout).toMatch(/^ok {5}git .* git version /m);
    expect(said.stdout).toMatch(/^ok {5}bash /m);
  });

  test("names what is missing and how to get it, and exits 1", async () => {
    const workflows = temporaryFolder();
    writeFileSync(join(workflows, "bad.yaml"), "name: bad\nphases: []\n");
    const state = join(temporaryFolder(), "file");
    writeFileSync(state, "");
    const env = { ...environment(state, NOBODY), PATH: temporaryFolder(), WORKFLOWS_DIR: workflows };
    const said = await lastlight(["doctor", "--json"], env);
    const { ok, checks } = JSON.parse(said.stdout) as { ok: boolean; checks: Record<string, string>[] };
    expect([said.code, ok]).toEqual([1, false]);
    const wrong = checks.filter(({ verdict }) => verdict === "wrong");
    expect(wrong.map(({ what }) => what)).toEqual(["STATE_DIR", "workflows", "", "git", "bash"]);
    for (const { what, remedy } of wrong) if (what !== "") expect(remedy).toBeTruthy();
  });
});

describe("workflows check reads files without a daemon", () => {
  const check = (files: Record<string, string>, ...options: string[]) => {
    const folder = temporaryFolder();
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
    return lastlight(["workflows", "check", ...Object.keys(files), ...options], environment(folder), folder);
  };
  const good = 'name: good\nphases:\n  - { name: a, type: bash, command: "true" }\n';
  const bad = 'name: bad\nphases:\n  - { name: a, type: bash, comand: "true" }\n';
  const early = 'name: early\nphases:\n  - { name: a, type: bash, command: "true", runs_on: here }\n';

  test("good files are called good", async () => {
    expect(await check({ "good.yaml": good })).toEqual({ code: 0, stdout: "1 file is good.\n", stderr: "" });
  });

  test("the shipped workflows are good", async () => {
    const names = readdirSync(join(ROOT, "workflows")).filter((name) => name.endsWith(".yaml"));
    const files = names.map((name) => join(ROOT, "workflows", name));
    const said = await lastlight(["workflows", "check", ...files], environment(temporaryFolder()));
    expect(said).toEqual({ code: 0, stdout: `${files.length} files are good.\n`, stderr: "" });
  });

  test("prompts that are somewhere else are looked for, unless it is said that they may be missing", async () => {
    const prompted = "name: prompted\nphases:\n  - { name: a, agent: scripted, prompt: prompts/a.md }\n";
    expect(await check({ "prompted.yaml": prompted })).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/^prompted\.yaml:3:41 prompt file prompts\/a\.md is missing/),
    });
    const said = await check({ "prompted.yaml": prompted }, "--allow-missing-files");
    expect(said).toEqual({ code: 0, stdout: "1 file is good.\n", stderr: "" });
  });

  test("an error is told with file, line, column and remedy, and exits 1", async () => {
    expect(await check({ "good.yaml": good, "bad.yaml": bad })).toEqual({
      code: 1,
      stdout: 'bad.yaml:3:28 unknown key "comand". Did you mean "command"?\n',
      stderr: "",
    });
  });

  test("a warning is told too, and exits 0", async () => {
    const said = await check({ "early.yaml": early });
    expect(said).toMatchObject({ code: 0, stderr: "" });
    expect(said.stdout).toMatch(
      /^early\.yaml:3:45 warning: `runs_on` is known but not carried out yet; .*\n1 file is good\.\n$/,
    );
  });

  test("with --json, programs get the same", async () => {
    const said = await check({ "bad.yaml": bad }, "--json");
    expect(said).toMatchObject({ code: 1, stderr: "" });
    expect(JSON.parse(said.stdout)).toEqual({
      ok: false,
      complaints: [
        {
          file: "bad.yaml",
          line: 3,
          column: 28,
          severity: "error",
          message: 'unknown key "comand". Did you mean "command"?',
        },
      ],
    });
  });
});

describe("workflows graph draws a workflow", () => {
  const file =
    'name: ask\nphases:\n  - { name: a, type: bash, command: "true" }\n  - { name: ok, type: approval, label: "Go on?" }\n';
  const drawn = 'flowchart TD\np0["a<br/>bash"]\np1{{"Go on#63;<br/>ok<br/>approval"}}\np0 --> p1\n';

  test("of a file, without a daemon", async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, "ask.yaml"), file);
    const said = await lastlight(["workflows", "graph", "ask.yaml"], environment(folder, NOBODY), folder);
    expect(said).toEqual({ code: 0, stdout: drawn, stderr: "" });
  });

  test("of a name, as the daemon has it", async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, "another-name.yaml"), file);
    const { say, stop } = await daemon(folder);
    expect(await say("workflows", "graph", "ask")).toEqual({ code: 0, stdout: drawn, stderr: "" });
    expect(await say("workflows", "graph", "aks")).toMatchObject({
      code: 1,
      stdout: "",
      stderr: expect.stringMatching(/^No workflow is called "aks"\. Did you mean "ask"\?\n/),
    });
    await stop();
  });

  test("a file with errors is not drawn; what is wrong with it is told", async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, "bad.yaml"), "name: bad\nphases: []\n");
    const said = await lastlight(["workflows", "graph", "bad.yaml"], environment(folder), folder);
    expect(said).toMatchObject({ code: 1, stdout: "" });
    expect(said.stderr).toContain("bad.yaml cannot be drawn\n  bad.yaml:2:9 phases must not be empty\n");
  });
});
