import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { pi } from "../../src/runtimes/pi.ts";
import { calls, text } from "../support/llm/script.ts";
import { lastOf, piWorld } from "./pi-world.ts";

describe("an agent that is pi", () => {
  test("writes a file where the run works, says so, and what it used is counted", async () => {
    const world = await piWorld([calls(["write", { path: "note.txt", content: "Drip\u2028drop 🌧" }]), text("Done")]);
    const run = await world.over(await world.start("one"));
    expect(run).toMatchObject({ status: "succeeded" });
    expect(lastOf(run)).toMatchObject({
      output: "Done",
      cost_usd: 0.0117,
      turns: 2,
      input_tokens: 2400,
      output_tokens: 114,
    });
    expect(readFileSync(join(world.workspace(run.id), "note.txt"), "utf8")).toBe("Drip\u2028drop 🌧");
    const [first, second] = world.model.heard;
    expect(first?.prompts).toEqual(["Think of rain"]);
    expect(second?.results).toEqual([{ call: "toolu_1_0", text: expect.stringContaining("note.txt") }]);
    // The stream is pi's own, whole: from its name to the sign that it will do no more.
    const stream = world.stream(run);
    expect(stream[0]).toMatchObject({
      type: "response",
      command: "get_state",
      data: { sessionId: expect.any(String) },
    });
    expect(stream.at(-1)).toEqual({ type: "agent_settled" });
  });

  test("is refused a model that is no name but an option", async () => {
    const world = await piWorld([], { model: "--approve" });
    const run = await world.over(await world.start("one"));
    expect(lastOf(run)).toMatchObject({
      error: 'template.failed: "--approve" cannot be handed to an agent as --model',
    });
    expect(world.model.heard).toEqual([]);
  });
});

test("whether pi is there is told with where it is", () => {
  expect(pi.available("/nowhere")).toEqual({ found: expect.stringMatching(/node_modules\/\.bin\/pi$/) });
});
