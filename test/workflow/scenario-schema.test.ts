import { readFileSync, writeFileSync } from "node:fs";
import { Ajv } from "ajv";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { scenarioJsonSchema } from "../../src/workflow/schema.ts";
import { FULL } from "./scenario-world.ts";

const kept = new URL("../../workflows/scenario.schema.json", import.meta.url);

test("the schema that editors use for scenarios is the one that they are read with (UPDATE_SCHEMA=1 writes it)", () => {
  const now = `${JSON.stringify(scenarioJsonSchema(), null, 2)}\n`;
  if (process.env.UPDATE_SCHEMA) writeFileSync(kept, now);
  expect(readFileSync(kept, "utf8")).toBe(now);
});

test("an editor accepts a scenario that says all there is to say, and marks a misspelt key", () => {
  const judge = new Ajv({ strict: false }).compile(scenarioJsonSchema());
  expect(judge(parse(FULL)), JSON.stringify(judge.errors)).toBe(true);
  expect(judge(parse(FULL.replace("takes: 20m", "take: 20m")))).toBe(false);
});
