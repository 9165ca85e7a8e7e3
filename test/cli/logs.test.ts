import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect, onTestFinished, test } from "vitest";
import { systemClock } from "../../src/domain/clock.ts";
import { type Conversation, conversation, INDEX, lineUuid, type SessionEnd } from "../../src/domain/session.ts";
import { openServer } from "../../src/http/server.ts";
import { type SessionFile, sessions } from "../../src/store/files/sessions.ts";
import { openWorld, TOKEN } from "../http/world.ts";
import { engineWorld, type Held, heldPhases } from "../support/engine.ts";
import { version, workflow } from "../support/workflow.ts";
import { temporaryFolder } from "../support/world.ts";
import { environment, eventually, lastlight, launch } from "./command.ts";

const AT = "2026-11-21T09:00:00.000Z";
const OK: SessionEnd = { status: "ok", stopReason: "end_turn", durationMs: 400 };

/** A daemon whose phases say and end what the test tells them to. */
async function stage() {
  const engines = engineWorld();
  const { kind, held } = heldPhases();
  const engine = engines.engine({ phases: [kind] });
  await engine.begin();
  const files = sessions(join(temporaryFolder(), "projects"), systemClock());
  const options = { engine, store: engines.store, sessions: files };
  const { server, options: all } = await openWorld(options);
  onTestFinished(() => engine.stop());
  const env = environment(temporaryFolder(), { LASTLIGHT_PORT: String(server.port), LASTLIGHT_TOKEN: TOKEN });
  const of = version(workflow("two", [{ name: "build" }, { name: "check", after: ["build"] }]));
  const { run } = await engine.create(engines.request(of));

  const speaker = (session: string, command: string) => {
    const file: SessionFile = files.open({ session, cwd: "/work" });
    const words: Conversation = conversation({
      session,
      tool: "bash",
      command,
      cwd: "/work",
      version: "0.1.0",
      startedAt: AT,
    });
    let at = 0;
    file.append([words.prompt(), words.call()]);
    return {
      say: (text: string, from: "stdout" | "stderr" = "stdout") =>
        file.append([words.output(from, at++, text, [at, 0], AT)]),
      note: (content: string) => {
        const [uuid, spool] = [lineUuid(at++, INDEX.said, session), [at, 0]] as const;
        file.append([{ type: "system", subtype: "api_error", level: "error", content, uuid, spool, timestamp: AT }]);
      },
      end: (how: SessionEnd = OK) => file.append([words.result(how, [at, 0], AT)]),
    };
  };
  const phase = (name: string): Promise<Held> =>
    eventually(async () => held.find((each) => each.name === name) ?? null);
  return {
    run: run.id,
    server,
    say: (...argv: string[]) => lastlight(["logs", ...argv], env),
    follow: (...argv: string[]) => launch(["logs", ...argv], env),
    /** The phase once it is under way, with a session of its own. */
    phase: async (name: string, command: string) => {
      const { execution, end } = await phase(name);
      return { id: execution.grant.execution, over: () => end(), ...speaker(execution.grant.execution, command) };
    },
    held: phase,
    restart: async () => {
      await server.close();
      const again = await openServer({ ...all, port: server.port });
      onTestFinished(() => again.close());
    },
  };
}

/** A run of two phases, both over. */
async function told() {
  const { phase, ...rest } = await stage();
  const build = await phase("build", "make\nmake install");
  build.say("compiled\tall\u001b[31m of it\u0007\nlinked\n");
  build.say("a warning\nand another\n", "stderr");
  build.end();
  build.over();
  const check = await phase("check", "npm test");
  check.say("no end");
  check.end({ status: "error", stopReason: "exit 3", durationMs: 61_000 });
  check.over();
  return { ...rest, check };
}

const BUILD =
  "build\n$ make\nmake install\ncompiled\tall of it\nlinked\n! a warning\n! and another\nexit 0 in 0.4 s\n\n";
const CHECK = "check\n$ npm test\nno end\nexit 3 in 1 min 1 s\n\n";

test("a run's phases are told in order: command, output, errors marked, ending", async () => {
  const { say, run } = await told();
  expect(await say(run)).toEqual({ code: 0, stdout: BUILD + CHECK, stderr: "" });
  expect((await say(run.slice(-8), "--phase", "check")).stdout).toBe(CHECK);
  expect((await say(run, "--raw")).stdout).toContain("compiled\tall\u001b[31m of it\u0007\n");
});

test("what the house notes of a session is told where it stands, and nothing in it moves the terminal", async () => {
  const { phase, say, run } = await stage();
  const build = await phase("build", "make");
  build.note("The model is asked again (1): 529 \u001b[31moverloaded");
  build.say("done\n");
  build.end();
  build.over();
  await phase("check", "npm test");
  expect((await say(run, "--phase", "build")).stdout).toBe(
    "build\n$ make\nThe model is asked again (1): 529 overloaded\ndone\nexit 0 in 0.4 s\n\n",
  );
});

test("an execution's own id is enough, and --json prints its envelopes", async () => {
  const { say, check } = await told();
  expect((await say(check.id)).stdout).toBe(CHECK.replace("check\n", ""));
  const { stdout } = await say(check.id, "--json");
  const lines = stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(lines.map(({ seq, type }) => [seq, type])).toEqual([
    [1, "user"],
    [2, "assistant"],
    [3, "user"],
    [4, "result"],
  ]);
  expect(lines[0]?.sessionId).toBe(check.id);
});

test("what is neither run nor session is said to be unknown", async () => {
  const { say } = await stage();
  const said = await say("01930000-0000-7abc-8123-0123456789ab");
  expect(said).toMatchObject({ code: 1, stdout: "" });
  expect(said.stderr).toMatch(/^There is no session 01930000/);
});

test("-f tells every line once, from phase to phase and over restarts of the daemon, and ends with the run", async () => {
  const { run, follow, phase, restart } = await stage();
  const child = follow("-f", run);
  const lines: string[] = [];
  createInterface({ input: child.stdout! }).on("line", (line) => lines.push(line));
  const heard = (line: string) => eventually(async () => (lines.includes(line) ? line : null));
  const exited = new Promise<number | null>((resolve) => child.once("exit", resolve));

  const build = await phase("build", "make");
  for (let at = 0; at < 50; at++) build.say(`build ${at}\n`);
  await heard("build 49");
  for (let at = 50; at < 60; at++) build.say(`build ${at}\n`);
  await restart();
  for (let at = 60; at < 100; at++) build.say(`build ${at}\n`);
  await heard("build 99");
  build.end();
  build.over();
  const check = await phase("check", "npm test");
  for (let at = 0; at < 50; at++) check.say(`check ${at}\n`);
  await heard("check 49");
  check.end();
  check.over();
  expect(await exited).toBe(0);
  const numbers = (name: string, count: number) => Array.from({ length: count }, (_, at) => `${name} ${at}`);
  const end = ["exit 0 in 0.4 s", ""];
  expect(lines).toEqual([
    ...["build", "$ make", ...numbers("build", 100), ...end],
    ...["check", "$ npm test", ...numbers("check", 50), ...end],
  ]);
});

test("-f passes by what has no session or no result", async () => {
  const { run, follow, phase, held } = await stage();
  const child = follow("-f", run);
  let stdout = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  const closed = new Promise((resolve) => child.once("close", resolve));
  (await held("build")).end();
  const check = await phase("check", "npm test");
  check.say("cut off\n");
  await eventually(async () => (stdout.includes("cut off") ? stdout : null));
  check.over();
  expect(await closed).toBe(0);
  expect(stdout).toBe("check\n$ npm test\ncut off\n");
});
