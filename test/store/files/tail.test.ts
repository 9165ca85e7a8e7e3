import { appendFileSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { type Chunk, tail } from "../../../src/store/files/tail.ts";
import { temporaryFolder } from "../../support/world.ts";

function growing(content: string | Buffer = "") {
  const path = join(temporaryFolder(), "stdout");
  writeFileSync(path, content);
  const open = (from = 0) => {
    const source = tail(path, from);
    onTestFinished(() => source.close());
    const some = (most = 65_536): readonly Chunk[] => source.read(most).chunks;
    const all = (): Chunk[] => {
      const chunks: Chunk[] = [];
      source.finish();
      for (let got = source.read(65_536); got.bytes > 0; got = source.read(65_536)) chunks.push(...got.chunks);
      const rest = source.rest();
      return rest ? [...chunks, rest] : chunks;
    };
    return { ...source, some, all };
  };
  return { path, open, add: (text: string | Buffer) => appendFileSync(path, text) };
}
const texts = (chunks: readonly Chunk[]) => chunks.map(({ text }) => text);

test("what is whole is told, what is not waits for its end", () => {
  const { open, add } = growing();
  const source = open();
  expect(source.some()).toEqual([]);
  add("one\ntw");
  expect(source.some()).toEqual([{ start: 0, end: 4, text: "one\n" }]);
  expect(source.some()).toEqual([]);
  add("o\nthree");
  expect(source.some()).toEqual([{ start: 4, end: 8, text: "two\n" }]);
  expect(source.all()).toEqual([{ start: 8, end: 13, text: "three" }]);
});

test("it never reads more than it is allowed to, and never ahead", () => {
  const { open } = growing("0123456\n".repeat(10_000));
  const source = open();
  for (const most of [1, 5, 100, 4_096, 65_536]) {
    const { bytes } = source.read(most);
    expect(bytes).toBeLessThanOrEqual(Math.min(most, 32_768));
  }
});

test("chunks are whole lines of at most 32 KiB and together are the file", () => {
  const content = Array.from({ length: 9_000 }, (_, at) => `${at} äöü 😀\n`).join("");
  const chunks = growing(content).open().all();
  expect(texts(chunks).join("")).toBe(content);
  for (const { start, end, text } of chunks) {
    expect(end - start).toBeLessThanOrEqual(32_768);
    expect(text.endsWith("\n")).toBe(true);
  }
});

test("a file that is made later is read from its beginning", () => {
  const path = join(temporaryFolder(), "later");
  const source = tail(path, 0);
  expect(source.read(100).bytes).toBe(0);
  writeFileSync(path, "here\n");
  expect(texts(source.read(100).chunks)).toEqual(["here\n"]);
  source.close();
});

test("a link or a folder in the file's place is not read", () => {
  const { path } = growing("secret\n");
  const link = `${path}.link`;
  const source = tail(link, 0);
  symlinkSync(path, link);
  expect(source.read(100).bytes).toBe(0);
  rmSync(link);
  mkdirSync(link);
  source.finish();
  expect([source.read(100).bytes, source.rest()]).toEqual([0, null]);
});

test.each([
  ["65,536 bytes are shown whole", "x".repeat(65_536), "x".repeat(65_536)],
  ["one more is left out, and counted", "x".repeat(65_537), `${"x".repeat(65_536)}…[truncated 1 chars]`],
  ["no character is cut in two", `x${"😀".repeat(20_000)}`, `x${"😀".repeat(16_383)}…[truncated 3617 chars]`],
  ["5 MB in one line", "é".repeat(2_500_000), `${"é".repeat(32_768)}…[truncated 2467232 chars]`],
])("%s", (_, line, shown) => {
  const end = Buffer.byteLength(line);
  expect(
    growing(`a\n${line}\nb\n`)
      .open()
      .all()
      .map(({ text }) => text)
      .join(""),
  ).toBe(`a\n${shown}\nb\n`);
  const chunks = growing(line).open().all();
  expect(chunks).toEqual([{ start: 0, end, text: shown }]);
});

test("a long line is shown alike however it arrives, and where it is taken up again", () => {
  const bytes = Buffer.concat([
    Buffer.from("😀".repeat(20_000)),
    Buffer.from([0xff, 0xf0, 0x9f]),
    Buffer.from("é\nafter\n"),
  ]);
  const whole = growing(bytes).open().all();
  const { open, add } = growing();
  const source = open();
  const pieces: Chunk[] = [];
  for (let at = 0; at < bytes.length; at += 7_919) {
    add(bytes.subarray(at, at + 7_919));
    pieces.push(...source.some());
  }
  expect(pieces.map(({ start }) => start)).toEqual([0, bytes.length - 6]);
  expect(texts(pieces)).toEqual(texts(whole).flatMap((text) => text.split(/(?<=\n)/)));
  expect(texts(open(pieces[1]?.start).all())).toEqual(["after\n"]);
});

test("what is not UTF-8 is shown as such, within the limit", () => {
  const source = growing(Buffer.from([0x61, 0xff, 0x00, 0xc3, 0x0a, 0xef, 0xbb, 0xbf, 0x62, 0x0a])).open();
  expect(texts(source.all())).toEqual(["a\ufffd\0\ufffd\n\ufeffb\n"]);
  const binary = growing(Buffer.from("\xff\xfe\xfd\n".repeat(20_000), "latin1"))
    .open()
    .all();
  expect(texts(binary).join("")).toBe("\ufffd\ufffd\ufffd\n".repeat(20_000));
  for (const text of texts(binary)) expect(Buffer.byteLength(text)).toBeLessThanOrEqual(65_536);
});

test("one who goes on writing after the end is not waited for", () => {
  const { open, add } = growing("one\n");
  const source = open();
  source.finish();
  add("two\n");
  expect(texts(source.some())).toEqual(["one\n"]);
  expect(source.some()).toEqual([]);
});
