import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { Sandbox } from "../../../src/engine/contracts/sandbox.ts";
import { GENEROUS, HOSTILE, inNamespace, type User, world } from "./world.ts";

const GIB = 2 ** 30;
const SMALL = { memoryBytes: GIB / 2, processes: 200, diskBytes: GIB / 2 };
const NODE = { reads: [process.execPath, HOSTILE] };
const hostile = (...words: string[]) => [process.execPath, HOSTILE, JSON.stringify([words])] as const;

/** What a sandbox ends a program for, each in more than one way. */
export function keepsLimits(sandbox: Sandbox, refusal: string | null, user: User = "ours"): void {
  const tell = refusal === null ? "" : `: not run: ${refusal}`;
  describe.skipIf(refusal !== null)(
    `a program that takes more than its share of a sandbox of ${sandbox.name}, its daemon ${user}${tell}`,
    () => {
      test.each([
        ["allocates 20 GB", hostile("memory", String(20 * GIB))],
        [
          "shares 20 GB with its children",
          ["bash", "-c", "for i in $(seq 40); do (head -c 500M /dev/zero | tail -c 500M > /dev/null) & done; wait"],
        ],
        [
          "fills /dev/shm, its home and /tmp",
          ["bash", "-c", "for at in /dev/shm /tmp ~; do head -c 400M /dev/zero > $at/f; done; sleep 60"],
        ],
        [
          "fills memory that is a file without a name",
          [
            "bash",
            "-c",
            "exec 5<> /dev/shm/f; rm /dev/shm/f; cat /dev/zero >&5; exec 6<> /tmp/f; rm /tmp/f; cat /dev/zero >&6; sleep 60",
          ],
        ],
      ] as const)("%s: ended for memory", async (_what, argv) => {
        const { run } = world(sandbox, user);
        const done = await run(argv as unknown as [string, ...string[]], { ...NODE, limits: SMALL });
        expect(done).toMatchObject({ code: 137, verdict: { of: "memory" } });
      });

      test.each([
        ["forks 5,000 times", "for i in $(seq 5000); do sleep 300 & done; wait"],
        ["forks without end", ":(){ :|:& }; :; sleep 300"],
        ["forks away from its group", "for i in $(seq 5000); do (setsid sleep 300 &); done; sleep 300"],
      ])("%s: ended for processes", async (_what, script) => {
        const { shell } = world(sandbox, user);
        const done = await shell(`readlink /proc/self/ns/pid > where; ${script}`, { limits: SMALL });
        expect(done).toMatchObject({ code: 137, verdict: { of: "processes" } });
      });

      test.each([
        ["writes 30 GB", "head -c 30G /dev/zero > f; sleep 300"],
        ["writes into many files", "for i in $(seq 30000); do head -c 1M /dev/zero > f$i; done; sleep 300"],
        ["writes into a file without a name", "exec 5> f; rm f; head -c 30G /dev/zero >&5; sleep 300"],
        ["prints without end", "cat /dev/zero"],
      ])("%s: ended for disk", async (_what, script) => {
        const { shell } = world(sandbox, user);
        const done = await shell(script, { limits: SMALL });
        expect(done).toMatchObject({
          code: 137,
          verdict: { of: "disk", told: expect.stringContaining("of 512.0 MiB") },
        });
      });

      test("nothing of it is left, in no namespace and no control group", async () => {
        const { shell, workspace, confine } = world(sandbox, user);
        const { execution } = confine(["true"]);
        await shell("readlink /proc/self/ns/pid > where; :(){ :|:& }; :; sleep 300", { limits: SMALL, execution });
        expect(inNamespace(readFileSync(`${workspace}/where`, "utf8").trim())).toBe(0);
        await sandbox.end(execution);
        const groups = readdirSync("/sys/fs/cgroup", { recursive: true, encoding: "utf8" });
        expect(groups.filter((path) => path.endsWith(execution))).toEqual([]);
      });

      test("a program within its share is left alone, however busy", async () => {
        const { shell } = world(sandbox, user);
        const script =
          "for i in $(seq 100); do sleep 2 & done; head -c 200M /dev/zero > f; head -c 100M /dev/zero > /tmp/f; wait; echo done";
        expect(await shell(script, { limits: SMALL })).toMatchObject({ code: 0, out: "done\n", verdict: null });
        expect(await shell("echo done", { limits: GENEROUS })).toMatchObject({ code: 0, verdict: null });
      });
    },
  );
}
