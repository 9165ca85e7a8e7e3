import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { check } from "../../src/workflow/check.ts";
import { printComplaint } from "../../src/workflow/complaint.ts";
import { checkFile, type Library, openLibrary } from "../../src/workflow/library.ts";

const endings: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

type Texts = Record<string, string | Uint8Array>;

function write(folder: string, files: Texts): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
}

function folderOf(files: Texts): string {
  const path = mkdtempSync(join(tmpdir(), "lastlight-"));
  endings.push(() => rmSync(path, { recursive: true }));
  write(path, files);
  return path;
}

async function library(folder: string): Promise<Library> {
  const opened = await openLibrary({ folders: [folder] });
  endings.push(() => opened.close());
  return opened;
}

const saidOf = (from: Library): string[] => from.list().flatMap((each) => each.complaints.map(printComplaint));

const FIX = `name: fix
phases:
  - name: mend
    prompt: prompts/fix.md
    skills: [careful, quick]
    loop:
      max_cycles: 2
      on_request_changes: { fix_prompt: prompts/again.md, re_review_prompt: prompts/look.md }
`;
const BESIDE = {
  "prompts/fix.md": "Fix {{issueTitle}}\n",
  "prompts/again.md": "Again, please.\n",
  "prompts/look.md": "Look at {{phases.mend.output}}\n",
  "skills/careful/SKILL.md": "Take care. {{ This is no template. }}\n",
  "skills/quick/SKILL.md": "Be quick.\n",
};

test("a version holds the text of every prompt and skill that its phases name, and of nothing else", async () => {
  const opened = await library(folderOf({ "fix.yaml": FIX, ...BESIDE, "prompts/other.md": "{{ broken" }));
  expect(saidOf(opened)).toEqual([]);
  expect(opened.get("fix").workflow.files).toEqual(BESIDE);
});

test("a prompt or a skill that is missing is told where the workflow names it", async () => {
  const opened = await library(folderOf({ "fix.yaml": FIX, "prompts/look.md": "Look\n" }));
  const reason = "is missing, outside this folder, not text, or larger than 256 KiB";
  expect(saidOf(opened)).toEqual([
    `fix.yaml:4:13 prompt file prompts/fix.md ${reason}`,
    `fix.yaml:5:14 skill file skills/careful/SKILL.md ${reason}`,
    `fix.yaml:5:23 skill file skills/quick/SKILL.md ${reason}`,
    `fix.yaml:8:41 prompt file prompts/again.md ${reason}`,
  ]);
  expect(() => opened.get("fix")).toThrow(expect.objectContaining({ code: "workflow.invalid" }));
});

test("a mistake inside a prompt is told at the prompt's own line", async () => {
  const look = "One line.\r\n\r\nAnd {{issueTitel}},\n{% if repo %}\nleft open\n";
  const opened = await library(folderOf({ "fix.yaml": FIX, ...BESIDE, "prompts/look.md": look }));
  expect(saidOf(opened)).toEqual(["prompts/look.md:4:1 {% if %} is never closed. Write {% endif %}"]);
  write(opened.list()[0]!.folder, { "prompts/look.md": look.replace("left open", "{% endif %}") });
  await opened.reload();
  expect(saidOf(opened)).toEqual(['prompts/look.md:3:7 unknown name "issueTitel". Did you mean "issueTitle"?']);
});

test("a file checked by itself names its prompts so that they can be opened from where one stands", async () => {
  const folder = folderOf({ "fix.yaml": FIX, ...BESIDE, "prompts/look.md": "\n {{whoever}}\n" });
  const { complaints, version } = await checkFile(join(folder, "fix.yaml"));
  expect(complaints.map(printComplaint)).toEqual([`${join(folder, "prompts/look.md")}:2:4 unknown name "whoever"`]);
  expect(version).toBeNull();
});

test("a changed prompt makes a new version, and the old version keeps the old text", async () => {
  const folder = folderOf({ "fix.yaml": FIX, ...BESIDE });
  const opened = await library(folder);
  const before = opened.get("fix");
  let heard = 0;
  opened.onChange(() => heard++);
  write(folder, { "prompts/again.md": "Once more, please.\n" });
  await opened.reload();
  const after = opened.get("fix");
  expect(heard).toBe(1);
  expect(after.hash).not.toBe(before.hash);
  expect(after.yaml).toBe(before.yaml);
  expect(before.workflow.files?.["prompts/again.md"]).toBe("Again, please.\n");
  expect(after.workflow.files?.["prompts/again.md"]).toBe("Once more, please.\n");
});

test("a prompt that changes back makes the first version again", async () => {
  const folder = folderOf({ "fix.yaml": FIX, ...BESIDE });
  const opened = await library(folder);
  const { hash } = opened.get("fix");
  write(folder, { "prompts/again.md": "Once more, please.\n" });
  await opened.reload();
  write(folder, { "prompts/again.md": BESIDE["prompts/again.md"] });
  await opened.reload();
  expect(opened.get("fix").hash).toBe(hash);
});

test("a prompt that turns bad, or goes away, keeps the last good version in force", async () => {
  const folder = folderOf({ "fix.yaml": FIX, ...BESIDE });
  const opened = await library(folder);
  const { hash } = opened.get("fix");
  write(folder, { "prompts/look.md": "{{whoever}}" });
  await opened.reload();
  expect(opened.get("fix").hash).toBe(hash);
  expect(saidOf(opened)).toEqual(['prompts/look.md:1:3 unknown name "whoever"']);
  rmSync(join(folder, "prompts/look.md"));
  await opened.reload();
  expect(opened.get("fix").hash).toBe(hash);
  expect(saidOf(opened)).toEqual([expect.stringMatching(/^fix\.yaml:8:77 prompt file prompts\/look\.md is missing/)]);
  write(folder, { "prompts/look.md": BESIDE["prompts/look.md"] });
  await opened.reload();
  expect(saidOf(opened)).toEqual([]);
});

test.for([
  ["a link that leads out of the folder", "out.md"],
  ["a link to a folder outside", "away/secret.md"],
  ["a folder", "folder.md"],
  ["bytes that are no text", "bytes.md"],
  ["more than 256 KiB", "large.md"],
  ["a name that every object has", "constructor"],
])("a prompt that is %s is refused", async ([, prompt]) => {
  const outside = folderOf({ "secret.md": "secret" });
  const folder = folderOf({
    "fix.yaml": `name: fix\nphases: [{ name: a, prompt: ${prompt} }]\n`,
    "folder.md/inside.md": "",
    "bytes.md": new Uint8Array([0xff, 0xfe]),
    "large.md": "a".repeat(256 * 1024 + 1),
  });
  symlinkSync(join(outside, "secret.md"), join(folder, "out.md"));
  symlinkSync(outside, join(folder, "away"));
  const opened = await library(folder);
  expect(saidOf(opened)).toEqual([
    `fix.yaml:2:29 prompt file ${prompt} is missing, outside this folder, not text, or larger than 256 KiB`,
  ]);
  expect(opened.list()[0]?.version).toBeNull();
});

test.for(["../secret.md", "/etc/passwd", "a/../../secret.md", "a\\b.md"])(
  "the prompt %s is refused before anyone looks for it",
  (prompt) => {
    const text = `name: fix\nphases: [{ name: a, prompt: '${prompt}' }]\n`;
    const { complaints, wants } = check("fix.yaml", new TextEncoder().encode(text));
    expect(complaints.map(printComplaint)).toEqual(["fix.yaml:2:29 prompt must be a path below the workflow's folder"]);
    expect(wants).toEqual([]);
  },
);

test("a prompt of 256 KiB, a link within the folder and names from below are fine", async () => {
  const folder = folderOf({
    "fix.yaml": "name: fix\nphases: [{ name: a, prompt: deep/er/p.md }, { name: b, prompt: in.md }]\n",
    "deep/er/p.md": "a".repeat(256 * 1024),
  });
  symlinkSync("deep/er/p.md", join(folder, "in.md"));
  const opened = await library(folder);
  expect(saidOf(opened)).toEqual([]);
  expect(Object.keys(opened.get("fix").workflow.files ?? {})).toEqual(["deep/er/p.md", "in.md"]);
});

test("of prompts with thousands of mistakes fifty are told", () => {
  const text = "name: fix\nphases: [{ name: a, prompt: p.md }, { name: b, prompt: q.md }]\n";
  const wrong = "{{whoever}}\n".repeat(3_000);
  const { complaints } = check("fix.yaml", new TextEncoder().encode(text), { "p.md": wrong, "q.md": wrong });
  expect(complaints).toHaveLength(50);
});

const starts = (name: string, ...children: string[]): string =>
  `name: ${name}\nphases:\n  - { name: a, type: context }\n${children
    .map((child, at) => `  - { name: c${at}, type: workflow, workflow: ${child} }\n`)
    .join("")}`;

test("a workflow that starts one that is not there is refused at the name, with the nearest one", async () => {
  const opened = await library(folderOf({ "a.yaml": starts("alpha", "bteta"), "b.yaml": starts("beta") }));
  expect(saidOf(opened)).toEqual(['a.yaml:4:43 no workflow is called "bteta". Did you mean "beta"?']);
  expect(() => opened.get("alpha")).toThrow(expect.objectContaining({ code: "workflow.invalid" }));
  expect(opened.get("beta").name).toBe("beta");
});

test("two workflows that start each other are both refused, and so is one that starts itself", async () => {
  const opened = await library(
    folderOf({
      "a.yaml": starts("alpha", "beta"),
      "b.yaml": starts("beta", "alpha"),
      "c.yaml": starts("gamma", "gamma"),
    }),
  );
  expect(saidOf(opened)).toEqual([
    'a.yaml:4:43 "beta" starts "alpha" again: a run of it would never end',
    'b.yaml:4:43 "alpha" starts "beta" again: a run of it would never end',
    'c.yaml:4:43 "gamma" starts "gamma" again: a run of it would never end',
  ]);
  expect(opened.list().map(({ version }) => version)).toEqual([null, null, null]);
});

test("a longer ring is refused as a whole, and with it whatever starts it", async () => {
  const opened = await library(
    folderOf({
      "a.yaml": starts("alpha", "beta"),
      "b.yaml": starts("beta", "gamma"),
      "c.yaml": starts("gamma", "alpha"),
      "d.yaml": starts("delta", "beta"),
      "e.yaml": starts("epsilon", "delta", "zeta"),
      "z.yaml": starts("zeta"),
    }),
  );
  expect(saidOf(opened).sort()).toEqual([
    'a.yaml:4:43 "beta" starts "alpha" again: a run of it would never end',
    'b.yaml:4:43 "gamma" starts "beta" again: a run of it would never end',
    'c.yaml:4:43 "alpha" starts "gamma" again: a run of it would never end',
    'd.yaml:4:43 "beta" cannot be started: b.yaml has errors',
    'e.yaml:4:43 "delta" cannot be started: d.yaml has errors',
  ]);
  expect(opened.list().filter(({ version }) => version !== null)).toMatchObject([{ name: "zeta" }]);
});

test("a workflow that starts one with errors, or a schedule, is told so", async () => {
  const opened = await library(
    folderOf({
      "a.yaml": starts("alpha", "broken", "nightly"),
      "b.yaml": `${starts("broken")}zz: 1\n`,
      "n.yaml": "kind: cron\nname: nightly\nschedule: '0 1 * * *'\nworkflow: alpha\n",
    }),
  );
  expect(saidOf(opened).filter((each) => each.startsWith("a.yaml"))).toEqual([
    'a.yaml:4:43 "broken" cannot be started: b.yaml has errors',
    'a.yaml:5:43 "nightly" is a schedule and not a workflow',
  ]);
});

test("a child that comes later makes its parent whole", async () => {
  const folder = folderOf({ "a.yaml": starts("alpha", "beta") });
  const opened = await library(folder);
  expect(opened.list()[0]?.version).toBeNull();
  write(folder, { "b.yaml": starts("beta") });
  await opened.reload();
  expect(opened.get("alpha").name).toBe("alpha");
  expect(saidOf(opened)).toEqual([]);
});
