import { createHash } from "node:crypto";
import type { Workflow, WorkflowVersion } from "../domain/workflow.ts";
import { workflowOf } from "./build.ts";
import { type Complaint, complaintsOf, isError, type Remark } from "./complaint.ts";
import { decode } from "./decode.ts";
import { flaws } from "./flaws.ts";
import { mistakes } from "./mistakes.ts";
import { parse } from "./parse.ts";
import type { DeclaredWorkflow } from "./schema/workflow.ts";
import { schemaOf } from "./schema.ts";
import type { Path, Source } from "./source.ts";
import { findUnavailable } from "./unavailable.ts";

/** What one file comes to. `version` is null when an error stops it, and for schedules, which nothing runs. */
export interface Checked {
  readonly name: string | null;
  readonly kind: string;
  readonly version: WorkflowVersion | null;
  readonly complaints: readonly Complaint[];
}

/** Reads one workflow file and says everything a person should know about it; never throws. */
export function check(file: string, bytes: Uint8Array): Checked {
  const text = decode(bytes);
  if (typeof text !== "string")
    return { name: null, kind: "agent", version: null, complaints: complaintsOf(file, [text]) };
  const { source, remarks } = parse(text);
  if (!source) return { name: null, kind: "agent", version: null, complaints: complaintsOf(file, remarks) };

  const { name, kind } = heading(source.value);
  const schema = schemaOf(kind);
  const wrong = [...foreignTemplates(source), ...mistakes(schema, source)];
  if (wrong.length > 0) return { name, kind, version: null, complaints: complaintsOf(file, [...remarks, ...wrong]) };
  if (kind === "cron") {
    const schedule: Remark = {
      ...source.keyAt(["kind"]),
      severity: "warning",
      message: "schedules are not acted on yet",
    };
    return { name, kind, version: null, complaints: complaintsOf(file, [...remarks, schedule]) };
  }

  const declared = source.value as DeclaredWorkflow;
  const unavailable = findUnavailable(schema, declared, source);
  const all = [...remarks, ...flaws(declared, source), ...unavailable.remarks];
  return {
    name,
    kind,
    version: all.some(isError) ? null : versionOf(bytes, workflowOf(declared, kind, unavailable.names)),
    complaints: complaintsOf(file, all),
  };
}

/** Readable even where the rest is not, so that a bad file is still listed under its name. */
function heading(value: unknown): { name: string | null; kind: string } {
  const { name, kind } = (value ?? {}) as { name?: unknown; kind?: unknown };
  return {
    name: typeof name === "string" ? name : null,
    kind: typeof kind === "string" && kind !== "" ? kind : "agent",
  };
}

const FOREIGN = "${{";

/** `${{ … }}` belongs to other systems, and Liquid would quietly leave its `$` in the text. Prose may say it. */
function foreignTemplates(source: Source): Remark[] {
  const found: Remark[] = [];
  const visit = (value: unknown, path: Path): void => {
    if (typeof value === "string" && value.includes(FOREIGN) && path.at(-1) !== "description") {
      const message = `"${FOREIGN}" is not a template here. Write {{ … }}`;
      found.push({ ...source.textAt(path, FOREIGN), severity: "error", message });
    } else if (value !== null && typeof value === "object") {
      const list = Array.isArray(value);
      for (const [key, each] of Object.entries(value)) visit(each, [...path, list ? Number(key) : key]);
    }
  };
  visit(source.value, []);
  return found;
}

/** The text keeps its byte order mark, so that it still has the hash it is filed under. */
function versionOf(bytes: Uint8Array, workflow: Workflow): WorkflowVersion {
  const yaml = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
  return { hash: createHash("sha256").update(bytes).digest("hex"), name: workflow.name, yaml, workflow };
}
