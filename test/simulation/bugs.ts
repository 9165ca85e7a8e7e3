import { execFile } from "node:child_process";
import { cp, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Script } from "./choices.ts";
import { INVARIANTS, type Invariant, type Violation } from "./invariants.ts";

/** A mistake that a review could miss, as a patch against `src`. */
export interface Bug {
  readonly name: string;
  /** What the mistake is. */
  readonly sentence: string;
  /** Which promises it may break. */
  readonly falls: readonly Invariant[];
  /** Where the patch lies. */
  readonly file: string;
}

/** What the simulation had to say of a bug. */
export interface Caught {
  readonly bug: string;
  /** How many seeds it took, or did not suffice. */
  readonly seeds: number;
  readonly invariant: Invariant | null;
  readonly sentence: string | null;
  /** In the script as short as it was found. */
  readonly choices: number | null;
  readonly script: Script | null;
  readonly seconds: number;
}

interface Said {
  readonly first?: readonly { readonly seed: number }[];
  readonly violation?: Violation | null;
  readonly script?: Script;
}

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const PATCHES = fileURLToPath(new URL("./bugs", import.meta.url));
const COPIED = ["src", "test/simulation", "test/support", "test/domain", "package.json", "tsconfig.json"];
/** How many seeds are tried at a time: most bugs fall early, and a start costs as much as a dozen seeds. */
const STEPS = [40, 80, 120, 160, 200, 200, 200];
const LONGEST_MS = 120_000;

const run = promisify(execFile);

/** All there are, by number. */
export async function bugs(): Promise<readonly Bug[]> {
  const names = (await readdir(PATCHES)).filter((name) => name.endsWith(".patch")).sort();
  return Promise.all(names.map(read));
}

async function read(name: string): Promise<Bug> {
  const file = join(PATCHES, name);
  const [sentence = "", falls = ""] = (await readFile(file, "utf8")).split("\n");
  const said = /^falls: (.+)$/.exec(falls)?.[1]?.split(", ") ?? [];
  const known = said.filter((each): each is Invariant => Object.hasOwn(INVARIANTS, each));
  if (sentence === "" || known.length === 0 || known.length < said.length)
    throw new Error(`${name} must begin with its mistake in one line and "falls: " with names of invariants`);
  return { name: name.replace(/\.patch$/, ""), sentence, falls: known, file };
}

/** The house as it stands, in a folder of its own, with no bug in it. */
export async function copied(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "lastlight-bugs-"));
  for (const part of COPIED) await cp(join(ROOT, part), join(folder, part), { recursive: true });
  await symlink(join(ROOT, "node_modules"), join(folder, "node_modules"));
  return folder;
}

/** The same house with one bug in it; throws when the patch no longer applies. */
export async function infested(sound: string, { name, file }: Bug): Promise<string> {
  const folder = await mkdtemp(`${sound}-${name}-`);
  await cp(sound, folder, { recursive: true, verbatimSymlinks: true });
  try {
    // Not as part of whatever repository the folder happens to lie in.
    const env = { ...process.env, GIT_CEILING_DIRECTORIES: dirname(folder) };
    await run("git", ["apply", file], { cwd: folder, env });
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw new Error(`${name} no longer applies: make its patch anew. ${(error as Error).message}`);
  }
  return folder;
}

/** Lives seed after seed in a folder until a promise is broken, or there are no more. */
export async function hunted(folder: string, bug: string): Promise<Caught> {
  const started = performance.now();
  let tried = 0;
  for (const seeds of STEPS) {
    const [sum, fallen] = await simulated(folder, ["--from", `${tried + 1}`, "--seeds", `${seeds}`, "--workers", "1"]);
    const seed = sum?.first?.[0]?.seed;
    tried += seeds;
    if (seed !== undefined) return caught(bug, seed, started, fallen);
  }
  return caught(bug, tried, started);
}

/** Lives one script in a folder; the promise it breaks, if it does. */
export async function relived(folder: string, script: Script): Promise<Violation | null> {
  const file = join(await mkdtemp(join(folder, "script-")), "script.json");
  await writeFile(file, JSON.stringify(script));
  const [told] = await simulated(folder, ["--script", file]);
  return told?.violation ?? null;
}

/** So many seeds in a folder, from the first. */
export async function survived(folder: string, seeds: number): Promise<boolean> {
  const [sum] = await simulated(folder, ["--seeds", `${seeds}`, "--workers", "2"]);
  return sum?.first?.length === 0;
}

function caught(bug: string, seeds: number, started: number, said?: Said): Caught {
  const { violation = null, script = null } = said ?? {};
  return {
    bug,
    seeds,
    invariant: violation?.invariant ?? null,
    sentence: violation?.sentence ?? null,
    choices: script && Object.keys(script.choices).length,
    script,
    seconds: Math.round((performance.now() - started) / 100) / 10,
  };
}

/** What the simulation says, as a program of its own: 0 where all is well, 1 where a promise is broken and nowhere else. */
async function simulated(cwd: string, words: readonly string[]): Promise<readonly Said[]> {
  const command = ["test/simulation/simulate.ts", "--json", ...words];
  const { code, stdout, stderr } = await run(process.execPath, command, {
    cwd,
    maxBuffer: 256 * 1024 * 1024,
    timeout: LONGEST_MS,
  }).then(
    (ended) => ({ ...ended, code: 0 }),
    (error: { code: number | null; stdout: string; stderr: string }) => error,
  );
  const said = stdout.split("\n").flatMap((line): Said[] => (line.startsWith("{") ? [JSON.parse(line) as Said] : []));
  const broken = said.some(({ violation }) => violation != null);
  if (said.length === 0 || code !== (broken ? 1 : 0))
    throw new Error(`the simulation ended with ${code} and said: ${stderr.slice(0, 2_000)}`);
  return said;
}
