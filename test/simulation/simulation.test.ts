import { describe, expect, test } from "vitest";
import { drawn, replayed } from "./choices.ts";
import type { House } from "./house.ts";
import { inWords, shrunk } from "./shrink.ts";
import { type Passed, pass, whole } from "./storm.ts";

const MANY = 60;

describe("a daemon in a storm", () => {
  test(`${MANY} houses keep every promise, whatever goes wrong`, async () => {
    let deaths = 0;
    for (let seed = 1; seed <= MANY; seed++) {
      const passed = await pass(drawn(seed));
      expect(passed.violation, passed.violation ? inWords(passed) : "").toBeNull();
      deaths += Object.entries(passed.counts).reduce(
        (sum, [what, times]) => sum + (what.startsWith("death") ? times : 0),
        0,
      );
    }
    expect(deaths).toBeGreaterThan(MANY);
  });

  test("the same seed is the same life, to the last byte of the database", async () => {
    for (const seed of [3, 7, 26]) {
      const first = await pass(drawn(seed), { image: true });
      const second = await pass(drawn(seed), { image: true });
      expect(second.lines).toEqual(first.lines);
      expect(whole(second)).toBe(whole(first));
    }
    expect(whole(await pass(drawn(3), { image: true }))).not.toBe(whole(await pass(drawn(4), { image: true })));
  });

  test("a script of what was chosen lives again as it was", async () => {
    for (const seed of [3, 7, 26]) {
      const first = await pass(drawn(seed), { image: true });
      const again = await pass(replayed(first.script), { image: true });
      expect(again.lines).toEqual(first.lines);
      expect(whole(again)).toBe(whole(first));
    }
  });
});

/** Someone who sets a run's status by hand, once the daemon has died while it was under way. */
function meddling(): (house: House) => void {
  let done = false;
  return (house) => {
    if (done || house.lives < 2 || house.fresh > 0) return;
    const written = house.db.prepare("UPDATE workflow_runs SET status = 'paused' WHERE status = 'running'").run();
    done = written.changes > 0;
    if (done) house.fresh++;
  };
}

test("what breaks a promise is found, named, and told by as few choices as it takes", async () => {
  const live = (choices: Parameters<typeof pass>[0]): Promise<Passed> => pass(choices, { meddle: meddling() });
  let found: Passed | null = null;
  for (let seed = 1; !found; seed++) {
    const passed = await live(drawn(seed));
    if (passed.violation) found = passed;
  }
  expect(found.violation?.invariant).toBe("counted");
  const least = await shrunk(found.script, "counted", live);
  expect(least.violation?.invariant).toBe("counted");
  const names = Object.keys(least.script.choices);
  expect(names.length).toBeLessThan(Object.keys(found.script.choices).length);
  expect(names.length).toBeLessThanOrEqual(4);
  const again = await live(replayed(least.script));
  expect(again.lines).toEqual(least.lines);
  expect(inWords(again)).toContain("counted by its rev");
});
