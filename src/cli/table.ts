import Table from "cli-table3";
import { clean, type Style, type Terminal } from "./terminal.ts";

/** Text of a cell as it came, or with a colour. */
export type Cell = string | { readonly text: string; readonly style: Style };

/** Rows in columns without lines, so that any part can be marked and pasted; the last column gives way where it is too long. */
export function table(terminal: Terminal, head: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const words = rows.map((row) => row.map((cell) => ({ text: clean(textOf(cell)), style: styleOf(cell) })));
  const columns = new Table({
    chars: PLAIN,
    style: { head: [], border: [], "padding-left": 0, "padding-right": 0 },
    colWidths: [...head.slice(0, -1).map(() => null), lastWidth(terminal, head, words)],
  });
  columns.push(head.map((each) => terminal.paint("dim", each)));
  for (const row of words) {
    columns.push(row.map(({ text, style }) => (style && text !== "" ? terminal.paint(style, text) : text)));
  }
  return columns
    .toString()
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n");
}

const GAP = "  ";
const LEAST = 12;
const NONE = { top: "", "top-mid": "", "top-left": "", "top-right": "", left: "", "left-mid": "", mid: "" };
const PLAIN = {
  ...NONE,
  bottom: "",
  "bottom-mid": "",
  "bottom-left": "",
  "bottom-right": "",
  "mid-mid": "",
  right: "",
  "right-mid": "",
  middle: GAP,
};

/** Only where a person looks: a program that reads the table gets all of it. */
function lastWidth(terminal: Terminal, head: readonly string[], rows: readonly { text: string }[][]): number | null {
  if (!terminal.lively) return null;
  const widest = head.map((word, at) => Math.max(word.length, ...rows.map((row) => row[at]?.text.length ?? 0)));
  const last = widest.at(-1) ?? 0;
  const others = widest.slice(0, -1).reduce((sum, each) => sum + each + GAP.length, 0);
  return Math.min(last, Math.max(LEAST, terminal.columns - others - 1));
}

function textOf(cell: Cell): string {
  return typeof cell === "string" ? cell : cell.text;
}

function styleOf(cell: Cell): Style | null {
  return typeof cell === "string" ? null : cell.style;
}
