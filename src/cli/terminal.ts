import { stripVTControlCharacters, styleText } from "node:util";

/** Where a command speaks: plain lines for pipes, colours only where a person looks and has not declined them. */
export interface Terminal {
  /** A person looks at stdout: what changes may be drawn over. */
  readonly lively: boolean;
  /** A person looks and can answer by keyboard. */
  readonly answers: boolean;
  readonly columns: number;
  /** Aborted once nobody reads stdout any more. */
  readonly closed: AbortSignal;
  /** Text as it is; whoever prints what rows hold cleans it first. */
  write(text: string): void;
  line(text?: string): void;
  json(value: unknown): void;
  /** To stderr. */
  complain(text: string): void;
  paint(style: Style, text: string): string;
}
export type Style = "bold" | "dim" | "red" | "green" | "yellow" | "cyan";

const NARROWEST = 60;

export function openTerminal(io: {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
}): Terminal {
  const { stdin, stdout, stderr } = io;
  const closed = new AbortController();
  stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    closed.abort();
  });
  stderr.on("error", () => {});
  const write = (text: string): void => {
    if (!closed.signal.aborted) stdout.write(text);
  };
  return {
    lively: stdout.isTTY === true,
    answers: stdout.isTTY === true && stdin.isTTY === true,
    get columns() {
      return Math.max(NARROWEST, stdout.columns ?? 100);
    },
    closed: closed.signal,
    write,
    line: (text = "") => write(`${text}\n`),
    json: (value) => write(`${JSON.stringify(value, null, 2)}\n`),
    complain: (text) => void stderr.write(`${text}\n`),
    paint: (style, text) => styleText(style, text, { stream: stdout }),
  };
}

/** Controls of C0 and C1, and the marks that let text be read in another order than it is written. */
const CONTROLS = /[\p{Cc}\u200E\u200F\u202A-\u202E\u2066-\u2069]/gu;
const CONTROLS_IN_LINES = /(?!\n)[\p{Cc}\u200E\u200F\u202A-\u202E\u2066-\u2069]/gu;

/**
 * Text that came from elsewhere, as it may be shown on a terminal: whatever would move the cursor, change colours or
 * turn letters around is gone. `line` puts all of it on one line; `lines` keeps its line breaks.
 */
export function clean(text: string, form: "line" | "lines" = "line"): string {
  const plain = stripVTControlCharacters(text).replaceAll("\r\n", "\n").replaceAll("\t", "  ");
  return form === "lines" ? plain.replace(CONTROLS_IN_LINES, "") : plain.replaceAll("\n", " ").replace(CONTROLS, "");
}
