import { readFileSync } from "node:fs";
import { Ajv } from "ajv";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { APPROVAL_STATUSES } from "../../src/domain/approval.ts";
import { PHASE_STATUSES } from "../../src/domain/graph.ts";
import { RUN_STATUSES } from "../../src/domain/run.ts";
import { offBecause } from "../../src/domain/schedule.ts";
import type { Simulation } from "../../src/engine/simulation/simulate.ts";
import { printComplaint } from "../../src/workflow/complaint.ts";
import { type Library, openLibrary } from "../../src/workflow/library.ts";
import { jsonSchema } from "../../src/workflow/schema.ts";
import {
  FOLDERS,
  otherWorlds,
  outcomeOf,
  playStory,
  readStory,
  type Stage,
  type Story,
  shipped,
  shippedCrons,
  stageOf,
  stories,
} from "./shipped.ts";

/** What authors read beside a workflow: each is to hold, and to notice when it would not; together they reach everything. */
const libraries = new Map<string, Library>();
const played = new Map<string, { readonly workflow: string; readonly simulation: Simulation }>();

beforeAll(async () => {
  for (const folder of FOLDERS) libraries.set(folder, await openLibrary({ folders: [folder] }));
  for (const story of stories) {
    const { scenario } = readStory(story, stageFor(story));
    if (scenario) played.set(story.file, { workflow: story.workflow, ...(await playStory(stageFor(story), scenario)) });
  }
});
afterAll(async () => {
  for (const library of libraries.values()) await library.close();
});

function stageFor({ folder, workflow }: Pick<Story, "folder" | "workflow">): Stage {
  return stageOf(libraries.get(folder) as Library, workflow);
}

test("the library takes no scenario for a workflow", () => {
  const files = FOLDERS.flatMap((folder) => libraries.get(folder)?.list() ?? []).map(({ file }) => file);
  expect(files.length).toBe(shipped.length + shippedCrons.length);
  expect(files.filter((file) => file.includes("scenario"))).toEqual([]);
});

test("each schedule that we ship is in force under its file's name, without a word of complaint", () => {
  expect(shippedCrons.map(({ name }) => name)).toEqual(["cron-backup", "cron-nightly-health", "cron-sweep"]);
  for (const { folder, name } of shippedCrons) {
    const entry = libraries
      .get(folder)
      ?.list()
      .find((each) => each.name === name);
    expect(entry).toMatchObject({ file: `${name}.yaml`, kind: "cron", complaints: [], schedules: [{ name }] });
    const text = readFileSync(`${folder}/${name}.yaml`, "utf8");
    expect(text.split("\n")[0]).toBe("# yaml-language-server: $schema=./workflow.schema.json");
    const judge = new Ajv({ strict: false }).compile(jsonSchema());
    expect(judge(parse(text)), JSON.stringify(judge.errors)).toBe(true);
  }
});

test("where nothing is set up, what we ship by schedule is quiet: the nightly check is off and says what it lacks", () => {
  const [folder = ""] = FOLDERS;
  const schedules =
    libraries
      .get(folder)
      ?.list()
      .flatMap((each) => each.schedules) ?? [];
  const off = schedules.map((each) => [each.name, offBecause(each, { webhooks: false, agent: false })]);
  expect(Object.fromEntries(off)).toEqual({
    "cron-backup": null,
    "cron-nightly-health": "its context names no repo (repoMissing)",
    "cron-sweep": null,
  });
});

test("each workflow that we ship has a scenario, and each scenario a workflow", () => {
  expect(shipped.length).toBeGreaterThan(15);
  const told = new Set(stories.map(({ folder, workflow }) => `${folder} ${workflow}`));
  expect([...told].sort()).toEqual(shipped.map(({ folder, name }) => `${folder} ${name}`).sort());
});

describe.for(stories)("$file", (story) => {
  test("is read without a word of complaint, and is completed by editors", () => {
    const { scenario, complaints } = readStory(story, stageFor(story));
    expect(complaints.map(printComplaint)).toEqual([]);
    expect(scenario?.name).toMatch(/^[a-z]/);
    const up = "../".repeat(story.file.split("/").length - 1);
    expect(story.text.split("\n")[0]).toBe(`# yaml-language-server: $schema=${up}scenario.schema.json`);
  });

  test("keeps what it promises, and would notice another outcome", async () => {
    const stage = stageFor(story);
    const { scenario } = readStory(story, stage);
    if (!scenario) throw new Error(`${story.file} cannot be read`);
    const { simulation, judgements } = await playStory(stage, scenario);
    expect(judgements.filter(({ held }) => !held)).toEqual([]);
    const refused = scenario.triggers.every(({ expect: [first] }) => first?.type === "refused");
    expect(judgements.length).toBeGreaterThanOrEqual(refused ? 1 : 2);

    const unnoticed: string[] = [];
    let noticed = 0;
    for (const [world, other] of otherWorlds(stage, scenario)) {
      const there = await playStory(stage, other);
      if (there.judgements.some(({ held }) => !held)) noticed++;
      else if (outcomeOf(there.simulation) !== outcomeOf(simulation)) unnoticed.push(world);
    }
    expect(unnoticed).toEqual([]);
    expect(noticed).toBeGreaterThan(0);
  });
});

describe("together the scenarios reach", () => {
  const simulations = (): readonly Simulation[] => [...played.values()].map(({ simulation }) => simulation);
  const runs = () => simulations().flatMap((each) => each.runs.flatMap((run) => run ?? []));
  const moments = () => simulations().flatMap(({ timeline }) => timeline);
  const executions = () => runs().flatMap((run) => run.executions);
  const seen = (values: Iterable<unknown>): unknown[] => [...new Set(values)].sort();

  test("every way a run and a phase can stand", () => {
    expect(seen(runs().map(({ status }) => status))).toEqual([...RUN_STATUSES].sort());
    expect(seen(runs().flatMap(({ node_statuses: of }) => Object.values(of)))).toEqual([...PHASE_STATUSES].sort());
  });

  test("every reason that is not a trouble of the machine's", () => {
    const reasons = runs().flatMap(({ reason }) => reason ?? []);
    const paused = moments().flatMap((each) => (each.type === "run.status" && each.reason !== null ? each.reason : []));
    expect(seen([...reasons, ...paused])).toEqual(
      ["budget", "child", "concurrency", "gate", "operator", "rejected", "timeout", "timer"].sort(),
    );
  });

  test("every way a gate ends, with reminders and an escalation", () => {
    const approvals = runs().flatMap((run) => run.approvals);
    expect(seen(approvals.map(({ status }) => status))).toEqual([...APPROVAL_STATUSES].sort());
    expect(seen(approvals.map(({ kind }) => kind))).toEqual(["approve", "reply"]);
    expect(seen(moments().map(({ type }) => type))).toEqual(
      expect.arrayContaining(["gate.asks", "gate.reminds", "gate.escalates", "gate.closed"]),
    );
  });

  test("every kind of failure of a try, and tries that come again after each but a missing output", () => {
    const failed = executions().filter(({ failure }) => failure !== null);
    expect(seen(failed.map(({ failure }) => failure))).toEqual(["agent_error", "error", "exit", "lost", "timeout"]);
    const again = failed.filter((each) =>
      executions().some(
        (next) => next.workflow_run_id === each.workflow_run_id && next.name === each.name && next.id > each.id,
      ),
    );
    expect(seen(again.map(({ failure }) => failure))).toEqual(
      expect.arrayContaining(["agent_error", "exit", "lost", "timeout"]),
    );
  });

  test("loops to their bounds, items of a matrix that fail, runs that phases start", () => {
    const names = executions().map(({ name }) => name);
    expect(names).toEqual(
      expect.arrayContaining(["draft_iter_3_retry", "draft_iter_3_check", "talk_iter_4", "review_recheck_2"]),
    );
    expect(executions().some(({ name, status }) => name?.endsWith("]") && status === "error")).toBe(true);
    const children = runs().filter(({ parent_run_id: parent }) => parent !== null);
    expect(seen(children.map(({ status }) => status))).toEqual(["cancelled", "failed", "succeeded"]);
  });

  test("signals, everything that an operator can do, one key twice, and refusals", () => {
    const types = moments().map(({ type }) => type);
    expect(types).toEqual(expect.arrayContaining(["signal", "run.known", "people.told", "run.refused"]));
    expect(seen(moments().flatMap((each) => (each.type === "operator" ? each.what : [])))).toEqual(
      ["cancel", "pause", "resume", "retry"].sort(),
    );
    expect(seen(moments().flatMap((each) => (each.type === "run.refused" ? each.code : [])))).toEqual(
      ["budget.exceeded", "input.invalid", "secret.missing"].sort(),
    );
  });

  test("the work of every phase, and both sides of every condition", () => {
    // It is there to be skipped.
    const exceptions = ["messages.more"];
    const stood = (workflow: string, phase: string): unknown[] =>
      seen(runs().flatMap((run) => (run.workflow_name === workflow ? (run.node_statuses[phase] ?? []) : [])));
    for (const { folder, name } of shipped)
      for (const phase of stageFor({ folder, workflow: name }).version.workflow.phases) {
        if (exceptions.includes(`${name}.${phase.name}`)) continue;
        const { if: condition, skipIf, requiresSandbox } = phase;
        const conditional = condition !== undefined || skipIf !== undefined || requiresSandbox !== undefined;
        expect(stood(name, phase.name), `${name}.${phase.name}`).toEqual(
          expect.arrayContaining(conditional ? ["succeeded", "skipped"] : ["succeeded"]),
        );
      }
  });
});
