import type { Phase, Workflow } from "../domain/workflow.ts";

/** What an operator sets once for all runs, and texts and phases may look at. */
export interface Settings {
  /** Names of models and variants, as texts read them: `models.fix`. */
  readonly models: { readonly [name: string]: string };
  readonly variants: { readonly [name: string]: string };
  /** Gates behind phases (`approval_gate`) that ask; the others let pass. */
  readonly approvals: ReadonlySet<string>;
  /** What isolates programs here: `none`, `bubblewrap`, `podman` or `docker`. */
  readonly sandbox: string;
  /** The operator lets agents do what this user may do, where nothing isolates them. */
  readonly unsandboxed: boolean;
  /** Values of secrets by name, for the phases that declare them. */
  readonly secrets: { readonly [name: string]: string };
  /** Where links lead; empty when nobody said. */
  readonly publicUrl: string;
  /** Where the bytes of artefacts lie. */
  readonly artefacts: string;
  /** What drives an agent where its phase does not say; null when there is nothing. */
  readonly agent: string | null;
  /** What phases may have done outside; where nothing is said, all that the grammar knows. */
  readonly actions?: readonly string[];
  /** Where programs are looked for. */
  readonly path: string;
  /** Folders that no sandboxed program may see. */
  readonly hidden: readonly string[];
}

/** Agents that only say what they were told to say. */
const HARMLESS: ReadonlySet<string> = new Set(["scripted"]);

/** Whether an agent of this kind may work here: what a model decides is done with the rights of this user. */
export function mayWork(agent: string, { sandbox, unsandboxed }: Settings): boolean {
  return sandbox !== "none" || unsandboxed || HARMLESS.has(agent);
}

/**
 * Whether a phase's programs are confined: wherever an agent is at work in the run, since a command carries out what the
 * agent wrote; and where the phase asks for it.
 */
export function isConfined(workflow: Workflow, phase: Phase, { sandbox, agent }: Settings): boolean {
  if (sandbox === "none") return false;
  const asks = phase.requiresSandbox !== undefined || phase.sandboxImage !== undefined || phase.egress !== undefined;
  return asks || workflow.phases.some((each) => each.type === "agent" && !HARMLESS.has(each.agent ?? agent ?? ""));
}

/** Whether programs are isolated here as a phase wants it; a container is one by whichever engine. */
export function isSandbox(wanted: string, { sandbox }: Pick<Settings, "sandbox">): boolean {
  return wanted === sandbox || (wanted === "container" && (sandbox === "podman" || sandbox === "docker"));
}
