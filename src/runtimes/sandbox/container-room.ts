import { execFile, spawn } from "node:child_process";
import { mkdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Clock } from "../../domain/clock.ts";
import type { Verdict } from "../../engine/contracts/sandbox.ts";
import { masksOf } from "./masks.ts";
import { EXIT, furnished, HOME, type Plan, WORKSPACE } from "./plan.ts";
import { FORWARDER, mostThreads, NODE, onPath, opening, type Room } from "./room.ts";

type Named = { readonly [name: string]: string };

/** What is handed in as a file, since an engine keeps what it is told as words: in its books, and for all to see. */
const LETTERS = "/run/lastlight/environment";
/** Who killed it is to be read in the container's control group, which goes with number one: a moment for the watch. */
const LAST_LOOK = '[ "$code" != 137 ] || sleep 2';
const LOOK_MS = 200;
/** How engines say that it was they who failed, and not the program. */
const ENGINE_FAILED = 125;

export function nameOf(execution: string): string {
  return `lastlight-${execution.replaceAll(/[^\w.-]/g, "_")}`;
}

/** Where the secrets of a program lie while it runs: in memory, for the daemon's user alone. */
export function lettersOf(execution: string): string {
  return `/dev/shm/${nameOf(execution)}-${process.getuid?.() ?? 0}`;
}

/** Starts a program in a container. What its image brings is all it sees of a machine. */
export function containerRoom(
  plan: Plan,
  program: readonly string[],
  inside: Named,
  outside: Named,
  clock: Clock,
): Room {
  const engine = onPath(plan.maker, outside.PATH ?? "");
  const name = nameOf(plan.execution);
  const letters = lettersOf(plan.execution);
  mkdirSync(letters, { mode: 0o700 });
  writeFileSync(join(letters, "environment"), exported(furnished(inside, plan.hosts)), { mode: 0o600 });
  const first = opening({ processes: plan.limits.processes, wayOut: plan.hosts.length > 0 });
  const script = `. ${LETTERS}\n${first}trap : HUP INT TERM\n"$@"\ncode=$?\n${LAST_LOOK}\nexit $code`;
  const words = [...containerArguments(plan, name, letters), "-c", script, "lastlight", ...program];
  const child = spawn(engine, words, { env: outside, cwd: "/", detached: true, stdio: "inherit" });
  const ask = (asked: readonly string[]): Promise<string | null> =>
    new Promise((resolve) => {
      execFile(engine, [...asked], { env: outside }, (error, stdout) => resolve(error ? null : stdout.trim()));
    });
  let code: number | null = null;
  const over = new Promise<null>((resolve) => {
    child.once("exit", (status) => {
      code = status;
      resolve(null);
    });
    child.once("error", () => resolve(null));
  });
  const started = Promise.race([
    over,
    firstOf(() => ask(["inspect", "--format", "{{.State.Pid}}", name]), clock, over),
  ]);
  return {
    child,
    first: started,
    // To all but number one, which waits for the program.
    signal: (signal) => void ask(["exec", name, "/bin/sh", "-c", `kill -s ${signal.slice(3)} -- -1`]),
    kill: () =>
      void ask(["kill", "--signal", "KILL", name]).then((killed) => {
        if (killed === null) child.kill("SIGKILL");
      }),
    conclude: async (): Promise<Verdict | null> => {
      const state = await ask(["inspect", "--format", "{{.State.OOMKilled}} {{.State.StartedAt}}", name]);
      await ask(["rm", "--force", name]);
      rmSync(letters, { recursive: true, force: true });
      if (state?.startsWith("true")) return { of: "memory", told: "the kernel refused it more" };
      // Of a container that was made and never began the engine tells by more than one code.
      const ran = state === null ? code !== ENGINE_FAILED : !/ 0001-/.test(state);
      if (ran) return null;
      return {
        of: "unmade",
        told: `${plan.maker} could not start the container; what it said is in the program's stderr`,
      };
    },
  };
}

/** Asks until there is a number one, or the container is over. */
async function firstOf(ask: () => Promise<string | null>, clock: Clock, over: Promise<null>): Promise<number | null> {
  let stopped = false;
  void over.then(() => {
    stopped = true;
  });
  while (!stopped) {
    const pid = Number(await ask());
    if (pid > 0) return pid;
    await new Promise<void>((resolve) => void clock.after(LOOK_MS, resolve));
  }
  return null;
}

function containerArguments(plan: Plan, name: string, letters: string): string[] {
  const { memoryBytes, processes, diskBytes } = plan.limits;
  const size = Math.min(memoryBytes, diskBytes);
  const podman = plan.maker === "podman";
  // podman fills a tmpfs with what it covers, and adds some of its own; docker knows neither the words nor the manners.
  const empty = podman ? ",notmpcopyup" : "";
  const [user, group] = [process.getuid?.() ?? 0, process.getgid?.() ?? 0];
  return [
    ...["run", "--name", name, "--hostname", "sandbox", "--network", "none", "--read-only", "--cap-drop", "ALL"],
    ...["--security-opt", "no-new-privileges", "--sig-proxy=false", "--log-driver", "none"],
    ...[
      "--pids-limit",
      String(mostThreads(processes)),
      "--memory",
      String(memoryBytes),
      "--memory-swap",
      String(memoryBytes),
    ],
    ...["--user", `${user}:${group}`],
    ...(podman ? ["--read-only-tmpfs=false", "--security-opt", "mask=/proc/pressure"] : []),
    // Without root the engine's own users are not the machine's: the workspace is to stay its owner's.
    ...(user !== 0 && podman ? ["--userns", "keep-id"] : []),
    // podman's containers inherit it; told of one limit, it would forget what its settings say of the others.
    ...(podman || fileLimit() === null ? [] : ["--ulimit", `fsize=${fileLimit()}`]),
    ...["/tmp", "/dev/shm", ...(plan.home === undefined ? [HOME] : [])].flatMap((path) => [
      "--tmpfs",
      `${path}:rw,nosuid,nodev,size=${size},mode=1777`,
    ]),
    ...masksOf(plan.reads, plan.hidden, []).flatMap((path) => [
      "--tmpfs",
      `${checked(path)}:ro,size=1m,mode=0500${empty}`,
    ]),
    ...plan.reads.flatMap((path) => volume(realpathSync(path), path, "ro")),
    ...(plan.home === undefined ? [] : volume(plan.home, HOME, "rw")),
    ...volume(plan.workspace, WORKSPACE, "rw"),
    ...volume(join(letters, "environment"), LETTERS, "ro"),
    ...(plan.hosts.length > 0 ? wayOut(plan.spool) : []),
    ...[
      "--workdir",
      WORKSPACE,
      "--env",
      `LASTLIGHT_EXECUTION=${plan.execution}`,
      "--entrypoint",
      "/bin/sh",
      plan.image ?? "",
    ],
  ];
}

function wayOut(spool: string): string[] {
  const forwarder = fileURLToPath(new URL("./forward.ts", import.meta.url));
  return [
    ...[...volume(realpathSync(process.execPath), NODE, "ro"), ...volume(forwarder, FORWARDER, "ro")],
    ...volume(join(spool, EXIT.name), EXIT.socket, "rw"),
  ];
}

function volume(from: string, to: string, mode: "ro" | "rw"): string[] {
  return ["--volume", `${checked(from)}:${checked(to)}:${mode}`];
}

/** An engine reads a colon as the end of a path. */
function checked(path: string): string {
  if (/[:,\n]/.test(path)) throw new Error(`a container cannot be given ${JSON.stringify(path)}, for the sign in it`);
  return path;
}

/** The mark that a keeper sets, so that the programs inside carry it too: docker starts them with limits of its own. */
function fileLimit(): string | null {
  const [, soft] = /^Max file size +(\d+)/m.exec(readFileSync("/proc/self/limits", "latin1")) ?? [];
  return soft ?? null;
}

/** Variables as a shell reads them, and nothing of what the engine adds. */
function exported(variables: Named): string {
  const lines = Object.entries(variables).map(([name, value]) => {
    if (!/^[A-Za-z_]\w*$/.test(name))
      throw new Error(`a container cannot be given the variable ${JSON.stringify(name)}`);
    return `export ${name}='${value.replaceAll("'", "'\\''")}'`;
  });
  return `unset HOSTNAME TERM container\n${lines.join("\n")}\n`;
}
