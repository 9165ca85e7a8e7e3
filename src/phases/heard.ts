import { INLINE_LIMIT, type Outcome } from "../domain/execution.ts";
import type { Json } from "../domain/json.ts";
import type { Ended } from "../engine/contracts/keeper.ts";
import type { Runtime } from "../engine/contracts/runtime.ts";
import { outcomeOf } from "./program.ts";

/** How the agent's program ended, its words taken from what it printed. */
export function heard(ended: Ended, timeoutMs: number, runtime: Runtime, given: Json): Outcome {
  const outcome = outcomeOf(ended, timeoutMs, given);
  if ("decoder" in runtime) return streamed(ended, outcome);
  if (ended.type !== "exited" || ended.verdict) return outcome;
  const { text, usage, error } = runtime.read(ended.stdout.text);
  // What the runtime adds for itself is none of the agent's words; a text that was cut keeps its true size.
  const cut = ended.stdout.bytes > Buffer.byteLength(ended.stdout.text);
  const output = { text, bytes: cut ? ended.stdout.bytes : Buffer.byteLength(text) };
  const told = { ...outcome, output, ...(usage ? { usage } : {}) };
  if (told.type === "failed") return { ...told, failure: "agent_error" };
  return error === undefined ? told : { ...without(told), type: "failed", failure: "agent_error", error };
}

/** What the stream says of itself stands above the exit code, which is 0 after many a failure. */
function streamed(ended: Ended, outcome: Outcome): Outcome {
  if (!("stdout" in ended)) return outcome;
  const { report } = ended;
  const bare = outcome.type === "succeeded" ? without(outcome) : outcome;
  if (!report) return { ...bare, type: "failed", failure: "agent_error", error: "its words could not be read" };
  const { text, usage, turns, retries } = report;
  const output = { text: withinLimit(text), bytes: Buffer.byteLength(text) };
  const told = { ...bare, output, usage: { ...usage, turns }, retries };
  // What ended it from outside stands above its own words.
  if (outcome.type === "failed" && (ended.type === "timeout" || ended.verdict))
    return { ...told, type: "failed", failure: outcome.failure, error: outcome.error };
  if (report.status === "ok")
    return { ...told, type: "succeeded", ...(report.produced ? {} : { idle: true as const }) };
  // One that never began was not lost: its program is not there, or refuses what it was started with.
  const begun = report.sessionId !== null || report.produced;
  const failure = report.status === "lost" && begun ? "lost" : "agent_error";
  return { ...told, type: "failed", failure, error: report.error ?? errorOf(outcome, report.status) };
}

function errorOf(outcome: Outcome, otherwise = "it failed"): string {
  if (outcome.type === "failed") return outcome.error;
  return otherwise === "lost" ? "its stream ends without an end" : otherwise;
}

/** The whole stands in the session file; of a row it is the beginning. */
function withinLimit(text: string): string {
  return Buffer.from(text)
    .subarray(0, INLINE_LIMIT)
    .toString()
    .replace(/\uFFFD+$/, "");
}

/** An ending in which nothing of its success is left. */
export function without({
  seen: _seen,
  ask: _ask,
  outputs: _outputs,
  type: _type,
  ...rest
}: Extract<Outcome, { type: "succeeded" }>) {
  return rest;
}
