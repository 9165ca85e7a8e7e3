import { appendFileSync } from "node:fs";
import { createInterface } from "node:readline";

/**
 * An agent that speaks as `pi --mode rpc` does, of nothing, at a pace: so many messages in so many seconds, each with its
 * number and one token in and out. It notes each of its starts in a file. This file is a program.
 */
const events = Number(process.env.STREAM_EVENTS ?? "1000");
const beats = Math.max(1, Math.round(Number(process.env.STREAM_SECONDS ?? "1") * 10));
const BEAT_MS = 100;

let said = 0;
let talking: NodeJS.Timeout | null = null;

function print(...values: readonly object[]): void {
  process.stdout.write(values.map((value) => `${JSON.stringify(value)}\n`).join(""));
}

function message(number: number): object {
  return {
    type: "message_end",
    message: {
      role: "assistant",
      content: [{ type: "text", text: `word ${number}` }],
      model: "stream",
      responseId: `msg_${process.env.LASTLIGHT_EXECUTION}_${number}`,
      stopReason: "stop",
      usage: { input: 1, output: 1, cacheRead: 0, cacheWrite: 0, cost: { total: 0 } },
    },
  };
}

function beat(): void {
  const until = Math.min(events, said + Math.ceil(events / beats));
  print(...Array.from({ length: until - said }, (_, at) => message(said + at + 1)));
  said = until;
  if (said === events) end({ type: "agent_end", willRetry: false, messages: [] });
}

function end(...last: readonly object[]): void {
  if (!talking) return;
  clearInterval(talking);
  talking = null;
  print(...last, { type: "agent_settled" });
}

if (process.env.STREAM_STARTS) appendFileSync(process.env.STREAM_STARTS, `${process.env.LASTLIGHT_EXECUTION}\n`);
createInterface({ input: process.stdin })
  .on("line", (line) => {
    const { id, type: command } = JSON.parse(line) as { id: string; type: string };
    const answer = { id, type: "response", command, success: true };
    switch (command) {
      case "get_state":
        print({ ...answer, data: { sessionId: "stream" } });
        return;
      case "prompt":
        print(answer, { type: "agent_start" }, { type: "turn_start" });
        talking = setInterval(beat, BEAT_MS);
        return;
      case "abort": {
        const stopReason = "aborted";
        end({ type: "message_end", message: { role: "assistant", content: [], stopReason } }, { type: "agent_end" });
        print(answer);
      }
    }
  })
  .once("close", () => process.exit(0));
