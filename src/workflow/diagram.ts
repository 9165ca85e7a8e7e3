import { combinations } from "../domain/matrix.ts";
import type { AgentPhase, Matrix, Phase, WaitPhase, Workflow } from "../domain/workflow.ts";

/**
 * A workflow's phases as a Mermaid flowchart, for a page, a pull request or a terminal: one node per phase, its type told
 * by its shape, an edge per dependency. Phases are called `p0`, `p1`, … in the order of the file; what an author wrote
 * stands between quotes only, and there as letters, digits and character references.
 */
export function diagram({ phases }: Workflow): string {
  const ids = new Map(phases.map(({ name }, at) => [name, `p${at}`]));
  const idOf = (name: string): string => ids.get(name) as string;
  // What follows a phase follows the gate behind it, where there is one.
  const exits = new Map(phases.map((each) => [each.name, gateOf(each) ? `${idOf(each.name)}_gate` : idOf(each.name)]));
  const main = phases.filter((each) => !each.finally);
  const last = phases.filter((each) => each.finally);
  const waitedFor = new Set(main.flatMap((each) => each.dependsOn));

  const lines = ["flowchart TD", ...main.flatMap((each) => nodesOf(each, idOf(each.name)))];
  if (last.length > 0) {
    lines.push('subgraph last ["finally"]', ...last.flatMap((each) => nodesOf(each, idOf(each.name))), "end");
    for (const { name } of main) if (!waitedFor.has(name)) lines.push(edge(exits.get(name)!, "-.->", "", "last"));
  }
  for (const phase of phases) {
    const said = phase.dependsOn.length === 1 ? conditionsOf(phase).map(text).join(BREAK) : "";
    for (const above of phase.dependsOn) lines.push(edge(exits.get(above)!, "-->", said, idOf(phase.name)));
    lines.push(...circlesOf(phase, idOf));
  }
  return `${lines.join("\n")}\n`;
}

/** The gate behind a phase; a review loop asks between its rounds instead. */
function gateOf(phase: Phase): Phase["approvalGate"] {
  return reviewOf(phase) ? undefined : phase.approvalGate;
}

const SHAPES: Readonly<Record<Phase["type"], readonly [string, string]>> = {
  context: ["([", "])"],
  bash: ["[", "]"],
  script: ["[/", "/]"],
  agent: ["(", ")"],
  approval: ["{{", "}}"],
  wait: ["((", "))"],
  workflow: ["[[", "]]"],
  tool: ["[\\", "\\]"],
  action: ["[\\", "\\]"],
};
const BREAK = "<br/>";

function nodesOf(phase: Phase, id: string): string[] {
  const { label, name, type, dependsOn, approvalGate, matrix, retry } = phase;
  const facts = [label, ...(label.toLowerCase() === name.toLowerCase() ? [] : [name]), type, ...factsOf(phase)];
  if (matrix) facts.push(...itemsOf(matrix));
  if (retry) facts.push(`${retry.times} more ${retry.times === 1 ? "try" : "tries"}`);
  if (dependsOn.length !== 1) facts.push(...conditionsOf(phase));
  const gate = gateOf(phase);
  if (approvalGate && !gate) facts.push(`asks before a fix, if gate ${approvalGate.name} is on`);
  const own = node(id, SHAPES[type], facts);
  if (!gate) return [own];
  return [
    own,
    node(`${id}_gate`, SHAPES.approval, [gate.name, "if this gate is on"]),
    edge(id, "-->", "", `${id}_gate`),
  ];
}

/** What a type has to say for itself. */
function factsOf(phase: Phase): string[] {
  switch (phase.type) {
    case "workflow":
      return [phase.workflow];
    case "action":
      return [phase.action];
    case "wait":
      return [waitOf(phase.wait)];
    case "approval":
      return phase.timeoutMs === undefined
        ? []
        : [`within ${durationOf(phase.timeoutMs)}, else ${phase.onTimeout ?? "reject"}`];
    case "agent":
      return phase.genericLoop?.gate ? ["asks between rounds"] : [];
    default:
      return [];
  }
}

function waitOf(wait: WaitPhase["wait"]): string {
  if ("forMs" in wait) return durationOf(wait.forMs);
  return "at" in wait ? `at ${wait.at}` : `until ${wait.until}`;
}

function itemsOf({ axes, maxParallel, failFast }: Matrix): string[] {
  const fixed = Object.entries(axes).flatMap(([name, values]) =>
    typeof values === "string" ? [] : [[name, values] as const],
  );
  const known = fixed.length === Object.keys(axes).length;
  const items = known ? `${combinations(Object.fromEntries(fixed))} items` : "items found at run time";
  const manner = `${maxParallel} at once${failFast ? "" : ", all to their end"}`;
  return [`matrix ${Object.keys(axes).join(" × ")}: ${items}, ${manner}`];
}

/** When a phase starts, where that is not simply after the success of what it depends on. */
function conditionsOf({ triggerRule, finally: last, if: condition, skipIf = [] }: Phase): string[] {
  const usual = last ? "all_done" : "all_success";
  return [
    ...(triggerRule === usual ? [] : [triggerRule]),
    ...skipIf.map((each) => `unless ${each}`),
    ...(condition === undefined ? [] : [`if ${condition}`]),
  ].map((each) => shortened(each, LONGEST_CONDITION));
}

/** Edges that lead back: rounds of a loop, and what a rejection sends round again. */
function circlesOf(phase: Phase, idOf: (name: string) => string): string[] {
  const id = idOf(phase.name);
  if (phase.type === "approval" && phase.rework) {
    const { phase: target, max } = phase.rework;
    return [edge(id, "-.->", text(`rejected: again, ${timesOf(max)}`), idOf(target))];
  }
  if (phase.type !== "agent") return [];
  const { genericLoop: generic, loop } = phase;
  if (loop) return [edge(id, "-->", text(`changes wanted: fix, review again, ${timesOf(loop.maxCycles)}`), id)];
  if (!generic) return [];
  const most = generic.maxFrom === undefined ? "" : `${generic.maxFrom}, or `;
  const ends = [generic.until, generic.untilBash === undefined ? undefined : "a command says so"].filter(Boolean);
  const until = shortened(`until ${ends.join(" or ")}`, LONGEST_CONDITION);
  return [edge(id, "-->", [`again, ${most}${timesOf(generic.maxIterations)}`, until].map(text).join(BREAK), id)];
}

function reviewOf(phase: Phase | undefined): AgentPhase["loop"] {
  return phase?.type === "agent" ? phase.loop : undefined;
}

function timesOf(max: number): string {
  return max === 1 ? "once at most" : `${max} times at most`;
}

const UNITS = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1_000],
] as const;

/** As an author would write it: one number, one unit. */
function durationOf(ms: number): string {
  const [unit, size] = UNITS.find(([, each]) => ms % each === 0) ?? ["ms", 1];
  return `${ms / size}${unit}`;
}

function node(id: string, [open, close]: readonly [string, string], facts: readonly string[]): string {
  return `${id}${open}"${facts.map(text).join(BREAK)}"${close}`;
}

/** `said` is text already. */
function edge(from: string, arrow: string, said: string, to: string): string {
  return said === "" ? `${from} ${arrow} ${to}` : `${from} ${arrow}|"${said}"| ${to}`;
}

const LONGEST = 80;
const LONGEST_CONDITION = 40;

function shortened(said: string, longest: number): string {
  const letters = [...said];
  return letters.length > longest ? `${letters.slice(0, longest - 1).join("")}…` : said;
}

/** Control characters, and the marks that let text be read in another order than it is written. */
const UNSEEN = /[\p{Cc}\p{Cs}\u200E\u200F\u202A-\u202E\u2066-\u2069\u2028\u2029]+/gu;

/**
 * One line of text between quotes. A character reference is never syntax, whatever Mermaid, Markdown or HTML make of the
 * character itself; `-` and `_` stay readable inside of words, where they mean nothing to any of them.
 */
function text(said: string): string {
  return shortened(said.replace(UNSEEN, " ").trim(), LONGEST).replace(SYNTAX, referenceTo);
}

const SYNTAX = /[^\p{L}\p{N} _-]|(?<![\p{L}\p{N}])[-_]|[-_](?![\p{L}\p{N}])/gu;

function referenceTo(character: string): string {
  return `#${character.codePointAt(0)};`;
}
