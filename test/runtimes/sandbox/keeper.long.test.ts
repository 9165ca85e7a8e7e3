import { describe, expect, test } from "vitest";
import { DETACH } from "../../../src/engine/contracts/keeper.ts";
import { carriers } from "../../../src/engine/processes.ts";
import { CLINGING, keptWorld, launcherOf, makerOf, moment, refusal } from "./kept.ts";
import { inNamespace } from "./world.ts";

describe.skipIf(refusal !== null)(
  `a kept program in a sandbox${refusal === null ? "" : `: not run: ${refusal}`}`,
  () => {
    test("that clings to life is gone when it is cancelled, with all that it hid", async () => {
      const { run, written, abort, clock } = keptWorld();
      const execution = clock.id();
      const running = run(CLINGING, { execution });
      const where = await written("where");
      expect(inNamespace(where)).toBeGreaterThanOrEqual(8);
      abort.abort();
      expect(await running).toEqual({ type: "cancelled" });
      expect([inNamespace(where), carriers(execution, 0)]).toEqual([0, []]);
    });

    test("that clings to life is gone when its time is over, though its daemon is gone too", async () => {
      const { life, run, written, abort, clock } = keptWorld();
      const execution = clock.id();
      const letting = run(CLINGING, { execution, timeoutMs: 3_000 });
      const where = await written("where");
      abort.abort(DETACH);
      expect(await letting).toEqual({ type: "detached" });
      expect((await life().run("", { execution })).type).toBe("timeout");
      expect([inNamespace(where), carriers(execution, 0)]).toEqual([0, []]);
    });

    test("whose sandbox is killed was killed with it: the sandbox was made all the same", async () => {
      const { run, written, clock, claimant } = keptWorld();
      const execution = clock.id();
      const running = run(CLINGING, { execution });
      const where = await written("where");
      process.kill(makerOf(claimant(execution)), "SIGKILL");
      const ended = await running;
      expect(ended).toMatchObject({ type: "exited", code: 137 });
      expect(ended).not.toHaveProperty("verdict");
      expect(inNamespace(where)).toBe(0);
    });

    test.each(["keeper", "launcher"])(
      "whose %s is killed does not live on, though no daemon looks after it",
      async (who) => {
        const { run, written, abort, clock, claimant } = keptWorld();
        const execution = clock.id();
        const letting = run(CLINGING, { execution });
        const where = await written("where");
        abort.abort(DETACH);
        await letting;
        const keeper = claimant(execution);
        process.kill(who === "keeper" ? keeper : launcherOf(keeper), "SIGKILL");
        while (inNamespace(where) > 0) await moment();
      },
    );
  },
);
