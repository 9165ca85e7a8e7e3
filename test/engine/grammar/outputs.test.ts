import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { grammarWorld, outputs } from "../../support/grammar.ts";

test("named outputs come from stdout, from a file, and from JSON, and keep their types", async () => {
  const world = await grammarWorld({
    "o.yaml": `name: o
phases:
  - name: make
    type: bash
    command: "printf '%s' 'some text' > note.txt; echo '{\\"n\\": 3, \\"list\\": [1, \\"b\\"]}' > data.json; printf 'said\\n'"
    outputs: { said: { from: stdout }, note: { from: file, path: note.txt }, data: { from: json, path: data.json } }
  - { name: read, type: bash, if: 'phases.make.outputs.data.n + 1 == 4', command: "printf '%s|%s|%s|%s' {{phases.make.outputs.said}} {{phases.make.outputs.note}} {{phases.make.outputs.data.list}} {{phases.make.outputs.data.n}}" }
`,
  });
  const run = await world.over(await world.start("o"));
  expect(outputs(run).read).toBe('said\n|some text|[1,"b"]|3');
  expect(run.executions[0]?.outputs).toEqual({ said: "said\n", note: "some text", data: { n: 3, list: [1, "b"] } });
});

test("a declared file is kept by its hash; a later phase reads it where it lies, whatever becomes of the workspace", async () => {
  const world = await grammarWorld({
    "o.yaml": `name: o
phases:
  - { name: zeta, type: bash, command: "echo old > p; printf '\\\\000\\\\377bytes' > b", artefacts: [{ path: p, name: patch }, { path: b, name: blob }] }
  - { name: alpha, type: bash, command: "echo new > p", artefacts: [{ path: p, name: patch }] }
  - { name: apply, type: bash, command: 'rm p b; cat {{artefacts.patch}}; wc -c < {{artefacts.blob}}' }
`,
  });
  const run = await world.over(await world.start("o"));
  expect(outputs(run).apply).toBe("new\n7\n");
  const kept = run.artefacts.map(
    ({ name, path }) => [name, readFileSync(join(world.folder, "artefacts", path))] as const,
  );
  expect(kept).toEqual([
    ["patch", Buffer.from("old\n")],
    ["blob", Buffer.from([0, 255, ...Buffer.from("bytes")])],
    ["patch", Buffer.from("new\n")],
  ]);
  for (const [at, [, bytes]] of kept.entries()) {
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    expect(run.artefacts[at]).toMatchObject({ sha256, bytes: bytes.length, path: `${sha256.slice(0, 2)}/${sha256}` });
  }
  expect(readdirSync(join(world.folder, "artefacts")).filter((name) => name.endsWith(".tmp"))).toEqual([]);
});

describe("a phase that promised what it does not hand over fails, and the error names it", () => {
  const cases: [string, string, string, RegExp][] = [
    [
      "a missing file",
      "true",
      "artefacts: [{ path: patch.diff, name: patch }]",
      /^artefact\.missing: patch\.diff was not made$/,
    ],
    ["a folder", "mkdir d", "artefacts: [{ path: d, name: d }]", /^artefact\.missing: d is not a regular file$/],
    ["a pipe", "mkfifo f", "artefacts: [{ path: f, name: f }]", /^artefact\.missing: f is not a regular file$/],
    [
      "a link that leads out",
      "ln -s /etc/passwd out",
      "artefacts: [{ path: out, name: out }]",
      /^artefact\.missing: out leads out of the workspace$/,
    ],
    [
      "a folder that leads out",
      "ln -s /etc etc",
      "outputs: { o: { from: file, path: etc/passwd } }",
      /^artefact\.missing: etc\/passwd leads out of the workspace$/,
    ],
    ["no JSON", "echo '{'", "outputs: { data: { from: json } }", /^artefact\.missing: output "data" is not JSON: /],
    [
      "no UTF-8",
      "printf '\\\\377' > t",
      "outputs: { text: { from: file, path: t } }",
      /^artefact\.missing: t is not UTF-8 text$/,
    ],
    [
      "too much text",
      "head -c 65537 /dev/zero > t",
      "outputs: { text: { from: file, path: t } }",
      /^output\.too_large: t holds 65537 bytes; 65536 are the most$/,
    ],
    [
      "too much print",
      "yes | head -c 70000",
      "outputs: { text: { from: stdout } }",
      /^output\.too_large: output "text" is 70000 bytes of stdout; 65536 are the most$/,
    ],
    [
      "too much nesting",
      "yes '[' | head -n 100 | tr -d '\\n'; yes ']' | head -n 100 | tr -d '\\n'",
      "outputs: { deep: { from: json } }",
      /^output\.too_large: output "deep" nests deeper than 64 levels$/,
    ],
  ];

  test("each of them, side by side in one run", async () => {
    const phases = cases.map(
      ([, command, more], at) =>
        `  - { name: p${at}, type: bash, depends_on: [], command: ${JSON.stringify(`mkdir w${at}; cd w${at}; ${command}`).replaceAll("\\\\\\\\", "\\\\")}, ${more.replaceAll("path: ", `path: w${at}/`)} }`,
    );
    const world = await grammarWorld({ "o.yaml": `name: o\nphases:\n${phases.join("\n")}\n` });
    const run = await world.over(await world.start("o"));
    const errors = Object.fromEntries(run.executions.map(({ name, error }) => [name, error?.replace(/w\d+\//g, "")]));
    for (const [at, [what, , , error]] of cases.entries()) expect(errors[`p${at}`], what).toMatch(error);
    expect(run.artefacts).toEqual([]);
  });
});

test("secrets reach the phases that declare them, and stand nowhere on disk; a missing one refuses the run", async () => {
  const value = "pa55-of-this-test-only";
  const files = {
    "s.yaml": `name: s
secrets: [TOKEN, OTHER]
phases:
  - { name: with, type: bash, secrets: [TOKEN], env: { GREETING: "hello {{run.workflow}}" }, command: 'printf "%s %s %s" "$GREETING" "\${#TOKEN}" "\${OTHER-none}"' }
  - { name: without, type: bash, command: 'printf "%s" "\${TOKEN-none}"' }
  - { name: agent, prompt: prompts/p.md, secrets: [TOKEN] }
`,
    "prompts/p.md": "Think",
  };
  const world = await grammarWorld(files, { settings: { secrets: { TOKEN: value, OTHER: value } } });
  const run = await world.over(await world.start("s"));
  expect(outputs(run)).toMatchObject({ with: `hello s ${value.length} none`, without: "none" });
  await world.engine.stop();
  const everything = readdirSync(world.folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name));
  expect(everything.some((file) => file.endsWith(".jsonl"))).toBe(true);
  expect(everything.filter((file) => readFileSync(file).includes(value))).toEqual([]);

  const bare = await grammarWorld(files, { settings: { secrets: { OTHER: value } } });
  await expect(bare.start("s")).rejects.toMatchObject({
    code: "secret.missing",
    message: 'Workflow "s" needs the secret TOKEN',
  });
});
