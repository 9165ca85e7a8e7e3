import { join } from "node:path";
import { expect, test } from "vitest";
import { openSuspects } from "../../../src/store/files/suspects.ts";
import { temporaryFolder } from "../../support/world.ts";

test("a stop whose last word cannot be written goes on all the same, and blames nobody", () => {
  const file = join(temporaryFolder(), "suspects");
  const suspects = openSuspects(file);
  // Any write that the system refuses will do; one to a closed descriptor needs no full disk.
  suspects.close();
  suspects.clean();
  const next = openSuspects(file);
  expect(next.before).toEqual({ clean: false, run: null });
  next.close();
});
