import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { declaredPairs, parsed, readJson } from "../../src/cli/values.ts";
import { temporaryFolder } from "../support/world.ts";

test("what is declared as text stays text; everything else is JSON where it is some", () => {
  const declared = { id: { type: "string" }, n: { type: "integer" } };
  const pairs = ["id=42", "n=42", "list=[1,2]", "word=hello", "flag=true", "equals=a=b", "empty=", "n=7"];
  expect(declaredPairs(pairs, declared)).toEqual({
    id: "42",
    n: 7,
    list: [1, 2],
    word: "hello",
    flag: true,
    equals: "a=b",
    empty: "",
  });
});

test("names that objects have of their own are names like any other", () => {
  const values = declaredPairs(["__proto__=1", "constructor=2", "toString=x"], {});
  expect(JSON.stringify(values)).toBe('{"__proto__":1,"constructor":2,"toString":"x"}');
});

test.each(["novalue", "=x", ""])("%j is no pair, and the message shows one", (pair) => {
  expect(() => declaredPairs([pair], {})).toThrow(`--input takes name=value, not "${pair}"`);
});

test("text that is no JSON is itself", () => {
  expect([parsed("{"), parsed("null"), parsed("1e3"), parsed("007"), parsed("")]).toEqual(["{", null, 1000, "007", ""]);
});

test("a file must hold one JSON object", () => {
  const file = join(temporaryFolder(), "inputs.json");
  for (const text of ["[1]", "null", "7", '"a"']) {
    writeFileSync(file, text);
    expect(() => readJson(file, "inputs")).toThrow("must hold one JSON object of inputs by name");
  }
  writeFileSync(file, "{");
  expect(() => readJson(file, "inputs")).toThrow("cannot be read as JSON");
});
