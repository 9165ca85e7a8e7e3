import { expect, test } from "vitest";
import { text } from "../support/llm/script.ts";
import { sessionWorld } from "./pi-sessions.ts";

test("pi goes on with its conversation in a loop's next round, and is billed for each round alone", async () => {
  const world = await sessionWorld([text("Clouds"), text("READY")]);
  const run = await world.over(await world.start("talk"));
  expect(run.executions).toMatchObject([
    { status: "ok", output: "Clouds", cost_usd: 0.00585, turns: 1, input_tokens: 1200, output_tokens: 57 },
    { status: "ok", output: "READY", cost_usd: 0.00585, turns: 1, input_tokens: 1200, output_tokens: 57 },
  ]);
  const [first, second] = run.executions;
  expect(second?.runtime_session_id).toBe(first?.runtime_session_id);
  expect(first?.runtime_session_id).toMatch(/^[0-9a-f-]{36}$/);
  expect(world.model.heard.map(({ prompts }) => prompts)).toEqual([
    ["Think, round 1"],
    ["Think, round 1", "Think, round 2"],
  ]);
  expect(JSON.stringify(world.model.heard[1]?.body)).toContain("Clouds");
});
