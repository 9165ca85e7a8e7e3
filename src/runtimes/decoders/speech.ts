import type { AgentBlock } from "../../domain/agent.ts";
import { type Excerpt, excerpt } from "../../domain/session.ts";

/** What an agent says in pieces, until it is known to be a message; as much of it as one line holds. */
export interface Speech {
  add(piece: string): void;
  /** What was said since it was last taken: one block, or none. */
  take(): AgentBlock[];
}

const LONGEST = 1_048_576;

export function speech(): Speech {
  let words: Excerpt | null = null;
  return {
    add: (piece) => {
      if (piece === "") return;
      words ??= excerpt(LONGEST);
      words.add(piece);
    },
    take: () => {
      const said = words?.text() ?? "";
      words = null;
      return said === "" ? [] : [{ type: "text", text: said }];
    },
  };
}
