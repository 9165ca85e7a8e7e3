import type { Deliverer } from "../engine/contracts/deliverer.ts";
import type { Log } from "../engine/contracts/log.ts";

/** Asks the operator in the daemon's own log: the one place that is always there. Answering is by CLI or API. */
export function consoleAsks(log: Log): Deliverer {
  return {
    kind: "ask",
    deliver: async (_effect, { run, approval }) => {
      // Answered or void in the meantime: nobody needs to be asked any more.
      if (approval?.status !== "pending") return;
      log.info(
        {
          run: approval.workflow_run_id,
          workflow: run?.workflow_name,
          approval: approval.id,
          summary: approval.summary,
          answer: `lastlight approve ${approval.id}`,
        },
        "a person is asked",
      );
    },
  };
}
