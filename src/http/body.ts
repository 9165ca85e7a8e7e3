import type { IncomingMessage, ServerResponse } from "node:http";
import { Fault } from "../domain/fault.ts";
import type { Json } from "../domain/json.ts";
import { refusal } from "./reply.ts";

interface Exchange {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
}

const BODY_LIMIT = 1_048_576;
const DEPTH_LIMIT = 64;
const JSON_TYPES = ["application/json"];
export const YAML_TYPES = ["text/yaml", "application/yaml", "text/plain"];

/** The one JSON value a request carries, safe to walk and to merge: small, shallow, and without prototypes in disguise. */
export async function readJson(exchange: Exchange): Promise<Json> {
  return jsonOf(await readBytes(exchange, JSON_TYPES));
}

/** The JSON value that some bytes are, on the same terms. */
export function jsonOf(bytes: Buffer): Json {
  if (depthOf(bytes) > DEPTH_LIMIT)
    throw new Fault("body.too_deep", `The body nests deeper than ${DEPTH_LIMIT} levels`);
  return parse(textOf(bytes));
}

/**
 * The bytes of a JSON body as they were sent, to be compared with a signature before anything else is done with them.
 * `admit` is asked once the head is right and before anything is read; what it throws is the answer.
 */
export async function readSigned(exchange: Exchange, admit: () => void): Promise<Buffer> {
  const { "transfer-encoding": transfer, "content-length": length } = exchange.incoming.headers;
  // Whoever signs a body knows how long it is.
  if (transfer !== undefined || length === undefined)
    throw refusal(411, new Fault("body.malformed", "The body's length must be told by Content-Length"));
  return readBytes(exchange, JSON_TYPES, admit);
}

/** A text file as it was sent. */
export function readYaml(exchange: Exchange): Promise<Buffer> {
  return readBytes(exchange, YAML_TYPES);
}

/** The fields of a form that a page without script sent; of a field given twice the last. */
export async function readForm(exchange: Exchange): Promise<Readonly<Record<string, string>>> {
  const text = textOf(await readBytes(exchange, ["application/x-www-form-urlencoded"]));
  return Object.fromEntries(new URLSearchParams(text));
}

async function readBytes(
  { incoming, outgoing }: Exchange,
  types: readonly string[],
  admit = (): void => {},
): Promise<Buffer> {
  const { "content-type": type = "", "content-encoding": encoding, "content-length": length } = incoming.headers;
  if (!types.includes((type.split(";")[0] as string).trim().toLowerCase())) {
    throw refusal(415, new Fault("body.malformed", `The Content-Type must be ${types.join(" or ")}`));
  }
  if (encoding !== undefined && encoding !== "identity") {
    throw refusal(415, new Fault("body.malformed", "A compressed body is not read"));
  }
  if (Number(length) > BODY_LIMIT) throw tooLarge();
  admit();
  // Only now: whoever asked first is told no before sending anything.
  if (incoming.headers.expect !== undefined) outgoing.writeContinue();
  return collect(incoming);
}

/** Not `for await`: leaving that loop early destroys the socket, and with it the answer that says why. */
function collect(incoming: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const settle = (end: () => void): void => {
      incoming.off("data", onData).off("end", onEnd).off("error", onBreak).off("close", onBreak);
      held -= size;
      end();
    };
    const onData = (chunk: Buffer): void => {
      size += chunk.length;
      held += chunk.length;
      chunks.push(chunk);
      if (size <= BODY_LIMIT && held <= HELD_LIMIT) return;
      incoming.pause();
      settle(() => reject(size > BODY_LIMIT ? tooLarge() : tooMany()));
    };
    const onEnd = (): void => settle(() => resolve(Buffer.concat(chunks)));
    const onBreak = (): void => settle(() => reject(new Fault("body.malformed", "The body broke off")));
    incoming.on("data", onData).on("end", onEnd).on("error", onBreak).on("close", onBreak);
  });
}

/** Of bodies that have not come to their end, in all: what many send at once, or very slowly. */
const HELD_LIMIT = 16 * BODY_LIMIT;
let held = 0;

function tooMany(): Fault {
  return new Fault("rate.exceeded", "Too many bodies are coming in at once; come again in 1 s", {
    details: [{ path: "retry_after", message: "1" }],
  });
}

function tooLarge(): Fault {
  return new Fault("body.too_large", `The body is larger than ${BODY_LIMIT} bytes`);
}

/** Counted on the bytes and without recursion: `JSON.parse` takes any depth, and what comes after it does not. */
function depthOf(bytes: Uint8Array): number {
  let depth = 0;
  let deepest = 0;
  let inString = false;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (inString) {
      if (byte === BACKSLASH) at++;
      else if (byte === QUOTE) inString = false;
    } else if (byte === QUOTE) inString = true;
    else if (byte === BRACE || byte === BRACKET) deepest = Math.max(deepest, ++depth);
    else if (byte === BRACE + 2 || byte === BRACKET + 2) depth--;
  }
  return deepest;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const BRACKET = 0x5b;
const BRACE = 0x7b;

function textOf(bytes: Buffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new Fault("body.malformed", "The body is not UTF-8");
  }
}

function parse(text: string): Json {
  try {
    // To look at every key takes several times as long as to read them all: only where there may be something to see.
    return (PERILOUS.test(text) ? JSON.parse(text, harmless) : JSON.parse(text)) as Json;
  } catch (error) {
    if (error instanceof Fault) throw error;
    const at = /position \d+/.exec((error as Error).message)?.[0];
    throw new Fault("body.malformed", `The body is not one JSON value${at ? `; see ${at}` : ""}`);
  }
}

/** Spelt out, or in escapes that could spell anything. */
const PERILOUS = /__proto__|"constructor"|\\u/;

/** Keys that a later merge or assignment would take for a prototype, and halves of characters that no file can hold. */
function harmless(key: string, value: unknown): unknown {
  if (!key.isWellFormed() || (typeof value === "string" && !value.isWellFormed()))
    throw new Fault("body.malformed", "The body has half of a character (a lone surrogate)");
  const disguised =
    key === "constructor" && typeof value === "object" && value !== null && Object.hasOwn(value, "prototype");
  if (key === "__proto__" || disguised)
    throw new Fault("body.malformed", `The body has a key that is not accepted: ${key}`);
  return value;
}
