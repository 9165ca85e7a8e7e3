/**
 * An agent over ACP that means harm, for inside a sandbox: does what its orders say, says what it was told to say, and
 * leaves in its workspace what it got of the rest. Nothing but Node's own.
 */
import { spawnSync } from "node:child_process";
import { readlinkSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { PROMISED, UNPROMISED } from "./encodings.ts";

interface Request {
  readonly id?: number;
  readonly method?: string;
}

const sessionId = "session-1";
let said = 0;

const words: { readonly [order: string]: (...words: string[]) => void } = {
  say: (text = "") => send(chunkOf(`m${said++}`, text)),
  think: (text = "") => update({ sessionUpdate: "agent_thought_chunk", content: content(text) }),
  use: (title = "", text = "") => {
    const call = { toolCallId: `${title} ${said++}`, title, kind: "other", rawInput: { [text]: text } };
    update({ sessionUpdate: "tool_call", ...call, status: "in_progress" });
    update({
      sessionUpdate: "tool_call_update",
      toolCallId: call.toolCallId,
      status: "completed",
      content: [{ type: "content", content: content(text) }],
    });
  },
  complain: (text = "") => void process.stderr.write(`${text}\n`),
  /** Leaves the number of its pid namespace in a file. */
  place: (file = "") => writeFileSync(file, readlinkSync("/proc/self/ns/pid")),
  /** Ten gigabytes: of speech, of one line without an end, or of complaints. */
  flood: (of = "") => {
    const chunk = of === "speech" ? line(chunkOf("m", "x".repeat(2 ** 16))) : "x".repeat(2 ** 16);
    for (let left = 10 * 2 ** 30; left > 0; left -= chunk.length) writeAll(of === "complaints" ? 2 : 1, chunk);
  },
  /** Tells a secret in every way and at every place that it has. */
  tell: (name = "") => {
    const secret = process.env[name] ?? "";
    for (const encode of Object.values({ ...PROMISED, ...UNPROMISED })) {
      const told = encode(secret);
      for (const way of ["say", "think", "complain"]) words[way]?.(told);
      words.use?.("tool", told);
      words.use?.(told, "used");
    }
    words.say?.(
      Object.values({ ...PROMISED, ...UNPROMISED })
        .map((encode) => encode(secret))
        .join("\n\n"),
    );
  },
};

function content(text: string): object {
  return { type: "text", text };
}

function line(message: object): string {
  return `${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`;
}

function send(message: object): void {
  process.stdout.write(line(message));
}

function news(update: object): object {
  return { method: "session/update", params: { sessionId, update } };
}

function update(of: object): void {
  send(news(of));
}

function chunkOf(messageId: string, text: string): object {
  return news({ sessionUpdate: "agent_message_chunk", messageId, content: content(text) });
}

/** As fast as whoever reads it reads. */
function writeAll(descriptor: number, text: string): void {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; )
    try {
      at += writeSync(descriptor, bytes, at);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
    }
}

function work(): void {
  const orders = JSON.parse(process.env.LASTLIGHT_INPUT_ORDERS ?? "[]") as string[][];
  for (const [order = "", ...rest] of orders) words[order]?.(...rest);
  const deeds = orders.filter(([order = ""]) => !words[order]);
  const argv = [join(import.meta.dirname, "hostile.ts"), JSON.stringify(deeds)];
  const { stdout } = spawnSync(process.execPath, argv, { maxBuffer: 2 ** 26 });
  writeFileSync("got", stdout);
}

const answers: { readonly [method: string]: () => object } = {
  initialize: () => ({ protocolVersion: 1, agentCapabilities: {} }),
  "session/new": () => ({ sessionId }),
  "session/prompt": () => {
    work();
    return { stopReason: "end_turn" };
  },
};

const [flag, name = ""] = process.argv.slice(2);
if (flag === "--tell") {
  for (const encode of Object.values({ ...PROMISED, ...UNPROMISED })) console.log(encode(process.env[name] ?? ""));
  process.exit(0);
}
createInterface({ input: process.stdin }).on("line", (line) => {
  const { id, method = "" } = JSON.parse(line) as Request;
  const answer = answers[method];
  if (answer) send({ id, result: answer() });
});
