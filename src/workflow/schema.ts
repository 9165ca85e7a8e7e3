import { z } from "zod";
import { scenario } from "./scenario/schema.ts";
import { cron, workflow } from "./schema/workflow.ts";

/** The definition a file answers to: `cron` is the one special kind, every other word is a label. */
export function schemaOf(kind: string): typeof cron | typeof workflow {
  return kind === "cron" ? cron : workflow;
}

/** The grammar as JSON Schema, for editors: made from the definition that the daemon checks with. */
export function jsonSchema(): Record<string, unknown> {
  const { definitions, ...whole } = part(workflow);
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "lastlight workflow, grammar 1",
    type: "object",
    if: { properties: { kind: { const: "cron" } }, required: ["kind"] },
    // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema; nobody awaits this object.
    then: part(cron),
    else: whole,
    // References are written from the root of the document, so what they name must stand there.
    definitions,
  };
}

/** The form of scenarios as JSON Schema, likewise. */
export function scenarioJsonSchema(): Record<string, unknown> {
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "lastlight scenario",
    ...part(scenario),
  };
}

function part(schema: z.ZodType): Record<string, unknown> {
  const { $schema, "~standard": _, ...rest } = z.toJSONSchema(schema, { target: "draft-07", io: "input" });
  return rest;
}
