import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type Attempts, attempts } from "../../src/http/identity/attempts.ts";

const QUARTER_MS = 15 * 60_000;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** How many tries of so many are looked at. */
async function looked(at: Attempts, tries: number, of: (n: number) => readonly [string, string]): Promise<number> {
  let count = 0;
  for (let n = 0; n < tries; n++) {
    await at.admit(...of(n)).then(
      () => count++,
      (error: { code: string }) => expect(error.code).toBe("identity.busy"),
    );
  }
  return count;
}

test("a name has five tries at one address in a quarter of an hour; hammering on makes it no longer", async () => {
  const at = attempts();
  expect(await looked(at, 1_000, () => ["ana", "192.0.2.1"])).toBe(5);
  vi.advanceTimersByTime(QUARTER_MS - 1);
  expect(await looked(at, 1_000, () => ["ana", "192.0.2.1"])).toBe(0);
  vi.advanceTimersByTime(1);
  expect(await looked(at, 10, () => ["ana", "192.0.2.1"])).toBe(5);
});

test("ten thousand at once are no more", async () => {
  const at = attempts();
  const tries = Array.from({ length: 10_000 }, () => at.admit("ana", "192.0.2.1"));
  const outcomes = await Promise.allSettled(tries);
  expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(5);
});

test("an address has thirty tries with whatever names, a network of IPv6 counts as one address", async () => {
  const at = attempts();
  expect(await looked(at, 100, (n) => [`name${n}`, "192.0.2.1"])).toBe(30);
  expect(await looked(at, 100, (n) => [`name${n}`, `2001:db8:1:2::${n.toString(16)}`])).toBe(30);
  expect(await looked(at, 1, () => ["ana", "2001:db8:1:3::1"])).toBe(1);
});

test("who has many addresses locks nobody out of the places they have logged in from", async () => {
  const at = attempts();
  await at.admit("ana", "198.51.100.7");
  await at.succeeded("ana", "198.51.100.7");
  expect(await looked(at, 200, (n) => ["ana", `192.0.2.${n}`])).toBe(60);
  expect(await looked(at, 1, () => ["ana", "203.0.113.9"])).toBe(0);
  for (let login = 0; login < 100; login++) {
    await at.admit("ana", "198.51.100.7");
    await at.succeeded("ana", "198.51.100.7");
  }
  vi.advanceTimersByTime(4 * QUARTER_MS);
  expect(await looked(at, 1, () => ["ana", "203.0.113.9"])).toBe(1);
});

test("of a stranger's refusals only so many are worth a row", async () => {
  const at = attempts();
  const rows = [];
  for (let n = 0; n < 1_000; n++) if (await at.noted("192.0.2.1")) rows.push(n);
  expect(rows).toHaveLength(20);
});
