import type { Scenario } from "../../domain/scenario.ts";
import { type Complaint, complaintsOf, isError, type Remark } from "../complaint.ts";
import { decode } from "../decode.ts";
import { mistakes } from "../mistakes.ts";
import { parse } from "../parse.ts";
import { scenarioOf } from "./build.ts";
import { judge, type Stage } from "./check.ts";
import { secretsOf } from "./easy.ts";
import { type DeclaredScenario, scenario } from "./schema.ts";

/**
 * Reads a scenario's file and says everything a person should know about it; never throws. The scenario is null when an
 * error stops it. `children` are the workflows that phases start, as far as they were found.
 */
export function readScenario({ file, bytes, ...stage }: { file: string; bytes: Uint8Array } & Stage): {
  scenario: Scenario | null;
  complaints: readonly Complaint[];
} {
  const refused = (remarks: readonly Remark[]) => ({ scenario: null, complaints: complaintsOf(file, remarks) });
  const text = decode(bytes);
  if (typeof text !== "string") return refused([text]);
  const { source, remarks } = parse(text);
  if (!source) return refused(remarks);
  const wrong = mistakes(scenario, source, ELSEWHERE);
  if (wrong.length > 0) return refused([...remarks, ...wrong]);

  const declared = source.value as DeclaredScenario;
  const all = [...remarks, ...judge(declared, stage, source)];
  if (all.some(isError)) return refused(all);
  const secrets = secretsOf([stage.workflow, ...stage.children]);
  return { scenario: scenarioOf(declared, source, secrets), complaints: complaintsOf(file, all) };
}

/** Words of workflows and of other simulators, and ours for the same thing. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  inputs: "trigger with inputs",
  exit_code: "exit",
  stdout: "output",
  duration: "takes",
  tokens: "input_tokens or output_tokens",
  gates: "answers",
  approvals: "answers, or settings.approvals for gates that are to be enabled",
  expectations: "expect",
  expects: "expect",
};
