import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type Blobs, blobs } from "../../../src/store/files/blobs.ts";
import { temporaryFolder } from "../../support/world.ts";

/** A workspace beside a content store of the test's own. */
function world(): {
  store: Blobs;
  folder: string;
  shelf: string;
  write: (path: string, bytes: string | Buffer) => void;
} {
  const root = temporaryFolder();
  const folder = join(root, "workspace");
  const shelf = join(root, "artefacts");
  mkdirSync(join(folder, "sub"), { recursive: true });
  writeFileSync(join(root, "outside"), "not yours");
  return { store: blobs(shelf), folder, shelf, write: (path, bytes) => writeFileSync(join(folder, path), bytes) };
}

const files = (shelf: string): string[] =>
  readdirSync(shelf, { recursive: true, withFileTypes: true }).flatMap((each) => (each.isFile() ? [each.name] : []));

test("bytes are kept as they are, under their hash, for the owner alone", async () => {
  const { store, folder, shelf, write } = world();
  const bytes = Buffer.from(Array.from({ length: 3_000_000 }, (_, at) => at % 251));
  write("sub/big", bytes);
  const kept = await store.keep(folder, "sub/big");
  expect(kept).toEqual({ sha256: createHash("sha256").update(bytes).digest("hex"), bytes: bytes.length });
  const place = join(shelf, kept.sha256.slice(0, 2), kept.sha256);
  expect(readFileSync(place).equals(bytes)).toBe(true);
  expect(statSync(place).mode & 0o777).toBe(0o600);
});

test("the same bytes are kept once, however many bring them in the same instant", async () => {
  const { store, folder, shelf, write } = world();
  for (let at = 0; at < 20; at++) write(`f${at}`, "same");
  const kept = await Promise.all(Array.from({ length: 20 }, (_, at) => store.keep(folder, `f${at}`)));
  expect(new Set(kept.map(({ sha256 }) => sha256)).size).toBe(1);
  expect(files(shelf)).toEqual([kept[0]?.sha256]);
});

test("an empty file is a file", async () => {
  const { store, folder, write } = world();
  write("empty", "");
  expect((await store.keep(folder, "empty")).bytes).toBe(0);
  expect(await store.text(folder, "empty", 10)).toBe("");
});

test.each([
  ["../outside", "leads out of the workspace"],
  ["sub/../../outside", "leads out of the workspace"],
  ["/etc/passwd", "was not made"],
  [".", "leads out of the workspace"],
  ["", "leads out of the workspace"],
  ["link", "leads out of the workspace"],
  ["linked/outside", "leads out of the workspace"],
  ["sub", "is not a regular file"],
  ["none", "was not made"],
  ["none/at/all", "was not made"],
  ["file/below", "was not made"],
  ["dangling", "was not made"],
  ["round", "cannot be read (ELOOP)"],
  ["x".repeat(300), "cannot be read (ENAMETOOLONG)"],
])("%j is kept from nowhere: it %s", async (path, why) => {
  const { store, folder, shelf, write } = world();
  write("file", "x");
  symlinkSync("../outside", join(folder, "link"));
  symlinkSync("..", join(folder, "linked"));
  symlinkSync("nothing", join(folder, "dangling"));
  symlinkSync("round", join(folder, "round"));
  const refusal = { code: "artefact.missing", message: `${path} ${why}` };
  await expect(store.keep(folder, path)).rejects.toMatchObject(refusal);
  await expect(store.text(folder, path, 10)).rejects.toMatchObject(refusal);
  expect(readdirSync(folder).includes("file")).toBe(true);
  expect(() => files(shelf)).toThrow(/ENOENT/);
});

test("a link within the workspace leads to its file", async () => {
  const { store, folder, write } = world();
  write("file", "text");
  symlinkSync("file", join(folder, "link"));
  expect(await store.text(folder, "link", 10)).toBe("text");
});

test("a text may hold so many bytes and not one more, and must be UTF-8", async () => {
  const { store, folder, write } = world();
  write("t", "äöü");
  expect(await store.text(folder, "t", 6)).toBe("äöü");
  await expect(store.text(folder, "t", 5)).rejects.toMatchObject({
    code: "output.too_large",
    message: "t holds 6 bytes; 5 are the most",
  });
  write("b", Buffer.from([0xff, 0xfe]));
  await expect(store.text(folder, "b", 10)).rejects.toMatchObject({
    code: "artefact.missing",
    message: "b is not UTF-8 text",
  });
});

test("a file that is too large is refused for its size, before any of it is copied", async () => {
  const { store, folder, shelf, write } = world();
  write("sparse", "");
  truncateSync(join(folder, "sparse"), 5 * 1024 ** 3);
  await expect(store.keep(folder, "sparse")).rejects.toMatchObject({
    code: "output.too_large",
    message: `sparse holds more than ${4 * 1024 ** 3} bytes`,
  });
  expect(() => files(shelf)).toThrow(/ENOENT/);
});
