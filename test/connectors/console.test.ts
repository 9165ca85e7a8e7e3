import { expect, test } from "vitest";
import { consoleAsks } from "../../src/connectors/console.ts";
import type { About, Reminder } from "../../src/engine/contracts/deliverer.ts";
import { silent } from "../support/engine.ts";

const approval: NonNullable<About["approval"]> = {
  id: "gate-1",
  workflow_run_id: "run-1",
  gate: "door",
  phase: "door",
  iteration: 0,
  summary: "Ship it?",
  status: "pending",
  kind: "approve",
  requested_by: null,
  responded_by: null,
  response: null,
  responded_at: null,
  created_at: "2026-11-21T09:00:00.000Z",
  deadline: null,
};
const asked = { run: "run-1", approval: "gate-1", summary: "Ship it?", answer: "lastlight approve gate-1" };
const open = { asked_at: approval.created_at, deadline: null };

test.each<[Reminder | null, string, object]>([
  [null, "a person is asked", asked],
  [{ ordinal: 2 }, "nobody has answered; a person is reminded", { ...asked, ...open, ordinal: 2 }],
  [
    { to: { groups: ["leads"] } },
    "nobody has answered; others are asked",
    { ...asked, ...open, to: { groups: ["leads"] } },
  ],
])("the daemon's log says of %j: %s", async (reminder, words, facts) => {
  const lines: [object, string][] = [];
  const { deliver } = consoleAsks({ ...silent, info: (said, text) => void lines.push([said, text]) });
  const effect = { id: "e", run: "run-1", kind: "ask", payload: {}, due: open.asked_at, tries: 1 } as const;
  await deliver(effect, { run: null, context: null, approval, text: null, reminder });
  expect(lines).toEqual([[{ ...facts, workflow: undefined }, words]]);
});
