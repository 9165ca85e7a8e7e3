import type { Json } from "../domain/json.ts";
import { CONDITIONS, HANDLERS, type Schedule, STANDARD } from "../domain/schedule.ts";
import type { WorkflowVersion } from "../domain/workflow.ts";
import { flawOfCron, flawOfZone } from "./calendar.ts";
import type { Remark } from "./complaint.ts";
import { readInputs } from "./inputs.ts";
import { milliseconds } from "./schema/text.ts";
import type { DeclaredCron, DeclaredWorkflow } from "./schema/workflow.ts";
import type { Path, Place, Source } from "./source.ts";
import { didYouMean } from "./suggest.ts";

/** A schedule, and where its file says so. */
export interface PlacedSchedule extends Place {
  readonly schedule: Schedule;
}

type Calendar = Pick<DeclaredCron, "timezone" | "jitter" | "overlap" | "catch_up" | "window">;
type Fields = { readonly [name: string]: Json };

/** What is wrong with the schedules of a workflow whose every key is well formed. */
export function flawsOfSchedules({ name: workflow, on }: DeclaredWorkflow, source: Source): Remark[] {
  const taken = new Map<string, number>();
  return (on?.schedule ?? []).flatMap((entry, at) => {
    const here: Path = ["on", "schedule", at];
    const remarks = flawsOfCalendar(entry, entry.cron, [...here, "cron"], source);
    const { name = workflow } = entry;
    const first = taken.get(name);
    if (first === undefined) taken.set(name, at);
    else {
      const { line } = source.valueAt(["on", "schedule", first]);
      const remedy = entry.name === undefined ? "Give it a name: without one it has the workflow's" : "Choose another";
      const message = `the name "${name}" is taken by the schedule at line ${line}. ${remedy}`;
      remarks.push({
        ...source.valueAt(entry.name === undefined ? here : [...here, "name"]),
        severity: "error",
        message,
      });
    }
    return remarks;
  });
}

/** Inputs that a workflow would refuse whenever one of its schedules comes round. */
export function flawsOfScheduledInputs({ on }: DeclaredWorkflow, version: WorkflowVersion, source: Source): Remark[] {
  return (on?.schedule ?? []).flatMap(({ inputs = {} }, at) => {
    const read = readInputs(version, inputs as Fields);
    if (read.ok) return [];
    return read.problems.map(({ path, message }): Remark => {
      const key = path.split("/")[1] ?? "";
      const place = source.valueAt(["on", "schedule", at, "inputs", key]);
      return {
        ...place,
        severity: "error",
        message: `the inputs of this schedule do not fit: ${path} ${message}`.replace("  ", " "),
      };
    });
  });
}

export function schedulesOf({ name: workflow, on }: DeclaredWorkflow, source: Source): PlacedSchedule[] {
  return (on?.schedule ?? []).map(({ name = workflow, cron, inputs = {}, ...calendar }, at) => ({
    ...source.valueAt(["on", "schedule", at]),
    schedule: {
      name,
      cron,
      ...calendarOf(calendar),
      starts: { workflow, inputs: inputs as Fields },
      context: {},
      unless: null,
    },
  }));
}

/** What is wrong with a schedule in a file of its own. */
export function flawsOfCronFile(file: DeclaredCron, source: Source): Remark[] {
  const { handler, condition, messages } = file;
  const remarks = flawsOfCalendar(file, file.schedule, ["schedule"], source);
  const say = (severity: Remark["severity"], path: Path, message: string): void => {
    remarks.push({ ...source.valueAt(path), severity, message });
  };
  if (handler !== undefined) {
    if (!isOneOf(HANDLERS, handler))
      say(
        "warning",
        ["handler"],
        `no handler is called "${handler}", so its slots are skipped; there are ${HANDLERS.join(" and ")}${didYouMean(handler, HANDLERS)}`,
      );
    if (file.overlap !== undefined && file.overlap !== "skip")
      say("error", ["overlap"], "overlap of a handler is always skip. Remove it");
  }
  if (condition !== undefined && !isOneOf(CONDITIONS, condition.unless)) {
    const meant = didYouMean(condition.unless, CONDITIONS);
    say("error", ["condition", "unless"], `unless must be one of ${CONDITIONS.join(", ")}${meant}`);
  }
  if (messages !== undefined)
    remarks.push({
      ...source.keyAt(["messages"]),
      severity: "warning",
      message: "`messages` is known but not acted on yet",
    });
  return remarks;
}

export function scheduleOfCronFile(file: DeclaredCron, source: Source): PlacedSchedule {
  const { name, schedule: cron, workflow, handler = "", context = {}, condition } = file;
  return {
    ...source.valueAt(["name"]),
    schedule: {
      name,
      cron,
      ...calendarOf(file),
      starts: workflow === undefined ? { handler } : { workflow, inputs: {} },
      context: context as Fields,
      unless: condition && isOneOf(CONDITIONS, condition.unless) ? condition.unless : null,
    },
  };
}

function calendarOf({ timezone, jitter, overlap, catch_up, window }: Calendar) {
  return {
    timezone: timezone ?? null,
    jitterMs: jitter === undefined ? 0 : milliseconds(jitter),
    overlap: overlap ?? STANDARD.overlap,
    catchUp: catch_up ?? STANDARD.catchUp,
    windowMs: window === undefined ? STANDARD.windowMs : milliseconds(window),
  };
}

function flawsOfCalendar(calendar: Calendar, cron: string, path: Path, source: Source): Remark[] {
  const { timezone, catch_up, window } = calendar;
  const beside = (key: string): Path => [...path.slice(0, -1), key];
  const remarks: Remark[] = [];
  const error = (place: Place, message: string): void => {
    remarks.push({ ...place, severity: "error", message });
  };
  const flaw = flawOfCron(cron);
  if (flaw !== null) error(source.valueAt(path), `"${cron.slice(0, 80)}" ${flaw}`);
  const flawed = timezone === undefined ? null : flawOfZone(timezone);
  if (flawed !== null) error(source.valueAt(beside("timezone")), flawed);
  if (window !== undefined && catch_up === "none")
    error(source.keyAt(beside("window")), "window means nothing with catch_up: none. Remove one of them");
  return remarks;
}

function isOneOf<Word extends string>(words: readonly Word[], word: string): word is Word {
  return (words as readonly string[]).includes(word);
}
