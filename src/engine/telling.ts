import { graphOf } from "../domain/graph.ts";
import type { MessageEvent } from "../domain/message.ts";
import type { Phase } from "../domain/workflow.ts";
import type { RunData } from "../store/store.ts";
import { render } from "../workflow/template.ts";
import { roundValuesOf, scopeOf } from "./scope.ts";
import type { Settings } from "./settings.ts";

/** What is owed to people: which of the author's texts, and about what. */
export interface Told {
  readonly event: MessageEvent | "final_message" | "status_checklist";
  readonly phase: string | null;
  readonly iteration: number;
  readonly execution: string | null;
}

/** What people are told, its templates filled in with the run as it is now. */
export function textOf(data: RunData, { event, phase: name, iteration, execution }: Told, settings: Settings): string {
  const { workflow } = data.version;
  if (event === "status_checklist") return checklist(data);
  const own = data.outputs.find((each) => each.execution === execution);
  // A question after a try has the try's id (`asking`, in `phases/program.ts`): what is said of it can lead there.
  const approvalId = execution === null ? {} : { approvalId: execution };
  const scope = { ...scopeOf(data, settings), ...approvalId, ...(own ? { output: own.text } : {}) };
  if (event === "final_message") return render(workflow.finalMessage ?? "", scope);
  const phase = name === null ? undefined : graphOf(workflow).phase.get(name);
  return phase ? render(wordsOf(phase, event) ?? "", { ...scope, ...roundValuesOf(data, phase, iteration) }) : "";
}

function wordsOf(phase: Phase, event: MessageEvent): string | undefined {
  const blocked = phase.type === "agent" ? phase.blocked : undefined;
  if (event === "on_blocked" && blocked?.message !== undefined) return blocked.message;
  if (event === "on_blocked_bypassed" && blocked?.bypassMessage !== undefined) return blocked.bypassMessage;
  return phase.messages?.[event];
}

const SIGNS = {
  pending: "[ ]",
  running: "[>]",
  waiting: "[?]",
  succeeded: "[x]",
  failed: "[!]",
  skipped: "[-]",
  cancelled: "[/]",
} as const;

function checklist({ version, phases }: RunData): string {
  return version.workflow.phases
    .map(({ name, label }) => `${SIGNS[phases[name]?.status ?? "pending"]} ${label}`)
    .join("\n");
}
