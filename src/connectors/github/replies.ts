import { isOver, type RunStatus } from "../../domain/run.ts";
import type { About, Deliverer } from "../../engine/contracts/deliverer.ts";
import type { ApprovalLine, RunLine } from "../../store/lines.ts";
import type { OwedEffect } from "../../store/store.ts";
import type { Acts } from "./acts.ts";
import { commitOf } from "./commit.ts";
import type { Github } from "./github.ts";
import { type Occasion, occasionOf } from "./occasion.ts";
import { heard } from "./refusal.ts";

/** Where GitHub set a run off, it is told there: by comments, a reaction, and a check on the commit it is about. */
export function githubReplies({
  github,
  acts,
  publicUrl,
}: {
  github: Github;
  acts: Acts;
  publicUrl: string;
}): readonly Deliverer[] {
  const serves = (about: About): boolean => occasionOf(about) !== null;

  async function comment(effect: OwedEffect, about: About, body: string, checklist = false): Promise<void> {
    const { repo, issue } = occasionOf(about) as Occasion;
    // A push is about no thread in which something could be said.
    if (issue === null) return;
    const { run } = effect;
    const place = { run, repo, issue, body };
    await acts.comment(checklist ? { ...place, key: `${run}/checklist`, edit: true } : { ...place, key: effect.id });
  }

  return [
    {
      kind: "post",
      serves,
      deliver: (effect, about) => {
        const { event } = effect.payload as { event: string };
        return done(() => comment(effect, about, about.text ?? "", event === "status_checklist"));
      },
    },
    {
      kind: "ask",
      serves,
      deliver: (effect, about) =>
        done(async () => {
          if (about.approval) await comment(effect, about, questionOf(about.approval, about));
        }),
    },
    {
      kind: "report",
      serves,
      deliver: (effect, about) => {
        const { what } = effect.payload as { what: string };
        return done(() => (what === "reaction" ? react(about) : check(effect.run, about)));
      },
    },
  ];

  async function react(about: About): Promise<void> {
    const { repo, issue, comment: on } = occasionOf(about) as Occasion;
    if (issue !== null) await acts.reaction({ repo, issue, comment: on, content: "eyes" });
  }

  /** Checks are for Apps alone; whoever has only a token shows a run by what it says. */
  async function check(key: string, about: About): Promise<void> {
    const occasion = occasionOf(about) as Occasion;
    const run = about.run as RunLine;
    if (github.as !== "app") return;
    await acts.check({
      key,
      run: run.id,
      repo: occasion.repo,
      sha: () => commitOf(github, occasion),
      name: `lastlight / ${run.workflow_name}`.slice(0, 100),
      ...standingOf(run.status),
      title: titleOf(run),
      summary: `Run \`${run.id}\` of workflow \`${run.workflow_name}\`.`,
      url: publicUrl === "" ? null : `${publicUrl}/runs/${run.id}`,
    });
  }
}

async function done(work: () => Promise<void>) {
  return (await heard(work)) ?? undefined;
}

const CONCLUSIONS: Partial<Record<RunStatus, string>> = {
  succeeded: "success",
  failed: "failure",
  cancelled: "cancelled",
};

function standingOf(status: RunStatus) {
  if (isOver(status)) return { status: "completed" as const, conclusion: CONCLUSIONS[status] ?? "neutral" };
  return { status: status === "queued" ? ("queued" as const) : ("in_progress" as const), conclusion: null };
}

/** What it waits for changes too often to be told; only how it ended is worth a reason. */
function titleOf({ status, reason }: RunLine): string {
  if (!isOver(status)) return status === "queued" ? "queued" : "running";
  return reason === null ? status : `${status} (${reason})`;
}

function questionOf({ id, summary, kind, deadline }: ApprovalLine, { reminder }: About): string {
  const how = kind === "reply" ? `lastlight reply ${id} "…"` : `lastlight approve ${id}\` or \`lastlight reject ${id}`;
  const again = reminder === null ? "" : "Still waiting for an answer. ";
  const until = deadline === null ? "" : ` Until ${deadline}.`;
  return `${again}**${summary}**\n\nAnswer with \`${how}\`.${until}`;
}
