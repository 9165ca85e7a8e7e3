import { generateKeyPairSync } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { hiddenOf, readConfig } from "../src/config.ts";
import { temporaryFolder } from "./support/world.ts";

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

test("schedules are at home in UTC unless a place is named, and pause themselves after five failures unless told otherwise", () => {
  const read = (environment: Record<string, string>): unknown[] => {
    const { timezone, cronPauseAfter } = readConfig(environment);
    return [timezone, cronPauseAfter];
  };
  expect(read({})).toEqual(["UTC", 5]);
  expect(read({ LASTLIGHT_TIMEZONE: "Europe/Berlin", LASTLIGHT_CRON_PAUSE_AFTER: "0" })).toEqual(["Europe/Berlin", 0]);
  expect(() => read({ LASTLIGHT_TIMEZONE: "Berlin" })).toThrow('LASTLIGHT_TIMEZONE: "Berlin" is no place such as');
});

test("GitHub's webhooks are taken under one secret, or two while it changes; what else delivers stands in a file", () => {
  const { githubWebhookSecrets, githubLogins, sources, holdLabel } = readConfig({}, "/srv");
  expect({ githubWebhookSecrets, githubLogins, sources, holdLabel }).toEqual({
    githubWebhookSecrets: [],
    githubLogins: [],
    sources: { file: "/srv/sources.yaml", isNamed: false },
    holdLabel: "lastlight:hold",
  });
  expect(readConfig({ GITHUB_WEBHOOK_SECRET: "new,old" }).githubWebhookSecrets).toEqual(["new", "old"]);
  expect(() => readConfig({ GITHUB_WEBHOOK_SECRET: "a,b,c" })).toThrow(/^GITHUB_WEBHOOK_SECRET: it may hold two/);
  expect(readConfig({ LASTLIGHT_HOLD_LABEL: "" }).holdLabel).toBe("");
  expect(readConfig({ LASTLIGHT_SOURCES: "ours.yaml" }, "/srv").sources).toEqual({
    file: "/srv/ours.yaml",
    isNamed: true,
  });
});

test("an identity provider comes with all it needs, and its secret is shown nowhere", () => {
  const environment = {
    LASTLIGHT_OIDC_ISSUER: "https://accounts.example",
    LASTLIGHT_OIDC_CLIENT_ID: "lastlight",
    LASTLIGHT_OIDC_CLIENT_SECRET: "a secret of this test",
    LASTLIGHT_OIDC_ROLE_CLAIM: "groups",
    LASTLIGHT_OIDC_ROLES: "admins=admin,devs=operator",
    LASTLIGHT_OIDC_DEFAULT_ROLE: "viewer",
  };
  const config = readConfig(environment);
  expect(config.oidc).toMatchObject({ roles: { admins: "admin", devs: "operator" }, defaultRole: "viewer" });
  expect(Object.values(hiddenOf(config))).toContain("a secret of this test");
  expect(config.secrets).toEqual({});
  expect(readConfig({}).oidc).toBeNull();
  for (const [name, value] of [
    ["LASTLIGHT_OIDC_ISSUER", "accounts.example"],
    ["LASTLIGHT_OIDC_CLIENT_ID", ""],
    ["LASTLIGHT_OIDC_CLIENT_SECRET", ""],
    ["LASTLIGHT_OIDC_ROLES", "admins=owner"],
    ["LASTLIGHT_OIDC_DEFAULT_ROLE", "owner"],
  ] as const) {
    expect(() => readConfig({ ...environment, [name]: value })).toThrow(name);
  }
});

test.each([
  ["LASTLIGHT_PUBLIC_URL", "lastlight.example"],
  ["LASTLIGHT_PUBLIC_URL", "ftp://lastlight.example"],
  ["LASTLIGHT_PUBLIC_URL", "https://ana@lastlight.example"],
  ["LASTLIGHT_ALLOWED_HOSTS", "https://lastlight.example"],
  ["LASTLIGHT_ALLOWED_HOSTS", "*"],
])("%s may not be %s", (name, value) => {
  expect(() => readConfig({ [name]: value })).toThrow(name);
});

describe("who the daemon is at GitHub", () => {
  const { privateKey } = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs1", format: "pem" },
  });
  const app = { LASTLIGHT_GITHUB_APP_ID: "12345" };

  test("nobody, where nothing is said", () => {
    expect(readConfig({}).github).toBeNull();
  });

  test("an App, its key on one line or in a file; otherwise whoever a token is", () => {
    const file = join(temporaryFolder(), "key.pem");
    writeFileSync(file, privateKey);
    const identity = { type: "app", id: "12345", privateKey };
    const inline = privateKey.replaceAll("\n", "\\n");
    expect(readConfig({ ...app, LASTLIGHT_GITHUB_PRIVATE_KEY: inline }).github?.identity).toEqual(identity);
    expect(readConfig({ ...app, LASTLIGHT_GITHUB_PRIVATE_KEY_FILE: file }).github?.identity).toEqual(identity);
    const token = { type: "token", token: "t" };
    expect(readConfig({ LASTLIGHT_GITHUB_TOKEN: "t" }).github?.identity).toEqual(token);
    expect(readConfig({ LASTLIGHT_SECRET_GITHUB_TOKEN: "t", LASTLIGHT_GITHUB_TOKEN: "u" }).github?.identity).toEqual(
      token,
    );
  });

  test.each<[string, Record<string, string>, string]>([
    ["an App without a key", app, "LASTLIGHT_GITHUB_PRIVATE_KEY: it is needed beside LASTLIGHT_GITHUB_APP_ID"],
    ["a key that is none", { ...app, LASTLIGHT_GITHUB_PRIVATE_KEY: "hunter2" }, "it is no private key in PEM"],
    [
      "a file that is not there",
      { ...app, LASTLIGHT_GITHUB_PRIVATE_KEY_FILE: "/no/key.pem" },
      "it cannot be read: ENOENT",
    ],
    [
      "a token in clear text over the network",
      { LASTLIGHT_GITHUB_TOKEN: "t", LASTLIGHT_GITHUB_API: "http://github.example" },
      "http is for loopback alone",
    ],
    ["repositories to poll, and nobody to ask as", { LASTLIGHT_GITHUB_POLL: "acme/web" }, "it needs an App or a token"],
    [
      "a repository that is none",
      { LASTLIGHT_GITHUB_TOKEN: "t", LASTLIGHT_GITHUB_POLL: "acme" },
      '"acme" is no repository',
    ],
  ])("%s is refused", (_what, environment, words) => {
    const refused = expect.objectContaining({ code: "config.invalid", message: expect.stringContaining(words) });
    expect(() => readConfig(environment)).toThrow(refused);
    expect(() => readConfig(environment)).not.toThrow(/hunter2/);
  });
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
