import { rm } from "node:fs/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Bug, bugs, type Caught, copied, hunted, infested, relived, survived } from "./bugs.ts";
import { INVARIANTS } from "./invariants.ts";

/** Nothing happens otherwise than dully: a bug that shows here proves nothing. */
const DULL = { seed: 1, choices: {} };
const SIDE_BY_SIDE = 2;

let sound: string;

beforeAll(async () => {
  sound = await copied();
});

afterAll(() => rm(sound, { recursive: true, force: true }));

/** One bug, from its patch to the short script that shows it. */
async function exposed(bug: Bug): Promise<Caught> {
  const folder = await infested(sound, bug);
  try {
    expect(await relived(folder, DULL), `${bug.name} must not show in a dull life`).toBeNull();
    const caught = await hunted(folder, bug.name);
    if (!caught.script) return caught;
    const again = await relived(folder, caught.script);
    expect(again?.invariant, `the short script of ${bug.name} shows it`).toBe(caught.invariant);
    expect(await relived(sound, caught.script), `nothing but ${bug.name} breaks a promise in its script`).toBeNull();
    return caught;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Every one, so many at a time, in the order they are in. */
async function all<T, R>(these: readonly T[], each: (one: T) => Promise<R>): Promise<PromiseSettledResult<R>[]> {
  const results: PromiseSettledResult<R>[] = [];
  const left = [...these.entries()];
  const take = async (): Promise<void> => {
    for (let next = left.shift(); next; next = left.shift())
      results[next[0]] = (await Promise.allSettled([each(next[1])]))[0];
  };
  await Promise.all(Array.from({ length: SIDE_BY_SIDE }, take));
  return results;
}

function table(results: readonly PromiseSettledResult<Caught>[], known: readonly Bug[]): string {
  const rows = results.map((result, at) => {
    if (result.status === "rejected") return [known[at]?.name, "", String(result.reason).split("\n")[0], "", ""];
    const { bug, seeds, invariant, choices, seconds } = result.value;
    return [bug, seeds, invariant ?? "none", choices ?? "", seconds];
  });
  const lines = [["bug", "seeds", "invariant", "choices", "seconds"], ...rows];
  return lines
    .map(([bug, ...rest]) => `${bug}`.padEnd(36) + rest.map((each) => `${each}`.padEnd(11)).join(""))
    .join("\n");
}

test("twenty mistakes in the engine are each caught, by the name of the promise that they break", async () => {
  const known = await bugs();
  expect(known).toHaveLength(20);
  const results = await all(known, exposed);
  process.stdout.write(`${table(results, known)}\n`);
  for (const [at, result] of results.entries()) {
    if (result.status === "rejected") throw result.reason;
    const { name, falls } = known[at] as Bug;
    const { invariant, sentence } = result.value;
    expect(falls, `${name} breaks ${invariant}`).toContain(invariant);
    expect(sentence).toBe(invariant && INVARIANTS[invariant]);
  }
  const most = Math.max(...results.map((each) => (each.status === "fulfilled" ? each.value.seeds : 0)));
  expect(await survived(sound, most), `${most} seeds without a bug break no promise`).toBe(true);
});
