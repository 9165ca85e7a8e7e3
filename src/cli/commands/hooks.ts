import { readFileSync, statSync } from "node:fs";
import { Fault } from "../../domain/fault.ts";
import type { Json } from "../../domain/json.ts";
import { rehearse } from "../../triggers/rehearsal.ts";
import { openLibrary } from "../../workflow/library.ts";
import { readSources } from "../../workflow/sources.ts";
import type { Desk, Register } from "../desk.ts";
import { type Cell, table } from "../table.ts";
import { clean } from "../terminal.ts";

interface Options {
  event?: string;
  source: string;
  json?: true;
}

export const hooks: Register = (program, desk) => {
  const command = program.command("hooks").description("what others deliver; `test FILE` tries a payload");
  command
    .command("test")
    .description("say which workflows an event would start, and why; starts nothing and needs no daemon")
    .argument("<file>", "a JSON payload")
    .option("--event <event>", "GitHub's event, such as issues.opened; otherwise what the payload looks like")
    .option("--source <name>", "who sends it", "github")
    .option("--json", "print JSON")
    .action((file: string, options: Options) => test(desk, file, options));
};

const LARGEST = 1_048_576;

async function test(desk: Desk, file: string, { event: wanted, source, json }: Options): Promise<void> {
  const { terminal } = desk;
  const { workflowsDirs, sources, githubLogins, holdLabel } = desk.config();
  const payload = payloadOf(file);
  const library = await openLibrary({ folders: workflowsDirs });
  try {
    const workflows = library.list().flatMap(({ version }) => (version ? [version.workflow] : []));
    const { event, judged } = rehearse({
      payload,
      source,
      event: wanted ?? null,
      self: githubLogins,
      house: { holdLabel },
      sources: source === "github" ? [] : readSources(sources.file, sources.isNamed, null),
      workflows,
      now: desk.clock.now(),
    });
    const { type, subject, actor } = event;
    if (json) {
      const about = { repo: subject?.repo ?? null, issue_number: subject?.issueNumber ?? null };
      return terminal.json({ source, event: type, ...about, actor, workflows: judged });
    }
    const words = [type, subject && `${subject.repo}${subject.issueNumber === null ? "" : `#${subject.issueNumber}`}`];
    const who = actor && `by ${actor.login} (${[actor.kind, actor.association].filter(Boolean).join(", ")})`;
    terminal.line(clean([source, ...words, who].filter(Boolean).join(" ")));
    if (judged.length === 0) return terminal.line(clean(`No workflow waits for anything of ${source}.`));
    terminal.line();
    const rows = judged.map(({ workflow, matches, why }): Cell[] => [
      workflow,
      matches ? { text: "starts", style: "green" } : "no",
      why,
    ]);
    terminal.line(table(terminal, ["WORKFLOW", "", "WHY"], rows));
  } finally {
    await library.close();
  }
}

function payloadOf(file: string): Json {
  try {
    if (statSync(file).size > LARGEST) throw new Error("it is larger than 1 MiB, and would be refused");
    return JSON.parse(readFileSync(file, "utf8")) as Json;
  } catch (cause) {
    throw new Fault("usage.invalid", `${file} is no payload: ${(cause as Error).message}`, { cause });
  }
}
