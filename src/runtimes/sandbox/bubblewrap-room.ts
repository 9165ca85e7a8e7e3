import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, lstatSync, readlinkSync, realpathSync } from "node:fs";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import type { Verdict } from "../../engine/contracts/sandbox.ts";
import { masksOf } from "./masks.ts";
import { EXIT, furnished, HOME, type Plan, WORKSPACE } from "./plan.ts";
import { FORWARDER, NODE, onPath, opening, type Room } from "./room.ts";
import { seccompFilter } from "./seccomp.ts";

type Named = { readonly [name: string]: string };

/** The descriptors that bwrap reads its own papers from. */
interface Papers {
  readonly passwd: number;
  readonly group: number;
  readonly hosts: number;
  readonly seccomp: number | null;
}

/** What of the machine's own folders programs are made of. */
const PROGRAMS = ["/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"];
/** What of /etc they look at: names for numbers and certificates, never a key or a password. */
const SETTINGS = (
  "alternatives ca-certificates crypto-policies fonts gai.conf host.conf java-17-openjdk ld.so.cache ld.so.conf ld.so.conf.d " +
  "locale.alias localtime magic magic.mime mime.types networks nsswitch.conf os-release pki/ca-trust/extracted " +
  "pki/tls/certs pki/tls/cert.pem pki/tls/openssl.cnf protocols rpc services shells ssl/certs ssl/cert.pem " +
  "ssl/openssl.cnf terminfo timezone"
)
  .split(" ")
  .map((name) => `/etc/${name}`);
/** What of /proc tells of the machine, or changes it: a daemon that runs as root would lend its programs the right to. */
const MACHINE_WRITES = ["/proc/sys", "/proc/pressure", "/proc/fs", "/proc/acpi", "/proc/asound", "/proc/scsi"];
const MACHINE_READS = (
  "kcore keys key-users kmsg kallsyms latency_stats timer_list timer_stats sched_debug sysrq-trigger mtrr slabinfo " +
  "vmallocinfo kpagecount kpageflags kpagecgroup config.gz"
)
  .split(" ")
  .map((name) => `/proc/${name}`);

const USER = 1000;
const PASSWD = `root:x:0:0::/nonexistent:/bin/false\nagent:x:${USER}:${USER}::${HOME}:/bin/sh\nnobody:x:65534:65534::/nonexistent:/bin/false\n`;
const GROUP = `root:x:0:\nagent:x:${USER}:\nnogroup:x:65534:\n`;
const HOSTS = "127.0.0.1 localhost\n::1 localhost\n";

/** bwrap's options for a plan. Without papers it stands for all that could be refused by a machine: enough to try it. */
export function bubblewrapArguments(
  plan: Pick<Plan, "workspace" | "home" | "spool" | "reads" | "hidden" | "hosts" | "limits">,
  environment: Named,
  papers: Papers | null,
): string[] {
  const size = String(Math.min(plan.limits.memoryBytes, plan.limits.diskBytes));
  const memory = (path: string, perms: string): string[] => ["--size", size, "--perms", perms, "--tmpfs", path];
  return [
    ...["--unshare-user", "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"],
    ...["--disable-userns", "--die-with-parent", "--new-session", "--cap-drop", "ALL"],
    ...["--uid", String(USER), "--gid", String(USER), "--hostname", "sandbox", "--clearenv"],
    ...Object.entries(environment).flatMap(([name, value]) => ["--setenv", name, value]),
    ...["--ro-bind", "/usr", "/usr", ...PROGRAMS.flatMap(likeHere)],
    ...SETTINGS.flatMap((path) => ["--ro-bind-try", path, path]),
    ...(papers
      ? [
          ...[
            "--ro-bind-data",
            String(papers.passwd),
            "/etc/passwd",
            "--ro-bind-data",
            String(papers.group),
            "/etc/group",
          ],
          ...["--ro-bind-data", String(papers.hosts), "/etc/hosts"],
          ...(papers.seccomp === null ? [] : ["--seccomp", String(papers.seccomp)]),
        ]
      : []),
    ...["--proc", "/proc"],
    ...MACHINE_WRITES.flatMap((path) => ["--ro-bind-try", path, path]),
    ...MACHINE_READS.filter((path) => existsSync(path)).flatMap((path) => ["--ro-bind", "/dev/null", path]),
    ...["--dev", "/dev", ...memory("/dev/shm", "1777"), "--remount-ro", "/dev"],
    ...[...memory("/tmp", "1777"), "--symlink", "../tmp", "/var/tmp"],
    ...(plan.home === undefined ? memory(HOME, "0700") : ["--bind", plan.home, HOME]),
    ...givenPaths(plan),
    ...["--bind", plan.workspace, WORKSPACE, "--chdir", WORKSPACE],
    ...(plan.hosts.length > 0 && papers ? wayOut(plan.spool) : []),
    ...["--remount-ro", "/"],
  ];
}

function likeHere(path: string): string[] {
  if (!existsSync(path)) return [];
  return lstatSync(path).isSymbolicLink() ? ["--symlink", readlinkSync(path), path] : ["--ro-bind", path, path];
}

/** What was handed over, and nothing around it; folders before what lies in them, so that a mask covers what it should. */
function givenPaths({ reads, hidden }: Pick<Plan, "reads" | "hidden">): string[] {
  const given = reads.map((path) => ({ path, source: realpathSync(path), masks: false }));
  const masks = masksOf(reads, hidden, ["/usr"]).map((path) => ({ path, source: path, masks: true }));
  return [...given, ...masks]
    .sort((one, other) => one.path.length - other.path.length || Number(one.masks) - Number(other.masks))
    .flatMap(({ path, source, masks }) =>
      masks ? ["--size", "1048576", "--perms", "0500", "--tmpfs", path] : ["--ro-bind", source, path],
    );
}

function wayOut(spool: string): string[] {
  const forwarder = fileURLToPath(new URL("./forward.ts", import.meta.url));
  return [
    ...["--ro-bind", realpathSync(process.execPath), NODE, "--ro-bind", forwarder, FORWARDER],
    ...["--bind", join(spool, EXIT.name), EXIT.socket],
  ];
}

const FIRST_FREE = 3;

/** Starts a program in a sandbox of bwrap's. */
export function bubblewrapRoom(
  plan: Plan,
  program: readonly string[],
  inside: Named,
  outside: Named,
  enter: string[],
): Room {
  const filter = seccompFilter();
  const texts = [Buffer.from(PASSWD), Buffer.from(GROUP), Buffer.from(HOSTS), ...(filter ? [filter] : [])];
  const [args, status, passwd] = [FIRST_FREE, FIRST_FREE + 1, FIRST_FREE + 2];
  const papers = { passwd, group: passwd + 1, hosts: passwd + 2, seccomp: filter ? passwd + 3 : null };
  const environment = furnished(inside, plan.hosts);
  const options = [...["--json-status-fd", String(status)], ...bubblewrapArguments(plan, environment, papers)];
  const first = opening({ processes: plan.limits.processes, wayOut: plan.hosts.length > 0 });
  const words = ["--args", String(args), "/bin/sh", "-c", `${first}exec "$@"`, "lastlight", ...program];
  const [command = "", ...rest] = [...enter, onPath(plan.maker, outside.PATH ?? ""), ...words];
  const child = spawn(command, rest, {
    // What number one was started with is to be read inside: nothing that the program may not know.
    env: { LASTLIGHT_EXECUTION: plan.execution },
    cwd: "/",
    // A group of its own: who is asked to end are the programs inside, not what holds them.
    detached: true,
    stdio: ["inherit", "inherit", "inherit", "pipe", "pipe", ...texts.map(() => "pipe" as const)],
  });
  send(child, args, Buffer.from(options.map((word) => `${word}\0`).join("")));
  for (const [at, text] of texts.entries()) send(child, passwd + at, text);
  const told = statusOf(child, status);
  return {
    child,
    first: told.first,
    signal: (name) =>
      void told.first.then((pid) => {
        if (pid !== null) signalQuietly(-pid, name);
      }),
    kill: () => child.kill("SIGKILL"),
    conclude: async (): Promise<Verdict | null> => {
      // Killed, it says nothing any more of a program that ran.
      if ((await told.ran) || child.signalCode !== null) return null;
      return { of: "unmade", told: "bwrap could not make the sandbox; what it said is in the program's stderr" };
    },
  };
}

function send(child: ChildProcess, descriptor: number, text: Buffer): void {
  const pipe = child.stdio[descriptor] as Writable | null;
  // A bwrap that is not there, or gave up, reads nothing: its end says so.
  pipe?.on("error", () => {}).end(text);
}

/** bwrap says who is number one inside, and at the end with what status the program ended: if it ever ran. */
function statusOf(child: ChildProcess, descriptor: number): { first: Promise<number | null>; ran: Promise<boolean> } {
  let text = "";
  const stream = child.stdio[descriptor] as Readable | null;
  const over = new Promise<void>((resolve) => {
    child.once("error", () => resolve());
    stream?.on("error", () => {}).once("close", () => resolve());
  });
  const first = new Promise<number | null>((resolve) => {
    stream?.setEncoding("utf8").on("data", (chunk: string) => {
      text = (text + chunk).slice(0, 4_096);
      const [, pid] = /"child-pid": (\d+)/.exec(text) ?? [];
      if (pid) resolve(Number(pid));
    });
    void over.then(() => resolve(null));
  });
  return { first, ran: over.then(() => text.includes('"exit-code"')) };
}

function signalQuietly(target: number, name: NodeJS.Signals): void {
  try {
    process.kill(target, name);
  } catch {
    // Gone already.
  }
}
