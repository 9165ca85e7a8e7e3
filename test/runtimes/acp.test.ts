import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { acp } from "../../src/runtimes/acp.ts";
import { wordsOf } from "../../src/runtimes/words.ts";
import { ASK, kept } from "./kept.ts";
import { exited, parsed, speaking } from "./speaking.ts";

describe("an agent that speaks ACP", () => {
  test("works where the run works, is allowed what it asks for once, and is heard to its last words", async () => {
    const world = kept();
    const runtime = speaking("plain");
    const ended = exited(await world.run(runtime, { prompt: "Write\u2028it: $(id) 'now'" }));
    expect(ended.code).toBe(0);
    expect(ended.report).toMatchObject({
      status: "ok",
      text: "Done: wrote it 🌧\u2028.",
      usage: { inputTokens: 10, outputTokens: 5 },
      turns: 2,
    });
    expect(JSON.parse(readFileSync(join(world.workspace, "note.txt"), "utf8"))).toEqual({
      prompt: [{ type: "text", text: "Write\u2028it: $(id) 'now'" }],
      outcome: { outcome: "selected", optionId: "once" },
    });
  });

  test("has both sides of its conversation written down, in order, a line each", async () => {
    const world = kept();
    await world.run(speaking("plain"));
    const told = parsed(world.printed());
    const names = told.map(({ dir, method, id }) => `${dir} ${method ?? `answer ${id}`}`);
    expect(names.filter((each) => !each.endsWith("session/update"))).toEqual([
      "> initialize",
      "< answer 0",
      "> session/new",
      "< answer 1",
      "> session/prompt",
      "< session/request_permission",
      "> answer 0",
      "< answer 2",
    ]);
    expect(told[0]).toMatchObject({
      params: { clientCapabilities: { fs: { readTextFile: false, writeTextFile: false }, terminal: false } },
    });
  });

  test("is lent neither files nor terminals", async () => {
    const ended = exited(await kept().run(speaking("curious")));
    expect(ended.report?.text).toBe("-32601 -32601 -32601");
  });

  test("that is not there is missed by its name", async () => {
    const ended = exited(await kept().run(acp("acp:no-such-agent --acp")!));
    expect(ended).toMatchObject({
      code: 127,
      stderr: { text: expect.stringMatching(/^no-such-agent was not found\. /) },
    });
  });
});

test.for<[string, readonly string[]]>([
  ["opencode acp", ["opencode", "acp"]],
  [`  a  'b c' "d 'e'" f\\ g h"i j"k ''`, ["a", "b c", "d 'e'", "f g", "hi jk", ""]],
  ["a; rm -rf $HOME && `id` | tee > b", ["a;", "rm", "-rf", "$HOME", "&&", "`id`", "|", "tee", ">", "b"]],
])("the command %j is the words %j", ([command, words]) => {
  expect(wordsOf(command)).toEqual(words);
});

test.for(["", "  ", "a 'b", 'a "', "a\\", "'' a"])("the command %j is refused", (command) => {
  expect(() => acp(`acp:${command}`)!.program(ASK)).toThrow(/cannot be started/);
});

test("of a family's names only its own are taken; whether one is there is told with what to do", () => {
  expect(acp("pi")).toBeNull();
  expect(acp("acp:sh -c x")?.available("/nowhere:/bin")).toEqual({ found: "/bin/sh" });
  expect(acp("acp:no-such-agent")?.available("/bin")).toMatchObject({ missing: "no-such-agent was not found" });
});
