import type { Remark } from "./complaint.ts";
import { checkCondition, pathsOfCondition } from "./expression.ts";
import { namesOfEvent } from "./names.ts";
import { GITHUB_EVENTS } from "./schema/github-events.ts";
import type { DeclaredWorkflow } from "./schema/workflow.ts";
import type { Path, Source } from "./source.ts";
import { didYouMean } from "./suggest.ts";
import { remarkOn } from "./texts.ts";

/** What is wrong with the events a workflow waits for, and with what must hold of them. */
export function flawsOfTriggers({ on = {} }: DeclaredWorkflow, source: Source): Remark[] {
  return (["github", "webhook"] as const).flatMap((trigger) =>
    (on[trigger] ?? []).flatMap((entry, at): Remark[] => {
      const here: Path = ["on", trigger, at];
      const events = "events" in entry ? entry.events : [];
      return [
        ...events.flatMap((event, which) => flawsOfEvent(event, [...here, "events", which], source)),
        ...(entry.if === undefined ? [] : flawsOfIf(entry.if, trigger, [...here, "if"], source)),
      ];
    }),
  );
}

function flawsOfEvent(text: string, path: Path, source: Source): Remark[] {
  const [event = "", action, ...more] = text.split(".");
  const place = source.valueAt(path);
  const actions = GITHUB_EVENTS.get(event);
  if (!actions || more.length > 0)
    return [
      {
        ...place,
        severity: "error",
        message: `GitHub has no event "${shortened(text)}"${didYouMean(event, GITHUB_EVENTS.keys())}`,
      },
    ];
  if (action === undefined || actions.length === 0 || actions.includes(action)) return [];
  // GitHub may know more actions by now than we do.
  const message = `GitHub announces no ${event} that was "${shortened(action)}", as far as is known${didYouMean(action, actions)}`;
  return [{ ...place, severity: "warning", message }];
}

const BOT = /\[bot\]/;

function flawsOfIf(text: string, trigger: "github" | "webhook", path: Path, source: Source): Remark[] {
  const flaws = checkCondition(text, namesOfEvent(trigger)).map((flaw) => remarkOn(flaw, text, path, source));
  if (flaws.length > 0 || !BOT.test(text) || asksFor("kind", text)) return flaws;
  const message = 'bots start nothing unless the condition reads actor.kind. Add actor.kind == "bot"';
  return [{ ...source.valueAt(path), severity: "warning", message }];
}

/** Whether a condition itself judges what the house would judge for it. */
export function asksFor(what: "kind" | "association", condition: string): boolean {
  return pathsOfCondition(condition).some(([root, field]) => root === "actor" && field === what);
}

function shortened(text: string): string {
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
