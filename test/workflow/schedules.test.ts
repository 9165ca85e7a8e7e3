import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { check } from "../../src/workflow/check.ts";
import { printComplaint } from "../../src/workflow/complaint.ts";
import { type Library, openLibrary } from "../../src/workflow/library.ts";
import { temporaryFolder } from "../support/world.ts";

const told = (text: string): string[] => check("w.yaml", new TextEncoder().encode(text)).complaints.map(printComplaint);

const workflow = (schedule: string, more = ""): string =>
  `name: w\n${more}on:\n  schedule:\n${schedule}phases: [{ name: a, type: context }]\n`;

test("a schedule is read with what is left out written out", () => {
  const text = workflow(
    `    - { cron: "0 9 * * 1-5" }\n    - { name: late, cron: "0 18 * * *", timezone: Europe/Berlin, jitter: 5m, overlap: queue, catch_up: all, window: 2h, inputs: { n: 1 } }\n`,
    "inputs: { n: { type: integer, default: 0 } }\n",
  );
  const { schedules, complaints } = check("w.yaml", new TextEncoder().encode(text));
  expect(complaints).toEqual([]);
  expect(schedules.map(({ schedule }) => schedule)).toEqual([
    {
      name: "w",
      cron: "0 9 * * 1-5",
      timezone: null,
      jitterMs: 0,
      overlap: "skip",
      catchUp: "latest",
      windowMs: 86_400_000,
      starts: { workflow: "w", inputs: {} },
      context: {},
      unless: null,
    },
    {
      name: "late",
      cron: "0 18 * * *",
      timezone: "Europe/Berlin",
      jitterMs: 300_000,
      overlap: "queue",
      catchUp: "all",
      windowMs: 7_200_000,
      starts: { workflow: "w", inputs: { n: 1 } },
      context: {},
      unless: null,
    },
  ]);
});

test.for([
  [
    "a day that no month has",
    '    - { cron: "0 0 31 2 *" }\n',
    'w.yaml:4:15 "0 0 31 2 *" never comes: no month has such a day',
  ],
  [
    "seconds",
    '    - { cron: "0 0 9 * * *" }\n',
    'w.yaml:4:15 "0 0 9 * * *" must be five fields (minute hour day month weekday), not 6: there are no seconds',
  ],
  [
    "an hour that no day has",
    '    - { cron: "0 24 * * *" }\n',
    'w.yaml:4:15 "0 24 * * *" cannot be read: Invalid value for hour: 24',
  ],
  [
    "a place that is none",
    '    - { cron: "0 9 * * *", timezone: Europe/Berlinn }\n',
    'w.yaml:4:38 no time zone is called "Europe/Berlinn". Did you mean "Europe/Berlin"?',
  ],
  [
    "two without a name",
    '    - { cron: "0 9 * * *" }\n    - { cron: "0 10 * * *" }\n',
    'w.yaml:5:7 the name "w" is taken by the schedule at line 4. Give it a name: without one it has the workflow\'s',
  ],
  [
    "two of one name",
    '    - { name: x, cron: "0 9 * * *" }\n    - { name: x, cron: "0 10 * * *" }\n',
    'w.yaml:5:15 the name "x" is taken by the schedule at line 4. Choose another',
  ],
  [
    "a window for what is never made up",
    '    - { cron: "0 9 * * *", catch_up: none, window: 1h }\n',
    "w.yaml:4:44 window means nothing with catch_up: none. Remove one of them",
  ],
  [
    "a slip in a policy",
    '    - { cron: "0 9 * * *", overlap: skpi }\n',
    'w.yaml:4:37 overlap must be one of allow, skip, queue, replace. Did you mean "skip"?',
  ],
  [
    "an input that the workflow does not have",
    '    - { cron: "0 9 * * *", inputs: { m: 1 } }\n',
    'w.yaml:4:41 the inputs of this schedule do not fit: /m unknown input "m"',
  ],
] as const)("%s is refused at its place", ([, schedule, complaint]) => {
  expect(told(workflow(schedule))).toEqual([complaint]);
});

test("an input that no schedule gives and nothing stands for is said where the schedule is", () => {
  const [complaint] = told(workflow('    - { cron: "0 9 * * *" }\n', "inputs: { n: { type: integer } }\n"));
  expect(complaint).toMatch(/^w\.yaml:5:7 the inputs of this schedule do not fit: \/n is required/);
});

const cron = (lines: string): string[] => told(`kind: cron\nname: c\nschedule: "0 9 * * *"\n${lines}`);

test("a file of a schedule names what it starts, and mistakes in it at their place", () => {
  expect(cron("handler: sweep\n")).toEqual([]);
  expect(cron("workflow: w\ncondition: { unless: webhooksEnabled }\ncontext: { mode: scan }\n")).toEqual([]);
  expect(cron("handler: sweeep\n")).toEqual([
    'w.yaml:4:10 no handler is called "sweeep", so its slots are skipped; there are sweep and backup. Did you mean "sweep"?',
  ]);
  expect(cron("handler: sweep\noverlap: queue\n")).toEqual([
    "w.yaml:5:10 overlap of a handler is always skip. Remove it",
  ]);
  expect(cron("workflow: w\ncondition: { unless: webhookEnabled }\n")).toEqual([
    'w.yaml:5:22 unless must be one of webhooksEnabled, agentMissing, repoMissing. Did you mean "webhooksEnabled"?',
  ]);
  expect(told('kind: cron\nname: c\nschedule: "0 0 30 2 *"\nhandler: sweep\n')).toEqual([
    'w.yaml:3:11 "0 0 30 2 *" never comes: no month has such a day',
  ]);
});

async function library(...folders: { [file: string]: string }[]): Promise<Library> {
  const root = temporaryFolder();
  const paths = folders.map((files, at) => {
    const folder = join(root, `${at}`);
    mkdirSync(folder);
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
    return folder;
  });
  const opened = await openLibrary({ folders: paths });
  onTestFinished(() => opened.close());
  return opened;
}

const named = (name: string, schedule: string): string =>
  `name: ${name}\non: { schedule: [{ name: ${schedule}, cron: "0 9 * * *" }] }\nphases: [{ name: a, type: context }]\n`;
const inForce = (opened: Library): string[] =>
  opened.list().flatMap(({ file, schedules }) => schedules.map(({ name }) => `${file} ${name}`));

test("a name is that of one schedule in the whole library; a later folder's stands before an earlier one's", async () => {
  const here = await library({ "a.yaml": named("a", "x"), "b.yaml": named("b", "x") });
  expect(inForce(here)).toEqual(["a.yaml x"]);
  expect(here.list().flatMap(({ complaints }) => complaints.map(printComplaint))).toEqual([
    'b.yaml:2:18 a schedule is called "x" already, in a.yaml. Give this one another name',
  ]);
  expect(() => here.get("b")).toThrow('Workflow "b" has errors');
  const above = await library({ "a.yaml": named("a", "x") }, { "b.yaml": named("b", "x") });
  expect(inForce(above)).toEqual(["b.yaml x"]);
});

test("a file of a schedule that starts a workflow nobody has is not in force", async () => {
  const text = 'kind: cron\nname: c\nschedule: "0 9 * * *"\nworkflow: aa\n';
  const opened = await library({ "a.yaml": named("a", "x"), "c.yaml": text });
  expect(inForce(opened)).toEqual(["a.yaml x"]);
  expect(opened.list().flatMap(({ complaints }) => complaints.map(printComplaint))).toEqual([
    'c.yaml:4:11 no workflow is called "aa". Did you mean "a"?',
  ]);
});

test("a slip while editing stops no schedule", async () => {
  const root = temporaryFolder();
  const [workflow, cron] = [join(root, "a.yaml"), join(root, "c.yaml")];
  writeFileSync(workflow, named("a", "x"));
  writeFileSync(cron, 'kind: cron\nname: c\nschedule: "0 9 * * *"\nworkflow: a\n');
  const opened = await openLibrary({ folders: [root] });
  onTestFinished(() => opened.close());
  expect(inForce(opened)).toEqual(["a.yaml x", "c.yaml c"]);
  writeFileSync(workflow, "name: a\nphases: [");
  writeFileSync(cron, 'kind: cron\nname: c\nschedule: "0 9 * *"\nworkflow: a\n');
  await opened.reload();
  expect(inForce(opened)).toEqual(["a.yaml x", "c.yaml c"]);
});
