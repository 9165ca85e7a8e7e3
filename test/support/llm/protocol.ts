import type { Body, Heard, Refused, Said } from "./script.ts";

/** One of the protocols that models are asked in. */
export interface Protocol {
  readonly name: Heard["protocol"];
  readonly path: string;
  read(body: Body): Pick<Heard, "prompts" | "tools" | "results">;
  /** The frames of a stream, in order. */
  stream(said: Said, of: Of): string[];
  /** The same, where no stream was asked for. */
  whole(said: Said, of: Of): object;
  refusal(refused: Refused): object;
}

export interface Of {
  readonly id: string;
  readonly body: Body;
  readonly model: string;
}

export function frame(event: string, data: object): string {
  return `event: ${event}\ndata: ${JSON.stringify({ type: event, ...data })}\n\n`;
}

export function messageOf({ status, message }: Refused): string {
  return message ?? WORDS[status];
}

const WORDS: Record<Refused["status"], string> = {
  400: "The request was not understood (scripted)",
  401: "The key is not valid (scripted)",
  429: "Too many requests (scripted)",
  500: "Internal server error (scripted)",
  529: "Overloaded (scripted)",
};

/** Texts of a content that is a string, or a list of blocks of the wanted types. */
export function textsOf(content: unknown, ...types: readonly string[]): string[] {
  if (typeof content === "string") return [content];
  return blocksOf(content).flatMap(({ type, text }) =>
    types.includes(type as string) && typeof text === "string" ? [text] : [],
  );
}

export function blocksOf(content: unknown): Body[] {
  return Array.isArray(content) ? (content as Body[]) : [];
}
