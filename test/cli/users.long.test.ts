import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { expect, onTestFinished, test } from "vitest";
import { temporaryFolder } from "../support/world.ts";
import { environment, lastlight, ROOT, type Said } from "./command.ts";

const PASSWORD = "correct horse battery staple";
const QUIET = { LASTLIGHT_LOG_LEVEL: "silent" };

/** The command line with something on its stdin, as a pipe has it. */
async function told(stdin: string, argv: readonly string[], env: Record<string, string>): Promise<Said> {
  const child = spawn(process.execPath, [`${ROOT}/src/main.ts`, ...argv], { cwd: ROOT, env });
  onTestFinished(() => void child.kill("SIGKILL"));
  child.stdin.on("error", () => {}).end(stdin);
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
  return { code, stdout, stderr };
}

test("a daemon beyond loopback starts once it has its first user, who needs no daemon to be made", async () => {
  const stateDir = temporaryFolder();
  const env = environment(stateDir, QUIET);
  const outer = { ...env, LASTLIGHT_HOST: "0.0.0.0", LASTLIGHT_PORT: "0" };
  const refused = await lastlight(["serve"], outer);
  expect([refused.code, refused.stderr]).toEqual([
    78,
    expect.stringContaining("lastlight users add NAME --role admin"),
  ]);
  const nobody = { ...env, LASTLIGHT_PORT: "9" };
  expect(await told(`${PASSWORD}\n`, ["users", "add", "Ana", "--role", "admin", "--group", "leads"], nobody)).toEqual({
    code: 0,
    stdout: "ana is an admin.\n",
    stderr: "",
  });
  const daemon = spawn(process.execPath, [`${ROOT}/src/main.ts`, "serve"], { cwd: ROOT, env: outer });
  onTestFinished(() => void daemon.kill("SIGKILL"));
  const [line] = (await once(createInterface({ input: daemon.stdout }), "line")) as [string];
  const url = /http:\S+$/.exec(line)?.[0] as string;
  const body = JSON.stringify({ name: "ana", password: PASSWORD });
  const headers = { "content-type": "application/json" };
  expect((await fetch(`${url}/api/v1/session`, { method: "POST", headers, body })).status).toBe(200);

  const say = (...argv: string[]): Promise<Said> => lastlight(argv, env);
  expect((await say("users")).stdout).toMatch(/^ana +admin +leads +\d+ s ago$/m);
  expect((await told("too short\n", ["users", "add", "ben", "--role", "viewer"], env)).stderr).toMatch(
    /^A password has 12/,
  );
  expect((await say("users", "add", "ben", "--role", "viewer", "--without-password")).stdout).toBe(
    "ben is a viewer.\n",
  );
  expect((await say("users", "role", "ben", "operator")).stdout).toBe("ben is now an operator.\n");
  const made = JSON.parse((await say("tokens", "create", "ci", "--owner", "ben", "--days", "7", "--json")).stdout) as {
    id: string;
    token: string;
  };
  const asBen = { ...env, LASTLIGHT_TOKEN: made.token };
  expect((await lastlight(["runs"], asBen)).stdout).toBe("No run fits.\n");
  expect((await lastlight(["users"], asBen)).stderr).toMatch(/^token:ben\/ci is operator; this is for admin\n/);
  expect((await say("tokens")).stdout).toMatch(/ben\/ci +operator +\d+ s ago +all$/m);
  expect((await say("tokens", "revoke", made.id)).stdout).toBe("ben/ci is revoked.\n");
  expect((await lastlight(["runs"], asBen)).stderr).toMatch(/^The token was revoked\n/);
  const audit = (await say("audit")).stdout;
  expect(audit).toMatch(/^\S+ \S+ +local:\S+ +ok +users add ana$/m);
  expect(audit).toMatch(/ +user:ana +ok +127\.0\.0\.1 +log in ana$/m);
  expect(audit).toMatch(/PUT \/api\/v1\/users\/\{name\} ben: role operator$/m);
  expect(audit).not.toContain(PASSWORD);
});

test("people are looked after by words that can be meant, and passwords come by no argument", async () => {
  const env = environment(temporaryFolder(), { ...QUIET, LASTLIGHT_PORT: "9" });
  expect(await lastlight(["users", "add", "ana", "--role", "owner"], env)).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('"owner" is no role. They are viewer, approver, operator, admin'),
  });
  expect(await told("", ["users", "add", "ana", "--role", "admin"], env)).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("The password is read from stdin, and there was none"),
  });
  expect(await lastlight(["users", "add", "ana", "--role", "admin", "--password", "x"], env)).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("unknown option '--password'"),
  });
});
