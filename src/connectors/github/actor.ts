import { ACTIONS } from "../../domain/action.ts";
import type { Json } from "../../domain/json.ts";
import type { Actor, Deed, Done } from "../../engine/contracts/deliverer.ts";
import type { Said } from "../../store/replies.ts";
import type { Acts } from "./acts.ts";
import { commitOf } from "./commit.ts";
import type { Github } from "./github.ts";
import { isSha, occasionOf } from "./occasion.ts";
import { heard, Refusal } from "./refusal.ts";

/** What phases of `type: action` have done at GitHub. */
export function githubActor({ github, acts }: { github: Github; acts: Acts }): Actor {
  const ways: Readonly<Record<string, (deed: Deed) => Promise<Done>>> = {
    "github.comment": async (deed) =>
      told(await acts.comment({ ...keyOf(deed), ...placeOf(deed), body: text(deed, "body") })),

    "github.label": async (deed) => {
      const { repo, issue } = placeOf(deed);
      const [add, remove] = [names(deed, "add"), names(deed, "remove")];
      if (add.length + remove.length === 0) throw unfit("add or remove must name a label");
      await acts.label({ repo, issue, add, remove });
      return {
        done: true,
        outputs: { added: add, removed: remove },
        text: [...add, ...remove.map((each) => `-${each}`)].join("\n"),
      };
    },

    "github.check": async (deed) => {
      const { about } = deed;
      const repo = repoOf(deed);
      const name = text(deed, "name", about.run?.workflow_name ?? "lastlight").slice(0, 100);
      const conclusion = deed.with.conclusion === undefined ? null : oneOf(deed, "conclusion", CONCLUSIONS);
      const status = conclusion === null ? oneOf(deed, "status", ["in_progress", "queued"] as const) : "completed";
      const sha = async (): Promise<string> => {
        const given = deed.with.sha;
        if (given !== undefined && !isSha(given)) throw unfit("sha is no commit");
        const occasion = occasionOf(about);
        const own = occasion?.repo === repo ? occasion : null;
        const issue = deed.with.issue === undefined ? (own?.issue ?? null) : number(deed, "issue");
        const isPull = own?.isPull ?? issue !== null;
        return given ?? commitOf(github, { repo, issue, isPull, sha: own?.sha ?? null });
      };
      const run = deed.about.run?.id ?? "";
      const title = text(deed, "title", name);
      const summary = text(deed, "summary", title);
      const url = null;
      return told(
        await acts.check({
          key: `${run}/check/${name}`,
          run,
          repo,
          sha,
          name,
          status,
          conclusion,
          title,
          summary,
          url,
        }),
      );
    },

    "github.reaction": async (deed) => {
      const own = occasionOf(deed.about)?.comment ?? null;
      const comment = deed.with.comment === undefined ? own : number(deed, "comment");
      return told(await acts.reaction({ ...placeOf(deed), comment, content: oneOf(deed, "content", REACTIONS) }));
    },

    "github.review": async (deed) => {
      const body = text(deed, "body", deed.before ?? "");
      // That someone may approve in an agent's name is for the author to say, word for word.
      return told(await acts.review({ ...keyOf(deed), ...placeOf(deed), body, event: oneOf(deed, "event", VERDICTS) }));
    },
  };

  return {
    does: (action) => Object.hasOwn(ACTIONS, action) && Object.hasOwn(ways, action),
    act: (deed) => heard(() => (ways[deed.action] as (deed: Deed) => Promise<Done>)(deed)),
  };
}

const VERDICTS = ["COMMENT", "APPROVE", "REQUEST_CHANGES"] as const;
const REACTIONS = ["eyes", "+1", "-1", "laugh", "confused", "heart", "hooray", "rocket"] as const;
const CONCLUSIONS = ["success", "failure", "neutral", "cancelled", "skipped", "timed_out", "action_required"] as const;

function keyOf({ key, about }: Deed) {
  return { key, run: about.run?.id ?? "" };
}

function told({ id, url }: Said): Done {
  return { done: true, outputs: { id, ...(url === null ? {} : { url }) }, text: url ?? id };
}

function placeOf(deed: Deed): { repo: string; issue: number } {
  const issue = deed.with.issue === undefined ? deed.about.run?.issue_number : number(deed, "issue");
  if (issue === null || issue === undefined) throw unfit("the run is about no issue. Write with: { issue: … }");
  return { repo: repoOf(deed), issue };
}

function repoOf({ with: given, about }: Deed): string {
  const repo = given.repo ?? about.run?.repo;
  if (typeof repo !== "string" || repo === "")
    throw unfit("the run is about no repository. Write with: { repo: owner/name }");
  return repo;
}

function text({ with: given, action }: Deed, name: string, otherwise = ""): string {
  const value = given[name] ?? otherwise;
  const said = typeof value === "string" ? value : JSON.stringify(value);
  if (said.trim() === "") throw unfit(`${action} has nothing to say: ${name} is empty`);
  return said;
}

function number({ with: given }: Deed, name: string): number {
  const value = Number(given[name]);
  if (!Number.isSafeInteger(value) || value < 1)
    throw unfit(`${name} is no number of one: ${JSON.stringify(given[name])}`);
  return value;
}

function oneOf<Word extends string>({ with: given }: Deed, name: string, words: readonly [Word, ...Word[]]): Word {
  const value = given[name] ?? words[0];
  const found = words.find((word) => word === value);
  if (found === undefined)
    throw unfit(`${name} must be one of ${words.join(", ")}, not ${JSON.stringify(value).slice(0, 80)}`);
  return found;
}

function names({ with: given }: Deed, name: string): readonly string[] {
  const value: Json = given[name] ?? [];
  const list = (Array.isArray(value) ? value : [value]) as readonly Json[];
  const words = list.flatMap((each) => (typeof each === "string" && each.trim() !== "" ? [each.trim()] : []));
  if (words.length !== list.length || words.length > 100) throw unfit(`${name} must be a list of labels`);
  return words;
}

function unfit(message: string): Refusal {
  return new Refusal(message, "never");
}
