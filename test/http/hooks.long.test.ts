import { expect, test } from "vitest";
import { examples } from "../support/intake.ts";
import { eachOnce, noneMutated, openHookWorld } from "./delivering.ts";

const ALL = examples();

test("each of GitHub's 329 recorded deliveries starts what waits for it once; not as it was signed, none starts anything", async () => {
  expect(ALL).toHaveLength(329);
  const world = await openHookWorld();
  await eachOnce(world, ALL);
  await noneMutated(world, ALL);
  expect(world.errors).toEqual([]);
});
