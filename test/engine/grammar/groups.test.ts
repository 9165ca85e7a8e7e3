import { expect, test } from "vitest";
import { fakeClock } from "../../support/clock.ts";
import { type GrammarWorld, grammarWorld } from "../../support/grammar.ts";

const gated = (name: string, concurrency: string, more = ""): string => `name: ${name}
inputs: { repo: { type: string, default: w } }
concurrency: ${concurrency}
${more}phases:
  - { name: ask, type: approval, approval: { summary: "Go?" } }
  - { name: after, type: context }
`;

/** Where runs stand, in a word each: `gate` is at work, `concurrency` waits its turn. */
const standing = ({ store }: GrammarWorld, runs: readonly string[]) =>
  Promise.all(
    runs.map(async (id) => {
      const run = await store.run(id);
      return run?.finished_at ? run.status : run?.reason;
    }),
  );

async function answered(world: GrammarWorld, run: string): Promise<void> {
  const { approvals } = await world.until(run, ({ reason }) => reason === "gate");
  await world.engine.answer(approvals[0]?.id as string, { decision: "approve", by: "ana", comment: null });
  await world.over(run);
}

test("runs of one group go one after another, the urgent first, through a restart; other groups do not wait", async () => {
  const world = await grammarWorld({
    "calm.yaml": gated("calm", '{ group: "repo-{{inputs.repo}}" }'),
    "urgent.yaml": gated("urgent", '{ group: "repo-{{inputs.repo}}" }', "priority: 50\n"),
  });
  const first = await world.start("calm");
  const second = await world.start("calm");
  const third = await world.start("urgent");
  const elsewhere = await world.start("calm", { inputs: { repo: "x" } });
  await world.until(elsewhere, ({ reason }) => reason === "gate");
  const all = [first, second, third, elsewhere];
  await world.until(first, ({ reason }) => reason === "gate");
  expect(await standing(world, all)).toEqual(["gate", "concurrency", "concurrency", "gate"]);
  await world.restart();
  await answered(world, first);
  await world.until(third, ({ reason }) => reason === "gate");
  expect(await standing(world, all)).toEqual(["succeeded", "concurrency", "gate", "gate"]);
  await world.engine.cancel(third, "ana");
  await answered(world, second);
  expect(await standing(world, all)).toEqual(["succeeded", "succeeded", "cancelled", "gate"]);
});

test("as many as max go side by side; without a name the group is the workflow's own", async () => {
  const world = await grammarWorld({ "g.yaml": gated("g", "{ max: 2 }"), "h.yaml": gated("h", "{}") });
  const runs = [await world.start("g"), await world.start("g"), await world.start("g"), await world.start("h")];
  for (const id of [runs[0], runs[1], runs[3]]) await world.until(id as string, ({ reason }) => reason === "gate");
  expect(await standing(world, runs)).toEqual(["gate", "gate", "concurrency", "gate"]);
});

test("skip: a run that finds its group full is over before it began", async () => {
  const world = await grammarWorld({ "g.yaml": gated("g", "{ on_conflict: skip }") });
  const first = await world.start("g");
  const second = await world.over(await world.start("g"));
  expect(second).toMatchObject({ status: "cancelled", reason: "concurrency", executions: [] });
  await answered(world, first);
  const third = await world.start("g");
  await world.until(third, ({ reason }) => reason === "gate");
});

test("replace: the newcomer ends whoever was there, and begins", async () => {
  const world = await grammarWorld({ "g.yaml": gated("g", "{ on_conflict: replace }") });
  const first = await world.start("g");
  await world.until(first, ({ reason }) => reason === "gate");
  const second = await world.start("g");
  await world.until(second, ({ reason }) => reason === "gate");
  expect(await world.over(first)).toMatchObject({ status: "cancelled", reason: "concurrency" });
});

test("a run that waits its turn is cancelled without having begun, and gives its turn to the next", async () => {
  const world = await grammarWorld({ "g.yaml": gated("g", "{}") });
  const runs = [await world.start("g"), await world.start("g"), await world.start("g")] as const;
  await world.engine.cancel(runs[1], "ana");
  await answered(world, runs[0]);
  await world.until(runs[2], ({ reason }) => reason === "gate");
  expect(await standing(world, runs)).toEqual(["succeeded", "cancelled", "gate"]);
});

test("a run that is retried waits its turn like any other", async () => {
  const world = await grammarWorld({ "g.yaml": gated("g", "{}") });
  const first = await world.start("g");
  await answered(world, first);
  const second = await world.start("g");
  await world.until(second, ({ reason }) => reason === "gate");
  await world.engine.retry(first, "ask", "ana");
  expect(await standing(world, [first, second])).toEqual(["concurrency", "gate"]);
  await answered(world, second);
  await world.until(first, ({ reason }) => reason === "gate");
});

test("what a workflow's runs cost in a day is bounded: the next run is refused, and starts again tomorrow", async () => {
  const clock = fakeClock("2026-11-21T23:00:00.000Z");
  const world = await grammarWorld(
    {
      "dear.yaml": `name: dear
budget: { per_day_usd: 2 }
phases:
  - { name: think, prompt: prompts/p.md }
`,
      "prompts/p.md": "Think",
    },
    { clock, says: { think: { usd: 1.5 } } },
  );
  for (let run = 0; run < 2; run++)
    expect(await world.over(await world.start("dear"))).toMatchObject({ status: "succeeded", cost_usd: 1.5 });
  await expect(world.start("dear")).rejects.toMatchObject({
    code: "budget.exceeded",
    message: 'Workflow "dear" has cost 3.00 USD today; its limit is 2',
  });
  clock.advance(3_600_000);
  expect((await world.over(await world.start("dear"))).status).toBe("succeeded");
});
