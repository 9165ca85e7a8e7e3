import { readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { notes } from "../phases/talking.ts";
import { refusal, text } from "../support/llm/script.ts";
import { sessionWorld } from "./pi-sessions.ts";

type World = Awaited<ReturnType<typeof sessionWorld>>;

/** Says what a person would to the loop's question, once `meanwhile` has been seen to. */
async function replied(world: World, meanwhile: () => unknown) {
  const id = await world.start("talk");
  const asked = await world.until(id, ({ approvals }) => approvals.some(({ status }) => status === "pending"));
  await meanwhile();
  await world.engine.answer(asked.approvals[0]!.id, { decision: "reply", by: "ana", comment: "go on" });
  return world.over(id);
}
const prompts = (world: World) => world.model.heard.map((each) => each.prompts);
const TWO = [["Think, round 1"], ["Think, round 1", "Think, round 2"]];
const ALONE = [["Think, round 1"], ["Think, round 2"]];

describe("pi's conversation", () => {
  test("goes on after a daemon has given way to the next one between its rounds", async () => {
    const world = await sessionWorld([text("Clouds"), text("READY")], "gate");
    const run = await replied(world, () => world.restart());
    expect(run.status).toBe("succeeded");
    expect(prompts(world)).toEqual(TWO);
  });

  test("that is gone begins anew, and the work goes on", async () => {
    const world = await sessionWorld([text("Clouds"), text("READY")], "gate");
    const run = await replied(world, () => rmSync(join(world.agentFolder, "sessions"), { recursive: true }));
    expect(run).toMatchObject({ status: "succeeded", executions: [{ status: "ok" }, { output: "READY" }] });
    expect(notes(world, run.executions[1]!.id)).toContainEqual(expect.stringContaining("a new one begins"));
    expect(prompts(world)).toEqual(ALONE);
  });

  test("of which only rubbish is left begins anew, and the work goes on", async () => {
    const world = await sessionWorld([text("Clouds"), text("READY")], "gate");
    const spoil = () => {
      const sessions = join(world.agentFolder, "sessions");
      const files = readdirSync(sessions, { recursive: true, encoding: "utf8" }).filter((each) => /l$/.test(each));
      expect(files).toHaveLength(1);
      writeFileSync(join(sessions, files[0]!), "\u0000{\n");
    };
    const run = await replied(world, spoil);
    expect(run).toMatchObject({ status: "succeeded", executions: [{ status: "ok" }, { output: "READY" }] });
    expect(prompts(world)).toEqual(ALONE);
  });

  test("in which the model was refused for a while tells so, and each time counts", async () => {
    const world = await sessionWorld([refusal(529), text("Clouds"), text("READY")]);
    const run = await world.over(await world.start("talk"));
    expect(run.executions.map(({ retries }) => retries)).toEqual([1, 0]);
  });

  test("is begun anew by another try of a round that failed", async () => {
    const world = await sessionWorld(
      [text("Clouds"), refusal(400, { message: "Not like this" }), text("READY")],
      "    retry: { times: 1 }\n",
    );
    const run = await world.over(await world.start("talk"));
    expect(run.executions.map(({ status }) => status)).toEqual(["ok", "error", "ok"]);
    expect(prompts(world)).toEqual([...TWO, ["Think, round 2"]]);
    const [first, second, third] = run.executions.map((each) => each.runtime_session_id);
    expect([second === first, third === first]).toEqual([true, false]);
  });
});
