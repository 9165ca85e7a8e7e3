import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Confined, Verdict, Wrapped } from "../../engine/contracts/sandbox.ts";
import { readHosts } from "./hosts.ts";

/** What a launcher is told in one argument, which anyone on the machine can read: nothing secret is among it. */
export interface Plan extends Omit<Confined, "argv" | "environment"> {
  /** The program that makes the sandbox: `bwrap`, or a container engine's command. */
  readonly maker: string;
}

/** The workspace as programs see it, wherever it lies. */
export const WORKSPACE = "/home/agent/workspace";
export const HOME = "/home/agent";
export const INSIDE = { workspace: WORKSPACE, home: HOME };

/** A program's variables travel under other names, so that none of them (LD_PRELOAD, NODE_OPTIONS) works outside. */
const TRAVELLING = "LASTLIGHT_INSIDE_";
const LAUNCHER = fileURLToPath(new URL("./launch.ts", import.meta.url));

type Named = { readonly [name: string]: string };

/** The launcher's command line and environment. `outside` is the daemon's own, for the maker alone. */
export function launched(confined: Confined, maker: string, outside: Named): Wrapped {
  const { argv, environment, ...rest } = confined;
  readHosts(confined.hosts);
  const plan: Plan = { ...rest, maker };
  const travelling = Object.entries(environment).map(([name, value]) => [`${TRAVELLING}${name}`, value] as const);
  return {
    argv: [process.execPath, LAUNCHER, JSON.stringify(plan), ...argv],
    environment: { ...outside, ...Object.fromEntries(travelling), LASTLIGHT_EXECUTION: confined.execution },
  };
}

/** What a launcher was handed, from its own environment: what is for the maker, and what is for the program. */
export function unpacked(): { readonly outside: Named; readonly inside: Named } {
  // Not the configuration, which has one reader: what this very process is to pass on.
  const pairs = readFileSync("/proc/self/environ", "utf8")
    .split("\0")
    .flatMap((text) => {
      const at = text.indexOf("=");
      return at > 0 ? [[text.slice(0, at), text.slice(at + 1)] as const] : [];
    });
  const travels = ([name]: readonly [string, string]): boolean => name.startsWith(TRAVELLING);
  return {
    outside: Object.fromEntries(pairs.filter((pair) => !travels(pair))),
    inside: Object.fromEntries(pairs.filter(travels).map(([name, value]) => [name.slice(TRAVELLING.length), value])),
  };
}

/** Where the way out is inside. */
export const EXIT = { socket: "/run/lastlight/egress.sock", port: 3128, name: "egress.sock" } as const;

/** What every program finds, and where there is a way out how to take it: as tools have agreed, in both spellings. */
export function furnished(inside: Named, hosts: readonly string[]): Record<string, string> {
  const proxy = `http://127.0.0.1:${EXIT.port}`;
  const names = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"].flatMap((name) => [name, name.toLowerCase()]);
  return {
    PATH: "/usr/local/bin:/usr/bin:/bin",
    ...inside,
    HOME,
    USER: "agent",
    LOGNAME: "agent",
    TMPDIR: "/tmp",
    ...(hosts.length === 0
      ? {}
      : {
          ...Object.fromEntries(names.map((name) => [name, proxy])),
          NO_PROXY: "",
          no_proxy: "",
          // Without it Node's own fetch knows of no proxy.
          NODE_USE_ENV_PROXY: "1",
        }),
  };
}

const KINDS = ["memory", "processes", "disk", "unmade"] as const;

/** Leaves a verdict in the spool folder: by a file's name, which a full disk takes though it has no room for words. */
export function leaveVerdict(spool: string, { of, told }: Verdict): void {
  writeFileSync(join(spool, `ended.${of}`), "", { mode: 0o600 });
  try {
    writeFileSync(join(spool, `ended.${of}`), told);
  } catch {
    // The name says enough.
  }
}

/** The verdict that a launcher left, if it did. */
export function readVerdict(spool: string): Verdict | null {
  for (const of of KINDS) {
    const file = join(spool, `ended.${of}`);
    if (existsSync(file)) return { of, told: readFileSync(file, "utf8") };
  }
  return null;
}
