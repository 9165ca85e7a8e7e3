import { hostname } from "node:os";
import { resolve } from "node:path";
import { Fault, type Problem } from "./domain/fault.ts";

/** What the daemon and the CLI are told by their environment. Paths are absolute. */
export interface Config {
  readonly stateDir: string;
  readonly workflowsDirs: readonly string[];
  readonly host: string;
  /** 0 asks the system for a free one. */
  readonly port: number;
  /** A token to use instead of STATE_DIR/api-token. */
  readonly token: string | null;
  /** How many executions run at once. */
  readonly maxExecutions: number;
  /** Blamed restarts after which a run ends as `crash_loop` (engine rule 21). */
  readonly restartLimit: number;
  /** Unclean starts within ten minutes after which nothing is dispatched until a person says so; 0 means never. */
  readonly safeModeAfter: number;
  /** For tests alone: the run whose data kills the daemon while it is handled. */
  readonly failpoint: string | null;
  readonly logLevel: string;
  readonly node: string;
  /** What drives agents whose phase does not say. */
  readonly agent: string | null;
  /** Agents may work without a sandbox, with the rights of this user. */
  readonly unsandboxed: boolean;
  readonly sandbox: SandboxConfig;
  /** A JSON file with what the scripted agent is to say. */
  readonly scripted: string | null;
  /** Gates behind phases (`approval_gate`) that ask. */
  readonly approvals: ReadonlySet<string>;
  readonly models: { readonly [name: string]: string };
  readonly variants: { readonly [name: string]: string };
  /** Where links lead. */
  readonly publicUrl: string;
  /** What stands before `owner/name` where repositories come from, with a slash at its end; null where none are had. */
  readonly repositories: string | null;
  /** For how many days after its end a run's workspace is kept; 0 is for ever. */
  readonly workspacesDays: number;
  /** The same of runs that failed. */
  readonly workspacesFailedDays: number;
  /** Values of secrets, by the name workflows know them under. */
  readonly secrets: { readonly [name: string]: string };
  /** What every program that a phase starts may see of the daemon's own environment: an allow-list, nothing secret. */
  readonly programEnvironment: { readonly [name: string]: string };
}

/** What programs are put into that are to be confined. */
export interface SandboxConfig {
  /** `auto` is bubblewrap where it works, and nothing where it does not. */
  readonly kind: (typeof SANDBOXES)[number];
  /** The image of containers whose phase names none. */
  readonly image: string;
  readonly limits: { readonly memoryBytes: number; readonly processes: number; readonly diskBytes: number };
  /** Hosts that every one of them may reach. */
  readonly hosts: readonly string[];
}

const SECRET = "LASTLIGHT_SECRET_";

type Environment = { readonly [name: string]: string | undefined };

const PASSED_ON = ["PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "TERM"];
const SANDBOXES = ["auto", "none", "bubblewrap", "podman", "docker"] as const;
const MEBIBYTE = 2 ** 20;
const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "fatal", "silent"];
const CAP_OF_RESTARTS = 10;

/** The only reader of the environment. Throws `config.invalid` with a problem per variable. */
export function readConfig(environment: Environment = process.env, cwd = process.cwd()): Config {
  const problems: Problem[] = [];
  const whole = (name: string, standard: number, least: number, most: number): number => {
    const text = environment[name];
    if (text === undefined || text === "") return standard;
    if (/^\d{1,9}$/.test(text) && Number(text) >= least && Number(text) <= most) return Number(text);
    problems.push({ path: name, message: `"${text}" is not a whole number from ${least} to ${most}` });
    return standard;
  };
  const word = (name: string, standard: string): string => environment[name] || standard;
  const yes = (name: string): boolean => {
    const text = word(name, "0");
    if (text !== "0" && text !== "1") problems.push({ path: name, message: `"${text}" is neither 1 nor 0` });
    return text === "1";
  };

  if (environment.DATABASE_URL) {
    problems.push({
      path: "DATABASE_URL",
      message: "another database than STATE_DIR/lastlight.db is not supported yet",
    });
  }
  /** `name=value` pairs between commas. */
  const pairs = (name: string): Record<string, string> =>
    Object.fromEntries(
      word(name, "")
        .split(",")
        .flatMap((pair) => {
          if (pair.trim() === "") return [];
          const at = pair.indexOf("=");
          if (at < 1) problems.push({ path: name, message: `"${pair}" is not name=value` });
          return [[pair.slice(0, at).trim(), pair.slice(at + 1).trim()]];
        }),
    );
  const listed = (name: string): string[] =>
    word(name, "")
      .split(",")
      .map((each) => each.trim())
      .filter((each) => each !== "");
  const unsandboxed = yes("LASTLIGHT_UNSAFE_NO_SANDBOX");
  const sandbox = word("LASTLIGHT_SANDBOX", unsandboxed ? "none" : "auto");
  const kind = SANDBOXES.find((each) => each === sandbox);
  if (!kind)
    problems.push({ path: "LASTLIGHT_SANDBOX", message: `"${sandbox}" is not one of ${SANDBOXES.join(", ")}` });
  const logLevel = word("LASTLIGHT_LOG_LEVEL", "info");
  if (!LOG_LEVELS.includes(logLevel)) {
    problems.push({ path: "LASTLIGHT_LOG_LEVEL", message: `"${logLevel}" is not one of ${LOG_LEVELS.join(", ")}` });
  }
  const config: Config = {
    stateDir: resolve(cwd, word("STATE_DIR", "state")),
    workflowsDirs: word("WORKFLOWS_DIR", "workflows")
      .split(":")
      .filter((each) => each !== "")
      .map((each) => resolve(cwd, each)),
    host: word("LASTLIGHT_HOST", "127.0.0.1"),
    port: whole("LASTLIGHT_PORT", 8420, 0, 65_535),
    token: environment.LASTLIGHT_TOKEN || null,
    maxExecutions: whole("LASTLIGHT_MAX_EXECUTIONS", 4, 1, 10_000),
    restartLimit: whole("LASTLIGHT_RESTART_LIMIT", 3, 1, CAP_OF_RESTARTS),
    safeModeAfter: whole("LASTLIGHT_SAFE_MODE_AFTER", 5, 0, 1_000),
    failpoint: environment.LASTLIGHT_FAILPOINT || null,
    logLevel,
    node: word("LASTLIGHT_NODE", hostname()),
    agent: environment.LASTLIGHT_AGENT || null,
    unsandboxed,
    sandbox: {
      kind: kind ?? "none",
      image: word("LASTLIGHT_SANDBOX_IMAGE", "debian:stable-slim"),
      limits: {
        memoryBytes: whole("LASTLIGHT_SANDBOX_MEMORY_MIB", 8_192, 64, 9_999_999) * MEBIBYTE,
        processes: whole("LASTLIGHT_SANDBOX_PROCESSES", 1_024, 8, 1_000_000),
        diskBytes: whole("LASTLIGHT_SANDBOX_DISK_MIB", 20_480, 16, 999_999_999) * MEBIBYTE,
      },
      hosts: listed("LASTLIGHT_EGRESS"),
    },
    scripted: environment.LASTLIGHT_SCRIPTED ? resolve(cwd, environment.LASTLIGHT_SCRIPTED) : null,
    approvals: new Set(listed("LASTLIGHT_APPROVALS")),
    models: pairs("LASTLIGHT_MODELS"),
    variants: pairs("LASTLIGHT_VARIANTS"),
    publicUrl: word("LASTLIGHT_PUBLIC_URL", "").replace(/\/+$/, ""),
    repositories: repositoriesOf(environment, problems),
    workspacesDays: whole("LASTLIGHT_WORKSPACES_DAYS", 14, 0, 36_500),
    workspacesFailedDays: whole("LASTLIGHT_WORKSPACES_FAILED_DAYS", 30, 0, 36_500),
    secrets: secretsOf(environment),
    programEnvironment: Object.fromEntries(
      PASSED_ON.flatMap((name) => {
        const value = environment[name];
        return value === undefined ? [] : [[name, value]];
      }),
    ),
  };
  if (problems.length > 0) {
    throw new Fault("config.invalid", problems.map(({ path, message }) => `${path}: ${message}`).join("; "), {
      details: problems,
    });
  }
  return config;
}

/** The address may hold who we are, and is not repeated in what is said of it. */
function repositoriesOf({ LASTLIGHT_REPOSITORIES: text }: Environment, problems: Problem[]): string | null {
  if (!text) return null;
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url && /^(?:https?|ssh|file):$/.test(url.protocol) && url.search === "" && url.hash === "")
    return url.href.replace(/\/*$/, "/");
  const message = "it is no address such as https://github.com/, ssh://git@github.com/ or file:///srv/git/";
  problems.push({ path: "LASTLIGHT_REPOSITORIES", message });
  return null;
}

function secretsOf(environment: Environment): Record<string, string> {
  return Object.fromEntries(
    Object.entries(environment).flatMap(([name, value]) =>
      name.startsWith(SECRET) && name.length > SECRET.length && value !== undefined
        ? [[name.slice(SECRET.length), value]]
        : [],
    ),
  );
}
