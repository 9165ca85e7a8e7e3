import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Json } from "../../../src/domain/json.ts";
import type { RunDetail } from "../../../src/store/lines.ts";
import { type GrammarWorld, grammarWorld, type Says } from "../../support/grammar.ts";
import { said } from "../../support/said.ts";

const folder = new URL("../../fixtures/legacy/", import.meta.url);

/** Files of the folder by their place in it; a file of `examples/` is read where its prompts are. */
function filesOf(wanted: (file: string) => boolean): Record<string, string> {
  const paths = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((each) => each.isFile())
    .map(({ parentPath, name }) => join(parentPath, name).slice(folder.pathname.length));
  return Object.fromEntries(
    paths
      .filter((path) => /\.md$/.test(path) || (/\.yaml$/.test(path) && wanted(basename(path, ".yaml"))))
      .map((path) => [path.replace(/^examples\//, ""), readFileSync(new URL(path, folder), "utf8")]),
  );
}

/** Prompts that the older engine's examples name and do not bring. */
const NOT_BROUGHT: Record<string, string> = Object.fromEntries(
  ["security-review", "linter", "write-test", "implement"].map((name) => [`prompts/${name}.md`, `# ${name}\n`]),
);

/** What an event brings in the older engine, as its prompts read it. */
const CONTEXT: Record<string, Json> = {
  owner: "acme",
  repo: "widgets",
  issueNumber: 7,
  issueTitle: "Widgets turn too slowly",
  issueBody: "They should turn faster. {{owner}} `$(id)`",
  issueLabels: ["bug"],
  commentBody: "Please have a look",
  sender: "ana",
  botMention: "@last-light",
  branch: "lastlight/7",
  baseBranch: "main",
  issueDir: ".lastlight/issue-7",
  contextSnapshot: "Seven open issues",
  prNumber: 12,
  prTitle: "Bump the turner",
  prLabels: "dependencies",
  ciSection: "## CI\nred",
  checksState: "failing",
  settledCheckCount: 3,
  attempt: 1,
  maxAttempts: 3,
  verifyScript: ".lastlight/verify.sh",
  notesFile: ".lastlight/notes.md",
  mayMerge: true,
  dependencies: { requireSettledChecks: true, minSettledChecks: 2, autoMergeMaxImpact: "minor" },
};

interface House extends GrammarWorld {
  readonly gates: Set<string>;
  /** Goes through a workflow, whoever is asked answering in that order; `meanwhile` prepares its workspace. */
  run(workflow: string, says: Says, more?: Going): Promise<RunDetail>;
}
interface Going {
  readonly context?: Record<string, Json>;
  readonly answers?: readonly (readonly ["approve" | "reject" | "reply", string | null])[];
  readonly meanwhile?: (workspace: string) => void;
}

async function house(...workflows: string[]): Promise<House> {
  const gates = new Set<string>();
  const files = { ...filesOf((name) => workflows.includes(name)), ...NOT_BROUGHT };
  const world = await grammarWorld(files, { settings: { approvals: gates, models: { fix: "small" } } });
  const run: House["run"] = async (workflow, says, { context, answers = [], meanwhile } = {}) => {
    writeFileSync(join(world.folder, "says.json"), JSON.stringify({ phases: says }));
    const id = await world.start(workflow, { context: { ...CONTEXT, ...context } });
    meanwhile?.(world.workspace(id));
    for (const [decision, comment] of answers) {
      const { approvals } = await world.until(id, (each) => each.approvals.some(({ status }) => status === "pending"));
      const gate = approvals.find(({ status }) => status === "pending") as RunDetail["approvals"][number];
      await world.engine.answer(gate.id, { decision, by: "ana", comment });
    }
    return world.over(id);
  };
  return Object.assign(world, { gates, run });
}

/** How a run went: its end, its phases, and its tries in order, those that failed marked. */
function story({ status, reason, node_statuses, executions }: RunDetail) {
  return {
    end: reason === null ? status : `${status}, ${reason}`,
    phases: node_statuses,
    tries: executions.map(({ name, status: how }) => (how === "ok" ? name : `${name}!`)),
  };
}
const all = (names: readonly string[], status: string) => Object.fromEntries(names.map((name) => [name, status]));
const promptOf = ({ executions }: RunDetail, name: string): string =>
  (executions.find((each) => each.name === name)?.input as { prompt: string } | undefined)?.prompt ?? "";

test("every file of the older engine is in force, and starts unless it is a schedule, or posts a review where nobody is set up to", async () => {
  const world = await grammarWorld({ ...filesOf(() => true), ...NOT_BROUGHT }, { settings: { actions: [] } });
  const entries = world.library.list();
  const cron = entries.filter(({ kind }) => kind === "cron").map(({ name }) => name as string);
  const workflows = entries.filter(({ kind }) => kind !== "cron");
  expect([cron.length, workflows.length]).toEqual([8, 20]);
  expect(workflows.filter(({ version }) => version === null)).toEqual([]);
  expect(workflows.flatMap(({ version }) => version?.workflow.unavailable)).toEqual([]);
  await expect(world.start("pr-review", { context: CONTEXT })).rejects.toMatchObject({
    code: "workflow.unavailable",
    message: expect.stringContaining(
      'Phase "post-review" of "pr-review" has github.review done, and this daemon is nobody',
    ),
  });
  for (const name of cron)
    await expect(world.start(name)).rejects.toMatchObject({
      code: "workflow.invalid",
      message: `"${name}" is a schedule and not a workflow`,
    });
});

describe("build", () => {
  const phases = ["phase_0", "guardrails", "architect", "executor", "reviewer", "pr"];
  const ready: Says = { guardrails: { output: "READY" }, reviewer: { output: "Fine\nVERDICT: APPROVED" } };
  const changes = { output: "VERDICT: REQUEST_CHANGES" };

  test("is reviewed: approved at once, after a fix, or never", async () => {
    const { run } = await house("build");
    const approved = await run("build", ready);
    expect(story(approved)).toEqual({ end: "succeeded", phases: all(phases, "succeeded"), tries: phases });
    expect(promptOf(approved, "pr")).not.toContain("still open");

    const mended = await run("build", { ...ready, reviewer: changes, reviewer_recheck_1: { output: "APPROVED" } });
    expect(story(mended)).toEqual({
      end: "succeeded",
      phases: all(phases, "succeeded"),
      tries: [...phases.slice(0, 5), "reviewer_fix_1", "reviewer_recheck_1", "pr"],
    });
    expect(promptOf(mended, "reviewer_fix_1")).toContain("# Mend what the review found, round 1");
    expect(promptOf(mended, "reviewer_recheck_1")).toContain("# Review again, after round 1");
    expect(mended.executions.find(({ name }) => name === "reviewer_fix_1")?.input).toMatchObject({ model: "small" });

    const open = await run("build", { ...ready, reviewer: changes });
    expect(story(open)).toEqual({
      end: "succeeded",
      phases: all(phases, "succeeded"),
      tries: [
        ...phases.slice(0, 5),
        "reviewer_fix_1",
        "reviewer_recheck_1",
        "reviewer_fix_2",
        "reviewer_recheck_2",
        "pr",
      ],
    });
    expect(promptOf(open, "pr")).toContain("The review is still open after 2 rounds.");
  });

  test("whose fix fails opens its pull request and fails", async () => {
    const { run } = await house("build");
    const broken = await run("build", { ...ready, reviewer: changes, reviewer_fix_1: { exit: 1 } });
    expect(story(broken)).toEqual({
      end: "failed",
      phases: all(phases, "succeeded"),
      tries: [...phases.slice(0, 5), "reviewer_fix_1!", "pr"],
    });
  });

  test("is stopped where nothing would tell that a change works, unless the issue says to go on", async () => {
    const world = await house("build");
    const { run } = world;
    const blocked = { ...ready, guardrails: { output: "BLOCKED: no tests" } };
    expect(story(await run("build", blocked))).toEqual({
      end: "failed",
      phases: { phase_0: "succeeded", guardrails: "failed", ...all(phases.slice(2), "skipped") },
      tries: ["phase_0", "guardrails!"],
    });
    expect((await said(world)).filter((each) => !each.startsWith("status_checklist"))).toEqual([
      expect.stringContaining("on_blocked **Guardrails: blocked.** This repository has no tests"),
    ]);
    const willing: Record<string, Json>[] = [{ issueLabels: ["bootstrap"] }, { issueTitle: "Set up the tests" }];
    for (const context of willing) {
      expect(story(await run("build", blocked, { context })).phases).toEqual(all(phases, "succeeded"));
      expect(await said(world)).toContain(
        "on_blocked_bypassed **Guardrails: nothing to lean on**, and the issue says to go on.",
      );
    }
  });

  test("asks behind the plan and before a fix, where that is set up", async () => {
    const { run, gates } = await house("build");
    gates.add("post_architect").add("post_reviewer");
    const says = { ...ready, reviewer: changes, reviewer_recheck_1: { output: "VERDICT: APPROVED" } };
    const passed = await run("build", says, {
      answers: [
        ["approve", null],
        ["approve", null],
      ],
    });
    expect(passed.approvals.map(({ gate, phase, status }) => `${gate} ${phase} ${status}`)).toEqual([
      "post_architect architect approved",
      "post_reviewer reviewer approved",
    ]);
    expect(passed.approvals[0]?.summary).toContain("comment `@last-light approve`");
    expect(story(passed).tries).toEqual([...phases.slice(0, 5), "reviewer_fix_1", "reviewer_recheck_1", "pr"]);
    expect(story(await run("build", says, { answers: [["reject", "Too large"]] }))).toEqual({
      end: "failed, rejected",
      phases: {
        ...all(["phase_0", "guardrails"], "succeeded"),
        architect: "failed",
        ...all(["executor", "reviewer", "pr"], "skipped"),
      },
      tries: ["phase_0", "guardrails", "architect"],
    });
  });
});

describe("a red dependency update", () => {
  const diagnosis = (kind: string) => ({ output: `DIAGNOSIS_COMPLETE: class=${kind}` });
  const pushed = { output: "outcome=pushed tried=2\nCI_FIX_COMPLETE: done" };
  const name = "dependabot-ci-fix";

  test("is diagnosed and mended, or needs no fix, or no diagnosis", async () => {
    const world = await house(name);
    const { run } = world;
    const mended = await run(name, { diagnose: diagnosis("code"), fix: pushed });
    expect(story(mended)).toEqual({
      end: "succeeded",
      phases: { diagnose: "succeeded", fix: "succeeded" },
      tries: ["diagnose", "fix_iter_1"],
    });
    expect(promptOf(mended, "fix_iter_1")).toContain("## The diagnosis\n\nDIAGNOSIS_COMPLETE: class=code");
    expect(promptOf(mended, "fix_iter_1")).toContain("Round 1 of 2 in this attempt.");
    for (const kind of ["flaky", "base-broken"]) {
      expect(story(await run(name, { diagnose: diagnosis(kind) }))).toEqual({
        end: "succeeded",
        phases: { diagnose: "succeeded", fix: "skipped" },
        tries: ["diagnose"],
      });
    }
    // What is skipped has not succeeded: a fix does not go ahead without its diagnosis.
    const green: Record<string, Json>[] = [{ checksState: "passing" }, { fix: { skipDiagnosis: true } }];
    for (const context of green) {
      const skipped = await run(name, {}, { context });
      expect(story(skipped)).toEqual({ end: "succeeded", phases: { diagnose: "skipped", fix: "skipped" }, tries: [] });
    }
    expect(await said(world)).toContain("on_skipped_done **Nothing to diagnose.**");
    expect(story(await run(name, { diagnose: { output: "class=code" } }))).toEqual({
      end: "failed",
      phases: { diagnose: "failed", fix: "skipped" },
      tries: ["diagnose!"],
    });
  });

  test("goes round as often as the context says, and needs its marker in the end", async () => {
    const { run } = await house(name);
    const context = { fix: { localIterations: 3 } };
    const rounds = [1, 2, 3].flatMap((n) => [`fix_iter_${n}`, `fix_iter_${n}_check`]);
    const unfinished = { output: "outcome=nothing" };
    expect(story(await run(name, { diagnose: diagnosis("code"), fix: unfinished }, { context }))).toEqual({
      end: "failed",
      phases: { diagnose: "succeeded", fix: "failed" },
      tries: ["diagnose", ...rounds],
    });
    const marked = { output: "CI_FIX_COMPLETE: gave up" };
    expect(story(await run(name, { diagnose: diagnosis("code"), fix: marked }, { context }))).toEqual({
      end: "succeeded",
      phases: { diagnose: "succeeded", fix: "succeeded" },
      tries: ["diagnose", ...rounds],
    });
    const meanwhile = (workspace: string): void => {
      mkdirSync(join(workspace, ".lastlight"), { recursive: true });
      writeFileSync(join(workspace, ".lastlight/verify.sh"), "#!/bin/sh\nexit 0\n");
      chmodSync(join(workspace, ".lastlight/verify.sh"), 0o755);
    };
    const verified = await run(name, { diagnose: { ...diagnosis("code"), seconds: 0.2 }, fix: marked }, { meanwhile });
    expect(story(verified).tries).toEqual(["diagnose", "fix_iter_1", "fix_iter_1_check"]);
    expect(verified.status).toBe("succeeded");
  });

  test("that is green is judged, and its judgement must be whole", async () => {
    const { run } = await house("dependabot-pr-merge");
    const good = await run("dependabot-pr-merge", { assess: { output: "ASSESSMENT_COMPLETE" } });
    expect(story(good)).toEqual({ end: "succeeded", phases: { assess: "succeeded" }, tries: ["assess"] });
    expect(promptOf(good, "assess")).toContain("settled checks needed: true, at least 2");
    expect(story(await run("dependabot-pr-merge", { assess: { output: "assessment complete" } })).end).toBe("failed");
  });
});

test("a red pull request is mended, unless its failure comes and goes or was promised to be flaky", async () => {
  const { run } = await house("pr-fix");
  const diagnose = { output: "DIAGNOSIS_COMPLETE: class=code" };
  const fix = { output: "outcome=pushed tried=1 PR_FIX_COMPLETE: yes" };
  expect(story(await run("pr-fix", { diagnose, fix }))).toEqual({
    end: "succeeded",
    phases: { diagnose: "succeeded", fix: "succeeded" },
    tries: ["diagnose", "fix_iter_1"],
  });
  const skipped = { end: "succeeded", phases: { diagnose: "succeeded", fix: "skipped" }, tries: ["diagnose"] };
  expect(story(await run("pr-fix", { diagnose, fix }, { context: { flakyPromoted: true } }))).toEqual(skipped);
  const flaky = { output: "DIAGNOSIS_COMPLETE: class=flaky" };
  expect(story(await run("pr-fix", { diagnose: flaky, fix }))).toEqual(skipped);
  const pushed = { output: "outcome=pushed tried=1" };
  expect(story(await run("pr-fix", { diagnose, fix: pushed }))).toEqual({
    end: "failed",
    phases: { diagnose: "succeeded", fix: "failed" },
    tries: ["diagnose", "fix_iter_1"],
  });
});

test("explore talks with a person until it is ready, and goes on with what was said where talking fails", async () => {
  const world = await house("explore");
  const { run } = world;
  const phases = ["phase_0", "read", "socratic", "synthesize", "publish"];
  const says: Says = {
    read: { output: "A widget factory" },
    socratic_iter_1: { output: "For whom?" },
    socratic_iter_2: { output: "READY" },
    publish: { output: "https://example.com/1" },
  };
  const ready = await run("explore", says, { answers: [["reply", "For Ana"]] });
  expect(story(ready)).toEqual({
    end: "succeeded",
    phases: all(phases, "succeeded"),
    tries: ["phase_0", "read", "socratic_iter_1", "socratic_iter_2", "synthesize", "publish"],
  });
  expect(promptOf(ready, "socratic_iter_1")).toContain("Nothing was asked yet.");
  expect(promptOf(ready, "socratic_iter_2")).toContain("so far:\n\nQ: For whom?\n\nA: For Ana");
  expect(promptOf(ready, "socratic_iter_2")).toContain("question 2 of at most 8");
  expect(promptOf(ready, "synthesize")).toContain(
    "A widget factory\n\nand what was said:\n\nQ: For whom?\n\nA: For Ana",
  );
  expect(await said(world)).toContain("on_success https://example.com/1");

  const mute = await run("explore", { ...says, socratic_iter_1: { exit: 1 }, socratic_iter_1_retry: { exit: 1 } });
  expect(story(mute)).toEqual({
    end: "succeeded",
    phases: all(phases, "succeeded"),
    tries: ["phase_0", "read", "socratic_iter_1!", "socratic_iter_1_retry!", "synthesize", "publish"],
  });
  expect(story(await run("explore", says, { answers: [["reject", null]] }))).toEqual({
    end: "failed, rejected",
    phases: {
      phase_0: "succeeded",
      read: "succeeded",
      ...all(["socratic"], "failed"),
      synthesize: "skipped",
      publish: "skipped",
    },
    tries: ["phase_0", "read", "socratic_iter_1"],
  });
});

test("what needs a docker sandbox is skipped, with all that waits for it, and the run stays green", async () => {
  const world = await house("demo", "qa-test", "verify");
  expect(story(await world.run("demo", {}))).toEqual({
    end: "succeeded",
    phases: { phase_0: "succeeded", demo: "skipped" },
    tries: ["phase_0"],
  });
  for (const [name, first] of [
    ["qa-test", "qa"],
    ["verify", "verify"],
  ] as const) {
    expect(story(await world.run(name, { [first]: { output: "works" } }))).toEqual({
      end: "succeeded",
      phases: { phase_0: "succeeded", [first]: "succeeded", browser: "skipped", synthesize: "skipped" },
      tries: ["phase_0", first],
    });
  }
  const told = await said(world);
  expect(told).toContain("on_skipped_done **QA in a browser: skipped**, there is no docker sandbox.");
  expect(told.filter((each) => each.startsWith("final_message"))).toEqual([]);
  const broken = await world.run("verify", { verify: { exit: 1 } });
  expect(story(broken)).toMatchObject({ end: "failed", phases: { verify: "failed", synthesize: "skipped" } });
});

test("the short ones go from one end to the other, with a prompt or with a skill alone", async () => {
  const short: Record<string, string> = {
    "issue-comment": "comment",
    "issue-triage": "triage",
    "pr-comment": "comment",
    "repo-health": "health",
    "security-feedback": "feedback",
    "security-review": "review",
  };
  const world = await house("answer", ...Object.keys(short));
  for (const [name, phase] of Object.entries(short)) {
    const run = await world.run(name, { [phase]: { output: "TRIAGE_COMPLETE" } });
    expect(story(run)).toEqual({ end: "succeeded", phases: { [phase]: "succeeded" }, tries: [phase] });
    expect(promptOf(run, phase)).toMatch(/^Use the skill "[a-z-]+" for this:\n/);
    for (const key of Object.keys(CONTEXT)) expect(promptOf(run, phase)).toContain(`"${key}"`);
  }
  expect(story(await world.run("issue-triage", { triage: { output: "nearly" } })).end).toBe("failed");
  expect(story(await world.run("repo-health", { health: { exit: 2 } }))).toEqual({
    end: "failed",
    phases: { health: "failed" },
    tries: ["health!"],
  });
  const answer = await world.run("answer", { answer: { output: "In src/turn.ts, line 3" } });
  expect(story(answer).phases).toEqual({ phase_0: "succeeded", answer: "succeeded" });
  expect(promptOf(answer, "answer")).toContain("The question stands in issue #7 of acme/widgets.");
  expect(promptOf(answer, "answer")).toContain("They should turn faster. {{owner}} `$(id)`");
  expect(await said(world)).toContain("on_success In src/turn.ts, line 3");
});

describe("the examples of its manual", () => {
  test("commands and scripts hand values to each other", async () => {
    const { run } = await house("bash-smoke");
    const smoke = await run("bash-smoke", {});
    expect(smoke.status).toBe("succeeded");
    expect(Object.values(smoke.node_statuses)).toEqual(Array(6).fill("succeeded"));
    const printed = Object.fromEntries(smoke.executions.map(({ name, output }) => [name, output]));
    expect(printed).toMatchObject({
      say: "hello from bash\n",
      hear: "heard\n",
      count: '{"said":3}\n',
      "count-again": '{"said": 3}\n',
    });
  });

  test("forms that the shipped files leave out", async () => {
    const world = await house("documented-forms");
    const went = await world.run("documented-forms", { either: { output: "BLOCKED, VERDICT: APPROVED" } });
    expect(story(went)).toMatchObject({
      end: "succeeded",
      phases: {
        ...all(["phase_0", "greet", "look", "either", "sum-up"], "succeeded"),
        "approve-each": "skipped",
      },
    });
    expect(went.executions.find(({ name }) => name === "greet")?.output).toBe("Good morning, platform\n");
    expect(went.executions.find(({ name }) => name === "look")?.output).toBe("{{not a template}} true\n");
    const told = await said(world);
    expect(told).toEqual([
      expect.stringContaining("on_success Said: BLOCKED, VERDICT: APPROVED. See https://github.com/"),
    ]);
    const urgent = { issueLabels: ["urgent"] };
    await world.run("documented-forms", { either: { output: "BLOCKED" } }, { context: urgent });
    expect(await said(world)).toContain(
      "on_blocked_bypassed Blocked, and **widgets-turn-too-slowly** goes on as it is urgent.",
    );
    const wontfix = await world.run("documented-forms", {}, { context: { issueTitle: "wontfix: no" } });
    expect(wontfix).toMatchObject({
      status: "succeeded",
      node_statuses: { either: "skipped", "approve-each": "skipped", "sum-up": "succeeded" },
    });
  });

  test("two reviewers side by side, and a test that fails first", async () => {
    const { run } = await house("parallel-review", "tdd-loop");
    const phases = ["phase_0", "security", "linter", "together", "mend"];
    expect(story(await run("parallel-review", {})).phases).toEqual(all(phases, "succeeded"));
    expect(story(await run("parallel-review", { linter: { exit: 1 } }))).toMatchObject({
      end: "failed",
      phases: { security: "succeeded", linter: "failed", together: "skipped", mend: "skipped" },
    });
    const meanwhile = (workspace: string): void => {
      mkdirSync(workspace, { recursive: true });
      const scripts = { test: "test -e done || { touch done; exit 1; }" };
      writeFileSync(join(workspace, "package.json"), JSON.stringify({ scripts }));
    };
    expect(story(await run("tdd-loop", {}, { meanwhile }))).toEqual({
      end: "succeeded",
      phases: all(["write-test", "implement", "review"], "succeeded"),
      tries: [
        "write-test",
        "implement_iter_1",
        "implement_iter_1_check",
        "implement_iter_2",
        "implement_iter_2_check",
        "review",
      ],
    });
  });
});
