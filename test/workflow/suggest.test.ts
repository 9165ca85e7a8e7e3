import { expect, test } from "vitest";
import { suggest } from "../../src/workflow/suggest.ts";

test.for([
  ["aproval_gate", "approval_gate"],
  ["depend_on", "depends_on"],
  ["Timeout", "timeout"],
  ["tpye", "type"],
  ["zzz", null],
  ["", null],
  ["x".repeat(100_000), null],
] as const)("%s means %s", ([word, meant]) => {
  expect(suggest(word, ["approval_gate", "depends_on", "timeout", "type"])).toBe(meant);
});
