import type { Deliverer, Reminder } from "../engine/contracts/deliverer.ts";
import type { Log } from "../engine/contracts/log.ts";

/** Asks the operator in the daemon's own log: the one place that is always there. Answering is by CLI or API. */
export function consoleAsks(log: Log): Deliverer {
  return {
    kind: "ask",
    deliver: async (_effect, { run, approval, reminder }) => {
      if (!approval) return;
      log.info(
        {
          run: approval.workflow_run_id,
          workflow: run?.workflow_name,
          approval: approval.id,
          summary: approval.summary,
          ...reminder,
          ...(reminder && { asked_at: approval.created_at, deadline: approval.deadline }),
          answer: `lastlight approve ${approval.id}`,
        },
        wordsOf(reminder),
      );
    },
  };
}

function wordsOf(reminder: Reminder | null): string {
  if (!reminder) return "a person is asked";
  return "to" in reminder ? "nobody has answered; others are asked" : "nobody has answered; a person is reminded";
}

/** Tells the operator what the author of a workflow had to say, in the same place. */
export function consolePosts(log: Log): Deliverer {
  return {
    kind: "post",
    deliver: async ({ payload }, { run, text }) => {
      const { event, phase } = payload as { event: string; phase: string | null };
      log.info({ run: run?.id, workflow: run?.workflow_name, phase, event, text }, "people are told");
    },
  };
}
