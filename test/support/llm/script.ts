import type { IncomingHttpHeaders } from "node:http";

/** What a model says to one request; requests are answered in order, by the next reply of the script. */
export type Reply = Said | Refused;

export interface Said {
  readonly parts: readonly Part[];
  readonly usage?: Partial<Counted>;
  /** Nothing is sent before this is settled; a promise that never is makes a model that thinks for ever. */
  readonly before?: Promise<unknown>;
  /** All is said but the end, which waits for this. */
  readonly midway?: Promise<unknown>;
  /** The connection is lost after so much of the body: 0.5 is half of it. */
  readonly dropped?: number;
}
export interface Refused {
  readonly status: 400 | 401 | 429 | 500 | 529;
  readonly message?: string;
  readonly retryAfterSeconds?: number;
}

export type Part =
  | { readonly text: string }
  | { readonly thinking: string }
  | { readonly tool: string; readonly input: { readonly [key: string]: unknown } };

/** `input` counts neither what was read from a cache nor what was written to one. */
export interface Counted {
  readonly input: number;
  readonly output: number;
  readonly cacheRead: number;
  readonly cacheWrite: number;
}

/** A request as it came, and what every protocol says in words of its own. */
export interface Heard {
  readonly protocol: "anthropic" | "chat" | "responses";
  readonly headers: IncomingHttpHeaders;
  readonly body: Body;
  readonly model: string;
  readonly streaming: boolean;
  /** What the person said, all of it in order. */
  readonly prompts: readonly string[];
  readonly tools: readonly string[];
  readonly results: readonly ToolResult[];
}
export interface ToolResult {
  readonly call: string;
  readonly text: string;
}
export type Body = { readonly [key: string]: unknown };

export function text(words: string, more: Omit<Said, "parts"> = {}): Said {
  return { parts: [{ text: words }], ...more };
}

/** Calls of tools, side by side where there are several. */
export function calls(...tools: readonly [tool: string, input: { readonly [key: string]: unknown }][]): Said {
  return { parts: tools.map(([tool, input]) => ({ tool, input })) };
}

export function refusal(status: Refused["status"], more: Omit<Refused, "status"> = {}): Refused {
  return { status, ...more };
}

export function times(count: number, reply: Reply): Reply[] {
  return Array.from({ length: count }, () => reply);
}

export function* forever(reply: Reply): Generator<Reply> {
  while (true) yield reply;
}

export function countedIn({ usage = {} }: Said): Counted {
  return { input: 1200, output: 57, cacheRead: 900, cacheWrite: 300, ...usage };
}

/** Pieces of at most so many code points, as models send them; empty text is one empty piece. */
export function pieces(text: string): string[] {
  const points = [...text];
  const size = Math.max(3, Math.ceil(points.length / MOST_PIECES));
  const found: string[] = [];
  for (let at = 0; at < points.length; at += size) found.push(points.slice(at, at + size).join(""));
  return found.length === 0 ? [""] : found;
}

const MOST_PIECES = 40;
