import { expect, test } from "vitest";
import { changesOf, disagreements, ERA } from "./walls.ts";

/** `ZONES=all` looks at every zone; otherwise a share of them, another one each day. */
const SHARES = process.env.ZONES === "all" ? 1 : 8;

test("no time comes twice and none is missed in any zone that sets its clocks from 2026 to 2030", () => {
  const share = Math.floor(Date.now() / 86_400_000) % SHARES;
  const zones = Intl.supportedValuesOf("timeZone");
  expect(zones.length).toBeGreaterThan(400);
  let changes = 0;
  const wrong: string[] = [];
  for (const zone of zones.filter((_, at) => at % SHARES === share)) {
    for (const change of changesOf(zone, ERA.from, ERA.until)) {
      changes++;
      wrong.push(...disagreements(zone, change));
    }
  }
  console.log(`${changes} changes of clocks, 30 patterns each: ${wrong.length} disagreements`);
  expect(changes).toBeGreaterThan(20);
  expect(wrong).toEqual([]);
});
