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

describe("what agents work in", () => {
  const sandbox = (environment: Record<string, string> = {}) => readConfig(environment).sandbox;

  test("is looked for where nobody says, within limits that end what runs away", () => {
    expect(sandbox()).toEqual({
      kind: "auto",
      image: "debian:stable-slim",
      limits: { memoryBytes: 8 * 2 ** 30, processes: 1_024, diskBytes: 20 * 2 ** 30 },
      hosts: [],
    });
  });

  test("is nothing where that was said to be safe enough, unless one is named all the same", () => {
    const LASTLIGHT_UNSAFE_NO_SANDBOX = "1";
    expect(sandbox({ LASTLIGHT_UNSAFE_NO_SANDBOX }).kind).toBe("none");
    expect(sandbox({ LASTLIGHT_UNSAFE_NO_SANDBOX, LASTLIGHT_SANDBOX: "podman" }).kind).toBe("podman");
  });

  test("can be given other limits, and hosts that all may reach", () => {
    expect(
      sandbox({ LASTLIGHT_SANDBOX_MEMORY_MIB: "512", LASTLIGHT_EGRESS: "a.example, *.b.example:8443" }),
    ).toMatchObject({
      limits: { memoryBytes: 512 * 2 ** 20 },
      hosts: ["a.example", "*.b.example:8443"],
    });
  });

  test("is refused by any other name", () => {
    expect(() => sandbox({ LASTLIGHT_SANDBOX: "gvisor" })).toThrow(
      'LASTLIGHT_SANDBOX: "gvisor" is not one of auto, none, bubblewrap, podman, docker',
    );
  });
});
