import { describe, expect, test, vi } from "vitest";
import { carriers } from "../../src/engine/processes.ts";
import { kept } from "./kept.ts";
import { exited, parsed, speaking } from "./speaking.ts";

describe("an agent that speaks ACP", () => {
  test("is told which model, where it lets one choose; one it does not have is refused in its own words", async () => {
    const runtime = speaking("model");
    const large = exited(await kept().run(runtime, { model: "large" }));
    expect(large.report?.text).toBe("large");
    const none = exited(await kept().run(runtime, { model: "huge" }));
    expect(none).toMatchObject({
      code: 70,
      stderr: { text: 'the agent refuses the model "huge": Invalid params\n' },
    });
    const variant = exited(await kept().run(runtime, { variant: "high" }));
    expect(variant).toMatchObject({
      code: 70,
      stderr: { text: 'this agent lets nobody choose its thought_level; leave "high" out of the phase\n' },
    });
  });

  test("that refuses the prompt has failed, though it ended in good order", async () => {
    const ended = exited(await kept().run(speaking("refuses")));
    expect(ended.code).toBe(0);
    expect(ended.report).toMatchObject({ status: "error", error: expect.stringContaining("Internal error") });
  });

  test("that dies in the middle has failed, and how is told", async () => {
    const world = kept();
    const ended = exited(await world.run(speaking("dies")));
    expect(ended.code).toBe(70);
    expect(ended.stderr.text.trimEnd().split("\n").at(-1)).toBe(
      "the agent ended without an answer to its prompt: exit 3: out of memory",
    );
    expect(ended.report?.status).toBe("lost");
  });

  test("may say a megabyte in one line", async () => {
    const world = kept();
    const ended = exited(await world.run(speaking("large")));
    expect(ended.code).toBe(0);
    expect(ended.report?.text).toBe(`${"drop ".repeat(200_000)}\u2028`);
  });

  test("is told of a cancelled run, and answers before it goes", async () => {
    const world = kept();
    const running = world.run(speaking("waits"));
    await vi.waitFor(() => expect(world.printed()).toContain("waiting"), WAIT);
    world.abort.abort();
    expect((await running).type).toBe("cancelled");
    const told = parsed(world.printed());
    expect(told.at(-2)).toMatchObject({ dir: ">", method: "session/cancel" });
    expect(told.at(-1)).toMatchObject({ dir: "<", result: { stopReason: "cancelled" } });
    expect(carriers(world.execution, 0)).toEqual([]);
  });

  test("and is deaf to the end of its run is ended all the same", async () => {
    const world = kept();
    const running = world.run(speaking("deaf"));
    await vi.waitFor(() => expect(world.printed()).toContain("waiting"), WAIT);
    world.abort.abort();
    expect((await running).type).toBe("cancelled");
    expect(parsed(world.printed()).at(-1)).toMatchObject({ method: "session/cancel" });
    expect(carriers(world.execution, 0)).toEqual([]);
  });
});

const WAIT = { timeout: 20_000, interval: 10 };
