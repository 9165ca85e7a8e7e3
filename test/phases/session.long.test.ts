import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { sweep } from "../../src/engine/processes.ts";
import { tries } from "../support/grammar.ts";
import { acp, house, loop, notes, said, sessions } from "./talking.ts";

describe("with `session: continue` an agent", () => {
  test.for([
    ["cannot", "could not be taken up again"],
    ["refuses", "could not be taken up again"],
  ] as const)("that %s take it up again begins anew, which its session says", async ([manner, why]) => {
    const world = await house(loop(), { agent: acp(manner) });
    const run = await world.over(await world.start("talk"));
    expect(run.status).toBe("succeeded");
    expect(said(run)).toEqual(["round 1", "round 2", "round 3"]);
    expect(sessions(run)).toEqual([0, 1, 2]);
    expect(notes(world, run.executions[1]!.id)).toContainEqual(expect.stringContaining(why));
  });

  test("goes on with it after a daemon has given way to the next", async () => {
    const world = await house(loop("session: continue", ", interactive: true, gate_kind: reply"));
    const id = await world.start("talk");
    const waiting = await world.until(id, ({ approvals }) => approvals.some(({ status }) => status === "pending"));
    await world.restart();
    const [gate] = waiting.approvals;
    await world.engine.answer(gate!.id, { decision: "reply", by: "ana", comment: "go on" });
    const run = await world.until(id, ({ executions }) => executions[1]?.status === "ok");
    expect(said(run)).toEqual(["round 1", "round 1 | round 2"]);
  });

  test("goes on with it in a review loop's fixes and second looks", async () => {
    const world = await house(`
  - name: talk
    prompt: prompts/one.md
    session: continue
    loop: { max_cycles: 1, on_request_changes: { fix_prompt: prompts/fix.md, re_review_prompt: prompts/again.md } }
`);
    const run = await world.over(await world.start("talk"));
    expect(tries(run)).toEqual(["talk ok", "talk_fix_1 ok", "talk_recheck_1 ok"]);
    expect(said(run).at(-1)).toBe("one | fix it | look again");
  });

  test("goes on with it when a gate sends its work back", async () => {
    const world = await house(`
  - { name: talk, prompt: prompts/one.md, session: continue }
  - name: door
    type: approval
    approval: { on_reject: { rework: talk } }
`);
    const id = await world.start("talk");
    const asked = await world.until(id, ({ approvals }) => approvals.some(({ status }) => status === "pending"));
    await world.engine.answer(asked.approvals[0]!.id, { decision: "reject", by: "ana", comment: "no" });
    const run = await world.until(id, ({ executions }) => executions[1]?.status === "ok");
    expect(said(run)).toEqual(["one", "one | one"]);
  });

  test("whose try failed is tried again in a session of its own, which the round behind it goes on with", async () => {
    const world = await house(`
  - name: talk
    prompt: prompts/fail.md
    session: continue
    retry: { times: 1 }
    generic_loop: { max_iterations: 3, until: "false" }
`);
    const run = await world.over(await world.start("talk"));
    expect(tries(run)).toEqual(["talk_iter_1 ok", "talk_iter_2 error", "talk_iter_2 ok", "talk_iter_3 ok"]);
    expect(sessions(run)).toEqual([0, 0, 2, 2]);
    expect(said(run).at(-1)).toBe("fail once in round 2 | fail once in round 3");
    expect(notes(world, run.executions[2]!.id)).toEqual([expect.stringContaining("did not end well")]);
    expect(run.executions.map(({ input }) => Object.hasOwn(input as object, "session"))).toEqual([
      false,
      true,
      false,
      true,
    ]);
  });

  test("whose programs are gone without a trace has left the name of its session, and is not gone on with", async () => {
    const world = await house("  - { name: talk, prompt: prompts/wait.md, session: continue, retry: { times: 1 } }\n");
    const id = await world.start("talk");
    await vi.waitFor(() => expect(existsSync(join(world.workspace(id), "before"))).toBe(true), WAIT);
    const tried = async () => (await world.store.run(id))!.executions[0]!;
    await vi.waitFor(async () => expect((await tried()).runtime_session_id).not.toBeNull(), WAIT);
    sweep((await tried()).id, 0);
    const run = await world.over(id);
    expect(tries(run)).toEqual(["talk interrupted", "talk ok"]);
    expect(run.executions[0]).toMatchObject({ failure: "lost" });
    expect(sessions(run)).toEqual([0, 1]);
    expect(said(run).at(-1)).toBe("wait once");
  });

  test("begins anew where an operator has the phase tried again", async () => {
    const world = await house(loop());
    const id = await world.start("talk");
    await world.over(id);
    await world.engine.retry(id, "talk", "ana");
    const run = await world.until(id, ({ executions, status }) => executions.length === 6 && status === "succeeded");
    expect(said(run).slice(3)).toEqual(["round 1", "round 1 | round 2", "round 1 | round 2 | round 3"]);
    expect(sessions(run)).toEqual([0, 0, 0, 3, 3, 3]);
  });

  test("whose session bears the name of a path is not asked for it: nothing of that name is kept", async () => {
    const world = await house(loop(), { agent: acp("resumes ../../../etc/passwd") });
    const run = await world.over(await world.start("talk"));
    expect(run.executions.map((each) => each.runtime_session_id)).toEqual([null, null, null]);
    expect(run.executions.map(({ input }) => Object.hasOwn(input as object, "session"))).not.toContain(true);
  });
});

const WAIT = { timeout: 20_000, interval: 10 };
