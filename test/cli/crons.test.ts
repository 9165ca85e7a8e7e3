import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import type { Desk, Io } from "../../src/cli/desk.ts";
import { program } from "../../src/cli/program.ts";
import { openTerminal } from "../../src/cli/terminal.ts";
import { systemClock } from "../../src/domain/clock.ts";
import { openWorld, untilOver } from "../http/world.ts";
import { schedule } from "../triggers/cron-world.ts";

/** The command line in this process, against a daemon's worth of rooms. */
async function commandLine() {
  const world = await openWorld(
    {},
    {
      schedules: [
        schedule({ cron: "0 9 * * *", timezone: "Europe/Berlin" }),
        schedule({ name: "tidy", starts: { handler: "sweep" }, unless: "repoMissing" }),
      ],
    },
  );
  const say = async (...argv: string[]): Promise<string> => {
    const stdout = new PassThrough();
    const io = { stdin: new PassThrough(), stdout, stderr: new PassThrough() } as unknown as Io;
    const desk: Desk = {
      io,
      terminal: openTerminal(io),
      clock: systemClock(),
      version: "0.0.0",
      config: () => {
        throw new Error("not needed here");
      },
      client: () => world.client,
      code: () => 0,
    };
    await program(desk).parseAsync(["crons", ...argv], { from: "user" });
    return String(stdout.read() ?? "");
  };
  return { world, say };
}

test("schedules are listed, looked at, overridden and taken back from the command line", async () => {
  const { say } = await commandLine();
  const list = await say();
  expect(list).toMatch(/^NAME +STATE +SCHEDULE +ZONE +NEXT +LAST +STARTS$/m);
  expect(list).toMatch(/^s +on +0 9 \* \* \* +Europe\/Berlin +in .+ greet$/m);
  expect(list).toMatch(/^tidy +off +0 \* \* \* \* +UTC +sweep \(lastlight\)$/m);
  expect(list).toContain("tidy: its context names no repo (repoMissing)\n");
  const shown = await say("show", "s");
  expect(shown).toContain("schedule  0 9 * * * in Europe/Berlin\n");
  expect(shown.split("\nNext:\n")[1]?.trim().split("\n")).toHaveLength(10);
  expect(await say("schedule", "s", "0 10 * * *")).toMatch(/^s is on: 0 10 \* \* \*; next in /);
  expect(await say("show", "s")).toContain("0 10 * * * in Europe/Berlin; its file has 0 9 * * *\n");
  expect(await say("disable", "s")).toBe("s is off (switched off by local:ada): 0 10 * * *.\n");
  expect(await say("enable", "s")).toMatch(/^s is on: 0 10/);
  expect(await say("revert", "s")).toMatch(/^s is on: 0 9/);
  await expect(say("schedule", "s", "0 0 31 2 *")).rejects.toMatchObject({ code: "cron.invalid" });
  await expect(say("show", "nope")).rejects.toMatchObject({ code: "cron.unknown" });
});

test("a schedule is run by hand once per key, and the ledger tells of it as a table and as JSON", async () => {
  const { world, say } = await commandLine();
  expect(await say("fires", "s")).toBe("Nothing has come of it yet.\n");
  const said = await say("run", "s", "--key", "k");
  const [, run] = /^Run (\S+) is started; `lastlight crons fires s` tells how it ends\.\n$/.exec(said) ?? [];
  expect(await say("run", "s", "--key", "k")).toBe(said);
  await untilOver(world, run as string);
  expect(await say("fires", "s")).toMatch(new RegExp(`^\\S+Z +under way +${run} +local:ada$`, "m"));
  expect(JSON.parse(await say("fires", "s", "--json"))).toMatchObject({ items: [{ run_id: run }], next_cursor: null });
  expect(JSON.parse(await say("--json"))).toMatchObject({
    items: [{ name: "s", last: { run_id: run } }, { name: "tidy" }],
  });
  expect(await say("run", "tidy")).toMatch(/^It is at work;/);
  await expect(say("fires", "s", "--limit", "0")).rejects.toMatchObject({ code: "usage.invalid" });
});
