import { expect, test } from "vitest";
import { none } from "../../../src/runtimes/sandbox/none.ts";
import { world } from "./world.ts";

test("without a sandbox a program is started as it is, with its environment and nothing else", async () => {
  const { confine, run } = world(none());
  const confined = confine(["env"], { environment: { ONLY: "this" } });
  expect(none().wrap(confined)).toEqual({ argv: ["env"], environment: { ONLY: "this" } });
  expect(await run(["/usr/bin/env"], { environment: { ONLY: "this" } })).toMatchObject({
    code: 0,
    out: "ONLY=this\n",
    verdict: null,
  });
  expect(await none().available()).toHaveProperty("found");
});
