import type { Workflow } from "../domain/workflow.ts";
import { type Judgement, lengthOf } from "../engine/simulation/judge.ts";
import type { Moment } from "../engine/simulation/moment.ts";
import { type Rendered, renderedOf } from "../engine/simulation/rendered.ts";
import { type Simulation, standing } from "../engine/simulation/simulate.ts";
import type { Style, Terminal } from "./terminal.ts";
import { clean } from "./terminal.ts";

/** All that a simulation is printed from. */
export interface Played {
  /** Workflows by name: the one that was tried, and those of child runs. */
  readonly workflows: ReadonlyMap<string, Workflow>;
  readonly scenario: string;
  /** What the scenario says of itself. */
  readonly title: string | null;
  readonly description: string | null;
  readonly seed: number;
  readonly simulation: Simulation;
  readonly judgements: readonly Judgement[];
  /** Real time that it took. */
  readonly tookMs: number;
}

interface Words {
  readonly who: string;
  readonly what: string;
  readonly style?: Style;
}

/** A simulation for people: what happened when, what was filled in, what it cost, and which promises held. */
export function printSimulated(terminal: Terminal, played: Played): void {
  const { simulation, scenario, title, description, seed, judgements, tookMs } = played;
  const [name] = played.workflows.keys();
  terminal.line(
    `${terminal.paint("bold", clean(name ?? ""))}  ${terminal.paint("dim", clean(`${scenario}, seed ${seed}`))}`,
  );
  const about = [title, description].filter((each) => each !== null).join(": ");
  if (about !== "") for (const line of folded(terminal, clean(about), 0)) terminal.line(line);
  terminal.line();
  printTimeline(terminal, simulation);
  const rendered = allRendered(played);
  if (rendered.length > 0) {
    terminal.line();
    terminal.line(terminal.paint("bold", "Filled in"));
    for (const each of rendered.slice(0, MOST_TEXTS)) printRendered(terminal, each);
    if (rendered.length > MOST_TEXTS)
      terminal.line(terminal.paint("dim", `… ${rendered.length - MOST_TEXTS} more texts; --json has them all`));
  }
  terminal.line();
  const { label } = labels(simulation);
  // One run may answer several triggers.
  for (const run of new Map(simulation.runs.flatMap((each) => (each ? [[each.id, each]] : []))).values()) {
    const cost = run.cost_usd > 0 || run.turns > 0 || run.tokens > 0;
    const spent = cost ? `; ${run.cost_usd} USD, ${run.turns} turns, ${run.tokens} tokens` : "";
    terminal.line(clean(`${label({ run: run.id })}${run.workflow_name} is ${standing(run)}${spent}`));
  }
  const ended = { over: "", idle: "; nothing more would happen", limit: "; it was looked at no longer" };
  terminal.line(
    terminal.paint(
      "dim",
      `${lengthOf(simulation.elapsedMs)} simulated in ${Math.round(tookMs)} ms${ended[simulation.stopped]}`,
    ),
  );
  if (simulation.runs.every((run) => run === null) && judgements.length === 0)
    terminal.line("Nothing ran. Inputs are given with --input name=value, or by a scenario.");
  if (judgements.length === 0) return;
  terminal.line();
  for (const each of judgements) terminal.line(verdict(terminal, played, each));
}

export function verdict(
  terminal: Terminal,
  { scenario, judgements }: Pick<Played, "scenario" | "judgements">,
  { run, held, promise, found, line, column }: Judgement,
): string {
  const sign = held ? terminal.paint("green", "kept  ") : terminal.paint("red", "broken");
  const which = judgements.some((each) => each.run > 1) ? `run ${run}: ` : "";
  const instead = held ? "" : `: ${found} (${scenario}:${line}:${column})`;
  return `${sign} ${clean(`${which}${promise}${instead}`)}`;
}

/** What every template came to, run by run. */
export function allRendered({ workflows, simulation }: Pick<Played, "workflows" | "simulation">): readonly Rendered[] {
  return simulation.runs.flatMap((run) => {
    const workflow = run ? workflows.get(run.workflow_name) : undefined;
    return run && workflow ? renderedOf(workflow, run, simulation.timeline) : [];
  });
}

function printTimeline(terminal: Terminal, simulation: Simulation): void {
  const { width, label } = labels(simulation);
  const begun = beginnersOf(simulation.timeline);
  const lines = simulation.timeline.flatMap((moment) => {
    const words = inWords(moment, begun);
    return words ? [{ ...words, when: lengthOf(moment.afterMs), label: label(moment) }] : [];
  });
  const wide = (texts: readonly string[]): number => texts.reduce((most, text) => Math.max(most, text.length), 0);
  const when = wide(lines.map((line) => line.when));
  const who = Math.min(WIDEST_NAME, wide(lines.map((line) => line.who)));
  let last = "";
  for (const line of lines) {
    const moment = terminal.paint("dim", (line.when === last ? "" : line.when).padStart(when));
    last = line.when;
    const head = `${moment}  ${line.label}${clean(line.who).padEnd(who)}  `;
    const indent = when + width + Math.max(who, line.who.length) + 4;
    const [first = "", ...rest] = folded(terminal, shortened(clean(line.what)), indent).map((text) =>
      line.style ? terminal.paint(line.style, text) : text,
    );
    terminal.line(`${head}${first}`.trimEnd());
    for (const text of rest) terminal.line(`${" ".repeat(indent)}${text}`);
  }
}

const WIDEST_NAME = 32;
const LONGEST_WORDS = 300;
const NARROWEST = 24;

/** Which run a line is about, where there are several: counted from 1 in the order of the scenario's triggers. */
function labels({ runs }: Simulation): { readonly width: number; readonly label: (moment: About) => string } {
  const width = runs.length > 1 ? String(runs.length).length + 2 : 0;
  const label = ({ run, trigger = -1 }: About): string => {
    const at = run === null ? trigger : runs.findIndex((each) => each?.id === run);
    return width === 0 ? "" : (at < 0 ? "" : String(at + 1)).padEnd(width);
  };
  return { width, label };
}

interface About {
  readonly run: string | null;
  /** Of what began no run. */
  readonly trigger?: number;
}

/** Phases that are seen to begin: what another one passes at once is worth a line of its own. */
function beginnersOf(timeline: readonly Moment[]): ReadonlySet<string> {
  return new Set(
    timeline.flatMap((each) =>
      each.type === "try.begun" || each.type === "gate.asks" || each.type === "phase.waits"
        ? [placeOf(each.run, each.phase)]
        : [],
    ),
  );
}

function placeOf(run: string | null, phase: string): string {
  return `${run} ${phase}`;
}

/** The whole of it stands under "Filled in". */
function shortened(text: string): string {
  return text.length > LONGEST_WORDS ? `${text.slice(0, LONGEST_WORDS)}…` : text;
}

/** Only where a person looks: a program that reads a line gets all of it. */
function folded({ lively, columns }: Terminal, text: string, indent: number): string[] {
  const room = Math.max(NARROWEST, columns - indent);
  if (!lively || text.length <= room) return [text];
  const lines = [""];
  for (const word of text.split(" ")) {
    const line = lines.at(-1) ?? "";
    if (line !== "" && line.length + 1 + word.length > room) lines.push(word);
    else lines[lines.length - 1] = line === "" ? word : `${line} ${word}`;
  }
  return lines;
}

/** Null for what another line tells already. */
function inWords(moment: Moment, begun: ReadonlySet<string>): Words | null {
  switch (moment.type) {
    case "run.begun":
      return { who: "run", what: `begins: ${moment.workflow}, asked for by ${moment.by}`, style: "bold" };
    case "run.refused":
      return { who: "run", what: `refused, ${moment.code}: ${moment.message}`, style: "red" };
    case "run.known":
      return { who: "run", what: "is there already: the trigger has the key of an earlier one" };
    case "run.status":
      return isNews(moment) ? { who: "run", what: standing(moment), style: STYLES[moment.status] ?? "bold" } : null;
    case "try.begun":
      return { who: moment.name, what: moment.attempt === 1 ? "starts" : `starts, try ${moment.attempt}` };
    case "try.ended": {
      const cost = moment.usd === null || moment.usd === 0 ? "" : `, ${moment.usd} USD`;
      const how = moment.status === "ok" ? "ends well" : (moment.error ?? moment.status);
      return {
        who: moment.name,
        what: `${how}, after ${lengthOf(moment.tookMs)}${cost}`,
        ...(moment.status === "ok" ? {} : { style: "red" as const }),
      };
    }
    case "phase.status":
      if (moment.status === "succeeded" && moment.why === null)
        return begun.has(placeOf(moment.run, moment.phase)) ? null : { who: moment.phase, what: "passes at once" };
      return {
        who: moment.phase,
        what: moment.why === null ? moment.status : `${moment.status}: ${moment.why}`,
        style: moment.status === "failed" ? "red" : "dim",
      };
    case "phase.waits":
      return { who: moment.phase, what: waiting(moment), style: "cyan" };
    case "gate.asks": {
      const long = moment.deadline === null ? "" : `, with ${between(moment.at, moment.deadline)} to answer`;
      return { who: moment.phase, what: `asks${long}: ${moment.summary}`, style: "yellow" };
    }
    case "gate.reminds":
      return { who: moment.phase, what: `reminds, for the ${ordinalOf(moment.ordinal)} time`, style: "yellow" };
    case "gate.escalates": {
      const { users = [], groups = [] } = moment.to;
      return { who: moment.phase, what: `asks ${[...users, ...groups].join(", ")} too`, style: "yellow" };
    }
    case "gate.closed": {
      const by = moment.by === null ? "" : ` by ${moment.by}`;
      const words = moment.response === null ? "" : `: ${moment.response}`;
      return {
        who: moment.phase,
        what: `${moment.status}${by}${words}`,
        style: moment.status === "approved" ? "green" : "red",
      };
    }
    case "people.told":
      return { who: moment.phase ?? "run", what: `tells people: ${moment.text}` };
    case "signal":
      return { who: "signal", what: `${moment.name} ${JSON.stringify(moment.payload)}`, style: "cyan" };
    case "operator":
      return { who: "operator", what: `${moment.what} by ${moment.by}`, style: "cyan" };
    case "refused":
      return { who: "refused", what: `${moment.what}: ${moment.message} (${moment.code})`, style: "red" };
  }
}

const STYLES: Partial<Record<string, Style>> = { succeeded: "green", failed: "red", cancelled: "red" };

/** That a run stands still at a gate or a timer is said by the phase that waits. */
function isNews({ status, reason }: Extract<Moment, { type: "run.status" }>): boolean {
  if (status === "paused") return reason === "operator" || reason === "disk_full" || reason === "concurrency";
  return status === "queued" ? reason !== null : status !== "running";
}

function waiting({ at, for: what, until }: Extract<Moment, { type: "phase.waits" }>): string {
  const long = until === null ? "" : ` ${between(at, until)}`;
  switch (what) {
    case "retry":
      return `waits${long} before it is tried again`;
    case "condition":
      return "waits for its condition";
    case "child":
      return "waits for its child run";
    case "action":
      return "has it done outside";
    default:
      return `waits${long}`;
  }
}

function between(from: string, to: string): string {
  return lengthOf(Math.max(0, Date.parse(to) - Date.parse(from)));
}

function ordinalOf(count: number): string {
  const ending = { 1: "st", 2: "nd", 3: "rd" }[count > 10 && count < 14 ? 0 : count % 10] ?? "th";
  return `${count}${ending}`;
}

const MOST_TEXTS = 100;
const LONGEST_TEXT = 20;

function printRendered(terminal: Terminal, { phase, name, attempt, what, text }: Rendered): void {
  const where = name ?? phase ?? "run";
  const again = attempt !== null && attempt > 1 ? `, try ${attempt}` : "";
  terminal.line(`${clean(where)}${again}  ${terminal.paint("dim", clean(what))}`);
  const lines = clean(text, "lines").trimEnd().split("\n");
  for (const line of lines.slice(0, LONGEST_TEXT)) terminal.line(`    ${line}`.trimEnd());
  if (lines.length > LONGEST_TEXT)
    terminal.line(terminal.paint("dim", `    … ${lines.length - LONGEST_TEXT} more lines`));
}
