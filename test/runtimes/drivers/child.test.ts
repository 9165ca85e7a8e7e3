import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { temporaryFolder } from "../../support/world.ts";

const DRIVER = fileURLToPath(new URL("../../../src/runtimes/drivers/acp.ts", import.meta.url));
const MUCH = 32 * 2 ** 20;
/** What pipes and streams hold between an agent and whoever reads its driver. */
const ON_THE_WAY = 4 * 2 ** 20;

const AGENT = `
const { createInterface } = require("node:readline");
const { writeSync } = require("node:fs");
createInterface({ input: process.stdin }).on("line", (line) => {
  const { id, method } = JSON.parse(line);
  const results = { initialize: { protocolVersion: 1, agentCapabilities: {} }, "session/new": { sessionId: "s" } };
  const text = "x".repeat(65_536);
  const update = { sessionUpdate: "agent_message_chunk", messageId: "m", content: { type: "text", text } };
  const news = JSON.stringify({ jsonrpc: "2.0", method: "session/update", params: { sessionId: "s", update } }) + "\\n";
  // Its stdout is one that waits for nobody, once it was written to.
  const say = process.argv[2] === "complains" ? () => writeSync(2, text) : () => process.stdout.write(news);
  if (method === "session/prompt") for (let left = ${MUCH}; left > 0; left -= text.length) say();
  console.log(JSON.stringify({ jsonrpc: "2.0", id, result: results[method] ?? { stopReason: "end_turn" } }));
});
`;

/** A driver of an agent that says much. */
function driverOf(manner: "complains" | "talks") {
  const file = join(temporaryFolder(), "agent.cjs");
  writeFileSync(file, AGENT);
  const started = JSON.stringify({ command: [process.execPath, file, manner], model: null, variant: null });
  const driver = spawn(process.execPath, [DRIVER, started], { stdio: ["pipe", "pipe", "pipe"] });
  onTestFinished(() => void driver.kill("SIGKILL"));
  driver.stdin.end("Say it");
  return driver;
}

test("an agent that complains faster than it is heard waits: its driver holds none of it", async () => {
  const { stdout, stderr } = driverOf("complains");
  let heard = 0;
  let heardAtItsEnd = Number.NaN;
  createInterface({ input: stdout }).on("line", (line) => {
    if (line.includes("end_turn")) heardAtItsEnd = heard;
  });
  for await (const chunk of stderr as AsyncIterable<Buffer>) {
    heard += chunk.length;
    await pause(1);
  }
  expect(heard).toBe(MUCH);
  expect(heardAtItsEnd).toBeGreaterThan(MUCH - ON_THE_WAY);
});

test("an agent's words are heard to the last by whoever reads slowly", async () => {
  let end = "";
  for await (const chunk of driverOf("talks").stdout as AsyncIterable<Buffer>) {
    end = `${end}${chunk}`.slice(-200);
    await pause(1);
  }
  expect(end).toMatch(/"end_turn".*\n$/);
});
