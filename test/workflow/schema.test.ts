import { readFileSync, writeFileSync } from "node:fs";
import { Ajv } from "ajv";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { jsonSchema } from "../../src/workflow/schema.ts";

const kept = new URL("../../workflows/workflow.schema.json", import.meta.url);

test("the schema that editors use is the one the daemon checks with (UPDATE_SCHEMA=1 writes it)", () => {
  const now = `${JSON.stringify(jsonSchema(), null, 2)}\n`;
  if (process.env.UPDATE_SCHEMA) writeFileSync(kept, now);
  expect(readFileSync(kept, "utf8")).toBe(now);
});

test("an editor accepts the workflow of the grammar's own description, and marks a misspelt key", () => {
  const judge = new Ajv({ strict: false }).compile(jsonSchema());
  const text = readFileSync(new URL("../fixtures/workflows/fix-issue.yaml", import.meta.url), "utf8");
  expect(judge(parse(text)), JSON.stringify(judge.errors)).toBe(true);
  expect(judge(parse(text.replace("trigger_rule", "triger_rule")))).toBe(false);
});
