import { PassThrough } from "node:stream";
import { describe, expect, test } from "vitest";
import { table } from "../../src/cli/table.ts";
import { clean, openTerminal } from "../../src/cli/terminal.ts";

/** A terminal on streams; `tty` is what a person would have. */
function terminal(tty: { columns?: number } | null = null) {
  const stream = () => Object.assign(new PassThrough(), tty ? { isTTY: true, columns: tty.columns ?? 80 } : {});
  const stdout = stream();
  const io = { stdin: stream(), stdout, stderr: stream() } as unknown as Parameters<typeof openTerminal>[0];
  return { terminal: openTerminal(io), stdout, printed: () => String(stdout.read() ?? "") };
}

describe("what comes from rows cannot play with the terminal", () => {
  test.each([
    ["colours", "a\u001b[31mred\u001b[0mb", "aredb"],
    ["a title with a bell", "a\u001b]0;title\u0007b", "ab"],
    ["C1 controls", "a\u009b2Jb\u0085c", "abc"],
    ["a carriage return over the line", "good\rbad", "goodbad"],
    ["back-spaces and NUL", "a\b\0b", "ab"],
    ["text turned around", "a\u202egpj.exe\u2066x\u2069", "agpj.exex"],
    ["several lines in one cell", "a\nb\r\nc\td", "a b c  d"],
  ])("%s", (_, hostile, shown) => {
    expect(clean(hostile)).toBe(shown);
  });

  test("lines stay lines where a text of several is shown", () => {
    expect(clean("a\r\nb\u001b[2J\n\tc", "lines")).toBe("a\nb\n  c");
  });

  test("letters of every script, marks and emoji are left as they are", () => {
    expect(clean("Žluťoučký 漢字 עברית 👩‍💻 é")).toBe("Žluťoučký 漢字 עברית 👩‍💻 é");
  });

  test("a table cleans every cell", () => {
    const { terminal: out } = terminal();
    const printed = table(out, ["ID", "WHAT"], [["1\u001b[2J", { text: "a\u202eb\nc", style: "red" }]]);
    expect(printed).toBe("ID  WHAT\n1   ab c");
  });
});

describe("tables", () => {
  test("columns line up, no lines around them, nothing cut for a program", () => {
    const { terminal: out } = terminal();
    const long = "x".repeat(300);
    expect(
      table(
        out,
        ["ID", "NAME", "WHAT"],
        [
          ["1", "alpha", long],
          ["22", "b", ""],
        ],
      ),
    ).toBe(`ID  NAME   WHAT\n1   alpha  ${long}\n22  b`);
  });

  test("a person's table fits the width: the last column gives way", () => {
    const { terminal: out } = terminal({ columns: 60 });
    const lines = clean(table(out, ["ID", "WHAT"], [["1", "word ".repeat(40)]]), "lines").split("\n");
    expect(lines).toHaveLength(2);
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(60);
  });
});

test("a reader that has gone is no error, and is written to no more", async () => {
  const { terminal: out, stdout, printed } = terminal();
  stdout.emit("error", Object.assign(new Error("write EPIPE"), { code: "EPIPE" }));
  expect(out.closed.aborted).toBe(true);
  out.line("more");
  expect(printed()).toBe("");
});
