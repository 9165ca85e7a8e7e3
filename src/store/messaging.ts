import type { Iso } from "../domain/clock.ts";
import type { Page, PageRequest } from "./store.ts";

/**
 * Reads chats, as SessionReader reads what agents did: by page, each bounded, none dearer for standing deep. What comes
 * while somebody pages is found behind what he has, and nothing is told twice.
 */
export interface ChatSessionReader {
  /** Null where there is no such chat. */
  find(session: string): Promise<ChatSession | null>;
  /** Those in which something was said last come first. */
  sessions(page: PageRequest): Promise<Page<ChatSession>>;
  /** What was said in one, oldest first; `next` is null where nothing more was said by now. */
  messages(session: string, page: PageRequest): Promise<Page<ChatMessage>>;
}

export interface ChatSession {
  readonly id: string;
  readonly platform: string;
  readonly channel_id: string;
  readonly thread_id: string | null;
  readonly user_id: string;
  /** Names the file of what its agent did. */
  readonly agent_session_id: string | null;
  readonly created_at: Iso;
  readonly last_activity_at: Iso;
  readonly active: boolean;
}

export interface ChatMessage {
  readonly id: number;
  readonly role: string;
  /** Its first 65,536 characters. */
  readonly content: string;
  /** How many there are in all. */
  readonly characters: number;
  readonly timestamp: Iso;
  readonly platform_message_id: string | null;
}
