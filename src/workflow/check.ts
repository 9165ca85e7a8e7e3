import { createHash } from "node:crypto";
import type { Workflow, WorkflowVersion } from "../domain/workflow.ts";
import { flawsOfActions } from "./actions.ts";
import { workflowOf } from "./build.ts";
import { type Complaint, complaintsOf, isError, type Remark } from "./complaint.ts";
import { decode } from "./decode.ts";
import { type Files, judgeFiles, keptFiles, namedFiles } from "./files.ts";
import { flaws } from "./flaws.ts";
import { mistakes } from "./mistakes.ts";
import { parse } from "./parse.ts";
import {
  flawsOfCronFile,
  flawsOfScheduledInputs,
  flawsOfSchedules,
  type PlacedSchedule,
  scheduleOfCronFile,
  schedulesOf,
} from "./schedules.ts";
import type { DeclaredCron, DeclaredWorkflow } from "./schema/workflow.ts";
import { schemaOf } from "./schema.ts";
import type { Path, Source } from "./source.ts";
import { flawsOfTexts } from "./texts.ts";
import { flawsOfTriggers } from "./triggers.ts";
import { findUnavailable } from "./unavailable.ts";

/** What one file comes to. `version` is null when an error stops it, and for files of a schedule, which start another. */
export interface Checked {
  readonly name: string | null;
  readonly kind: string;
  readonly version: WorkflowVersion | null;
  readonly complaints: readonly Complaint[];
  /** Files beside it that it names: prompts and skills. */
  readonly wants: readonly string[];
  /** Workflows that it starts, and where it says so. */
  readonly children: readonly { readonly workflow: string; readonly line: number; readonly column: number }[];
  /** When something is started; none where an error stops it. */
  readonly schedules: readonly PlacedSchedule[];
}

/**
 * Reads one workflow file and says everything a person should know about it; never throws. Without `files` nothing is
 * said about what it names, and its version holds none of it.
 */
export function check(file: string, bytes: Uint8Array, files?: Files): Checked {
  const nothing = {
    name: null,
    kind: "agent",
    version: null,
    wants: [],
    children: [],
    schedules: [],
  } satisfies Partial<Checked>;
  const text = decode(bytes);
  if (typeof text !== "string") return { ...nothing, complaints: complaintsOf(file, [text]) };
  const { source, remarks } = parse(text);
  if (!source) return { ...nothing, complaints: complaintsOf(file, remarks) };

  const { name, kind } = heading(source.value);
  const here = { ...nothing, name, kind };
  const schema = schemaOf(kind);
  const wrong = [...foreignTemplates(source), ...mistakes(schema, source)];
  if (wrong.length > 0) return { ...here, complaints: complaintsOf(file, [...remarks, ...wrong]) };
  if (kind === "cron") return { ...here, ...checkCron(file, source.value as DeclaredCron, source, remarks) };

  const declared = source.value as DeclaredWorkflow;
  const unavailable = findUnavailable(schema, declared, source);
  const named = namedFiles(declared);
  const { remarks: missing, complaints: inside } = files ? judgeFiles(declared, source, files) : NO_COMPLAINTS;
  const all = [
    ...remarks,
    ...flaws(declared, source),
    ...flawsOfTexts(declared, source),
    ...flawsOfActions(declared, source),
    ...flawsOfTriggers(declared, source),
    ...flawsOfSchedules(declared, source),
    ...missing,
    ...unavailable.remarks,
  ];
  const kept = keptFiles(named, files);
  const readable = !all.some(isError) && !inside.some(isError);
  const version = readable
    ? versionOf(bytes, workflowOf(declared, { kind, unavailable: unavailable.names, files: kept }))
    : null;
  const unfit = version ? flawsOfScheduledInputs(declared, version, source) : [];
  const sound = version !== null && unfit.length === 0;
  return {
    ...here,
    version: sound ? version : null,
    complaints: [...complaintsOf(file, [...all, ...unfit]), ...inside],
    wants: named.map(({ file: path }) => path),
    children: childrenOf(declared, source),
    schedules: sound ? schedulesOf(declared, source) : [],
  };
}

function checkCron(
  file: string,
  declared: DeclaredCron,
  source: Source,
  remarks: readonly Remark[],
): Pick<Checked, "complaints" | "children" | "schedules"> {
  const all = [...remarks, ...flawsOfCronFile(declared, source)];
  const { workflow } = declared;
  return {
    complaints: complaintsOf(file, all),
    children: workflow === undefined ? [] : [{ workflow, ...source.valueAt(["workflow"]) }],
    schedules: all.some(isError) ? [] : [scheduleOfCronFile(declared, source)],
  };
}

const NO_COMPLAINTS = { remarks: [], complaints: [] };

function childrenOf({ phases }: DeclaredWorkflow, source: Source): Checked["children"] {
  return phases.flatMap(({ type, workflow }, at) =>
    type === "workflow" && workflow !== undefined ? [{ workflow, ...source.valueAt(["phases", at, "workflow"]) }] : [],
  );
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

/**
 * How declarations are made from files. It is part of a version's hash: what was made in another way is another version,
 * even of the same file.
 */
const MAKE = "lastlight 3";

/** The text keeps its byte order mark, as the author saved it. */
function versionOf(bytes: Uint8Array, workflow: Workflow): WorkflowVersion {
  const yaml = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
  const hash = createHash("sha256").update(`${MAKE}\n${bytes.length}\n`).update(bytes);
  for (const [path, text] of Object.entries(workflow.files ?? {}).sort()) hash.update(JSON.stringify([path, text]));
  return { hash: hash.digest("hex"), name: workflow.name, yaml, workflow };
}
