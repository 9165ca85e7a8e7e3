import { describe, expect, test } from "vitest";
import { readConfig } from "../src/config.ts";

describe("where repositories come from", () => {
  test.each([
    [undefined, null],
    ["", null],
    ["https://github.com", "https://github.com/"],
    ["https://github.com/", "https://github.com/"],
    ["https://ana:secret@git.example/some/where//", "https://ana:secret@git.example/some/where/"],
    ["ssh://git@github.com", "ssh://git@github.com/"],
    ["file:///srv/git", "file:///srv/git/"],
    ["http://127.0.0.1:3000/", "http://127.0.0.1:3000/"],
  ])("%s is read as %s", (LASTLIGHT_REPOSITORIES, expected) => {
    expect(readConfig({ LASTLIGHT_REPOSITORIES }).repositories).toBe(expected);
  });

  test.each([
    "github.com",
    "git@github.com:",
    "/srv/git",
    "ext::sh -c touch",
    "fd::3",
    "javascript:alert(1)",
    "https://github.com/?token=secret",
    "https://github.com/#secret",
  ])("%s is refused, and not repeated: it may hold a secret", (LASTLIGHT_REPOSITORIES) => {
    const refused = expect.objectContaining({
      code: "config.invalid",
      message:
        "LASTLIGHT_REPOSITORIES: it is no address such as https://github.com/, ssh://git@github.com/ or file:///srv/git/",
    });
    expect(() => readConfig({ LASTLIGHT_REPOSITORIES })).toThrow(refused);
  });
});

test("workspaces are kept for two weeks, of failed runs for a month, or as long as is said", () => {
  const days = (environment: Record<string, string>): number[] => {
    const { workspacesDays, workspacesFailedDays } = readConfig(environment);
    return [workspacesDays, workspacesFailedDays];
  };
  expect(days({})).toEqual([14, 30]);
  expect(days({ LASTLIGHT_WORKSPACES_DAYS: "0", LASTLIGHT_WORKSPACES_FAILED_DAYS: "7" })).toEqual([0, 7]);
  expect(() => days({ LASTLIGHT_WORKSPACES_DAYS: "-1" })).toThrow(/LASTLIGHT_WORKSPACES_DAYS/);
});
