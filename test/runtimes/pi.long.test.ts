import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { carriers, executionsAlive } from "../../src/engine/processes.ts";
import { OURS, pi } from "../../src/runtimes/pi.ts";
import { calls, forever, type Reply, refusal, text, times } from "../support/llm/script.ts";
import { pidIn } from "../support/programs.ts";
import { kept } from "./kept.ts";
import { lastOf, piWorld } from "./pi-world.ts";

describe("an agent that is pi", () => {
  test("that was refused a while tries again by itself, and each time is seen", async () => {
    const world = await piWorld([...times(2, refusal(500)), text("At last")]);
    const run = await world.over(await world.start("one"));
    expect(lastOf(run)).toMatchObject({ status: "ok", output: "At last" });
    const retries = world.stream(run).filter(({ type }) => type === "auto_retry_start");
    expect(retries).toMatchObject([{ attempt: 1 }, { attempt: 2 }]);
  });

  test("that is refused for ever fails as an agent does, though its program ends in good order", async () => {
    const world = await piWorld(forever(refusal(500, { message: "A storm" })));
    const run = await world.over(await world.start("one"));
    expect(lastOf(run)).toMatchObject({
      status: "error",
      failure: "agent_error",
      error: expect.stringContaining("A storm"),
    });
    expect(world.stream(run).filter(({ type }) => type === "auto_retry_start")).toHaveLength(3);
    expect(world.model.heard).toHaveLength(4);
  });

  test("is told of a cancelled run, says where it was, and nothing of it lives on", async () => {
    const world = await piWorld(forever(text("I think and think", { midway: new Promise(() => {}) })));
    const id = await world.start("one");
    await world.model.asked(1);
    const [execution = ""] = (await world.store.run(id))!.executions.map((each) => each.id);
    const stdout = join(world.folder, "spool", execution, "stdout");
    await vi.waitFor(() => expect(grown(readFileSync(stdout, "utf8"))).toBe("I think and think"), WAIT);
    await world.engine.cancel(id, "ana");
    const run = await world.over(id);
    expect(run.status).toBe("cancelled");
    await vi.waitFor(() => expect(executionsAlive()).not.toContain(execution), WAIT);
    const stream = world.stream(run);
    // A clean end: pi says itself that it was aborted, with what had been said until then.
    expect(stream.findLast(({ type }) => type === "message_end")).toMatchObject({
      message: { stopReason: "aborted", content: [{ type: "text", text: "I think and think" }] },
    });
    expect(stream.map(({ type }) => type)).toContain("agent_settled");
  });

  test("without the model that is asked for says which", async () => {
    const world = await piWorld([], { model: "nosuch/model" });
    const run = await world.over(await world.start("one"));
    expect(lastOf(run)).toMatchObject({
      failure: "agent_error",
      error: expect.stringContaining('Model "nosuch/model" not found'),
    });
  });

  test.for(["anthropic-messages", "openai-completions", "openai-responses"])("asks its model in %s", async (api) => {
    const script = [
      calls(["bash", { command: "printf one" }], ["bash", { command: "printf two >&2; exit 3" }]),
      text("Done"),
    ];
    const world = await piWorld(script, { api });
    const run = await world.over(await world.start("one"));
    expect(lastOf(run)).toMatchObject({ status: "ok", output: "Done", turns: 2 });
    const results = world.model.heard[1]?.results.map((each) => each.text);
    expect(results).toEqual([expect.stringMatching(/^one/), expect.stringMatching(/^two(.|\n)*code 3/)]);
  });

  test.for<[string, Reply, string]>([
    ["whose model refuses the request", refusal(400, { message: "Not like this" }), "Not like this"],
    ["whose key is refused", refusal(401, { message: "Not by you" }), "Not by you"],
  ])("%s has failed at once, and why is told", async ([, reply, why]) => {
    const world = await piWorld(forever(reply));
    const run = await world.over(await world.start("one"));
    expect(lastOf(run)).toMatchObject({ failure: "agent_error", error: expect.stringContaining(why) });
    expect(world.model.heard).toHaveLength(1);
  });

  test("whose model is cut off in mid-sentence asks again", async () => {
    const world = await piWorld([text("never whole ".repeat(100), { dropped: 0.5 }), text("Whole")]);
    const run = await world.over(await world.start("one"));
    expect(lastOf(run)).toMatchObject({ status: "ok", output: "Whole" });
  });

  test("is cancelled in the middle of a tool, and what the tool started dies too, wherever it hid", async () => {
    const command = "setsid sleep 1000 & echo $! > hidden; sleep 1000 & echo $! > child; wait";
    const world = await piWorld(forever(calls(["bash", { command }])));
    const id = await world.start("one");
    const pids = [await pidIn(join(world.workspace(id), "hidden")), await pidIn(join(world.workspace(id), "child"))];
    const execution = (await world.store.run(id))!.executions[0]!.id;
    expect(carriers(execution, 0)).toEqual(expect.arrayContaining(pids));
    await world.engine.cancel(id, "ana");
    const run = await world.over(id);
    await vi.waitFor(() => expect(carriers(execution, 0)).toEqual([]), WAIT);
    expect(world.stream(run).findLast(({ type }) => type === "tool_execution_end")).toMatchObject({ isError: true });
    expect(world.stream(run).map(({ type }) => type)).toContain("agent_settled");
  });

  test("whose time is over is told so, and ends in good order", async () => {
    const world = await piWorld(forever(text("on and on", { midway: new Promise(() => {}) })), {
      phase: "    timeout_seconds: 8\n",
    });
    const run = await world.over(await world.start("one"));
    expect(lastOf(run)).toMatchObject({ failure: "timeout" });
    expect(world.stream(run).map(({ type }) => type)).toContain("agent_settled");
  });

  test("goes on without its daemon, and the next one hears it out", async () => {
    const going = Promise.withResolvers<void>();
    const world = await piWorld([calls(["bash", { command: "true" }]), text("Done", { midway: going.promise })]);
    const id = await world.start("one");
    await world.model.asked(2);
    await world.restart();
    going.resolve();
    const run = await world.over(id);
    expect(lastOf(run)).toMatchObject({ status: "ok", output: "Done", turns: 2 });
    expect(run.executions).toHaveLength(1);
    expect(world.model.heard).toHaveLength(2);
  });

  test("whose program is killed has failed, and how is told", async () => {
    const world = await piWorld(forever(calls(["bash", { command: "echo $PPID > pid; sleep 1000" }])));
    const id = await world.start("one");
    process.kill(await pidIn(join(world.workspace(id), "pid")), "SIGKILL");
    const run = await world.over(id);
    expect(lastOf(run)).toMatchObject({
      failure: "lost",
      error: "exit 70: pi ended without a terminal event: SIGKILL",
    });
    await vi.waitFor(() => expect(executionsAlive()).not.toContain(lastOf(run).id), WAIT);
  });

  test("whose driver is killed has failed, and nothing of it lives on", async () => {
    const world = await piWorld(forever(calls(["bash", { command: "echo $PPID > pid; sleep 1000" }])));
    const id = await world.start("one");
    const pid = await pidIn(join(world.workspace(id), "pid"));
    process.kill(parentOf(pid), "SIGKILL");
    const run = await world.over(id);
    expect(lastOf(run)).toMatchObject({ status: "error", failure: "lost" });
    await vi.waitFor(() => expect(carriers(lastOf(run).id, 0)).toEqual([]), WAIT);
  });

  test("that is not there is missed by name, with how to get it", async () => {
    const ended = await kept("/usr/bin:/bin").run({
      ...pi,
      program: (ask) => {
        const made = pi.program(ask);
        const [shell, ...words] = made.argv;
        return { ...made, argv: [shell, ...words.map((each) => (each === OURS ? "/nowhere/pi" : each))] };
      },
    });
    expect(ended).toMatchObject({
      code: 127,
      stderr: {
        text: "pi was not found on the PATH. Install it: npm install -g @earendil-works/pi-coding-agent@0.87.1\n",
      },
    });
  });
});

function parentOf(pid: number): number {
  return Number(/^PPid:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
}

const WAIT = { timeout: 20_000, interval: 10 };

/** Words as they grow in pi's stream, a piece per line; the last line may not be whole yet. */
function grown(printed: string): string {
  return printed
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line).assistantMessageEvent ?? {})
    .filter(({ type }) => type === "text_delta")
    .map(({ delta }) => delta)
    .join("");
}
