import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test, vi } from "vitest";
import { onPath } from "../../../src/runtimes/sandbox/room.ts";
import { namesIn } from "../../chaos/victims.ts";
import { temporaryFolder } from "../../support/world.ts";
import { agentWorld, exists, type House, inBubblewrap, inPodman } from "./agent-world.ts";
import { inNamespace } from "./world.ts";

const bubblewrap = await inBubblewrap();
const houses = [bubblewrap, inPodman()];
afterAll(() => {
  for (const house of houses) house.close();
});
const told = ({ name, refusal }: House): string => `${name}${refusal === null ? "" : `: not run: ${refusal}`}`;

const COMMAND = `
name: command
phases: [{ name: works, type: bash, command: "echo fine" }]
`;
const BOXED = `
name: boxed
inputs: { command: { type: string }, path: { type: string, format: path, default: "/usr" } }
phases: [{ name: works, type: bash, egress: [], command: 'eval "$LASTLIGHT_INPUT_COMMAND"' }]
`;

describe.skipIf(bubblewrap.refusal !== null)(`where the sandbox fails (${told(bubblewrap)})`, () => {
  test("since bwrap is not there, agents are refused with what to do about it, and commands work", async () => {
    const world = await agentWorld(bubblewrap, {
      files: { "command.yaml": COMMAND },
      environment: { PATH: pathWithout("bwrap") },
    });
    await refusesAgents(world, "bwrap is not on the PATH");
  });

  test("since this machine refuses the namespaces, agents are refused with what to do about it, and commands work", async () => {
    // As a kernel that is set up so refuses them.
    const house = {
      ...bubblewrap,
      programs: {
        bwrap: `exec unshare -U -r sh -c 'echo 0 > /proc/sys/user/max_user_namespaces; exec "$0" "$@"' '${onPath("bwrap", process.env.PATH ?? "")}' "$@"`,
      },
    };
    const world = await agentWorld(house, { files: { "command.yaml": COMMAND } });
    await refusesAgents(world, "bwrap does not work here: bwrap: ");
  });

  test.each([
    ["is made at the next try, where the workflow wants one", "any", ["error", "ok"], "succeeded"],
    ["fails the run, where the workflow tries again for other reasons only", "exit", ["error"], "failed"],
  ] as const)(
    "only when it is needed, that is an error of nobody's in the run: it %s",
    async (_what, when, tries, status) => {
      const broken = join(temporaryFolder(), "broken");
      const real = onPath("bwrap", process.env.PATH ?? "");
      const bwrap = `if rm '${broken}' 2> /dev/null; then echo "bwrap: out of luck" >&2; exit 1; fi\nexec '${real}' "$@"`;
      const files = { "again.yaml": AGAIN(when) };
      const world = await agentWorld({ ...bubblewrap, programs: { bwrap } }, { files });
      writeFileSync(broken, "");
      const run = await world.run("again", { orders: "[]" });
      expect(run.status).toBe(status);
      expect(run.executions.map((each) => each.status)).toEqual(tries);
      expect(run.executions[0]).toMatchObject({
        failure: "error",
        error: expect.stringMatching(
          /^sandbox\.missing: the sandbox could not be made: bwrap could not make the sandbox/,
        ),
      });
    },
  );
});

const AGAIN = (when: string): string => `
name: again
inputs: { orders: { type: string } }
phases: [{ name: works, agent: "acp:hostile-agent", prompt: prompts/obey.md, retry: { times: 1, when: [${when}] } }]
`;

async function refusesAgents(world: Awaited<ReturnType<typeof agentWorld>>, why: string): Promise<void> {
  expect(world.log()).toContain("the sandbox that is configured does not work");
  expect(world.log()).toContain(why);
  expect(world.log()).toContain("apt-get install bubblewrap");
  await expect(world.orders([])).rejects.toMatchObject({
    code: "sandbox.missing",
    hint: expect.stringContaining("Install bubblewrap"),
  });
  const run = await world.run("command");
  expect([run.status, run.executions[0]?.output]).toEqual(["succeeded", "fine\n"]);
}

/** A PATH on which everything is but one program. */
function pathWithout(name: string): string {
  const folder = temporaryFolder();
  for (const each of ["/bin", "/usr/bin"].flatMap((bin) => namesIn(bin).map((program) => join(bin, program)))) {
    const link = join(folder, each.split("/").at(-1) as string);
    if (!each.endsWith(`/${name}`) && !existsSync(link)) symlinkSync(each, link, "file");
  }
  return folder;
}

for (const house of houses)
  describe.skipIf(house.refusal !== null)(`a command in a sandbox (${told(house)})`, () => {
    test.each([
      ["memory", "the memory it took", "head -c 20G /dev/zero | tail -c 20G > /dev/null"],
      ["processes", "the processes it started", "for i in $(seq 3000); do sleep 300 & done; wait"],
      ["disk", "the disk it filled", "head -c 10G /dev/zero > f; sleep 300"],
    ])("that uses up its %s has failed as by an exit, and why is told", async (_of, why, command) => {
      const environment = {
        LASTLIGHT_SANDBOX_MEMORY_MIB: "256",
        LASTLIGHT_SANDBOX_PROCESSES: "50",
        LASTLIGHT_SANDBOX_DISK_MIB: "64",
      };
      const world = await agentWorld(house, { files: { "boxed.yaml": BOXED }, environment });
      const run = await world.run("boxed", { command });
      expect(run).toMatchObject({ status: "failed", executions: [{ status: "error", failure: "exit" }] });
      expect(run.executions[0]?.error).toMatch(new RegExp(`^its sandbox ended it for ${why}: (it used|the kernel)`));
    });

    test("is attached to by a daemon that puts programs into nothing, and ends rightly", async () => {
      const world = await agentWorld(house, { files: { "boxed.yaml": BOXED } });
      const command =
        "readlink /proc/self/ns/pid > here; mv here where; while [ ! -e go ]; do sleep 0.1; done; cat /home/agent/workspace/go";
      const { id } = await world.client.startRun({ workflow: "boxed", inputs: { command } });
      await exists(world.workspace(id, "where"));
      await world.restart({ LASTLIGHT_SANDBOX: "none", LASTLIGHT_UNSAFE_NO_SANDBOX: "1" });
      writeFileSync(world.workspace(id, "go"), "it went\n");
      const run = await world.over(id);
      expect(run).toMatchObject({ status: "succeeded", executions: [{ status: "ok", output: "it went\n" }] });
    });

    test("is ended by such a daemon with all that it hid, when its run is cancelled", async () => {
      const world = await agentWorld(house, { files: { "boxed.yaml": BOXED } });
      const command =
        "(trap '' TERM; env -i setsid sleep 600 & env -i setsid sleep 600 &); readlink /proc/self/ns/pid > here; mv here where; sleep 600";
      const { id } = await world.client.startRun({ workflow: "boxed", inputs: { command } });
      await exists(world.workspace(id, "where"));
      const where = readFileSync(world.workspace(id, "where"), "utf8").trim();
      expect(inNamespace(where)).toBeGreaterThan(2);
      await world.restart({ LASTLIGHT_SANDBOX: "none", LASTLIGHT_UNSAFE_NO_SANDBOX: "1" });
      await world.client.cancel(id);
      expect((await world.over(id)).status).toBe("cancelled");
      // Whoever cancels is answered before the last of them is gone.
      await vi.waitFor(() => expect(inNamespace(where)).toBe(0), { timeout: 20_000, interval: 20 });
    });

    test("is given no path that leads to the daemon's own, however it is spelt", async () => {
      const world = await agentWorld(house, { files: { "boxed.yaml": BOXED } });
      const link = join(temporaryFolder(), "link");
      symlinkSync(world.at("api-token"), link);
      const ways = [
        world.stateDir,
        world.at("api-token"),
        join(world.stateDir, ".."),
        "/",
        link,
        `${world.workflows}/../state`,
      ];
      for (const path of ways) {
        const run = await world.run("boxed", { command: "true", path });
        expect([path, run.status, run.executions[0]?.error]).toEqual([
          path,
          "failed",
          expect.stringMatching(/^input\.invalid: Input "path" leads to what no sandboxed program may see/),
        ]);
      }
    });
  });

describe.skipIf(bubblewrap.refusal !== null)(`git in a sandbox (${told(bubblewrap)})`, () => {
  test("clones, fetches and looks at a repository that was handed over by its path, and changes nothing there", async () => {
    const { world, path } = await withRepository();
    const command = `
      git -C "$LASTLIGHT_INPUT_PATH" status --porcelain && git -C "$LASTLIGHT_INPUT_PATH" log --format=%s
      git clone -q "$LASTLIGHT_INPUT_PATH" copy && git -C copy fetch -q && git -C copy log --format=%s
      ! git -C "$LASTLIGHT_INPUT_PATH" -c user.name=a -c user.email=a@b.c commit -q --allow-empty -m evil 2> /dev/null
    `;
    const run = await world.run("boxed", { command, path });
    expect(run).toMatchObject({ status: "succeeded", executions: [{ output: "first\nfirst\n" }] });
    expect(git(path, "log", "--format=%s")).toBe("first\n");
  });

  test.skipIf(process.getuid?.() !== 0)(
    "says of a repository that is somebody else's what it says of it outside",
    async () => {
      const { world, path } = await withRepository();
      execFileSync("chown", ["-R", "65534:65534", path]);
      const run = await world.run("boxed", { command: 'git -C "$LASTLIGHT_INPUT_PATH" status', path });
      expect(run.executions[0]).toMatchObject({
        failure: "exit",
        error: expect.stringContaining("git config --global --add safe.directory"),
      });
    },
  );

  async function withRepository() {
    const path = join(temporaryFolder(), "repository");
    mkdirSync(path);
    git(path, "init", "-q");
    git(path, "-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "-q", "--allow-empty", "-m", "first");
    return { path, world: await agentWorld(bubblewrap, { files: { "boxed.yaml": BOXED } }) };
  }
});

function git(path: string, ...words: string[]): string {
  return execFileSync("git", ["-C", path, ...words], { encoding: "utf8" });
}
