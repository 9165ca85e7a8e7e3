import { readFileSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { DETACH } from "../../../src/engine/contracts/keeper.ts";
import { carriers } from "../../../src/engine/processes.ts";
import { keptWorld, refusal } from "./kept.ts";
import { inNamespace } from "./world.ts";

describe.skipIf(refusal !== null)(
  `a kept program in a sandbox${refusal === null ? "" : `: not run: ${refusal}`}`,
  () => {
    test("has its status, its words and its workspace as without one", async () => {
      const { run, file } = keptWorld();
      const ended = await run("echo out; echo err >&2; echo made > made; exit 3");
      expect(ended).toMatchObject({ type: "exited", code: 3, stdout: { text: "out\n" }, stderr: { text: "err\n" } });
      expect(readFileSync(file("made"), "utf8")).toBe("made\n");
    });

    test("is asked to end before it is ended, and may say a last word", async () => {
      const { run, written, abort, clock, file } = keptWorld();
      const execution = clock.id();
      const running = run(
        "trap 'for each in $(seq 200); do /bin/true; done; echo last > last; exit 0' TERM; echo up > up; while :; do sleep 0.05; done",
        {
          execution,
        },
      );
      await written("up");
      abort.abort();
      expect(await running).toEqual({ type: "cancelled" });
      expect(readFileSync(file("last"), "utf8")).toBe("last\n");
    });

    test("is gone with its end, and what it left in the background with it", async () => {
      const { run, written, clock } = keptWorld();
      const execution = clock.id();
      const script = "(setsid env -i sleep 300 &); readlink /proc/self/ns/pid > where; exit 5";
      expect(await run(script, { execution })).toMatchObject({ type: "exited", code: 5 });
      expect([inNamespace(await written("where")), carriers(execution, 0)]).toEqual([0, []]);
    });

    test("goes on without its daemon, and the next one has its status and every word", async () => {
      const { life, run, written, abort, clock, file } = keptWorld();
      const execution = clock.id();
      const letting = run("echo before; echo up > up; while [ ! -e go ]; do sleep 0.02; done; echo after; exit 7", {
        execution,
      });
      await written("up");
      abort.abort(DETACH);
      expect(await letting).toEqual({ type: "detached" });
      const taken = life().run("echo a second start", { execution });
      writeFileSync(file("go"), "");
      expect(await taken).toMatchObject({ type: "exited", code: 7, stdout: { text: "before\nafter\n" } });
    });

    test("cannot end its keeper: that one is not there to be signalled", async () => {
      const { run } = keptWorld();
      const script = "kill -KILL 0 & wait; kill -KILL -1; kill -KILL 1; echo alive; exit 4";
      const ended = await run(`setsid bash -c '${script}'; exit 4`);
      expect(ended).toMatchObject({ type: "exited" });
    });
  },
);
