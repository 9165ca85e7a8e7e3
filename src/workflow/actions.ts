import { ACTIONS } from "../domain/action.ts";
import type { Remark } from "./complaint.ts";
import type { DeclaredWorkflow } from "./schema/workflow.ts";
import type { Path, Source } from "./source.ts";
import { didYouMean } from "./suggest.ts";

/** What acts on outside systems are given, against what they take: each flaw at its place. */
export function flawsOfActions({ phases }: DeclaredWorkflow, source: Source): Remark[] {
  const remarks: Remark[] = [];
  const error = (place: { line: number; column: number }, message: string): void => {
    remarks.push({ ...place, severity: "error", message });
  };
  for (const [at, { type, action, with: given }] of phases.entries()) {
    const name = type === "post-review" ? "github.review" : type === "action" ? action : undefined;
    const known = name !== undefined && Object.hasOwn(ACTIONS, name) ? ACTIONS[name] : undefined;
    if (!known || name === undefined) continue;
    const here: Path = ["phases", at, given === undefined ? "type" : "with"];
    const words = [...known.needs, ...known.takes];
    const keys = Object.keys(given ?? {});
    for (const key of keys)
      if (!words.includes(key))
        error(source.keyAt([...here, key]), `${name} takes no "${key}"${didYouMean(key, words)}`);
    for (const key of known.needs)
      if (!keys.includes(key)) error(source.keyAt(here), `${name} needs with: { ${key}: … }`);
  }
  return remarks;
}
