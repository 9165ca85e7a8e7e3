import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { checkFile } from "../../src/workflow/library.ts";
import { temporaryFolder } from "../support/world.ts";
import { ROOT } from "./command.ts";
import { commit, git, repository } from "./repository.ts";

const INSPECTIONS = ["history", "sizes", "todos", "manifests"] as const;
type Part = (typeof INSPECTIONS)[number] | "draft" | "report";

const { version } = await checkFile(join(ROOT, "workflows", "repo-checkup.yaml"));
const commands = new Map(
  version?.workflow.phases.flatMap((each) => (each.type === "bash" ? [[each.name, each.command]] : [])),
);

/** A workspace in which the phases of one run are carried out, as the phase type does it. */
function run(repo: string) {
  const workspace = temporaryFolder();
  const outputs = temporaryFolder();
  return {
    workspace,
    phase: (name: Part): { code: number | null; stdout: string; stderr: string } => {
      const { status, stdout, stderr } = spawnSync("bash", ["-c", commands.get(name) as string], {
        cwd: workspace,
        env: {
          PATH: process.env.PATH,
          HOME: process.env.HOME,
          LASTLIGHT_RUN: "a-run",
          LASTLIGHT_INPUT_REPO: repo,
          LASTLIGHT_OUTPUTS: outputs,
        },
        encoding: "utf8",
      });
      if (status === 0) writeFileSync(join(outputs, name), stdout);
      return { code: status, stdout, stderr };
    },
  };
}

/** The text cells of every row of a table that begins with this heading. */
function rows(markdown: string, heading: string): string[] {
  const part = markdown.split(/^##+ /m).find((each) => each.startsWith(`${heading}\n`)) ?? "";
  return part
    .split("\n")
    .filter((line) => line.startsWith("| "))
    .slice(1);
}

test("the shipped workflow loads without a complaint, and everything it asks for is carried out", async () => {
  const checked = await checkFile(join(ROOT, "workflows", "repo-checkup.yaml"));
  expect(checked.complaints).toEqual([]);
  expect(checked.version?.workflow.unavailable).toEqual([]);
});

describe("a repository with work in it", () => {
  test("its history is told in true figures", () => {
    const repo = repository({ "a.txt": "one\n" });
    commit(repo, { "a.txt": "two\n" }, "Change a", "Ben | <b>");
    commit(repo, { "a.txt": "three\n", "b.txt": "one\n" }, "Change both", "Ana");
    const { code, stdout, stderr } = run(repo).phase("history");
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toContain("3 commits by 2 people; the last one ");
    expect(rows(stdout, "Who commits")).toEqual(["| `Ana` | 2 | 66 % |", "| `Ben \\| b` | 1 | 33 % |"]);
    expect(rows(stdout, "Busiest files")).toEqual(["| `a.txt` | 3 |", "| `b.txt` | 1 |"]);
  });

  test("its sizes add up", () => {
    const repo = repository({
      "big.bin": "x".repeat(1_500_000),
      "src/a.ts": "y".repeat(2_048),
      "src/b.TS": "z".repeat(100),
      LICENSE: "",
      ".gitignore": "n\n",
    });
    const { code, stdout, stderr } = run(repo).phase("sizes");
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toContain("5 tracked files, 1.4 MiB in all.");
    expect(rows(stdout, "Largest files").slice(0, 3)).toEqual([
      "| `big.bin` | 1.4 MiB |",
      "| `src/a.ts` | 2.0 KiB |",
      "| `src/b.TS` | 100 B |",
    ]);
    expect(rows(stdout, "By extension")).toEqual([
      "| `.bin` | 1 | 1.4 MiB | 99 % |",
      "| `.ts` | 2 | 2.0 KiB | 0 % |",
      "| `(none)` | 2 | 2 B | 0 % |",
    ]);
  });

  test("what someone left to do is counted and located; words that merely contain it are not", () => {
    const repo = repository({
      "a.ts": "// TODO: one\n\n\t// FIXME | two\n",
      "b.ts": "const TODOS = 1; // mastodon\n",
      "c.bin": "TODO\0TODO\n",
    });
    const { code, stdout, stderr } = run(repo).phase("todos");
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toContain("2 lines in 1 file wait for someone.");
    expect(rows(stdout, "Where")).toEqual(["| `a.ts` | 1 | `// TODO: one` |", "| `a.ts` | 3 | `// FIXME \\| two` |"]);
  });

  test("declared dependencies are counted in each kind of manifest, vendored ones left out", () => {
    const npm = { dependencies: { a: "1", b: "npm:c@2" }, devDependencies: { d: "file:../d" }, scripts: { x: "y" } };
    const repo = repository({
      "package.json": JSON.stringify(npm, null, 2),
      "web/package.json": JSON.stringify(npm),
      "node_modules/a/package.json": JSON.stringify(npm),
      "requirements.txt": "# these\nflask==3\n-r more.txt\n\nredis\n",
      "go.mod":
        "module example.org/m\n\ngo 1.24\n\nrequire (\n\tgithub.com/a/b v1.0.0\n\tgolang.org/x/c v0.1.0 // indirect\n)\n",
      "Cargo.toml":
        '[package]\nname = "m"\n\n[dependencies]\nserde = "1"\n\n[dev-dependencies.criterion]\nversion = "0.5"\n',
      "pyproject.toml": '[project]\nname = "p"\ndependencies = [\n  "httpx>=0.27",\n  \'rich\',\n]\n',
      Gemfile: 'source "https://rubygems.org"\ngem "rails"\n',
    });
    const { code, stdout, stderr } = run(repo).phase("manifests");
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toContain("7 manifests declare 15 dependencies.");
    expect(rows(stdout, "Dependencies")).toEqual([
      "| `Cargo.toml` | Cargo | 2 |",
      "| `Gemfile` | Bundler | 1 |",
      "| `go.mod` | Go | 2 |",
      "| `package.json` | npm | 3 |",
      "| `pyproject.toml` | Python | 2 |",
      "| `requirements.txt` | pip | 2 |",
      "| `web/package.json` | npm | 3 |",
    ]);
  });

  test("a bare clone tells the same", () => {
    const repo = repository({ "a.ts": "// TODO\n", "package.json": "{}" });
    const bare = join(temporaryFolder(), "bare.git");
    git(repo, "clone", "--quiet", "--bare", repo, bare);
    for (const part of INSPECTIONS) expect(run(bare).phase(part)).toEqual(run(repo).phase(part));
  });

  test("a folder inside it stands for all of it", () => {
    const repo = repository({ "a.ts": "// TODO\n", "sub/package.json": "{}" });
    for (const part of INSPECTIONS) expect(run(join(repo, "sub")).phase(part)).toEqual(run(repo).phase(part));
  });

  test("draft and report lie in the workspace, the parts joined, and nothing else is left there", () => {
    const repo = repository({ "a.ts": "// TODO\n" });
    const { phase, workspace } = run(repo);
    for (const part of INSPECTIONS) expect(phase(part).code).toBe(0);
    const draft = phase("draft");
    expect(draft.stdout).toMatch(/^# Check-up of repo\n\nOf `.*repo` at HEAD, on /);
    expect(draft.stdout).toContain("- 1 line in 1 file waits for someone.\n");
    for (const heading of ["History", "Sizes", "TODOs", "Dependencies"])
      expect(draft.stdout).toContain(`\n## ${heading}\n`);
    expect(readFileSync(join(workspace, "checkup.md"), "utf8")).toBe(draft.stdout);
    expect(phase("report").stdout).toBe(`${join(workspace, "report.md")}\n`);
    const report = readFileSync(join(workspace, "report.md"), "utf8");
    expect(report.startsWith(draft.stdout)).toBe(true);
    expect(report).toMatch(/\nApproved by a person at the gate of run `a-run`, on /);
    expect(readdirSync(workspace).sort()).toEqual(["checkup.md", "report.md"]);
  });
});

test("a repository without a commit is told as such", () => {
  const { phase } = run(repository());
  expect(INSPECTIONS.map((part) => phase(part))).toEqual([
    { code: 0, stdout: "## History\n\nNo commits yet.\n", stderr: "" },
    { code: 0, stdout: "## Sizes\n\nNo files yet.\n", stderr: "" },
    { code: 0, stdout: "## TODOs\n\nNo files yet.\n", stderr: "" },
    { code: 0, stdout: "## Dependencies\n\nNo files yet.\n", stderr: "" },
  ]);
  expect(phase("draft").code).toBe(0);
});

test("file names with spaces, quotes, newlines, pipes, back-ticks and leading dashes keep every table whole", () => {
  const names = [
    "a b.txt",
    "q\"uo'te.txt",
    "new\nline.txt",
    "pi|pe.txt",
    "tick`.txt",
    "-dash.txt",
    "$(touch gone).txt",
    "\u001b[31m.txt",
  ];
  const repo = repository(Object.fromEntries(names.map((name) => [name, "TODO\n"])));
  const { phase, workspace } = run(repo);
  for (const part of INSPECTIONS) {
    const { code, stderr } = phase(part);
    expect([part, code, stderr]).toEqual([part, 0, ""]);
  }
  const draft = phase("draft").stdout;
  const shown = [
    "a b.txt",
    "q\"uo'te.txt",
    "new?line.txt",
    "pi\\|pe.txt",
    "tick'.txt",
    "-dash.txt",
    "$(touch gone).txt",
  ];
  for (const name of shown) {
    expect(rows(draft, "Largest files")).toContain(`| \`${name}\` | 5 B |`);
    expect(rows(draft, "Busiest files")).toContain(`| \`${name}\` | 1 |`);
    expect(rows(draft, "Where")).toContain(`| \`${name}\` | 1 | \`TODO\` |`);
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: their absence is the promise
  expect(draft).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/);
  expect(existsSync(join(workspace, "gone"))).toBe(false);
});

test("paths of repositories with spaces, quotes and newlines are read like any other", () => {
  const repo = join(temporaryFolder(), "my \"own\"\n'repo'; touch gone");
  mkdirSync(repo);
  git(repo, "init", "--quiet");
  commit(repo, { "a.txt": "a\n" }, "Begin");
  const { phase, workspace } = run(repo);
  for (const part of [...INSPECTIONS, "draft"] as const) expect([part, phase(part).code]).toEqual([part, 0]);
  expect(readdirSync(workspace)).toEqual(["checkup.md"]);
});

describe("what is no repository is refused with the reason in one line", () => {
  test.each(INSPECTIONS)("%s", (part) => {
    const folder = temporaryFolder();
    const refused = (path: string): string => {
      const { code, stderr } = run(path).phase(part);
      expect(code).toBe(1);
      return stderr;
    };
    expect(refused(folder)).toMatch(new RegExp(`^repo-checkup: cannot read ${folder}: not a git repository.*\n$`));
    expect(refused(join(folder, "gone"))).toMatch(/^repo-checkup: cannot read .*gone: cannot change to .*\n$/);
    expect(refused("-c")).toBe('repo-checkup: the input repo must be an absolute path, not "-c"\n');
    expect(refused(".")).toBe('repo-checkup: the input repo must be an absolute path, not "."\n');
  });
});

test("a repository cannot have its own programs run", () => {
  const repo = repository({ "a.txt": "TODO\n", ".gitattributes": "*.txt diff=evil filter=evil\n" });
  const trace = join(temporaryFolder(), "trace");
  const evil = join(temporaryFolder(), "evil");
  writeFileSync(evil, `#!/bin/sh\necho "$0 $*" >>'${trace}'\n`, { mode: 0o755 });
  const keys = [
    "core.fsmonitor",
    "core.pager",
    "core.sshCommand",
    "diff.external",
    "diff.evil.textconv",
    "diff.evil.command",
    "filter.evil.clean",
    "filter.evil.smudge",
    "gpg.program",
    "pager.log",
    "pager.grep",
    "alias.log",
  ];
  for (const key of keys) git(repo, "config", key, key.startsWith("alias") ? `!${evil}` : evil);
  git(repo, "config", "log.showSignature", "true");
  git(repo, "config", "core.hooksPath", join(evil, ".."));
  git(repo, "status");
  expect(existsSync(trace), "the trap is set").toBe(true);
  rmSync(trace);
  for (const part of INSPECTIONS) expect([part, run(repo).phase(part).code]).toEqual([part, 0]);
  expect(existsSync(trace)).toBe(false);
});
