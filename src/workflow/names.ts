import type { DeclaredWorkflow } from "./schema/workflow.ts";
import { didYouMean } from "./suggest.ts";

/** What may follow a first segment: anything, or one of these. */
export type Root = "open" | ReadonlySet<string>;

/** The first segments a template or a condition may begin a path with. */
export type Names = ReadonlyMap<string, Root>;

/** Words of Liquid and of CEL; a phase or an output with such a name is read below `phases`, never by itself. */
export const RESERVED_WORDS: ReadonlySet<string> = new Set(
  `empty blank nil null true false and or not contains as break const continue else for function if import in let loop
  namespace package return var void while`.split(/\s+/),
);

/** Context keys of older files, from events, settings and loops, each at the top as those files write them. */
const FLAT =
  `owner repo issueNumber issueTitle issueBody issueLabels commentBody sender botMention branch taskId issueDir
  bootstrapLabel externalizeArtifacts publicUrl artifactBaseUrl approvalId contextSnapshot prNumber prTitle prBody
  failedChecks ciSection prePopulateBranch baseBranch baseChecksState checksState settledCheckCount ciLogsAvailable
  ciLogsUnavailable prLabels reason attempt maxAttempts priorAttempts priorNotes notesFile verifyScript flakyDeferrals
  maxFlakyDeferrals flakyPromoted mayMerge mayMergeReason models variants fix dependencies fixCycle fixCycles cycle
  maxCycles iteration maxIterations previousOutput approved reviewerNote docLinks phaseOutputs scratch gateKey
  triggerIdOverride categories examples intentTokens workflowTriggers triggerList payload labels schedule context signals`.split(
    /\s+/,
  );

const RUN = ["id", "workflow", "epoch", "started_at"];
const TRIGGER = ["type", "id", "by", "repo", "issue_number", "url", "actor", "event", "payload"];

/**
 * Names declared for every text of a workflow. Context keys win over the names of phases and outputs, as they do when
 * a text is rendered; names that hold only in places (`output`, keys of a schedule) come through `withNames`.
 */
export function namesOf({ phases, inputs, variables }: DeclaredWorkflow): Names {
  const keysOf = (value: object | undefined): string[] => Object.keys(value ?? {});
  const names = new Map<string, Root>(FLAT.map((name) => [name, "open"]));
  names.set("run", new Set(RUN));
  names.set("trigger", new Set(TRIGGER));
  names.set("inputs", new Set(keysOf(inputs)));
  names.set("variables", new Set(keysOf(variables)));
  names.set("phases", new Set(phases.map(({ name }) => name)));
  names.set("artefacts", new Set(phases.flatMap(({ artefacts }) => (artefacts ?? []).map(({ name }) => name))));
  const matrix = new Set(phases.flatMap((phase) => keysOf(phase.matrix)));
  if (matrix.size > 0) names.set("matrix", matrix);
  const own = phases.flatMap(({ name, output_var: output }) => (output === undefined ? [name] : [name, output]));
  for (const name of own) if (!names.has(name) && !RESERVED_WORDS.has(name)) names.set(name, "open");
  return names;
}

const EVENT = `source event payload sender owner repo issueNumber`.split(" ");
const GITHUB_EVENT =
  `labels title body issueTitle issueBody issueLabels commentBody prNumber prTitle prBody prLabels branch baseBranch`.split(
    " ",
  );

/** What the condition of a trigger may read: there is an event and no run yet. */
export function namesOfEvent(trigger: "github" | "webhook"): Names {
  const open = trigger === "github" ? [...EVENT, ...GITHUB_EVENT] : EVENT;
  const names = new Map<string, Root>(open.map((name) => [name, "open"]));
  names.set("actor", new Set(["login", "kind", "association"]));
  return names;
}

/** The same with further names, which win: the values of a loop, or `output` where a phase has just ended. */
export function withNames(names: Names, more: Iterable<readonly [string, Root]>): Names {
  return new Map([...names, ...more]);
}

/** Roots that other systems have and that are left out on purpose. */
const WITHHELD: Readonly<Record<string, string>> = {
  secrets: "secrets cannot be read here: they reach programs as environment variables only",
  env: "env cannot be read here: only programs have an environment. Give the value as an input or a variable",
};

/** What one entry of a closed root is called. */
const NOUNS: Readonly<Record<string, string>> = {
  inputs: "no input",
  variables: "no variable",
  phases: "no phase",
  artefacts: "no artefact",
  matrix: "no key of a matrix",
  actor: "not known of an actor",
};

/**
 * What to tell a person about a path nobody declared, or null when its first two segments are known. What lies deeper
 * is a value: it is known only when a run is there, and absent means empty.
 */
export function unknownName(names: Names, path: readonly string[]): string | null {
  const [first, second] = path;
  if (first === undefined) return null;
  const root = names.get(first);
  if (root === undefined) return unknownRoot(names, first);
  if (root === "open" || second === undefined || root.has(second)) return null;
  const what = Object.hasOwn(NOUNS, first) ? NOUNS[first] : "not known";
  return `${first}.${shortened(second)} is ${what}${didYouMean(second, root)}`;
}

function unknownRoot(names: Names, name: string): string {
  if (Object.hasOwn(WITHHELD, name)) return WITHHELD[name]!;
  for (const [root, keys] of names)
    if (keys !== "open" && Object.hasOwn(NOUNS, root) && keys.has(name))
      return `unknown name "${name}". Did you mean "${root}.${name}"?`;
  return `unknown name "${shortened(name)}"${didYouMean(name, names.keys())}`;
}

function shortened(name: string): string {
  return name.length > 80 ? `${name.slice(0, 80)}…` : name;
}
