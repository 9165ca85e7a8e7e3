import { test } from "vitest";
import { liveThrough } from "./cron-lives.ts";

test("whatever comes over daemons and their clock, every slot has one row or lies after the last, and no slot two runs", () =>
  liveThrough(15));
