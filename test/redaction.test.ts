import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import type { RunBody } from "../src/http/api.ts";
import { endPrograms, startDaemon } from "./support/daemon.ts";
import { temporaryFolder } from "./support/world.ts";

const TOKEN = "ghp_aB3dE-fGh7hIjKlMn0pQrStUvWxYz012345";
const TOLD = [
  TOKEN,
  Buffer.from(`x${TOKEN}`).toString("base64").slice(2, -4),
  Buffer.from(TOKEN).toString("hex"),
  [...TOKEN].reverse().join(""),
  [...TOKEN].join("\\n"),
];
const YAML = `
name: tells
secrets: [TOKEN]
phases:
  - name: prints
    type: script
    runtime: js
    secrets: [TOKEN]
    script: |
      const { writeFileSync } = require("node:fs");
      const token = process.env.TOKEN;
      console.log("begin " + token);
      console.log(Buffer.from("x" + token).toString("base64"), Buffer.from(token).toString("hex"), encodeURIComponent(token));
      console.log([...token].reverse().join(""), [...token].join("\\n"));
      console.error("warned of " + token);
      writeFileSync("told.json", JSON.stringify({ token, [token]: 1 }));
    outputs: { told: { from: json, path: told.json }, words: { from: file, path: told.json } }
  - name: large
    type: bash
    depends_on: []
    secrets: [TOKEN]
    command: 'printf "%065521d" 0; echo "$TOKEN"; printf "%s\\\\377" "$TOKEN"'
  - { name: thinks, depends_on: [], prompt: prompts/think.md, agent: agentic, secrets: [TOKEN] }
  - name: reads
    type: bash
    depends_on: [prints, large, thinks]
    command: 'cat "$LASTLIGHT_OUTPUTS"/prints "$LASTLIGHT_OUTPUTS"/thinks; tail -c 60 "$LASTLIGHT_OUTPUTS"/large | od -An -c -w60'
  - { name: asks, type: approval, depends_on: [reads], approval: { summary: "{{ phases.thinks.output }} {{ phases.prints.outputs.told.token }}" } }
`;
const FAILS = `
name: fails
secrets: [TOKEN]
phases: [{ name: fails, type: bash, secrets: [TOKEN], command: 'echo "no use: $TOKEN" >&2; exit 3' }]
`;
const AGENT = `#!${process.execPath}
const token = process.env.TOKEN;
const say = (line) => console.log(JSON.stringify({ ...line, sessionId: "01a1fcd7-01a1-760f-8207-547d932783fe" }));
const message = (content, stopReason) => say({ type: "message_end", message: { role: "assistant", content, model: token, usage: { input: 1, output: 1 }, stopReason } });
say({ type: "agent_start" });
say({ type: "turn_start" });
message([
  { type: "text", text: "I have " + token },
  { type: "toolCall", id: "call " + token, name: "bash", arguments: { command: "echo " + token, [token]: [...token], bytes: [...Buffer.from(token)] } },
], "toolUse");
say({ type: "tool_execution_start", toolCallId: "call " + token, toolName: "bash", args: {} });
say({ type: "tool_execution_end", toolCallId: "call " + token, toolName: "bash", result: { content: [{ type: "text", text: token }] }, isError: false });
say({ type: "turn_start" });
message([{ type: "text", text: "It is " + token + "." }], "stop");
say({ type: "agent_end", messages: [] });
console.error(token);
`;

/** Every file below a folder, but for what lies in these of its own folders. */
function filesIn(folder: string, but: readonly string[]): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
    .filter((path) => but.every((each) => !path.startsWith(join(folder, each))));
}

test("a secret that programs and agents tell stands in no row, session, log, answer or copy for others, only in the spool", async () => {
  const folder = temporaryFolder();
  const [bin, workflows, stateDir] = ["bin", "workflows", "state"].map((each) => join(folder, each)) as [
    string,
    string,
    string,
  ];
  mkdirSync(bin);
  mkdirSync(join(workflows, "prompts"), { recursive: true });
  writeFileSync(join(bin, "agentic-pi"), AGENT, { mode: 0o755 });
  writeFileSync(join(workflows, "tells.yaml"), YAML);
  writeFileSync(join(workflows, "fails.yaml"), FAILS);
  writeFileSync(join(workflows, "prompts/think.md"), "Think");
  const environment = {
    PATH: `${bin}${delimiter}${process.env.PATH}`,
    LASTLIGHT_SECRET_TOKEN: TOKEN,
    LASTLIGHT_UNSAFE_NO_SANDBOX: "1",
  };
  const daemon = startDaemon({ stateDir, workflows, environment });
  onTestFinished(async () => {
    daemon.kill("SIGKILL");
    await daemon.ended;
    endPrograms(stateDir);
  });
  const client = await daemon.ready;
  const answers: string[] = [];
  const executions: RunBody["executions"][number][] = [];
  for (const [workflow, end] of [
    ["tells", "paused"],
    ["fails", "failed"],
  ] as const) {
    const { id: run } = await client.startRun({ workflow });
    for await (const news of client.watchRun(run)) {
      answers.push(JSON.stringify(news));
      if (news.status === end) break;
    }
    const detail = await client.run(run);
    answers.push(JSON.stringify(detail));
    executions.push(...detail.executions);
  }
  answers.push(JSON.stringify(await client.approvals()));
  for (const { id } of executions) {
    answers.push(JSON.stringify(await client.session(id)));
    for await (const news of client.watchSession(id)) answers.push(JSON.stringify(news));
  }
  const of = (name: string) => executions.find(({ phase }) => phase === name);
  expect(of("prints")?.output).toMatch(/^begin \[secret TOKEN\]\n/);
  expect(of("fails")).toMatchObject({ status: "error", error: "exit 3: no use: [secret TOKEN]" });
  expect(of("thinks")).toMatchObject({ status: "ok", output: "It is [secret TOKEN]." });
  expect(of("large")).toMatchObject({ status: "ok", output_bytes: 65_521 + 2 * (TOKEN.length + 1) });
  expect(of("large")?.output?.slice(-17)).toBe("00[secret TOKEN]\n");
  expect(of("reads")?.output).toContain(of("prints")?.output);
  expect(of("reads")?.output).toMatch(/\[ {3}s {3}e {3}c {3}r.*\] +377\n$/);
  expect(JSON.stringify(await client.approvals())).toContain("It is [secret TOKEN]. [secret TOKEN]");

  const secretive = (text: string) => TOLD.filter((each) => text.includes(each));
  for (const each of answers) expect(secretive(each)).toEqual([]);
  daemon.kill("SIGTERM");
  await daemon.ended;
  const kept = filesIn(stateDir, ["spool", "workspaces"]);
  expect(kept.filter((path) => path.endsWith(".jsonl"))).toHaveLength(5);
  expect(kept.some((path) => path.includes("/outputs/"))).toBe(true);
  expect(kept.filter((path) => secretive(readFileSync(path, "latin1")).length > 0)).toEqual([]);
  const raw = filesIn(join(stateDir, "spool"), []).filter((path) => readFileSync(path, "latin1").includes(TOKEN));
  expect(raw.some((path) => path.endsWith("stdout"))).toBe(true);
});

test("a log line tells no secret, and stays a line of JSON", () => {
  const log = fileURLToPath(new URL("../src/log.ts", import.meta.url));
  const redaction = fileURLToPath(new URL("../src/domain/redaction.ts", import.meta.url));
  const script = `
    const { createLog } = await import(${JSON.stringify(log)});
    const { redactor } = await import(${JSON.stringify(redaction)});
    const log = createLog("info", redactor({ TOKEN: ${JSON.stringify(`${TOKEN}"\n`)}, OTHER: 'pa"ss\\\\word' }));
    log.error({ err: new Error("it was ${TOKEN}\\""), deep: [{ a: 'pa"ss\\\\word' }] }, "${TOKEN}\\"");
  `;
  const { stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" });
  expect(JSON.parse(stderr)).toMatchObject({
    msg: "[secret TOKEN]",
    err: { message: "it was [secret TOKEN]" },
    deep: [{ a: "[secret OTHER]" }],
  });
  expect(stderr).not.toContain(TOKEN);
});
