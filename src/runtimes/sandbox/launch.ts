/**
 * Stands between the keeper and a sandboxed program, and lives as long as it: holds the sandbox, its way out and its
 * limits. No daemon is needed for any of it.
 */
import { appendFileSync, closeSync, readdirSync, readFileSync } from "node:fs";
import { constants } from "node:os";
import { systemClock } from "../../domain/clock.ts";
import type { Verdict } from "../../engine/contracts/sandbox.ts";
import { bootId, type Identity, isAlive, readIdentity } from "../../engine/processes.ts";
import { bubblewrapRoom } from "./bubblewrap-room.ts";
import { containerRoom } from "./container-room.ts";
import { type Egress, openEgress, type Refused } from "./egress.ts";
import { groupsOf, raiseFence, toldBy } from "./fence.ts";
import { readHosts } from "./hosts.ts";
import { EXIT, leaveVerdict, type Plan, unpacked } from "./plan.ts";
import { watchLimits } from "./watch.ts";

/** As shells say it of what was killed; the verdict in the spool folder says by whom and why. */
const KILLED = 128 + constants.signals.SIGKILL;
/** As shells say it of what is there and cannot be carried out. */
const UNMADE = 126;
const ORPHAN_MS = 200;
const LAST_MS = 5;
const CLOSE_ON_EXEC = 0o2000000;
const MOST_LOG_LINES = 1_000;

const clock = systemClock();
const keeper = process.ppid;

async function launch(plan: Plan, program: readonly string[]): Promise<number> {
  closeInherited();
  const { outside, inside } = unpacked();
  // A socket's path is short; the folder's need not be.
  process.chdir(plan.spool);
  const egress = await wayOut(plan);
  const fence = raiseFence(plan.execution, plan.limits, plan.maker === "bwrap");
  const room =
    plan.maker === "bwrap"
      ? bubblewrapRoom(plan, program, inside, outside, fence.enter)
      : containerRoom(plan, program, inside, outside, clock);
  let verdict: Verdict | null = null;
  let unwatch = (): void => {};
  let first: Identity | null = null;
  for (const signal of ["SIGHUP", "SIGINT", "SIGTERM"] as const) process.on(signal, () => room.signal(signal));
  const whileKept = (): void => {
    if (process.ppid === keeper) clock.after(ORPHAN_MS, whileKept);
    else room.kill();
  };
  whileKept();
  void room.first.then((pid) => {
    first = pid === null ? null : identityOf(pid);
    if (pid === null) return;
    const engines = plan.maker === "bwrap" ? [] : groupsOf(pid);
    unwatch = watchLimits({
      ...plan,
      first: pid,
      clock,
      told: () => fence.told() ?? toldBy(engines),
      over: (reached) => {
        verdict = reached;
        room.kill();
      },
    });
  });
  const code = await new Promise<number>((resolve) => {
    room.child.once("exit", (status, signal) => resolve(status ?? 128 + (signal ? constants.signals[signal] : 0)));
    room.child.once("error", (error) => {
      verdict = { of: "unmade", told: `${plan.maker} could not be started: ${error.message}` };
      resolve(UNMADE);
    });
  });
  unwatch();
  await ended(first);
  // Also of a program that ended well: had it stayed a moment longer, the watch would have ended it for the same.
  const told = fence.told();
  verdict ??= told ? { of: told, told: "the kernel refused it more" } : null;
  const concluded = await room.conclude();
  verdict ??= concluded;
  fence.remove();
  egress?.close();
  if (verdict === null) return code;
  leaveVerdict(plan.spool, verdict);
  return verdict.of === "unmade" ? UNMADE : KILLED;
}

async function wayOut({ hosts }: Plan): Promise<Egress | null> {
  if (hosts.length === 0) return null;
  let lines = 0;
  const onRefused = (refused: Refused): void => {
    lines++;
    if (lines > MOST_LOG_LINES) return;
    const line = lines === MOST_LOG_LINES ? { ...refused, why: "and more, which are not listed" } : refused;
    try {
      appendFileSync("egress.log", `${JSON.stringify(line)}\n`, { mode: 0o600 });
    } catch {
      // It was refused all the same.
    }
  };
  return openEgress({ socket: EXIT.name, opened: readHosts(hosts), clock, onRefused });
}

/** What was open when the daemon was started, and would be open inside: a folder among it were a door. */
function closeInherited(): void {
  for (const name of readdirSync("/proc/self/fd")) {
    const descriptor = Number(name);
    if (descriptor <= 2) continue;
    try {
      const [, flags = "0"] = /^flags:\s+(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${name}`, "latin1")) ?? [];
      if ((Number.parseInt(flags, 8) & CLOSE_ON_EXEC) === 0) closeSync(descriptor);
    } catch {
      // The one that listed them.
    }
  }
}

function identityOf(pid: number): Identity | null {
  try {
    return readIdentity(`${pid} ${bootId()} ${readFileSync(`/proc/${pid}/stat`, "latin1").trim()}`);
  } catch {
    return null;
  }
}

/** bwrap goes when the program has; number one inside, and with it all the others, may be a moment behind. */
async function ended(first: Identity | null): Promise<void> {
  while (first && isAlive(first)) {
    try {
      process.kill(first.pid, "SIGKILL");
    } catch {
      // It went in between.
    }
    await new Promise<void>((resolve) => void clock.after(LAST_MS, resolve));
  }
}

const [plan = "", ...program] = process.argv.slice(2);
launch(JSON.parse(plan), program).then(
  (code) => process.exit(code),
  (error) => {
    process.stderr.write(`lastlight: the sandbox could not be made: ${error}\n`);
    leaveVerdict(JSON.parse(plan).spool, { of: "unmade", told: String(error) });
    process.exit(UNMADE);
  },
);
