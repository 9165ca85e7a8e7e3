import { test } from "vitest";
import { killed } from "../store/files/killed.ts";

test("100 SIGKILLs and torn files: each byte of output is told once, in order, with no gap", async () => {
  await killed(100);
});
