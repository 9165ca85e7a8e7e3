import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { printComplaint } from "../../src/workflow/complaint.ts";
import { checkFile, checkText, type Library, openLibrary } from "../../src/workflow/library.ts";

const endings: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

function folder(files: Record<string, string | Uint8Array>): string {
  const path = mkdtempSync(join(tmpdir(), "lastlight-"));
  endings.push(() => rmSync(path, { recursive: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(path, name), text);
  return path;
}

async function library(...folders: string[]): Promise<Library> {
  const opened = await openLibrary({ folders });
  endings.push(() => opened.close());
  return opened;
}

const workflow = (name: string, label = "Look"): string =>
  `name: ${name}\nphases: [{ name: a, type: context, label: ${label} }]\n`;

const labelOf = (from: Library, name: string): string | undefined => from.get(name).workflow.phases[0]?.label;
const saidOf = (from: Library): string[] => from.list().flatMap((each) => each.complaints.map(printComplaint));

test("the files of a folder are workflows by name", async () => {
  const files = { "b.yaml": workflow("beta"), "a.yml": workflow("alpha"), "notes.md": "hello" };
  const opened = await library(folder(files));
  expect(opened.list().map((each) => [each.file, each.name])).toEqual([
    ["a.yml", "alpha"],
    ["b.yaml", "beta"],
  ]);
  expect(opened.get("beta").name).toBe("beta");
});

test("an unknown name is answered with the nearest one", async () => {
  const opened = await library(folder({ "a.yaml": workflow("alpha") }));
  expect(() => opened.get("alhpa")).toThrow(
    expect.objectContaining({
      code: "workflow.unknown",
      message: 'No workflow is called "alhpa". Did you mean "alpha"?',
    }),
  );
});

test("hostile files stand beside good ones without harm", async () => {
  const opened = await library(
    folder({
      "bomb.yaml": `a: &a [${Array(9).fill("x")}]\nb: [*a, *a`,
      "deep.yaml": "[".repeat(100_000),
      "good.yaml": workflow("good"),
      "huge.yaml": "a".repeat(1 << 20),
      "quotes.yaml": '"'.repeat(200_000),
      "raw.yaml": new Uint8Array([0xff, 0xfe, 0x00]),
    }),
  );
  expect(opened.get("good").name).toBe("good");
  const bad = opened.list().filter((each) => each.file !== "good.yaml");
  expect(bad.map((each) => each.complaints.length > 0 && each.version === null)).toEqual(Array(5).fill(true));
});

test("a workflow with errors tells them to whoever asks for it, by its name or its file's", async () => {
  const opened = await library(folder({ "fix.yaml": `${workflow("fix")}zz: 1\n`, "raw.yaml": "{{" }));
  const invalid = (message: string): unknown =>
    expect.objectContaining({ code: "workflow.invalid", details: [{ path: "", message }] });
  expect(() => opened.get("fix")).toThrow(invalid('fix.yaml:3:1 unknown key "zz"') as Error);
  expect(() => opened.get("raw")).toThrow(invalid('raw.yaml:1:2 "{{" needs quotes') as Error);
});

test("a name twice in one folder is an error of the later file, which names the first", async () => {
  const opened = await library(folder({ "a.yaml": workflow("fix", "First"), "b.yaml": workflow("fix", "Second") }));
  expect(labelOf(opened, "fix")).toBe("First");
  expect(saidOf(opened)).toEqual(['b.yaml:1:1 the name "fix" is taken by a.yaml in the same folder']);
});

test("a later folder replaces a workflow of an earlier one", async () => {
  const shipped = folder({ "fix.yaml": workflow("fix", "Shipped"), "other.yaml": workflow("other") });
  const opened = await library(shipped, folder({ "mine.yaml": workflow("fix", "Mine") }));
  expect(labelOf(opened, "fix")).toBe("Mine");
  expect(opened.list().map((each) => each.file)).toEqual(["mine.yaml", "other.yaml"]);
});

test("a later folder's bad file does not quietly bring the earlier one back", async () => {
  const opened = await library(
    folder({ "fix.yaml": workflow("fix") }),
    folder({ "fix.yaml": `${workflow("fix")}zz: 1\n` }),
  );
  expect(() => opened.get("fix")).toThrow(expect.objectContaining({ code: "workflow.invalid" }));
});

test("a file that turns bad keeps its last good version in force, and says what is wrong", async () => {
  const path = folder({ "fix.yaml": workflow("fix", "First") });
  const opened = await library(path);
  writeFileSync(join(path, "fix.yaml"), "name: fix\nphases: [\n");
  await opened.reload();
  expect(labelOf(opened, "fix")).toBe("First");
  expect(saidOf(opened)).toHaveLength(1);
  writeFileSync(join(path, "fix.yaml"), workflow("fix", "Second"));
  await opened.reload();
  expect(labelOf(opened, "fix")).toBe("Second");
  expect(saidOf(opened)).toEqual([]);
});

test("a file that is taken away is gone", async () => {
  const path = folder({ "fix.yaml": workflow("fix") });
  const opened = await library(path);
  rmSync(join(path, "fix.yaml"));
  await opened.reload();
  expect(opened.list()).toEqual([]);
});

test("listeners hear of changes, and of nothing else", async () => {
  const path = folder({ "fix.yaml": workflow("fix") });
  const opened = await library(path);
  let heard = 0;
  const stop = opened.onChange(() => heard++);
  await opened.reload();
  writeFileSync(join(path, "fix.yaml"), workflow("fix"));
  await opened.reload();
  expect(heard).toBe(0);
  writeFileSync(join(path, "fix.yaml"), workflow("fix", "Other"));
  await opened.reload();
  expect(heard).toBe(1);
  stop();
  writeFileSync(join(path, "fix.yaml"), workflow("fix", "Again"));
  await opened.reload();
  expect(heard).toBe(1);
});

test("a watched folder is read again when a file is saved", async () => {
  const path = folder({ "fix.yaml": workflow("fix", "First") });
  const opened = await openLibrary({ folders: [path], watch: true });
  endings.push(() => opened.close());
  const changed = new Promise<void>((resolve) => opened.onChange(resolve));
  writeFileSync(join(path, "fix.yaml"), workflow("fix", "Second"));
  await changed;
  expect(labelOf(opened, "fix")).toBe("Second");
});

test("a folder that is not there is a clear refusal, at the start and at a reload", async () => {
  await expect(openLibrary({ folders: ["nowhere"] })).rejects.toMatchObject({
    code: "config.invalid",
    message: "The workflow folder nowhere cannot be read",
  });
  const path = folder({});
  const inner = join(path, "workflows");
  mkdirSync(inner);
  writeFileSync(join(inner, "fix.yaml"), workflow("fix"));
  const opened = await library(inner);
  rmSync(inner, { recursive: true });
  await expect(opened.reload()).rejects.toMatchObject({ code: "config.invalid" });
  expect(opened.get("fix").name).toBe("fix");
});

test("a link out of the folder and a folder named like a file are refused", async () => {
  const outside = folder({ "secret.yaml": workflow("secret") });
  const path = folder({ "real.txt": workflow("linked") });
  symlinkSync(join(outside, "secret.yaml"), join(path, "out.yaml"));
  symlinkSync("real.txt", join(path, "in.yaml"));
  mkdirSync(join(path, "folder.yaml"));
  const opened = await library(path);
  expect(opened.get("linked").name).toBe("linked");
  expect(saidOf(opened)).toEqual([
    "folder.yaml:1:1 not a regular file",
    "out.yaml:1:1 leads outside its folder. Put the file itself here",
  ]);
});

test("a schedule is in the list and cannot be started", async () => {
  const text = "kind: cron\nname: mornings\nschedule: '0 9 * * *'\nworkflow: fix\n";
  const opened = await library(folder({ "cron.yaml": text }));
  expect(opened.list()).toMatchObject([{ kind: "cron", name: "mornings", version: null }]);
  expect(() => opened.get("mornings")).toThrow('"mornings" is a schedule and not a workflow');
});

test("a text or a file can be checked without a library", async () => {
  const path = folder({ "fix.yaml": workflow("fix") });
  expect(await checkFile(join(path, "fix.yaml"))).toMatchObject({
    kind: "agent",
    version: { name: "fix" },
    complaints: [],
  });
  await expect(checkFile(join(path, "none.yaml"))).rejects.toMatchObject({ code: "usage.invalid" });
  const { complaints } = await checkText({ file: "x.yaml", bytes: new TextEncoder().encode("a: 1\n---\n") });
  expect(complaints.map(printComplaint)).toEqual(['x.yaml:2:1 one file holds one document. Remove the second "---"']);
});
