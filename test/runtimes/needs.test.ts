import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { claude } from "../../src/runtimes/claude.ts";
import { codex } from "../../src/runtimes/codex.ts";
import { pi } from "../../src/runtimes/pi.ts";
import { temporaryFolder } from "../support/world.ts";

function put(...names: string[]): string {
  const file = join(...(names as [string, ...string[]]));
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, "#!/bin/sh\n");
  chmodSync(file, 0o755);
  return file;
}

test("an agent that npm installed is shown with its links and with the packages around it", () => {
  const folder = temporaryFolder();
  const real = put(folder, "lib/node_modules/@anthropic-ai/claude-code/cli.js");
  mkdirSync(join(folder, "bin"));
  symlinkSync(real, join(folder, "bin/claude"));
  const { reads } = claude.needs(join(folder, "bin"), []);
  expect(reads).toEqual([join(folder, "bin"), join(folder, "lib/node_modules")]);
});

test("an agent in somebody's home is shown alone, and nothing that lies beside it", () => {
  const folder = temporaryFolder();
  put(folder, "claude");
  expect(claude.needs(folder, []).reads).toEqual([join(folder, "claude"), join(folder, "claude")]);
});

test("one that is to go on with a session is shown what starts it, too, and otherwise not", () => {
  const session = { id: "s", of: "e", before: {} };
  for (const each of [claude, codex]) {
    expect(each.needs("/nowhere", [], session).reads).toContain(process.execPath);
    expect(each.needs("/nowhere", [], null).reads).toEqual([]);
  }
});

test("hosts are open for the keys an agent has, and of Claude's own for any login", () => {
  expect(claude.needs("/nowhere", ["GITHUB_TOKEN"]).hosts).toEqual(["api.anthropic.com"]);
  expect(pi.needs("/nowhere", ["GITHUB_TOKEN"]).hosts).toEqual([]);
  expect(pi.needs("/nowhere", ["OPENROUTER_API_KEY", "GEMINI_API_KEY"]).hosts).toEqual([
    "generativelanguage.googleapis.com",
    "openrouter.ai",
  ]);
});

test("an agent of many providers has the key of the one whose model it is to use", () => {
  expect(pi.keys("openai/gpt-5")).toContain("OPENAI_API_KEY");
  expect(pi.keys("openai/gpt-5")).not.toContain("ANTHROPIC_API_KEY");
  expect(pi.keys("constructor")).toEqual([]);
  expect(pi.keys(null)).toEqual([]);
});
