import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import type { RunDetail } from "../../../src/store/lines.ts";
import { openDatabase } from "../../../src/store/sqlite/open.ts";
import { type GrammarWorld, grammarWorld, tries } from "../../support/grammar.ts";
import { said } from "../../support/said.ts";

interface Columns {
  readonly name: string;
  readonly stop_reason: string | null;
  readonly output_text: string | null;
}

/** Columns that only other programs read: what the run's row of each try holds beside what lists show. */
function columnsOf({ folder }: GrammarWorld, run: string): Columns[] {
  const db = openDatabase(join(folder, "lastlight.db"));
  onTestFinished(() => void db.close());
  return db
    .prepare<[string], Columns>(
      "SELECT coalesce(name, phase) AS name, stop_reason, output_text FROM executions WHERE workflow_run_id = ? ORDER BY id",
    )
    .all(run);
}

/** The prompt that each try was given, by iteration. */
const prompts = (run: RunDetail): Record<string, string> =>
  Object.fromEntries(
    run.executions.flatMap(({ name, input }) => {
      const { prompt } = (input ?? {}) as { prompt?: string };
      return prompt === undefined ? [] : [[name, prompt]];
    }),
  );

/** The question that waits, once it does. */
async function question(world: GrammarWorld, run: string, nth = 1) {
  const { approvals } = await world.until(run, ({ approvals }) => approvals.length >= nth);
  return approvals[nth - 1] as RunDetail["approvals"][number];
}

describe("a generic loop", () => {
  const turn =
    "Round {{iteration}} of {{maxIterations}}. Last: {{scratch.work.iteration}}. Before: [{{previousOutput}}]";

  test("goes round until its condition holds, and leaves word of itself in scratch", async () => {
    const world = await grammarWorld(
      {
        "rounds.yaml": `
name: rounds
phases:
  - { name: before, type: bash, command: "echo hello" }
  - name: work
    prompt: prompts/turn.md
    output_var: worked
    generic_loop: { max_iterations: 5, until: "output.contains('READY')" }
  - name: after
    type: bash
    command: "printf %s {{worked.iterations}}/{{worked.completed}}/{{work}}"
`,
        "prompts/turn.md": turn,
      },
      { says: { work_iter_1: { output: "one" }, work_iter_2: { output: "two" }, work_iter_3: { output: "READY" } } },
    );
    const run = await world.over(await world.start("rounds"));
    expect(run.status).toBe("succeeded");
    expect(tries(run)).toEqual(["before ok", "work_iter_1 ok", "work_iter_2 ok", "work_iter_3 ok", "after ok"]);
    expect(run.scratch).toEqual({ work: { iteration: 3, lastOutputExecutionId: run.executions[3]?.id } });
    expect(run.executions.at(-1)?.output).toBe("3/true/READY");
    expect(prompts(run)).toEqual({
      work_iter_1: "Round 1 of 5. Last: . Before: []",
      work_iter_2: "Round 2 of 5. Last: 1. Before: [one]",
      work_iter_3: "Round 3 of 5. Last: 2. Before: [one\n\ntwo]",
    });
    expect(columnsOf(world, run.id).map(({ name, output_text }) => `${name} ${output_text}`)).toEqual([
      "before null",
      "work_iter_1 one",
      "work_iter_2 two",
      "work_iter_3 READY",
      "after null",
    ]);
  });

  test("asks its command in a row of its own, and only where the condition does not hold", async () => {
    const world = await grammarWorld(
      {
        "command.yaml": `
name: command
phases:
  - name: work
    prompt: prompts/turn.md
    env: { MARK: "{{inputs.mark}}" }
    generic_loop:
      max_iterations: 4
      until_bash: test -e "$MARK" || { touch "$MARK"; exit 1; }
inputs: { mark: { type: string } }
`,
        "both.yaml": `
name: both
phases:
  - name: either
    prompt: prompts/turn.md
    generic_loop: { max_iterations: 3, until: "output.contains('READY')", until_bash: "false" }
`,
        "never.yaml": `
name: never
phases:
  - name: never
    prompt: prompts/turn.md
    output_var: tried
    messages: { on_success: "never said", on_failure: "{{iteration}} of {{maxIterations}} were not enough" }
    generic_loop: { max_iterations: 2, until_bash: "sleep 5" }
    timeout_seconds: 1
  - { name: next, type: bash, command: "echo {{tried.completed}} {{tried.iterations}}" }
`,
        "prompts/turn.md": turn,
      },
      { says: { work: { output: "work" }, either_iter_2: { output: "READY" }, never: { output: "no" } } },
    );
    const [command, both, never] = await Promise.all(
      [world.start("command", { inputs: { mark: "seen" } }), world.start("both"), world.start("never")].map(
        async (started) => world.over(await started),
      ),
    );
    expect(tries(command!)).toEqual([
      "work_iter_1 ok",
      "work_iter_1_check ok",
      "work_iter_2 ok",
      "work_iter_2_check ok",
    ]);
    expect(columnsOf(world, command!.id).map(({ stop_reason }) => stop_reason)).toEqual([
      null,
      "continue",
      null,
      "until",
    ]);
    expect(columnsOf(world, command!.id).map(({ output_text }) => output_text)).toEqual(["work", null, "work", null]);
    expect(tries(both!)).toEqual(["either_iter_1 ok", "either_iter_1_check ok", "either_iter_2 ok"]);
    expect(tries(never!)).toEqual([
      "never_iter_1 ok",
      "never_iter_1_check ok",
      "never_iter_2 ok",
      "never_iter_2_check ok",
      "next ok",
    ]);
    expect(never).toMatchObject({ status: "succeeded", node_statuses: { never: "succeeded" } });
    expect(never!.executions.at(-1)?.output).toBe("false 2\n");
    expect(await said(world)).toEqual(["on_failure 2 of 2 were not enough"]);
  });

  test("is told the end of what it said, 10 KiB of it, or nothing with fresh_context", async () => {
    const loop = (name: string, more: string): string => `
name: ${name}
phases:
  - name: ${name}
    prompt: prompts/turn.md
    generic_loop: { max_iterations: 3, until: "output.contains('READY')"${more} }
`;
    const long = `begin${"x".repeat(9_000)}`;
    const world = await grammarWorld(
      {
        "kept.yaml": loop("kept", ""),
        "fresh.yaml": loop("fresh", ", fresh_context: true"),
        "cut.yaml": loop("cut", ""),
        "prompts/turn.md": "[{{previousOutput}}]",
      },
      { says: { kept: { output: long }, fresh: { output: long }, cut: { output: `${"🙂".repeat(6_000)}.` } } },
    );
    const [kept, fresh, cut] = await Promise.all(
      ["kept", "fresh", "cut"].map(async (name) => world.over(await world.start(name))),
    );
    const third = `${long}\n\n${long}`.slice(-10_240);
    expect(third).toHaveLength(10_240);
    expect(prompts(kept!)).toEqual({ kept_iter_1: "[]", kept_iter_2: `[${long}]`, kept_iter_3: `[${third}]` });
    expect(Object.values(prompts(fresh!))).toEqual(["[]", "[]", "[]"]);
    // Never the half of a character: the prompt's file holds what its row says.
    expect(prompts(cut!).cut_iter_2).toBe(`[${"🙂".repeat(5_119)}.]`);
  });

  test("takes its limit from the context, or a default and a warning", async () => {
    const world = await grammarWorld(
      {
        "limited.yaml": `
name: limited
phases:
  - name: work
    prompt: prompts/turn.md
    generic_loop: { max_iterations: { from: fix.localIterations, default: 2 }, until: "false" }
`,
        "prompts/turn.md": "{{iteration}} of {{maxIterations}}",
      },
      { cap: 6 },
    );
    const limits = [3, 1.2, "3", 0, -1, null];
    const runs = await Promise.all(
      limits.map(async (limit) =>
        world.over(await world.start("limited", { context: { fix: { localIterations: limit } } })),
      ),
    );
    expect(runs.map(({ executions }) => executions.length)).toEqual([3, 2, 2, 2, 2, 2]);
    expect(prompts(runs[0]!).work_iter_3).toBe("3 of 3");
    const warnings = runs.map(
      ({ decisions }) => (decisions[0]?.finding as { warnings?: string[] } | undefined)?.warnings ?? [],
    );
    const told = ["max_iterations: context.fix.localIterations holds no number above 0; 2 is taken"];
    expect(warnings).toEqual([[], [], told, told, told, told]);
  });

  test("forgives as many failures as it says, then completes or fails", async () => {
    const loop = (name: string, then: string, more = ""): string => `
name: ${name}
phases:
  - name: ${name}
    prompt: prompts/turn.md
    on_output: { requires_marker: "DONE:" }
    generic_loop:
      max_iterations: 3
      until: output.contains('READY')
      on_soft_failure: { retries: 1, then: ${then} }
${more}
`;
    const bad = { output: "partly", exit: 3 };
    const world = await grammarWorld(
      {
        "mends.yaml": loop("mends", "fail"),
        "gives-up.yaml": loop("gives-up", "fail"),
        "completes.yaml": loop("completes", "complete"),
        "prompts/turn.md": turn,
      },
      {
        says: {
          mends_iter_1: { output: "one" },
          mends_iter_2: bad,
          mends_iter_2_retry: { output: "READY DONE: all" },
          "gives-up": bad,
          completes_iter_1: { output: "one" },
          completes_iter_2: bad,
          completes_iter_2_retry: bad,
        },
      },
    );
    const [mends, givesUp, completes] = await Promise.all(
      ["mends", "gives-up", "completes"].map(async (name) => world.over(await world.start(name))),
    );
    expect(tries(mends!)).toEqual(["mends_iter_1 ok", "mends_iter_2 error", "mends_iter_2_retry ok"]);
    expect(mends!.status).toBe("succeeded");
    expect(prompts(mends!).mends_iter_2_retry).toBe("Round 2 of 3. Last: . Before: [one]");
    expect(tries(givesUp!)).toEqual(["gives-up_iter_1 error", "gives-up_iter_1_retry error"]);
    expect(givesUp).toMatchObject({ status: "failed", node_statuses: { "gives-up": "failed" } });
    // Whoever says that a failure completes the loop is not asked for the marker as well.
    expect(tries(completes!).at(-1)).toBe("completes_iter_2_retry error");
    expect(completes).toMatchObject({ status: "succeeded", node_statuses: { completes: "succeeded" } });
  });

  test("needs its marker in the last iteration, and in no other", async () => {
    const loop = (name: string): string => `
name: ${name}
phases:
  - name: ${name}
    prompt: prompts/turn.md
    on_output: { requires_marker: "DONE:" }
    generic_loop: { max_iterations: 2, until: "output.contains('READY')" }
`;
    const world = await grammarWorld(
      { "late.yaml": loop("late"), "early.yaml": loop("early"), "prompts/turn.md": turn },
      {
        says: {
          late_iter_1: { output: "nothing yet" },
          late_iter_2: { output: "DONE: it" },
          early_iter_1: { output: "DONE: so far" },
          early_iter_2: { output: "READY, done: it" },
        },
      },
    );
    const [late, early] = await Promise.all(["late", "early"].map(async (name) => world.over(await world.start(name))));
    expect(late!.status).toBe("succeeded");
    expect(early).toMatchObject({ status: "failed", node_statuses: { early: "failed" } });
    expect(tries(early!)).toEqual(["early_iter_1 ok", "early_iter_2 ok"]);
  });
});

describe("a loop that asks a person", () => {
  test("asks between two iterations, never after the last", async () => {
    const world = await grammarWorld(
      {
        "asks.yaml": `
name: asks
phases:
  - name: work
    prompt: prompts/turn.md
    generic_loop:
      max_iterations: 2
      until: output.contains('READY')
      interactive: true
      gate_message: "Round {{iteration}} of {{maxIterations}} said {{output}}"
  - name: checked
    prompt: prompts/turn.md
    generic_loop:
      max_iterations: 3
      until_bash: '[ "$LASTLIGHT_PHASE" = checked ] && [ -e twice ] || { touch twice; exit 1; }'
      interactive: true
      gate_message: "{{iteration}}: {{output}}"
`,
        "prompts/turn.md": "{{iteration}}",
      },
      { says: { work: { output: "more" }, checked: { output: "looked" } } },
    );
    const id = await world.start("asks");
    const first = await question(world, id);
    expect(first).toMatchObject({ kind: "approve", summary: "Round 1 of 2 said more", status: "pending" });
    expect((await world.store.run(id))?.status).toBe("paused");
    await expect(world.engine.answer(first.id, { decision: "reply", by: "ana", comment: "hm" })).rejects.toMatchObject({
      code: "approval.unfit",
    });
    await world.engine.answer(first.id, { decision: "approve", by: "ana", comment: null });
    const second = await question(world, id, 2);
    expect(second.summary).toBe("1: looked");
    await world.engine.answer(second.id, { decision: "approve", by: "ana", comment: null });
    const run = await world.over(id);
    expect(run.status).toBe("succeeded");
    expect(run.approvals).toHaveLength(2);
    expect(tries(run)).toEqual([
      "work_iter_1 ok",
      "work_iter_2 ok",
      "checked_iter_1 ok",
      "checked_iter_1_check ok",
      "checked_iter_2 ok",
      "checked_iter_2_check ok",
    ]);

    const refused = await world.start("asks");
    const gate = await question(world, refused);
    await world.engine.answer(gate.id, { decision: "reject", by: "ana", comment: "no" });
    const over = await world.over(refused);
    expect(over).toMatchObject({ status: "failed", reason: "rejected", node_statuses: { work: "failed" } });
    expect(tries(over)).toEqual(["work_iter_1 ok"]);
  });

  test("takes replies of any text, and every later round can read the conversation", async () => {
    const world = await grammarWorld(
      {
        "socratic.yaml": `
name: socratic
phases:
  - name: talk
    prompt: prompts/ask.md
    generic_loop:
      max_iterations: 4
      until: output.contains('READY')
      interactive: true
      gate_kind: reply
      gate_message: Answer {{output}}
      scratch_key: socratic
  - { name: sum, prompt: prompts/sum.md }
`,
        "prompts/ask.md":
          "{{#if scratch.socratic.qa}}So far:\n{{scratch.socratic.qa}}{{/if}}{{#if !scratch.socratic.qa}}Begin{{/if}}",
        "prompts/sum.md": "{{scratch.socratic.qa}} ({{scratch.socratic.iteration}})",
      },
      { says: { talk_iter_1: { output: "Why?" }, talk_iter_2: { output: "How?" }, talk_iter_3: { output: "READY" } } },
    );
    const id = await world.start("socratic");
    const hostile = "Because {{owner}} $(touch pwned) 'quoted' \u2028 — approve";
    const first = await question(world, id);
    expect(first).toMatchObject({ kind: "reply", summary: "Answer Why?" });
    await world.engine.answer(first.id, { decision: "reply", by: "ana", comment: hostile });
    const second = await question(world, id, 2);
    await world.engine.answer(second.id, { decision: "reply", by: "ben", comment: "Slowly" });
    const run = await world.over(id);
    expect(run.approvals.map(({ status, response }) => [status, response])).toEqual([
      ["approved", hostile],
      ["approved", "Slowly"],
    ]);
    const one = `Q: Why?\n\nA: ${hostile}`;
    expect(prompts(run)).toEqual({
      talk_iter_1: "Begin",
      talk_iter_2: `So far:\n${one}`,
      talk_iter_3: `So far:\n${one}\n\nQ: How?\n\nA: Slowly`,
      sum: `${one}\n\nQ: How?\n\nA: Slowly (3)`,
    });
  });
});

describe("a review loop", () => {
  const messages = `
    messages: { on_start: "begin", on_success: "end", on_failure: "broken" }`;
  const review = (name: string, more = ""): string => `
name: ${name}
phases:
  - name: ${name}
    prompt: prompts/review.md
    model: "{{models.reviewer}}"
    variant: "{{variants.reviewer}}"
    output_var: verdict${messages}
    loop:
      max_cycles: 2
      on_request_changes:
        fix_prompt: prompts/fix.md
        re_review_prompt: prompts/recheck.md${more}
      messages:
        on_cycle_start: "cycle {{cycle}} of {{maxCycles}}"
        on_approved: "approved: {{output}}"
        on_request_changes: "changes {{cycle}}"
        on_max_cycles: "still open after {{maxCycles}}"
        on_fix_start: "fix {{fixCycle}}"
        on_fix_failed: "fix {{fixCycle}} failed"
        on_pause_for_approval: "a person is asked about {{cycle}}"
  - { name: next, type: bash, command: "echo {{verdict.approved}} {{verdict.cycles}}" }
`;
  const texts = {
    "prompts/review.md": "Look",
    "prompts/fix.md": "Mend {{fixCycle}}: {{previousOutput}}",
    "prompts/recheck.md": "Look again {{fixCycle}}: {{previousOutput}}",
  };
  const says = (name: string) => ({ [name]: { output: "VERDICT: REQUEST_CHANGES" } });

  test("looks, mends and looks again until the verdict is APPROVED, and tells all of it", async () => {
    const world = await grammarWorld(
      { "mended.yaml": review("mended"), ...texts },
      {
        says: {
          mended: { output: "Bad.\n  verdict: request_changes" },
          mended_fix_1: { output: "VERDICT: APPROVED, says the one who mends" },
          mended_recheck_1: { output: "Fine.\nVERDICT: APPROVED" },
        },
        settings: {
          models: { reviewer: "large", mended_fix: "small" },
          variants: { mended: "slow" },
        },
      },
    );
    const run = await world.over(await world.start("mended"));
    expect(tries(run)).toEqual(["mended ok", "mended_fix_1 ok", "mended_recheck_1 ok", "next ok"]);
    expect(run.executions.at(-1)?.output).toBe("true 1\n");
    expect(run.executions.slice(0, 3).map(({ input }) => input)).toMatchObject([
      { prompt: "Look", model: "large", variant: "slow" },
      { prompt: "Mend 1: Bad.\n  verdict: request_changes", model: "small", variant: "slow" },
      { prompt: "Look again 1: VERDICT: APPROVED, says the one who mends", model: "large", variant: "slow" },
    ]);
    expect(await said(world)).toEqual([
      "on_start begin",
      "on_cycle_start cycle 0 of 2",
      "on_request_changes changes 0",
      "on_fix_start fix 1",
      "on_cycle_start cycle 1 of 2",
      "on_approved approved: Fine.\nVERDICT: APPROVED",
      "on_success end",
    ]);
  });

  test("that is never content ends the loop, not the run", async () => {
    const world = await grammarWorld({ "stubborn.yaml": review("stubborn"), ...texts }, { says: says("stubborn") });
    const run = await world.over(await world.start("stubborn"));
    expect(tries(run)).toEqual([
      "stubborn ok",
      "stubborn_fix_1 ok",
      "stubborn_recheck_1 ok",
      "stubborn_fix_2 ok",
      "stubborn_recheck_2 ok",
      "next ok",
    ]);
    expect(run).toMatchObject({ status: "succeeded", node_statuses: { stubborn: "succeeded" } });
    expect(run.executions.at(-1)?.output).toBe("false 2\n");
    expect((await said(world)).slice(-3)).toEqual([
      "on_request_changes changes 2",
      "on_max_cycles still open after 2",
      "on_success end",
    ]);
  });

  test("whose fix fails leaves its phase standing, and the run failed", async () => {
    const world = await grammarWorld(
      {
        "unmended.yaml": review(
          "unmended",
          '\n        fix_model: "{{models.fix}}"\n        fix_variant: "{{variants.fix}}"',
        ),
        ...texts,
      },
      {
        says: { ...says("unmended"), unmended_fix_1: { output: "APPROVED by myself", exit: 1 } },
        settings: { models: { fix: "tiny" }, variants: { fix: "fast" } },
      },
    );
    const run = await world.over(await world.start("unmended"));
    expect(tries(run)).toEqual(["unmended ok", "unmended_fix_1 error", "next ok"]);
    expect(run).toMatchObject({ status: "failed", node_statuses: { unmended: "succeeded", next: "succeeded" } });
    expect(run.executions[1]?.input).toMatchObject({ model: "tiny", variant: "fast" });
    expect(run.executions.at(-1)?.output).toBe("false 1\n");
    expect(await said(world)).toEqual([
      "on_start begin",
      "on_cycle_start cycle 0 of 2",
      "on_request_changes changes 0",
      "on_fix_start fix 1",
      "on_fix_failed fix 1 failed",
    ]);
  });

  test("asks before each fix where the settings enable the gate, and does not where they do not", async () => {
    const world = await grammarWorld(
      {
        "guarded.yaml": review("guarded").replace("max_cycles: 2", "max_cycles: 1\n      approval_gate: post_review"),
        ...texts,
      },
      { says: says("guarded"), settings: { approvals: new Set(["post_review"]) } },
    );
    const id = await world.start("guarded");
    const gate = await question(world, id);
    expect(gate).toMatchObject({ gate: "post_review", phase: "guarded" });
    expect(tries((await world.store.run(id)) as RunDetail)).toEqual(["guarded ok"]);
    await world.engine.answer(gate.id, { decision: "approve", by: "ana", comment: null });
    const run = await world.over(id);
    expect(tries(run)).toEqual(["guarded ok", "guarded_fix_1 ok", "guarded_recheck_1 ok", "next ok"]);
    expect(run.approvals).toHaveLength(1);
    expect(await said(world)).toContain("on_pause_for_approval a person is asked about 0");

    const calm = await grammarWorld(
      {
        "guarded.yaml": review("guarded").replace("max_cycles: 2", "max_cycles: 1\n      approval_gate: post_review"),
        ...texts,
      },
      { says: says("guarded") },
    );
    expect((await calm.over(await calm.start("guarded"))).approvals).toEqual([]);
  });

  test("reads a verdict in every form it comes in", async () => {
    const forms: [string, boolean][] = [
      ["VERDICT: APPROVED", true],
      ["words\n\tverdict: approved\nmore", true],
      ["VERDICT: APPROVED with notes", true],
      ["APPROVED. Well done", true],
      ["  approved", true],
      ["VERDICT: REQUEST_CHANGES\nAPPROVED", false],
      ["APPROVED?\nVERDICT: REQUEST_CHANGES", false],
      ["APPROVED, but REQUEST_CHANGES", false],
      ["It is APPROVED", false],
      ["The VERDICT: APPROVED", false],
      ["VERDICT: APPROVEDLY", false],
      ["", false],
    ];
    const files = Object.fromEntries(
      forms.map((_, at) => [
        `v${at}.yaml`,
        `
name: v${at}
phases:
  - name: v${at}
    prompt: prompts/review.md
    loop: { max_cycles: 1, on_request_changes: { fix_prompt: prompts/fix.md, re_review_prompt: prompts/review.md } }
`,
      ]),
    );
    const world = await grammarWorld(
      { ...files, ...texts },
      { says: Object.fromEntries(forms.map(([output], at) => [`v${at}`, { output }])), cap: 8 },
    );
    const runs = await Promise.all(forms.map(async (_, at) => world.over(await world.start(`v${at}`))));
    expect(runs.map(({ executions }, at) => [forms[at]?.[0], executions.length === 1])).toEqual(forms);
  });
});
