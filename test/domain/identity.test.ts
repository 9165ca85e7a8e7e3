import { expect, test } from "vitest";
import { byOf, type Identity, mayDo, nameOf, ROLES, type Role, reaches, UNSCOPED } from "../../src/domain/identity.ts";

const person = (role: Role): Identity => ({ kind: "user", name: "ana", role, groups: [], scopes: UNSCOPED });
const execution: Identity = {
  kind: "execution",
  name: "e1",
  role: "admin",
  groups: [],
  scopes: { workflows: null, run: "r1" },
};

test("each role may what those before it may, and nothing that is for those after it", () => {
  for (const [rank, role] of ROLES.entries()) {
    for (const [at, needs] of ROLES.entries()) expect(mayDo(person(role), { needs })).toBe(at <= rank);
    expect(mayDo(person(role), { needs: "public" })).toBe(true);
  }
});

test("an execution reads its own run where that is offered, and has no rank, whatever it says of itself", () => {
  expect(mayDo(execution, { needs: "viewer", ownRun: "r1" })).toBe(true);
  expect(mayDo(execution, { needs: "viewer", ownRun: "r2" })).toBe(false);
  for (const needs of ROLES) expect(mayDo(execution, { needs })).toBe(false);
  for (const needs of ROLES.slice(1)) expect(mayDo(execution, { needs, ownRun: "r1" })).toBe(false);
});

test("a token for certain workflows reaches those, and nothing that belongs to none", () => {
  const token: Identity = { ...person("admin"), kind: "token", scopes: { workflows: ["greet"], run: null } };
  expect([reaches(token, "greet"), reaches(token, "release"), reaches(token, null)]).toEqual([true, false, false]);
  expect([reaches(person("viewer"), "greet"), reaches(person("viewer"), null)]).toEqual([true, true]);
});

test("who did it is said with what kind of someone they are", () => {
  expect([byOf(person("viewer")), byOf(execution)]).toEqual(["user:ana", "execution:e1"]);
});

test.each(["ana", "ANA", "  Ana ", "\uff41\uff4e\uff41", "\u{1d4b6}\u{1d4c3}\u{1d4b6}"])("%o is ana", (given) => {
  expect(nameOf(given)).toBe("ana");
});

test.each([
  "",
  " ",
  "\u0430na",
  "\u03b1na",
  "a\u00adna",
  "a\u200dna",
  "ana\u0301",
  "ana\u0000",
  "\ud800ana",
  "a na",
  "ana/ci",
  "local:ana",
  ".ana",
  "-ana",
  "__proto__",
  "an\u0131",
  "a".repeat(65),
  "a".repeat(1_000_000),
])("%o is no name", (given) => {
  expect(nameOf(given)).toBeNull();
});
