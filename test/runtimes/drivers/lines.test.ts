import { describe, expect, test } from "vitest";
import { labelled, lines } from "../../../src/runtimes/drivers/lines.ts";

/** The same bytes in pieces of every size. */
function* cuts(text: string): Generator<readonly Buffer[]> {
  const bytes = Buffer.from(text);
  for (let size = 1; size <= bytes.length; size++) {
    const pieces: Buffer[] = [];
    for (let at = 0; at < bytes.length; at += size) pieces.push(bytes.subarray(at, at + size));
    yield pieces;
  }
}

describe("the lines that a driver listens to", () => {
  test("end with a line feed and nothing else, wherever the pipe cuts them", () => {
    for (const pieces of cuts('{"a":"\u2028\u2029\u0085 🌧"}\r\n\n{"b":1}\nnever ended')) {
      const heard: string[] = [];
      const hear = lines(100, (line) => heard.push(line));
      pieces.forEach(hear);
      expect(heard).toEqual(['{"a":"\u2028\u2029\u0085 🌧"}\r', "", '{"b":1}']);
    }
  });

  test("are passed over where they are too long, and the next is heard all the same", () => {
    for (const pieces of cuts(`12345\n${"x".repeat(40)}\n123456\n54321\n`)) {
      const heard: string[] = [];
      const hear = lines(5, (line) => heard.push(line));
      pieces.forEach(hear);
      expect(heard).toEqual(["12345", "54321"]);
    }
  });
});

test("a stream that is labelled has its label at the head of each object, and all else as it was", () => {
  for (const pieces of cuts('{"a":"{\\n{"}\nnot json {\n\n{"b":{"c":1}}\n{"torn"')) {
    let written = "";
    const label = labelled('"dir":"<"', (bytes) => {
      written += bytes.toString("latin1");
    });
    const within = pieces.map((piece) => {
      label.write(piece);
      return label.within();
    });
    expect(written).toBe('{"dir":"<","a":"{\\n{"}\nnot json {\n\n{"dir":"<","b":{"c":1}}\n{"dir":"<","torn"');
    expect(within.at(-1)).toBe(true);
  }
});
