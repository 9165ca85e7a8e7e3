import { expect, test } from "vitest";
import { lineCutter } from "../../src/domain/lines.ts";

test.each([
  ["a Buffer", (size: number): Uint8Array => Buffer.alloc(size)],
  ["plain bytes", (size: number) => new Uint8Array(size)],
])("a line that arrives in pieces is whole, though its reader reads each into the same %s", (_name, make) => {
  const source = new TextEncoder().encode('{"first":1}\n{"a line of several reads":"🌧 and on"}\n{"last":3}\n');
  const scratch = make(8);
  const cutter = lineCutter();
  const read: string[] = [];
  for (let at = 0; at < source.length; at += scratch.length) {
    const piece = source.subarray(at, at + scratch.length);
    scratch.set(piece);
    read.push(...cutter.feed(scratch.subarray(0, piece.length)).map(({ text }) => text));
  }
  expect(read).toEqual(['{"first":1}', '{"a line of several reads":"🌧 and on"}', '{"last":3}']);
});
