import { expect, test } from "vitest";
import { systemClock, uuidv7 } from "../../src/domain/clock.ts";
import { utf8Length } from "../../src/domain/json.ts";

test("ids made later sort later, within one millisecond and when the wall clock steps back", () => {
  let now = 1_700_000_000_000;
  const id = uuidv7(
    () => now,
    (bytes) => crypto.getRandomValues(bytes),
  );
  const ids = Array.from({ length: 10_000 }, (_, at) => {
    if (at === 5_000) now -= 60_000;
    return id();
  });
  expect([...ids].sort()).toEqual(ids);
  expect(new Set(ids).size).toBe(ids.length);
});

test("ids are UUIDs of version 7", () => {
  const { id } = systemClock();
  for (let at = 0; at < 1_000; at++) {
    expect(id()).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  }
});

test("times are text of one width, so that text order is time order", () => {
  expect(systemClock().now()).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
});

test("lengths are counted in bytes of UTF-8", () => {
  for (const text of ["", "abc", "ü", "€", "🌒", "a🌒b", "\ud800", "x\udc00y"]) {
    expect(utf8Length(text)).toBe(new TextEncoder().encode(text).length);
  }
});
