import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { describe, expect, test } from "vitest";
import { printSimulated } from "../../src/cli/simulated.ts";
import { openTerminal } from "../../src/cli/terminal.ts";
import type { RunBody } from "../../src/http/api.ts";
import { simulateRuns } from "../../src/simulate.ts";
import { check } from "../../src/workflow/check.ts";
import { easyScenario } from "../../src/workflow/scenario/easy.ts";
import { temporaryFolder } from "../support/world.ts";
import { environment, lastlight, type Said } from "./command.ts";

const WORKFLOW = `name: ship
inputs: { tag: { type: string } }
phases:
  - { name: build, type: bash, command: "printf 'built %s' {{inputs.tag}}", retry: { times: 1 } }
  - name: approve
    type: approval
    approval: { summary: "Ship {{build}}?", timeout: 24h, remind: [4h], escalate: { after: 20h, to: { groups: [leads] } } }
  - { name: ship, agent: scripted, prompt: prompts/ship.md, messages: { on_success: "It is out: {{output}}" } }
`;

const KEPT = `name: on the second day
trigger: { inputs: { tag: v2 } }
phases:
  build: [{ exit: 1 }, { output: built v2, takes: 2m }]
  ship: { output: shipped, usd: 0.25, turns: 3, input_tokens: 40, output_tokens: 2 }
answers: { approve: { decision: approve, by: ana, after: 21h, comment: go } }
expect:
  status: succeeded
  phases: { build: { tries: 2 } }
  said: ["Ship built v2?"]
`;

const BROKEN = `trigger: { inputs: { tag: v2 } }
answers: { approve: nobody }
expect:
  status: succeeded
  never: [build]
`;

const BAD = `phases: { bild: { exit: 1 } }
answers: { ship: approve }
`;

/** A folder with the workflow and all of these scenarios, and the command line in it. */
function desk(): (...argv: string[]) => Promise<Said> {
  const folder = temporaryFolder();
  mkdirSync(join(folder, "prompts"));
  writeFileSync(join(folder, "prompts/ship.md"), "Ship {{build}}.\n");
  const files = { "ship.yaml": WORKFLOW, "kept.yaml": KEPT, "broken.yaml": BROKEN, "bad.yaml": BAD };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  // No daemon is there to be asked.
  const env = environment(folder, { LASTLIGHT_PORT: "9" });
  return (...argv) => lastlight(["workflows", "simulate", ...argv], env, folder);
}

test("what happened when, what was filled in, what it cost and which promises held is printed", async () => {
  const { code, stdout, stderr } = await desk()("ship.yaml", "--scenario", "kept.yaml");
  expect([code, stderr]).toEqual([0, ""]);
  expect(stdout.replace(/ in \d+ ms$/m, " in 9 ms")).toBe(`ship  kept.yaml, seed 1
on the second day

    0s  run      begins: ship, asked for by you
        build    starts
    1s  build    exit 1, after 1s
        build    starts, try 2
 2m 1s  build    ends well, after 2m
        approve  asks, with 1d to answer: Ship built v2?
 4h 2m  approve  reminds, for the 1st time
20h 2m  approve  asks leads too
21h 2m  approve  approved by ana: go
        ship     starts
        ship     ends well, after 1s, 0.25 USD
        run      succeeded
        ship     tells people: It is out: shipped

Filled in
build  command: {{inputs.tag}}
    v2
build, try 2  command: {{inputs.tag}}
    v2
ship  prompt
    Ship built v2.
approve  question
    Ship built v2?
ship  message on_success
    It is out: shipped

ship is succeeded; 0.25 USD, 3 turns, 42 tokens
21h 2m simulated in 9 ms

kept   the run is succeeded
kept   build is tried twice
kept   people are told "Ship built v2?"
`);
});

test("a promise that falls is named with its place in the file, and with what was there instead", async () => {
  const { code, stdout, stderr } = await desk()("ship.yaml", "--scenario", "broken.yaml");
  expect([code, stderr]).toEqual([1, ""]);
  expect(stdout).toMatch(/^ *1d 1s {2}approve {2}expired$/m);
  expect(stdout).toContain(`
broken the run is succeeded: failed (expired) (broken.yaml:4:11)
broken build never starts: build started (broken.yaml:5:11)
`);
});

test("of several scenarios a line each is printed, and what fell", async () => {
  const { code, stdout } = await desk()("ship.yaml", "--scenario", "kept.yaml", "broken.yaml");
  expect([code, stdout]).toEqual([
    1,
    `kept   kept.yaml    3 promises    succeeded
broken broken.yaml  2 promises    failed (expired)
  broken the run is succeeded: failed (expired) (broken.yaml:4:11)
  broken build never starts: build started (broken.yaml:5:11)
`,
  ]);
});

test("without a scenario all goes well once its inputs are given; that nothing ran for want of them is no success", async () => {
  const say = desk();
  const given = await say("--input", "tag=v3", "ship.yaml");
  expect([given.code, given.stderr]).toEqual([0, ""]);
  expect(given.stdout).toMatch(/^ship {2}all goes well, everyone says yes, seed 1\n/);
  expect(given.stdout).toContain("command: {{inputs.tag}}\n    v3\n");
  const bare = await say("ship.yaml");
  expect(bare.code).toBe(1);
  expect(bare.stdout).toMatch(/refused, input\.invalid: .*\/tag is required/);
  expect(bare.stdout).toContain("--input name=value");
});

interface Body {
  readonly seed: number;
  readonly held: boolean;
  readonly stopped: string;
  readonly elapsed_ms: number;
  readonly timeline: readonly { readonly type: string; readonly after_ms: number }[];
  readonly rendered: readonly { readonly what: string; readonly text: string }[];
  readonly promises: readonly { readonly held: boolean; readonly line: number }[];
  readonly unplayed: readonly unknown[];
  readonly runs: readonly RunBody[];
}

test("programs read the same as JSON, and another seed makes other ids and nothing else", async () => {
  const say = desk();
  const bodies: Body[] = [];
  for (const seed of ["1", "9"]) {
    const { code, stdout } = await say("ship.yaml", "--scenario", "kept.yaml", "--seed", seed, "--json");
    expect(code).toBe(0);
    bodies.push(JSON.parse(stdout) as Body);
  }
  const [one, other] = bodies as [Body, Body];
  expect(one).toMatchObject({
    workflow: "ship",
    scenario: "kept.yaml",
    title: "on the second day",
    seed: 1,
    held: true,
    stopped: "over",
    start: "2026-01-05T09:00:00.000Z",
    unplayed: [],
  });
  expect(one.promises.map(({ held, line }) => [held, line])).toEqual([
    [true, 8],
    [true, 9],
    [true, 10],
  ]);
  expect(one.timeline[0]).toMatchObject({ type: "run.begun", after_ms: 0 });
  expect(one.rendered).toContainEqual(expect.objectContaining({ what: "prompt", text: "Ship built v2.\n" }));
  expect(other.seed).toBe(9);
  expect(other.runs[0]?.id).not.toBe(one.runs[0]?.id);
  expect(other.timeline.map(({ type, after_ms: after }) => [type, after])).toEqual(
    one.timeline.map(({ type, after_ms: after }) => [type, after]),
  );
  const several = await say("ship.yaml", "--scenario", "kept.yaml", "broken.yaml", "--json");
  expect(several.code).toBe(1);
  const { scenarios } = JSON.parse(several.stdout) as { scenarios: Body[] };
  expect(scenarios.map(({ held }) => held)).toEqual([true, false]);
});

describe("what cannot be played is refused, and nothing is", () => {
  test.each([
    [
      ["ship.yaml", "--scenario", "kept.yaml", "bad.yaml"],
      `Not all scenarios can be played
  bad.yaml:1:11 no phase is called "bild". Did you mean "build"?
  bad.yaml:2:12 ship asks nobody, so this is never said. Remove it
`,
    ],
    [["ship.yaml", "--scenario", "none.yaml"], "none.yaml cannot be read: ENOENT"],
    [["none.yaml"], "none.yaml cannot be read"],
    [["kept.yaml"], "kept.yaml cannot be simulated\n  kept.yaml:"],
    [["ship.yaml", "--seed", "x"], '"x" is no seed. Write a whole number\n'],
    [["ship.yaml", "--scenario", "kept.yaml", "--input", "tag=v2"], "A scenario says itself what its runs are given."],
    [["ship.yaml", "--record", "abcdef"], "Nothing answers at "],
  ])("lastlight workflows simulate %j", async (argv, message) => {
    const { code, stdout, stderr } = await desk()(...argv);
    expect(stderr.startsWith(message), stderr).toBe(true);
    expect(stdout).toBe("");
    expect(code).toBeGreaterThan(0);
  });
});

test("where a person looks, long words are folded under their beginning, and no text takes the page", async () => {
  const long = "Please read all of this before you say yes. ".repeat(20).trim();
  const yaml = `name: long
phases:
  - { name: approve, type: approval, approval: { summary: "${long}\\u001b[2J" } }
`;
  const { version } = check("long.yaml", new TextEncoder().encode(yaml));
  if (!version) throw new Error("the workflow is good");
  const { name, workflow } = version;
  const simulation = await simulateRuns({ version, children: [], scenario: easyScenario(workflow) });
  const stdout = Object.assign(new PassThrough(), { isTTY: true, columns: 70 });
  const stdin = new PassThrough();
  const terminal = openTerminal({ stdin, stdout, stderr: stdin } as unknown as Parameters<typeof openTerminal>[0]);
  const told = { title: null, description: long, scenario: "s.yaml", seed: 1, judgements: [], tookMs: 1 };
  printSimulated(
    { ...terminal, paint: (_, words) => words },
    { ...told, workflows: new Map([[name, workflow]]), simulation },
  );
  const printed = String(stdout.read());
  const timeline = printed.slice(0, printed.indexOf("Filled in")).split("\n");
  expect(Math.max(...timeline.map((line) => line.length))).toBeLessThanOrEqual(70);
  const asks = timeline.findIndex((line) => line.includes("asks: Please read"));
  expect(timeline[asks + 1]).toMatch(/^ {13}\S/);
  expect(printed.slice(0, printed.indexOf("Filled in"))).toContain("…");
  expect(printed).not.toContain("\u001b[2J");
});
