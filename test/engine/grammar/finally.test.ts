import { expect, test } from "vitest";
import type { RunStatus } from "../../../src/domain/run.ts";
import { fakeClock } from "../../support/clock.ts";
import { type GrammarWorld, grammarWorld, tries } from "../../support/grammar.ts";
import { folderOf } from "../../support/programs.ts";

const HOUR = 3_600_000;
const LAST = `
  - { name: tidy, type: context, finally: true }
  - { name: told, type: context, finally: true, if: 'phases.work.status == "failed"' }
`;
const asked = ({ reason }: { reason: string | null }): boolean => reason === "gate" || reason === "timer";

interface Ending {
  readonly how: string;
  readonly yaml: string;
  readonly by?: (world: GrammarWorld, run: string) => Promise<unknown>;
  readonly ends: readonly [RunStatus, string | null];
  readonly work: string;
}

const endings: Ending[] = [
  { how: "success", yaml: "phases:\n  - { name: work, type: context }", ends: ["succeeded", null], work: "succeeded" },
  {
    how: "failure",
    yaml: "phases:\n  - { name: work, type: wait, wait: { at: never } }",
    ends: ["failed", null],
    work: "failed",
  },
  {
    how: "a cancel",
    yaml: 'phases:\n  - { name: work, type: approval, approval: { summary: "?" } }',
    by: (world, run) => world.engine.cancel(run, "ana"),
    ends: ["cancelled", "operator"],
    work: "cancelled",
  },
  {
    how: "a rejection",
    yaml: 'phases:\n  - { name: work, type: approval, approval: { summary: "?" } }',
    by: async ({ store, engine }, run) =>
      engine.answer((await store.run(run))?.approvals[0]?.id as string, {
        decision: "reject",
        by: "ana",
        comment: null,
      }),
    ends: ["failed", "rejected"],
    work: "failed",
  },
  {
    how: "the run's timeout",
    yaml: "timeout: 1h\nphases:\n  - { name: work, type: wait, wait: { for: 2h } }",
    by: async ({ clock }) => (clock as ReturnType<typeof fakeClock>).advance(HOUR),
    ends: ["failed", "timeout"],
    work: "cancelled",
  },
];

test.each(endings)("what runs last runs after $how, and does not change how the run ended", async (ending) => {
  const world = await grammarWorld({ "f.yaml": `name: f\n${ending.yaml}${LAST}` }, { clock: fakeClock() });
  const id = await world.start("f");
  if (ending.by) {
    await world.until(id, asked);
    await ending.by(world, id);
  }
  const run = await world.over(id);
  expect([run.status, run.reason]).toEqual(ending.ends);
  const told = ending.work === "failed" ? "succeeded" : "skipped";
  expect(run.node_statuses).toEqual({ work: ending.work, tidy: "succeeded", told });
});

test("what runs last runs after the budget is used up, also where it fails itself, and the rest does not", async () => {
  const world = await grammarWorld(
    {
      "b.yaml": `name: b
budget: { usd: 1 }
phases:
  - { name: think, prompt: prompts/p.md }
  - { name: more, prompt: prompts/p.md }
  - { name: tidy, type: bash, command: "exit 3", finally: true }
  - { name: also, type: context, finally: true }
`,
      "prompts/p.md": "Think",
    },
    { says: { think: { usd: 1.25, turns: 3, tokens: 900 } } },
  );
  const run = await world.over(await world.start("b"));
  expect(run).toMatchObject({ status: "failed", reason: "budget", cost_usd: 1.25, turns: 3, tokens: 900 });
  expect(tries(run)).toEqual(["think ok", "tidy error", "also ok"]);
  expect(run.node_statuses).toMatchObject({ more: "cancelled", tidy: "failed", also: "succeeded" });
});

test("a daemon that starts anew while a run tidies up goes on with that, and the ending stands", async () => {
  const world = await grammarWorld({
    "f.yaml": `name: f
phases:
  - { name: work, type: wait, wait: { at: never } }
  - { name: tidy, type: bash, command: "until [ -f go ]; do sleep 0.02; done", finally: true }
`,
  });
  const id = await world.start("f");
  const closing = await world.until(id, ({ node_statuses }) => node_statuses.tidy === "running");
  expect([closing.status, closing.ending]).toEqual(["running", { status: "failed", reason: null }]);
  await world.restart();
  folderOf(world.workspace(id)).write("go", "");
  expect(await world.over(id)).toMatchObject({ status: "failed", node_statuses: { tidy: "succeeded" } });
});
