import type { Json } from "../../domain/json.ts";
import type { About } from "../../engine/contracts/deliverer.ts";
import { type Fields, isFields } from "./github.ts";

/** What happened at GitHub that a run is the answer to. */
export interface Occasion {
  readonly repo: string;
  /** Of an issue or a pull request. */
  readonly issue: number | null;
  readonly isPull: boolean;
  /** The comment that set it off. */
  readonly comment: number | null;
  /** The commit that it is about, where the event names one. */
  readonly sha: string | null;
}

/** Null for runs that GitHub did not set off. */
export function occasionOf({ run, context }: Pick<About, "run" | "context">): Occasion | null {
  if (run?.trigger_type !== "webhook" || run.repo === null) return null;
  if (!isFields(context) || context.source !== "github") return null;
  const { payload } = context;
  const comment = at(payload, "comment", "id");
  return {
    repo: run.repo,
    issue: run.issue_number,
    isPull: at(payload, "pull_request") !== undefined || at(payload, "issue", "pull_request") !== undefined,
    // Comments on lines of a diff have ids of another kind.
    comment: at(payload, "issue") !== undefined && typeof comment === "number" ? comment : null,
    sha: SHAS.map((path) => at(payload, ...path)).find(isSha) ?? null,
  };
}

const SHAS = [
  ["pull_request", "head", "sha"],
  ["check_run", "head_sha"],
  ["check_suite", "head_sha"],
  ["workflow_run", "head_sha"],
  ["after"],
  ["sha"],
];

function at(value: Json | undefined, ...path: readonly string[]): Json | undefined {
  let found: Json | undefined = value;
  for (const each of path) found = isFields(found) ? (found as Fields)[each] : undefined;
  return found;
}

/** A branch that is deleted is pushed to a commit of zeros. */
export function isSha(value: Json | undefined): value is string {
  return typeof value === "string" && /^[0-9a-f]{40,64}$/.test(value) && !/^0+$/.test(value);
}
