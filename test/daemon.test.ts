import { spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { delimiter, join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { type DaemonProcess, endPrograms, startDaemon } from "./support/daemon.ts";
import { temporaryFolder } from "./support/world.ts";

const HOLD = `
name: hold
phases:
  - { name: wait, type: bash, command: 'sleep 60' }
`;
const COUNT = `
name: count
phases:
  - { name: count, type: bash, command: 'echo one; sleep 1; echo two' }
`;

const pause = (): Promise<void> => new Promise((resolve) => void setTimeout(resolve, 10));

/** Resolves once some execution's keeper has said who it is. */
async function claimed(stateDir: string): Promise<void> {
  const spool = join(stateDir, "spool");
  const said = (name: string): boolean => {
    const file = join(spool, name, "claim");
    return existsSync(file) && readFileSync(file, "utf8").endsWith("\n");
  };
  while (!existsSync(spool) || !readdirSync(spool).some(said)) await pause();
}

function world() {
  const folder = temporaryFolder();
  const workflows = join(folder, "workflows");
  mkdirSync(workflows);
  writeFileSync(join(workflows, "hold.yaml"), HOLD);
  writeFileSync(join(workflows, "count.yaml"), COUNT);
  const stateDir = join(folder, "state");
  const start = (environment: Record<string, string> = {}): DaemonProcess => {
    const daemon = startDaemon({ stateDir, workflows, environment });
    onTestFinished(async () => {
      daemon.kill("SIGKILL");
      await daemon.ended;
      endPrograms(stateDir);
    });
    return daemon;
  };
  return { folder, stateDir, start };
}

/** A PATH with everything but flock(1). */
function pathWithoutFlock(folder: string): string {
  const bin = join(folder, "bin");
  mkdirSync(bin);
  for (const name of ["bash", "sleep", "env"]) {
    const found = (process.env.PATH ?? "")
      .split(delimiter)
      .map((each) => join(each, name))
      .find((each) => existsSync(each));
    if (found) symlinkSync(found, join(bin, name));
  }
  return bin;
}

test.each(["flock", "a database"])(
  "of two daemons on one STATE_DIR (lock by %s) the second is refused with exit code 78 and says why",
  async (by) => {
    const { folder, start, stateDir } = world();
    const environment: Record<string, string> = by === "flock" ? {} : { PATH: pathWithoutFlock(folder) };
    const first = start(environment);
    const client = await first.ready;
    const second = start(environment);
    await expect(second.ready).rejects.toThrow(/in use by another daemon/);
    expect(await second.ended).toBe(78);
    expect((await client.health()).status).toBe("ready");
    expect(existsSync(join(stateDir, "lock.db"))).toBe(by !== "flock");
  },
);

test("after a SIGKILL the next start finds no stale lock", async () => {
  const { start } = world();
  const first = start();
  await first.ready;
  first.kill("SIGKILL");
  await first.ended;
  expect((await (await start().ready).health()).status).toBe("ready");
});

test("a stop in good order leaves programs alive, and the next daemon goes on with them, blaming nobody", async () => {
  const { start, stateDir } = world();
  const first = start();
  const client = await first.ready;
  const { id } = await client.startRun({ workflow: "hold" });
  while ((await client.run(id)).executions.length === 0) await pause();
  await claimed(stateDir);
  first.kill("SIGTERM");
  expect(await first.ended).toBe(0);
  expect(existsSync(join(stateDir, "daemon.json"))).toBe(false);
  const next = await start().ready;
  expect(await next.run(id)).toMatchObject({
    status: "running",
    restart_count: 0,
    executions: [{ attempt: 1, status: "running" }],
  });
  await next.cancel(id);
});

test("a program that runs when the daemon is killed is taken up by the next one, not run again", async () => {
  const { start, stateDir } = world();
  const first = start();
  const { id } = await (await first.ready).startRun({ workflow: "count" });
  await claimed(stateDir);
  first.kill("SIGKILL");
  await first.ended;
  const client = await start().ready;
  for await (const { status } of client.watchRun(id)) if (status === "succeeded") break;
  expect(await client.run(id)).toMatchObject({
    restart_count: 0,
    executions: [{ attempt: 1, status: "ok", output: "one\ntwo\n" }],
  });
});

test("five crashes within ten minutes reach safe mode: the API is up, nothing starts, until a person says so", async () => {
  const { start, stateDir } = world();
  for (let crash = 0; crash < 5; crash++) {
    const daemon = start();
    await daemon.ready;
    daemon.kill("SIGKILL");
    await daemon.ended;
  }
  const safe = start();
  const client = await safe.ready;
  expect(await client.health()).toMatchObject({ status: "safe_mode", trouble: "5 unclean starts within ten minutes" });
  const { id } = await client.startRun({ workflow: "count" });
  expect((await client.run(id)).status).toBe("queued");
  safe.kill("SIGTERM");
  await safe.ended;
  const still = await start().ready;
  expect((await still.health()).status).toBe("safe_mode");
  expect((await still.leaveSafeMode()).status).toBe("ready");
  for await (const { status } of still.watchRun(id)) if (status === "succeeded") break;
  expect(readFileSync(join(stateDir, "starts.json"), "utf8")).toContain('"unclean":[]');
});

test("the token and the database are the owner's alone", async () => {
  const { start, stateDir } = world();
  mkdirSync(stateDir, { mode: 0o755 });
  chmodSync(stateDir, 0o755);
  await start().ready;
  for (const file of ["api-token", "lastlight.db"]) expect(statSync(join(stateDir, file)).mode & 0o077).toBe(0);
  expect(readFileSync(join(stateDir, "api-token"), "utf8")).toMatch(/^[\w-]{43}$/);
});

test.each([
  ["a port that is no number", { LASTLIGHT_PORT: "http" }, /LASTLIGHT_PORT: "http" is not a whole number/],
  ["another database", { DATABASE_URL: "postgres://x" }, /not supported yet/],
  ["a folder of workflows that is not there", { WORKFLOWS_DIR: "/nonexistent/workflows" }, /nonexistent/],
  ["an address beyond loopback without users", { LASTLIGHT_HOST: "0.0.0.0" }, /users/],
])("%s is refused with exit code 78 and a reason", async (_what, environment, reason) => {
  const daemon = world().start(environment as Record<string, string>);
  await expect(daemon.ready).rejects.toThrow(reason);
  expect(await daemon.ended).toBe(78);
});

test("an older Node is told what is needed, in one line", () => {
  const system = spawnSync("/usr/bin/env", ["node", "--version"], {
    env: { PATH: "/usr/local/bin:/usr/bin:/bin" },
    encoding: "utf8",
  });
  if (system.status !== 0 || Number(/^v(\d+)/.exec(system.stdout)?.[1] ?? 99) >= 24) {
    console.log("not run: there is no older Node on this machine");
    return;
  }
  // An older Node strips no types: what it is given is the same file as it will be published, in JavaScript.
  const main = readFileSync(new URL("../src/main.ts", import.meta.url), "utf8")
    .replaceAll('.ts"', '.js"')
    .replace("/cli/cli", "/none");
  const file = join(temporaryFolder(), "main.mjs");
  writeFileSync(file, main);
  const old = spawnSync("/usr/bin/env", ["node", file], {
    env: { PATH: "/usr/local/bin:/usr/bin:/bin" },
    encoding: "utf8",
  });
  expect([old.status, old.stderr]).toEqual([
    78,
    expect.stringMatching(/^lastlight needs Node 24 or newer; this is \d+\.\d+\.\d+\..*\n$/),
  ]);
});
