import { expect, test } from "vitest";
import { namesOf, RESERVED_WORDS, unknownName, withNames } from "../../src/workflow/names.ts";
import type { DeclaredWorkflow } from "../../src/workflow/schema/workflow.ts";

const declared = {
  name: "fix-issue",
  inputs: { severity: { type: "string" } },
  variables: { team: "core" },
  phases: [
    { name: "diagnose", output_var: "diagnosis", artefacts: [{ path: "patch.diff", name: "patch" }] },
    { name: "write-test", matrix: { node: [22, 24] } },
    { name: "fix", matrix: { os: ["linux"] } },
    { name: "empty" },
  ],
} as DeclaredWorkflow;

const names = namesOf(declared);
const said = (path: string): string | null => unknownName(names, path.split("."));

test.for([
  "owner",
  "issueTitle",
  "inputs",
  "inputs.severity",
  "inputs.severity.anything.below",
  "variables.team",
  "phases.write-test.outputs.url",
  "diagnose.output",
  "diagnosis.cycles",
  "artefacts.patch.sha256",
  "matrix.node",
  "matrix.os",
  "models.pr-fix",
  "variants.qa-test",
  "run.started_at",
  "trigger.payload.issue.user.login",
  "scratch.socratic.qa",
  "phaseOutputs.diagnosis",
  "payload.level",
  "context.anything",
  "signals.review",
  "fix.localIterations",
  "dependencies.auditComment",
  "iteration",
  "gateKey",
])("%s is declared", (path) => {
  expect(said(path)).toBeNull();
});

test.for([
  ["isueTitle", 'unknown name "isueTitle". Did you mean "issueTitle"?'],
  ["zzzzzz", 'unknown name "zzzzzz"'],
  ["severity", 'unknown name "severity". Did you mean "inputs.severity"?'],
  ["team", 'unknown name "team". Did you mean "variables.team"?'],
  ["phases.fxi.output", 'phases.fxi is no phase. Did you mean "fix"?'],
  ["inputs.severty", 'inputs.severty is no input. Did you mean "severity"?'],
  ["variables.tem", 'variables.tem is no variable. Did you mean "team"?'],
  ["artefacts.pach", 'artefacts.pach is no artefact. Did you mean "patch"?'],
  ["artifacts.patch", 'unknown name "artifacts". Did you mean "artefacts"?'],
  ["matrix.noode", 'matrix.noode is no key of a matrix. Did you mean "node"?'],
  ["run.started", "run.started is not known"],
  ["trigger.titel", "trigger.titel is not known"],
  ["secrets.TOKEN", "secrets cannot be read here: they reach programs as environment variables only"],
  ["env.HOME", "env cannot be read here: only programs have an environment. Give the value as an input or a variable"],
  ["constructor", 'unknown name "constructor"'],
  ["__proto__.x", 'unknown name "__proto__"'],
  ["inputs.constructor", "inputs.constructor is no input"],
  ["output", 'unknown name "output"'],
])("%s is not declared, and a person is told so", ([path, message]) => {
  expect(said(path as string)).toContain(message);
});

test("a workflow without a matrix has no such name", () => {
  const plain = namesOf({ name: "a", phases: [{ name: "b" }] } as DeclaredWorkflow);
  expect(unknownName(plain, ["matrix", "node"])).toMatch(/^unknown name "matrix"/);
});

test("a phase named like a word of a language is read below phases alone", () => {
  expect(RESERVED_WORDS.has("empty")).toBe(true);
  expect(said("phases.empty.output")).toBeNull();
  expect(said("empty")).toMatch(/^unknown name "empty"/);
});

test("a phase named like a root of the language does not change what the root holds", () => {
  const clash = namesOf({ name: "a", phases: [{ name: "run" }, { name: "inputs" }] } as DeclaredWorkflow);
  expect(unknownName(clash, ["run", "exit_code"])).toBe("run.exit_code is not known");
  expect(unknownName(clash, ["inputs", "x"])).toBe("inputs.x is no input");
  expect(unknownName(clash, ["phases", "run", "exit_code"])).toBeNull();
});

test("names of a place are added without changing those of the workflow", () => {
  const here = withNames(names, [
    ["output", "open"],
    ["run", new Set(["exit_code"])],
  ]);
  expect(unknownName(here, ["output"])).toBeNull();
  expect(unknownName(here, ["run", "exit_code"])).toBeNull();
  expect(said("run.exit_code")).toBe("run.exit_code is not known");
});

test("a name of any length is answered with a short message", () => {
  expect(unknownName(names, ["x".repeat(100_000)])!.length).toBeLessThan(120);
  expect(unknownName(names, ["phases", "x".repeat(100_000)])!.length).toBeLessThan(120);
});
