import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Ajv } from "ajv";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import type { Workflow } from "../../src/domain/workflow.ts";
import { printComplaint } from "../../src/workflow/complaint.ts";
import { diagram } from "../../src/workflow/diagram.ts";
import { type Library, openLibrary } from "../../src/workflow/library.ts";
import { stageOf } from "../../src/workflow/schema/stage.ts";
import { workflow as grammar } from "../../src/workflow/schema/workflow.ts";
import { jsonSchema } from "../../src/workflow/schema.ts";

/** What people copy from: each file is to load, to say what it shows, and together they are to show everything. */
const folder = fileURLToPath(new URL("../../workflows/examples", import.meta.url));
const files = readdirSync(folder).filter((name) => name.endsWith(".yaml"));
const textOf = (file: string): string => readFileSync(`${folder}/${file}`, "utf8");

let library: Library;
beforeAll(async () => {
  library = await openLibrary({ folders: [folder] });
});
afterAll(() => library.close());

const nameOf = (file: string): string => file.replace(/\.yaml$/, "");
const workflowOf = (file: string): Workflow => library.get(nameOf(file)).workflow;

test("there is an example of each part of the grammar", () => {
  expect(files.length).toBeGreaterThanOrEqual(17);
  expect(
    library
      .list()
      .map(({ file }) => file)
      .sort(),
  ).toEqual([...files].sort());
});

test.for(files)("%s loads under its own name, without a word of complaint", (file) => {
  const entry = library.list().find((each) => each.file === file);
  expect(entry?.complaints.map(printComplaint)).toEqual([]);
  expect(entry?.name).toBe(nameOf(file));
  expect(workflowOf(file)).toMatchObject({
    kind: "example",
    unavailable: [],
    description: expect.stringMatching(/\w/),
  });
});

test.for(files)("%s is completed by editors, and says first what it shows", (file) => {
  const [first, second, third] = textOf(file).split("\n");
  expect([first, second]).toEqual(["# yaml-language-server: $schema=../workflow.schema.json", "#"]);
  expect(third).toMatch(/^# \p{Lu}/u);
  const judge = new Ajv({ strict: false }).compile(jsonSchema());
  expect(judge(parse(textOf(file))), JSON.stringify(judge.errors)).toBe(true);
});

test.for(files)("%s can be drawn", (file) => {
  const drawing = diagram(workflowOf(file));
  expect(drawing.match(/^p\d+[[({]/gm)).toHaveLength(workflowOf(file).phases.length);
});

test("the examples need no agent but the scripted one, and no program that a shell does not bring", () => {
  for (const { type, name, ...rest } of files.flatMap((file) => [...workflowOf(file).phases]))
    if (type === "agent") expect([name, rest]).toEqual([name, expect.objectContaining({ agent: "scripted" })]);
  expect(files.map(textOf).join("\n")).not.toMatch(/\b(?:npm|git|curl|docker run|python3)\b/);
});

/** Keys whose types are not carried out, so that no example of them could run. */
const WITHOUT_EXAMPLE: readonly string[] = ["phases[].tool", "phases[].action"];

/** Every key of the grammar that is carried out, by its way from the top: `phases[].retry.backoff.max`. */
function keysOf(schema: z.core.$ZodType, path: string, above: readonly z.core.$ZodType[] = []): string[] {
  if (stageOf(schema) !== undefined || above.includes(schema)) return [];
  const into = (next: z.core.$ZodType, at: string): string[] => keysOf(next, at, [...above, schema]);
  if (schema instanceof z.ZodOptional) return into(schema.unwrap(), path);
  if (schema instanceof z.ZodUnion) return schema.options.flatMap((each) => into(each, path));
  if (schema instanceof z.ZodArray) return into(schema.element, `${path}[]`);
  // Keys of an author's own.
  if (schema instanceof z.ZodRecord) return into(schema.valueType, `${path}.*`);
  if (!(schema instanceof z.ZodObject)) return [];
  return Object.entries(schema.shape).flatMap(([key, each]) => {
    if (stageOf(each) !== undefined) return [];
    const here = path === "" ? key : `${path}.${key}`;
    return [here, ...into(each, here)];
  });
}

/** The same of what a file says. */
function keysIn(value: unknown, schema: z.core.$ZodType, path: string): string[] {
  if (schema instanceof z.ZodOptional) return keysIn(value, schema.unwrap(), path);
  if (schema instanceof z.ZodUnion) return schema.options.flatMap((each) => keysIn(value, each, path));
  if (Array.isArray(value))
    return schema instanceof z.ZodArray ? value.flatMap((each) => keysIn(each, schema.element, `${path}[]`)) : [];
  if (value === null || typeof value !== "object") return [];
  return Object.entries(value).flatMap(([key, each]) => {
    if (schema instanceof z.ZodRecord) return keysIn(each, schema.valueType, `${path}.*`);
    if (!(schema instanceof z.ZodObject) || !Object.hasOwn(schema.shape, key)) return [];
    const here = path === "" ? key : `${path}.${key}`;
    return [here, ...keysIn(each, schema.shape[key], here)];
  });
}

test("every key that is carried out occurs in an example", () => {
  const known = new Set(keysOf(grammar, ""));
  expect(known).toContain("phases[].retry.backoff.max");
  expect(known).toContain("inputs.*.items");
  expect(known.size).toBeGreaterThan(150);
  const shown = new Set(files.flatMap((file) => keysIn(parse(textOf(file)), grammar, "")));
  expect([...known].filter((key) => !shown.has(key)).sort()).toEqual([...WITHOUT_EXAMPLE].sort());
});

test("every type of phase that is carried out occurs", () => {
  const types = files.flatMap((file) => workflowOf(file).phases.map(({ type }) => type));
  expect([...new Set(types)].sort()).toEqual(["agent", "approval", "bash", "context", "script", "wait", "workflow"]);
});
