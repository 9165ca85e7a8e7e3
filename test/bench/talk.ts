import { closeSync, fsyncSync, openSync, readFileSync, writeSync } from "node:fs";
import { fileURLToPath } from "node:url";

const RECORDED = fileURLToPath(new URL("../fixtures/agent-streams/pi/tool.jsonl", import.meta.url));
const AT_ONCE = 100;

/** A stream of pi's in a file, and what stands in it. */
export interface Talk {
  /** What the agent was asked, which it says again first of all. */
  readonly prompt: string;
  readonly events: number;
  /** Those of them that are lines of a session: what was asked, said and answered by tools. */
  readonly messages: number;
  readonly bytes: number;
}

interface Event {
  readonly type: string;
  readonly message?: { readonly role: string; readonly content: string | readonly { readonly text: string }[] };
}

/** Says a recorded conversation again and again, until it comes to so many bytes. */
export function pour(file: string, least: number): Talk {
  const once = readFileSync(RECORDED);
  const events = once
    .toString()
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Event);
  const said = events.filter(({ type, message }) => type === "message_end" && SPOKEN.has(message?.role ?? ""));
  const content = said.find(({ message }) => message?.role === "user")?.message?.content ?? "";
  const rounds = Math.ceil(least / (once.length * AT_ONCE));
  const many = Buffer.concat(Array.from({ length: AT_ONCE }, () => once));
  const descriptor = openSync(file, "w");
  for (let round = 0; round < rounds; round++) writeSync(descriptor, many);
  // The disk is to be done with it before anyone is timed.
  fsyncSync(descriptor);
  closeSync(descriptor);
  const times = rounds * AT_ONCE;
  return {
    prompt: typeof content === "string" ? content : content.map(({ text }) => text).join(""),
    events: events.length * times,
    messages: said.length * times,
    bytes: many.length * rounds,
  };
}

const SPOKEN = new Set(["user", "assistant", "toolResult"]);
