import { readFileSync } from "node:fs";
import { join } from "node:path";
import { isOver } from "../../src/domain/run.ts";
import type { Client } from "../../src/http/client.ts";
import { sessionOf, tokensIn } from "../support/session-file.ts";
import { wordsIn } from "../support/streaming.ts";

export type Over = Awaited<ReturnType<Client["run"]>>;
type Execution = Over["executions"][number];

/** What a storm left, and what it did. */
interface Left {
  readonly stateDir: string;
  readonly runs: readonly Over[];
  /** Executions of which somebody was killed. */
  readonly casualties: ReadonlySet<string>;
  /** Executions by each start of their agent. */
  readonly starts: readonly string[];
  /** How many words an agent has to say. */
  readonly events: number;
}

/** What must hold once all is over: each violation is a sentence that names the row. */
export function auditOf(left: Left): { readonly violations: readonly string[]; readonly words: number } {
  const told = left.runs.flatMap((run) => run.executions.map((each) => talkOf(each, left)));
  return {
    violations: [...left.runs.flatMap((run) => ofRun(run, left)), ...told.flatMap(({ wrong }) => wrong)],
    words: told.reduce((sum, { words }) => sum + words, 0),
  };
}

/** Every run ends, and nothing is tried again that nobody touched. */
function ofRun({ id, status, executions }: Over, { casualties, starts }: Left): string[] {
  const wrong: string[] = [];
  if (!isOver(status)) wrong.push(`run ${id} is ${status}`);
  const ok = executions.filter((each) => each.status === "ok");
  if (status === "succeeded" && ok.length !== 1) wrong.push(`run ${id} succeeded by ${ok.length} tries`);
  if (status === "failed" && !executions.some((each) => casualties.has(each.id)))
    wrong.push(`run ${id} failed, and nobody touched it`);
  for (const each of executions) {
    const begun = starts.filter((start) => start === each.id).length;
    if (begun > 1) wrong.push(`execution ${each.id} was started ${begun} times`);
    if (each.status === "ok" && begun !== 1)
      wrong.push(`execution ${each.id} is ok, and its agent began ${begun} times`);
    if (each.status !== "ok" && begun > 0 && !casualties.has(each.id))
      wrong.push(`execution ${each.id} is ${each.status} (${each.error}), and nobody touched it`);
  }
  return wrong;
}

/** A session tells what its agent printed: every word once, in order, in a chain that is whole. */
function talkOf(
  { id, status, input_tokens }: Execution,
  { stateDir, events }: Left,
): { wrong: string[]; words: number } {
  const session = sessionOf(stateDir, id);
  const printed = printedBy(stateDir, id);
  if (!session) return { wrong: printed.length === 0 ? [] : [`execution ${id} has no session`], words: 0 };
  const { lines } = session;
  const words = wordsIn(lines);
  const wrong = session.wrong.map((each) => `session ${id}: ${each}`);
  if (String(words) !== String(printed))
    wrong.push(`session ${id} tells ${words.length} words, its agent said ${printed.length}`);
  if (words.some((word, at) => word !== at + 1)) wrong.push(`session ${id} tells words out of order`);
  const results = lines.filter(({ type }) => type === "result").length;
  if (results !== 1 || lines.at(-1)?.type !== "result") wrong.push(`session ${id} has ${results} results`);
  // An agent that had said all may be killed before its end is recorded: then its session has succeeded, and its try has not.
  const succeeded = lines.at(-1)?.is_error === false;
  if (succeeded !== (status === "ok") && !(succeeded && words.length === events))
    wrong.push(`session ${id} tells another end than ${status}`);
  if (status !== "ok") return { wrong, words: words.length };
  if (words.length !== events) wrong.push(`session ${id} is ok and has ${words.length} words`);
  const [input] = tokensIn(lines);
  if (input !== events || input_tokens !== events)
    wrong.push(`session ${id} used ${input} tokens, its row says ${input_tokens}`);
  return { wrong, words: words.length };
}

/** The words in whole lines of what an execution printed. */
function printedBy(stateDir: string, execution: string): number[] {
  let text = "";
  try {
    text = readFileSync(join(stateDir, "spool", execution, "stdout"), "utf8");
  } catch {
    return [];
  }
  return [...text.matchAll(/"text":"word (\d+)"[^\n]*\n/g)].map(([, number]) => Number(number));
}
