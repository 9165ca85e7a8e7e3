import type { Complaint, Remark } from "./complaint.ts";
import type { DeclaredWorkflow } from "./schema/workflow.ts";
import type { Path, Source } from "./source.ts";
import { flawsOfPrompt } from "./texts.ts";

/** A file beside a workflow that it names: a prompt is a template, a skill is handed on as it is. */
interface Named {
  readonly file: string;
  readonly kind: "prompt" | "skill";
  /** Where the workflow names it. */
  readonly path: Path;
}

/** Texts of files that a workflow names, by path; null for one that is not there. */
export type Files = { readonly [path: string]: string | null };

/** The most that a prompt or a skill may hold, in bytes. */
export const LARGEST_TEXT = 256 * 1024;

/** The files a workflow names, each once. */
export function namedFiles({ phases }: DeclaredWorkflow): readonly Named[] {
  const found = new Map<string, Named>();
  const add = (named: Named): void => {
    if (!found.has(named.file)) found.set(named.file, named);
  };
  for (const [at, { prompt, skill, skills = [], loop }] of phases.entries()) {
    const here: Path = ["phases", at];
    const changes = [...here, "loop", "on_request_changes"];
    if (prompt !== undefined) add({ file: prompt, kind: "prompt", path: [...here, "prompt"] });
    if (loop) {
      add({ file: loop.on_request_changes.fix_prompt, kind: "prompt", path: [...changes, "fix_prompt"] });
      add({ file: loop.on_request_changes.re_review_prompt, kind: "prompt", path: [...changes, "re_review_prompt"] });
    }
    if (skill !== undefined) add({ file: skillFile(skill), kind: "skill", path: [...here, "skill"] });
    for (const [place, name] of skills.entries())
      add({ file: skillFile(name), kind: "skill", path: [...here, "skills", place] });
  }
  return [...found.values()];
}

export function skillFile(skill: string): string {
  return `skills/${skill}/SKILL.md`;
}

/** What is wrong with the files: said at the workflow where one is missing, in the file itself where its text is wrong. */
export function judgeFiles(
  declared: DeclaredWorkflow,
  source: Source,
  files: Files,
): { remarks: Remark[]; complaints: Complaint[] } {
  const remarks: Remark[] = [];
  const complaints: Complaint[] = [];
  for (const { file, kind, path } of namedFiles(declared)) {
    const text = Object.hasOwn(files, file) ? files[file] : null;
    if (typeof text !== "string") {
      const message = `${kind} file ${file} is missing, outside this folder, not text, or larger than 256 KiB`;
      remarks.push({ ...source.valueAt(path), severity: "error", message });
    } else if (kind === "prompt") {
      for (const { offset, message } of flawsOfPrompt(declared, text))
        complaints.push({ file, ...placeIn(text, offset), severity: "error", message });
    }
  }
  return { remarks, complaints: complaints.slice(0, 50) };
}

/** The texts a version keeps: those that are named and there. */
export function keptFiles(named: readonly Named[], files: Files | undefined): Record<string, string> {
  const kept: [string, string][] = [];
  for (const { file } of named) {
    const text = files && Object.hasOwn(files, file) ? files[file] : null;
    if (typeof text === "string") kept.push([file, text]);
  }
  return Object.fromEntries(kept);
}

function placeIn(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset).split("\n");
  return { line: before.length, column: (before.at(-1) ?? "").length + 1 };
}
