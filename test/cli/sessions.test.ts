import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { decodeLine } from "../../src/store/files/session-line.ts";
import { type Raw, recording } from "../runtimes/streams.ts";
import { temporaryFolder } from "../support/world.ts";
import { environment, eventually, lastlight, ROOT } from "./command.ts";

const translate = (...argv: string[]) =>
  lastlight(["sessions", "translate", ...argv], environment(temporaryFolder(), { LASTLIGHT_PORT: "9" }));

/** Lines as a reader of the file would find them. */
function linesIn(stdout: string): Raw[] {
  return stdout
    .split("\n")
    .slice(0, -1)
    .map((line) => decodeLine(Buffer.from(line)));
}

test("a recorded stream becomes the lines of a session file, and on stderr what it came to", async () => {
  const said = await translate("--runtime", "claude", recording("claude/tool").path);
  expect(said).toMatchObject({ code: 0 });
  const lines = linesIn(said.stdout);
  expect(lines).not.toContain(null);
  expect(lines.map(({ type }) => type)).toEqual(["assistant", "user", "assistant", "user", "assistant", "result"]);
  expect(lines.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6]);
  expect(lines.map(({ parentUuid }) => parentUuid)).toEqual([null, ...lines.slice(0, -1).map(({ uuid }) => uuid)]);
  expect(new Set(lines.map(({ sessionId }) => sessionId))).toEqual(new Set(["c1703838-d6cb-40bd-89ee-e3ae6b2fc5f9"]));
  expect(said.stderr).toBe(
    "messages: 5, calls of tools: 2; tokens: 3600 in, 171 out, 2700 read from the cache, 900 written to it; " +
      "0.01755 USD; ok\n",
  );
});

test("translated again, it is the same to the byte", async () => {
  const { path } = recording("codex/par");
  const [one, two] = await Promise.all([translate("--runtime", "codex", path), translate("--runtime", "codex", path)]);
  expect(one).toEqual(two);
});

test("a stream of an agent that failed is translated like any other", async () => {
  const said = await translate("--runtime", "opencode", recording("opencode/err400").path);
  expect(said).toMatchObject({ code: 0 });
  expect(said.stderr).toBe(
    "messages: 1, calls of tools: 0; tokens unknown; cost unknown; error: invalid request (stub)\n",
  );
  expect(linesIn(said.stdout).at(-1)).toMatchObject({ type: "result", is_error: true });
});

test("without a file it reads stdin, while it comes", async () => {
  const argv = [`${ROOT}/src/main.ts`, "sessions", "translate", "--runtime", "agentic"];
  const child = spawn(process.execPath, argv, { env: environment(temporaryFolder()), stdio: ["pipe", "pipe", "pipe"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  let stdout = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  const { bytes } = recording("agentic-pi/par");
  const half = bytes.indexOf('"message_end","message":{"role":"toolResult"');
  child.stdin.write(bytes.subarray(0, half));
  await eventually(async () => (stdout.includes('"tool_use"') ? stdout : null));
  expect(stdout).not.toContain('"result"');
  child.stdin.end(bytes.subarray(half));
  await once(child, "close");
  expect(linesIn(stdout).at(-1)).toMatchObject({ type: "result", subtype: "success" });
});

test("garbage is no session, and no fault of the command", async () => {
  const path = join(temporaryFolder(), "garbage");
  writeFileSync(path, Buffer.from([0xff, 0xfe, 0x00, 0x0a, 0x7b, 0x0a, 0xc3]));
  const said = await translate("--runtime", "pi", path);
  expect(said.code).toBe(0);
  expect(linesIn(said.stdout)).toMatchObject([{ isApiErrorMessage: true }, { type: "result", is_error: true }]);
  expect(said.stderr).toBe("messages: 1, calls of tools: 0; tokens unknown; cost unknown; lost\n");
});

test.each([
  [
    ["--runtime", "cobol", "x"],
    '"cobol" is no runtime. Those that can be read: pi, agentic, claude, codex, acp, opencode, gemini\n',
  ],
  [["--runtime", "pi", "/nowhere.jsonl"], "/nowhere.jsonl cannot be read\n"],
  [["--runtime", "pi", "/"], "/ cannot be read\n"],
  [["x"], "required option '--runtime <name>' not specified\n"],
])("%j is refused, with a reason", async (argv, reason) => {
  const said = await translate(...argv);
  expect(said).toMatchObject({ code: 2, stdout: "" });
  expect(said.stderr.startsWith(reason), said.stderr).toBe(true);
});
