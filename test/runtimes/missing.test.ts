import { expect, test } from "vitest";
import { agentic } from "../../src/runtimes/agentic.ts";
import { claude } from "../../src/runtimes/claude.ts";
import { codex } from "../../src/runtimes/codex.ts";
import { ASK, kept } from "./kept.ts";

const bare = "/usr/bin:/bin";
const commands = [claude, codex, agentic];

test.for(commands)("$name that is not there fails with what to do about it, as doctor is told", async (runtime) => {
  const told = runtime.available(bare);
  if (!("missing" in told)) throw new Error("this machine has it where no test expects it");
  const ended = await kept(bare).run(runtime);
  expect(ended).toMatchObject({ code: 127, stderr: { text: `${told.missing}. ${told.remedy}\n` } });
});

test.for(commands)("of what an author wrote nothing reaches $name by a shell", ({ program }) => {
  const { argv } = program({ ...ASK, prompt: "$(id)", model: "a;$(id)", variant: "`id`" });
  expect(argv.slice(0, 2)).toEqual(["sh", "-c"]);
  expect(argv[2]).not.toMatch(/\bid\b/);
  expect(argv.join("\n")).not.toContain('"$(id)"');
  expect(argv).toContain("a;$(id)");
});

test.for(commands)("a model that $name would read as an option is refused", ({ program }) => {
  for (const model of ["-c", "--dangerously", "", "a\nb", "x".repeat(301)])
    expect(() => program({ ...ASK, model })).toThrow(/cannot be handed to an agent/);
});
