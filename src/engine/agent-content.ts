import type { AgentBlock } from "../domain/agent.ts";
import { type Json, utf8Length } from "../domain/json.ts";
import { excerpt } from "../domain/session.ts";

/** As much as one line holds, in bytes: six times that, were all of it to be escaped, is a line that readers take. */
const ROOM = 1_048_576;
const BLOCKS = 1_000;
const DEPTH = 64;

/** An agent's blocks as they stand in a line: whole, unless they would make a line that nobody can read. */
export function contentOf(blocks: readonly AgentBlock[]): Json[] {
  let room = ROOM;
  const content = blocks.slice(0, BLOCKS).map((block): Json => {
    const bounded = block.type === "text" ? { type: "text", text: cut(block.text, room) } : called(block, room);
    room -= Math.min(room, utf8Length(JSON.stringify(bounded)));
    return bounded;
  });
  const rest = blocks.length - content.length;
  return rest > 0 ? [...content, { type: "text", text: `…[truncated ${rest} blocks]` }] : content;
}

/** A text as long as one line holds it. */
export function cut(text: string, room = ROOM): string {
  const kept = excerpt(room);
  kept.add(text);
  return kept.text();
}

function called({ id, name, input }: Extract<AgentBlock, { type: "tool_use" }>, room: number): Json {
  return { type: "tool_use", id, name, input: inputOf(input, room) };
}

function inputOf(input: Json, room: number): Json {
  // Whoever writes JSON walks it by recursion, and whoever reads it need not have.
  if (!isShallow(input, DEPTH)) return { truncated: `nested deeper than ${DEPTH} levels` };
  const json = JSON.stringify(input);
  return utf8Length(json) <= room ? input : { truncated: cut(json, room) };
}

function isShallow(value: Json, levels: number): boolean {
  if (typeof value !== "object" || value === null) return true;
  return levels > 0 && Object.values(value).every((each: Json) => isShallow(each, levels - 1));
}
