import type { Iso } from "./clock.ts";
import type { Json } from "./json.ts";

/** What becomes of a slot while a run of the same schedule is not over. */
export const OVERLAPS = ["allow", "skip", "queue", "replace"] as const;
export type Overlap = (typeof OVERLAPS)[number];

/** What becomes of slots that passed while nothing could fire them. */
export const CATCH_UPS = ["none", "latest", "all"] as const;
export type CatchUp = (typeof CATCH_UPS)[number];

/** Settings a schedule may be switched off by (`condition.unless`). */
export const CONDITIONS = ["webhooksEnabled", "agentMissing", "repoMissing"] as const;
export type Condition = (typeof CONDITIONS)[number];

/** What lastlight itself does on a schedule, without a workflow. */
export const HANDLERS = ["sweep", "backup"] as const;
export type HandlerName = (typeof HANDLERS)[number];

/** When something comes round, what is started then, and what becomes of the times that were missed. */
export interface Schedule {
  readonly name: string;
  readonly cron: string;
  /** Null is the daemon's own. */
  readonly timezone: string | null;
  readonly jitterMs: number;
  readonly overlap: Overlap;
  readonly catchUp: CatchUp;
  /** Slots older than this are not made up. */
  readonly windowMs: number;
  readonly starts:
    | { readonly workflow: string; readonly inputs: { readonly [name: string]: Json } }
    /** Any word: a file may name a handler that another program has. */
    | { readonly handler: string };
  readonly context: { readonly [name: string]: Json };
  readonly unless: Condition | null;
}

export const STANDARD = { overlap: "skip", catchUp: "latest", windowMs: 86_400_000 } as const;

/** Beyond this many, slots that were missed are not made up, and none waits behind a run. */
export const MOST_MADE_UP = 100;
/** A newest slot that is no later than this is on time: a restart and a busy machine take a moment. */
export const GRACE_MS = 120_000;

/** `owed`: to be fired, the run not there yet. `queued`: to be fired once the run before it is over. */
export const OUTCOMES = ["owed", "queued", "fired", "skipped", "missed"] as const;
export type Outcome = (typeof OUTCOMES)[number];
/** How what was fired ended; `idle` is a run whose agents did nothing. */
export const RESULTS = ["succeeded", "failed", "cancelled", "idle"] as const;
export type Result = (typeof RESULTS)[number];

/** When a slot fires: its own part of the jitter later, always the same. */
export function dueOf({ name, jitterMs }: Pick<Schedule, "name" | "jitterMs">, slot: Iso): Iso {
  if (jitterMs === 0) return slot;
  const seconds = Math.floor((share(`${name} ${slot}`) * jitterMs) / 1_000);
  return new Date(Date.parse(slot) + seconds * 1_000).toISOString();
}

/** The key under which a slot's run is made: asked twice, it is made once. */
export function onceOf(name: string, slot: Iso): string {
  return `cron/${name}/${slot}`;
}

export interface Verdict {
  readonly slot: Iso;
  readonly fires: boolean;
  readonly reason: string | null;
}

/** Which of the slots that are due fire now, oldest first, and why the others are missed. */
export function catchUp(
  { name, jitterMs, catchUp: policy, windowMs }: Schedule,
  slots: readonly Iso[],
  now: Iso,
): Verdict[] {
  const lateness = slots.map((slot) => Date.parse(now) - Date.parse(dueOf({ name, jitterMs }, slot)));
  const newest = slots.length - 1;
  const inWindow = lateness.filter((late) => late <= windowMs).length;
  return slots.map((slot, at): Verdict => {
    const late = lateness[at] as number;
    const missed = (why: string): Verdict => ({ slot, fires: false, reason: `${lengthOf(late)} late: ${why}` });
    const fires = (): Verdict => ({ slot, fires: true, reason: late > GRACE_MS ? `${lengthOf(late)} late` : null });
    if (at === newest && late <= GRACE_MS) return fires();
    if (policy === "none") return missed("catch_up is none");
    if (late > windowMs) return missed(`the window is ${lengthOf(windowMs)}`);
    if (policy === "latest") return at === newest ? fires() : missed(`the slot at ${slots[newest]} is made up instead`);
    if (at <= newest - MOST_MADE_UP) return missed(`of ${inWindow} slots the newest ${MOST_MADE_UP} are made up`);
    return fires();
  });
}

/** What becomes of a slot that is to fire, given the live runs of its schedule and the slots that wait already. */
export function overlapping(
  policy: Overlap,
  { live, waiting }: { live: readonly string[]; waiting: number },
): { do: "fire" | "queue" | "skip" | "replace"; reason: string | null } {
  const [first] = live;
  if (policy === "allow" || (first === undefined && waiting === 0)) return { do: "fire", reason: null };
  const busy = first === undefined ? "a slot before it waits" : `${first} is not over`;
  if (policy === "skip") return { do: "skip", reason: `${busy}, and overlap is skip` };
  if (policy === "replace") return { do: "replace", reason: `${live.join(", ")} made way for it` };
  if (waiting >= MOST_MADE_UP) return { do: "skip", reason: `${busy}, and ${waiting} slots wait already` };
  return { do: "queue", reason: busy };
}

/** Why a schedule pauses itself: its latest results, newest first, have all come to nothing. Null while they have not. */
export function streak(results: readonly Result[], limit: number): string | null {
  if (limit === 0) return null;
  // What was cancelled was so by someone, or made way: it says nothing about the next one.
  const said = results.filter((result) => result !== "cancelled").slice(0, limit);
  if (said.length < limit || said.includes("succeeded")) return null;
  const failed = said.filter((result) => result === "failed").length;
  const how =
    failed === limit
      ? "failed"
      : failed === 0
        ? "did nothing"
        : `failed (${failed}) or did nothing (${limit - failed})`;
  return `the last ${limit} ${how}`;
}

/** Why a schedule is off by its own condition; null when it is not. */
export function offBecause(
  { unless, context }: Pick<Schedule, "unless" | "context">,
  { webhooks, agent }: { readonly webhooks: boolean; readonly agent: boolean },
): string | null {
  if (unless === "webhooksEnabled" && webhooks) return "webhooks come in (webhooksEnabled)";
  if (unless === "agentMissing" && !agent) return "no agent is set up: set LASTLIGHT_AGENT (agentMissing)";
  if (unless === "repoMissing" && !context.repo) return "its context names no repo (repoMissing)";
  return null;
}

const UNITS = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
] as const;

/** As authors write it: `36h`, `90m`, `40s`; of two units the smaller is left out. */
function lengthOf(ms: number): string {
  const [unit, size] = UNITS.find(([, size]) => ms >= 2 * size || ms === size) ?? ["s", 1_000];
  return `${Math.floor(ms / size)}${unit}`;
}

/** From a text to a number from 0 to 1, spread evenly: FNV-1a, stirred once more since slots differ by little. */
function share(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 0x1_0000_0000;
}
