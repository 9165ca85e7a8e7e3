import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { systemClock } from "../../../src/domain/clock.ts";
import { repositories } from "../../../src/store/files/workspaces/repositories.ts";
import { grammarWorld, outputs, tries } from "../../support/grammar.ts";
import { folderOf } from "../../support/programs.ts";
import { source } from "../../support/repository.ts";
import { temporaryFolder } from "../../support/world.ts";

test("phases side by side each have a copy of what was there; none sees the other's, nor does who comes after", async () => {
  const world = await grammarWorld({
    "m.yaml": `name: m
phases:
  - { name: before, type: bash, command: "echo before > file" }
  - { name: left, type: bash, depends_on: [before], command: "cat file; echo left > file; sleep 0.1; cat file; pwd" }
  - { name: right, type: bash, depends_on: [before], command: "cat file; echo right > file; sleep 0.1; cat file; pwd" }
  - { name: after, type: bash, depends_on: [left, right], command: "cat file; ls $LASTLIGHT_OUTPUTS" }
`,
  });
  const id = await world.start("m");
  expect(outputs(await world.over(id))).toEqual({
    before: "",
    left: `before\nleft\n${world.workspace(id, "left")}\n`,
    right: `before\nright\n${world.workspace(id, "right")}\n`,
    after: "before\nbefore\nleft\nright\n",
  });
});

test("what follows on one side has that side's files; its declared files and outputs are what reaches the others", async () => {
  const world = await grammarWorld({
    "m.yaml": `name: m
phases:
  - { name: build, type: bash, depends_on: [], command: "echo built > out" }
  - name: try
    type: bash
    depends_on: [build]
    command: "cat out; echo tried > out; echo '{\\"n\\":3}' > n.json"
    artefacts: [{ path: out, name: thing }]
    outputs: { n: { from: json, path: n.json } }
  - { name: beside, type: bash, depends_on: [], command: "ls" }
  - { name: after, type: bash, depends_on: [try, beside], command: "ls; cat {{artefacts.thing}}; echo {{phases.try.outputs.n}}" }
`,
  });
  const run = await world.over(await world.start("m"));
  expect(outputs(run)).toEqual({ build: "", try: "built\n", beside: "", after: 'tried\n{"n":3}\n' });
});

test("each item of a matrix has a copy of its own, and what it declares is taken from there", async () => {
  const world = await grammarWorld({
    "m.yaml": `name: m
phases:
  - { name: before, type: bash, command: "echo before > file" }
  - name: each
    type: bash
    matrix: { at: [a, b, c] }
    command: "cat file; echo {{matrix.at}} >> file"
    artefacts: [{ path: file, name: file }]
  - { name: after, type: bash, command: "cat file" }
`,
  });
  const id = await world.start("m");
  const run = await world.over(id);
  const texts = run.artefacts.map(({ path }) => readFileSync(join(world.folder, "artefacts", path), "utf8"));
  expect(texts.sort()).toEqual(["before\na\n", "before\nb\n", "before\nc\n"]);
  expect(outputs(run)).toEqual({
    before: "",
    "each[0]": "before\n",
    "each[1]": "before\n",
    "each[2]": "before\n",
    after: "before\n",
  });
});

test("a phase that is tried again finds what it left, on a side of its own too; one that begins anew does not", async () => {
  const world = await grammarWorld({
    "m.yaml": `name: m
phases:
  - name: left
    type: bash
    depends_on: []
    retry: { times: 2, when: [exit] }
    command: 'echo "$LASTLIGHT_ATTEMPT" >> ledger; [ "$LASTLIGHT_ATTEMPT" = 3 ] && cat ledger'
  - { name: right, type: bash, depends_on: [], command: "true" }
`,
  });
  const id = await world.start("m");
  expect(outputs(await world.over(id)).left).toBe("1\n2\n3\n");
  await world.engine.retry(id, "left", "ana");
  expect(outputs(await world.over(id)).left).toBe("1\n2\n3\n");
});

test("a loop goes on with its own files, round after round, while others are at work", async () => {
  const world = await grammarWorld(
    {
      "m.yaml": `name: m
phases:
  - name: refine
    depends_on: []
    prompt: prompts/p.md
    generic_loop: { max_iterations: 3, until_bash: 'echo "$LASTLIGHT_EXECUTION" >> ledger; [ "$(wc -l < ledger)" = 2 ]' }
  - { name: beside, type: bash, depends_on: [], command: "true" }
`,
      "prompts/p.md": "again",
    },
    { says: { refine: { output: "done" } } },
  );
  const id = await world.start("m");
  const run = await world.over(id);
  expect(tries(run).filter((each) => each.startsWith("refine"))).toEqual([
    "refine_iter_1 ok",
    "refine_iter_1_check ok",
    "refine_iter_2 ok",
    "refine_iter_2_check ok",
  ]);
  expect(folderOf(world.workspace(id, "refine")).read("ledger").trim().split("\n")).toHaveLength(2);
});

const SIDES = `name: m
phases:
  - { name: b1, type: bash, depends_on: [], command: "echo b1 >> file" }
  - { name: b2, type: bash, depends_on: [b1], command: "echo b2 >> file; cat file" }
  - { name: c, type: bash, depends_on: [], command: "true" }
`;

test("an operator's retry goes on with a side's files, or begins them anew with the phase that began the side", async () => {
  const world = await grammarWorld({ "m.yaml": SIDES });
  const id = await world.start("m");
  await world.over(id);
  await world.engine.retry(id, "b2", "ana");
  expect(outputs(await world.over(id)).b2).toBe("b1\nb2\nb2\n");
  await world.engine.retry(id, "b1", "ana");
  expect(outputs(await world.over(id)).b2).toBe("b1\nb2\n");
});

test("a fork goes on with the files of the sides that it has from the original, and begins the others anew", async () => {
  const world = await grammarWorld({ "m.yaml": SIDES });
  const id = await world.start("m");
  await world.over(id);
  const ask = { run: id, by: "ana", once: null };
  const later = await world.over((await world.fork({ ...ask, from: "b2" })).run.id);
  expect(outputs(later)).toEqual({ b2: "b1\nb2\nb2\n" });
  const anew = await world.over((await world.fork({ ...ask, from: "b1" })).run.id);
  expect(outputs(anew).b2).toBe("b1\nb2\n");
  expect(folderOf(world.workspace(id, "b1")).read("file")).toBe("b1\nb2\n");
});

/** A house that knows where repositories come from, and one of them. */
async function withRepository(yaml: string) {
  const folder = temporaryFolder();
  const upstream = source(join(folder, "acme", "app.git"));
  const mirrors = repositories({
    base: `file://${folder}/`,
    root: join(folder, "mirrors"),
    clock: systemClock(),
    environment: { PATH: process.env.PATH ?? "", HOME: folder },
  });
  const world = await grammarWorld({ "m.yaml": yaml }, { repositories: mirrors });
  return { world, upstream, folder };
}

const LOOK = `name: m
phases:
  - { name: look, type: bash, command: "cat a.txt; git log --format=%s; git branch --show-current", retry: { times: 1, when: [any] } }
  - { name: change, type: bash, command: "echo mine > a.txt" }
  - { name: left, type: bash, depends_on: [change], command: "git status --short; cat a.txt" }
  - { name: right, type: bash, depends_on: [change], command: "git diff --stat | tail -n 1" }
`;

test("a run about a repository begins with a checkout of it, as templates read it; those side by side with a copy of it as it is", async () => {
  const { world, upstream } = await withRepository(LOOK);
  upstream.commit({ "a.txt": "one\n" });
  upstream.commit({ "a.txt": "two\n" }, "topic");
  const run = await world.over(await world.start("m", { context: { repo: "acme/app", branch: "topic" } }));
  expect(outputs(run)).toMatchObject({
    look: "two\na.txt\na.txt\ntopic\n",
    left: " M a.txt\nmine\n",
    right: " 1 file changed, 1 insertion(+), 1 deletion(-)\n",
  });
  const legacy = await world.over(await world.start("m", { context: { owner: "acme", repo: "app" } }));
  expect(outputs(legacy).look).toBe("one\na.txt\nmain\n");
});

test("a repository that cannot be had fails the try, which says what git said; a later try has it", async () => {
  const { world, upstream, folder } = await withRepository(LOOK);
  upstream.commit({ "a.txt": "one\n" });
  const gone = await world.over(await world.start("m", { context: { repo: "acme/none" } }));
  expect([gone.status, tries(gone)]).toEqual(["failed", ["look error", "look error"]]);
  expect(gone.executions[0]?.error).toMatch(/^repository\.unavailable: Repository acme\/none cannot be had: fatal: /);
  const hostile = await world.over(await world.start("m", { context: { repo: "acme/--upload-pack=touch" } }));
  expect(hostile.executions[0]?.error).toMatch(/^repository\.invalid: "acme\/--upload-pack=touch" is no name/);
  source(join(folder, "acme", "none.git")).commit({ "a.txt": "here\n" });
  await world.engine.retry(gone.id, null, "ana");
  expect(outputs(await world.over(gone.id)).look).toBe("here\na.txt\nmain\n");
});

test("without a place that repositories come from, a run about one begins with nothing", async () => {
  const world = await grammarWorld({
    "m.yaml": `name: m\nphases:\n  - { name: look, type: bash, command: "ls -A" }\n`,
  });
  expect(outputs(await world.over(await world.start("m", { context: { repo: "acme/app" } })))).toEqual({ look: "" });
});
