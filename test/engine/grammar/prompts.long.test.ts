import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { ExecutionLine, RunDetail } from "../../../src/store/lines.ts";
import { type GrammarWorld, grammarWorld, type Says, tries } from "../../support/grammar.ts";

/** What tries of that name were given, oldest first. */
const inputsOf = ({ executions }: RunDetail, name: string): ExecutionLine["input"][] =>
  executions.filter((each) => each.name === name).map(({ input }) => input);

const promptOf = (run: RunDetail, name: string): string | undefined =>
  (inputsOf(run, name).at(-1) as { prompt: string } | undefined)?.prompt;

/** From now on agents say this. */
const teach = ({ folder }: GrammarWorld, says: Says): void =>
  writeFileSync(join(folder, "says.json"), JSON.stringify({ phases: says }));

/** Ends a try's whole process group, as a machine short of memory does. */
function killKeeper({ folder }: GrammarWorld, execution: string): void {
  const claim = readFileSync(join(folder, "spool", execution, "claim"), "utf8");
  process.kill(-Number(claim.split(" ")[0]), "SIGKILL");
}

/** The try that runs under this name, once it does and its program has begun. */
async function running(world: GrammarWorld, run: string, name: string): Promise<ExecutionLine> {
  const isIt = (each: ExecutionLine): boolean => each.name === name && each.status === "running" && each.input !== null;
  await world.until(run, ({ executions }) =>
    executions.some((each) => each.name === name && each.status === "running"),
  );
  for (;;) {
    const found = (await world.store.run(run))?.executions.find(isIt);
    if (found && isClaimed(world, found.id)) return found;
    await new Promise<void>((resolve) => void setImmediate(resolve));
  }
}

function isClaimed({ folder }: GrammarWorld, execution: string): boolean {
  try {
    return readFileSync(join(folder, "spool", execution, "claim"), "utf8").endsWith("\n");
  } catch {
    return false;
  }
}

/** A slow phase that reads what a loop beside it writes meanwhile, in its prompt and in its values. */
const beside = `
name: beside
inputs: { text: { type: string, default: "' $(id) {{owner}} €" } }
phases:
  - { name: first, type: bash, depends_on: [], command: "date +%s%N" }
  - name: main
    depends_on: [first]
    prompt: prompts/main.md
    model: "{{scratch.side.iteration}}-model"
    env: { SIDE: "side {{scratch.side.iteration}}, {{inputs.text}}" }
    retry: { times: 1, when: [agent_error] }
  - name: side
    depends_on: [first]
    prompt: prompts/side.md
    generic_loop: { max_iterations: 3, until: "output.contains('READY')", scratch_key: side }
  - { name: last, type: bash, depends_on: [main, side], command: "printf %s {{main}}" }
`;
const texts = {
  "beside.yaml": beside,
  "prompts/main.md":
    "After {{first}} by {{run.workflow}}: side {{scratch.side.iteration}}, {{inputs.text}}, {{owner}}\n\n",
  "prompts/side.md": "{{iteration}} {{previousOutput}}",
};
const context = { owner: "acme \"q\" 'q' \\ \u2028 $(x)" };
const sideIsOver = ({ node_statuses }: RunDetail): boolean => node_statuses.side === "succeeded";

describe("word for word the same is given", () => {
  test("to a try that outlives the daemon, which starts no other", async () => {
    const world = await grammarWorld(texts, { says: { main: { output: "main", seconds: 1.2 } } });
    const id = await world.start("beside", { context });
    const { input } = await running(world, id, "main");
    await world.restart();
    const run = await world.over(id);
    expect(inputsOf(run, "main")).toEqual([input]);
    expect(run.executions.at(-1)?.output).toBe("main");
    expect(run.scratch).toMatchObject({ side: { iteration: 3 } });
  });

  test("to a try whose process was killed, and to one that failed, whatever a loop beside it has written since", async () => {
    const world = await grammarWorld(texts, {
      says: { main: [{ seconds: 20 }, { output: "no", exit: 4, seconds: 0.1 }, { output: "main" }] },
    });
    const id = await world.start("beside", { context });
    const { id: execution, input } = await running(world, id, "main");
    await world.until(id, sideIsOver);
    killKeeper(world, execution);
    const run = await world.over(id);
    expect(run.status).toBe("succeeded");
    expect(
      run.executions.filter(({ phase }) => phase === "main").map(({ status, failure }) => [status, failure]),
    ).toEqual([
      ["interrupted", "lost"],
      ["error", "agent_error"],
      ["ok", null],
    ]);
    expect(inputsOf(run, "main")).toEqual([input, input, input]);
    const { prompt, model, values } = input as { prompt: string; model: string; values: Record<string, string> };
    expect(prompt).toContain(context.owner);
    expect(prompt).toContain("side , ' $(id) {{owner}} €");
    expect([model, values.SIDE]).toEqual(["-model", "side , ' $(id) {{owner}} €"]);
  });

  test("when an operator has the run go on, unless something before it ran anew", async () => {
    const world = await grammarWorld(texts, { says: { main: { output: "no", exit: 4 }, side: { seconds: 0.1 } } });
    const id = await world.start("beside", { context });
    const before = await world.over(id);
    expect(before.status).toBe("failed");
    expect(before.scratch).toMatchObject({ side: { iteration: 3 } });
    const given = inputsOf(before, "main");
    expect(given).toEqual([given[0], given[0]]);

    teach(world, { main: { output: "main" } });
    await world.engine.retry(id, null, "ana");
    const after = await world.over(id);
    expect(after.status).toBe("succeeded");
    expect(inputsOf(after, "main")).toEqual([given[0], given[0], given[0]]);
    expect(inputsOf(after, "side_iter_1")).toHaveLength(1);

    await world.engine.retry(id, "first", "ana");
    const anew = await world.over(id);
    const first = anew.executions.findLast(({ name }) => name === "first")?.output ?? "";
    expect(promptOf(anew, "main")).toContain(`After ${first}`);
    expect(first).not.toBe(anew.executions.find(({ name }) => name === "first")?.output);
  });

  test("to a command that is tried again, as the values it was first given", async () => {
    const world = await grammarWorld({
      "commands.yaml": `
name: commands
phases:
  - { name: first, type: bash, depends_on: [], command: "echo one" }
  - name: main
    type: bash
    depends_on: [first]
    env: { SIDE: "{{scratch.side.iteration}}" }
    command: 'test -e again || { touch again; sleep 0.5; exit 1; }; printf "%s %s" {{first}} "[$SIDE]"'
    retry: { times: 1 }
  - name: side
    depends_on: [first]
    prompt: prompts/side.md
    generic_loop: { max_iterations: 2, until: "false", scratch_key: side }
`,
      "prompts/side.md": "{{iteration}}",
    });
    const run = await world.over(await world.start("commands"));
    const given = inputsOf(run, "main");
    expect(given).toEqual([given[0], given[0]]);
    expect(run.executions.findLast(({ name }) => name === "main")?.output).toBe("one\n []");
  });
});

/** A conversation, a review, a gate, and a phase that reads of all of them. */
const talked = {
  "talked.yaml": `
name: talked
phases:
  - name: talk
    prompt: prompts/talk.md
    output_var: talking
    generic_loop: { max_iterations: 3, until: "output.contains('READY')", interactive: true, gate_kind: reply }
  - name: review
    prompt: prompts/review.md
    output_var: verdict
    loop: { max_cycles: 1, on_request_changes: { fix_prompt: prompts/review.md, re_review_prompt: prompts/review.md } }
  - { name: door, type: approval, approval: { summary: "Go on?" } }
  - { name: report, prompt: prompts/report.md }
`,
  "prompts/talk.md": "{{iteration}}: {{scratch.talk.qa}} {{previousOutput}}",
  "prompts/review.md": "Look",
  "prompts/report.md":
    "{{scratch.talk.qa}}|{{scratch.talk.iteration}}|{{talking.iterations}} {{talking.completed}}|{{verdict.cycles}} {{verdict.approved}}|{{phases.door.response}} {{phases.door.answered_by}}|{{reviewerNote}}|{{talk}}|{{review}}",
};
const words: Says = {
  talk_iter_1: { output: "Why?" },
  talk_iter_2: { output: "READY" },
  review: { output: "VERDICT: REQUEST_CHANGES" },
  review_recheck_1: { output: "VERDICT: APPROVED" },
};
const report = "Q: Why?\n\nA: Because|2|2 true|1 true|yes, quickly ben|yes, quickly|READY|VERDICT: APPROVED";

async function answer(world: GrammarWorld, run: string, comment: string, by: string): Promise<void> {
  const { approvals } = await world.until(run, (each) => each.approvals.some(({ status }) => status === "pending"));
  const gate = approvals.find(({ status }) => status === "pending") as RunDetail["approvals"][number];
  await world.engine.answer(gate.id, { decision: gate.kind === "reply" ? "reply" : "approve", by, comment });
}

test("a fork is given what the original was given, and in an edited prompt the same values", async () => {
  const world = await grammarWorld(talked, { says: words });
  const id = await world.start("talked");
  await answer(world, id, "Because", "ana");
  await answer(world, id, "yes, quickly", "ben");
  const original = await world.over(id);
  expect(promptOf(original, "report")).toBe(report);

  const request = { run: id, from: "report", by: "ana", once: null };
  const same = await world.over((await world.fork(request)).run.id);
  expect(same.status).toBe("succeeded");
  expect(inputsOf(same, "report")).toEqual(inputsOf(original, "report"));
  const again = await world.over((await world.fork({ ...request, run: same.id })).run.id);
  expect(inputsOf(again, "report")).toEqual(inputsOf(original, "report"));

  const files = { "prompts/report.md": "Briefly: {{scratch.talk.qa}}, {{reviewerNote}}" };
  const edited = await world.over((await world.fork({ ...request, files })).run.id);
  expect(promptOf(edited, "report")).toBe("Briefly: Q: Why?\n\nA: Because, yes, quickly");

  // From a loop on, the fork talks anew: nothing of the original's conversation is in it.
  const anew = (await world.fork({ ...request, from: "talk" })).run.id;
  await answer(world, anew, "Just so", "cid");
  await answer(world, anew, "no hurry", "cid");
  const other = await world.over(anew);
  expect(inputsOf(other, "talk_iter_1")).toEqual(inputsOf(original, "talk_iter_1"));
  expect(promptOf(other, "talk_iter_2")).toBe("2: Q: Why?\n\nA: Just so Why?");
  expect(promptOf(other, "report")).toBe(
    report.replace("Because", "Just so").replaceAll("yes, quickly", "no hurry").replace("ben", "cid"),
  );
});

test("a run that goes on from its loop begins it anew: no word of the time before is in it", async () => {
  const world = await grammarWorld(talked, {
    says: { ...words, talk_iter_2: { output: "How?" }, talk_iter_3: { output: "READY" } },
  });
  const id = await world.start("talked");
  for (const comment of ["Because", "So", "yes"]) await answer(world, id, comment, "ana");
  const before = await world.over(id);
  expect(tries(before).slice(0, 3)).toEqual(["talk_iter_1 ok", "talk_iter_2 ok", "talk_iter_3 ok"]);

  teach(world, { ...words, talk_iter_2: { output: "READY" }, review: { output: "VERDICT: APPROVED" } });
  await world.engine.retry(id, "talk", "ana");
  await answer(world, id, "Otherwise", "ben");
  await answer(world, id, "no", "ben");
  const run = await world.over(id);
  expect(inputsOf(run, "talk_iter_1")).toEqual([
    inputsOf(before, "talk_iter_1")[0],
    inputsOf(before, "talk_iter_1")[0],
  ]);
  expect(promptOf(run, "talk_iter_2")).toBe("2: Q: Why?\n\nA: Otherwise Why?");
  expect(promptOf(run, "report")).toBe("Q: Why?\n\nA: Otherwise|2|2 true|0 true|no ben|no|READY|VERDICT: APPROVED");
});

test("a phase that is skipped this time says nothing of the time before", async () => {
  const world = await grammarWorld({
    "changes.yaml": `
name: changes
phases:
  - { name: ask, type: bash, command: "test -e again && echo no || { touch again; echo yes; }" }
  - { name: maybe, type: bash, if: "ask.contains('yes')", command: "printf done" }
  - { name: tell, depends_on: [maybe], trigger_rule: all_done, prompt: prompts/tell.md }
`,
    "prompts/tell.md": "[{{maybe}}] [{{phases.maybe.exit_code}}]",
  });
  const id = await world.start("changes");
  expect(promptOf(await world.over(id), "tell")).toBe("[done] [0]");
  await world.engine.retry(id, "ask", "ana");
  const run = await world.over(id);
  expect(run.node_statuses).toMatchObject({ maybe: "skipped", tell: "succeeded" });
  expect(promptOf(run, "tell")).toBe("[] []");
});
