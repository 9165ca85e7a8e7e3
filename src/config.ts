import { hostname } from "node:os";
import { resolve } from "node:path";
import { type GithubConfig, githubOf, webhookSecretsOf } from "./config/github.ts";
import { type OidcConfig, oidcOf } from "./config/oidc.ts";
import { type Environment, readVariables, type Variables } from "./config/variables.ts";
import { Fault } from "./domain/fault.ts";
import { isZone } from "./domain/zone.ts";

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
  /** The identity provider that people come in by, and whom it lets in; null where there is none. */
  readonly oidc: OidcConfig | null;
  /** Hosts the daemon may be called by, beside its own and that of `publicUrl`. */
  readonly allowedHosts: readonly string[];
  /** What stands before `owner/name` where repositories come from, with a slash at its end; null where none are had. */
  readonly repositories: string | null;
  /** Where schedules are at home that name no place of their own. */
  readonly timezone: string;
  /** After so many failures or empty runs in a row a schedule pauses itself; 0 is never. */
  readonly cronPauseAfter: number;
  /** For how many days after its end a run's workspace is kept; 0 is for ever. */
  readonly workspacesDays: number;
  /** The same of runs that failed. */
  readonly workspacesFailedDays: number;
  /** Any of them may have signed what GitHub delivers: the new one and the old one while it changes. */
  readonly githubWebhookSecrets: readonly string[];
  /** Who this daemon is at GitHub, and what it asks there; null where it is nobody. */
  readonly github: GithubConfig | null;
  /** After how many tries that failed what is said outside is given up. */
  readonly outboxTries: number;
  /** Names under which this daemon acts on GitHub. */
  readonly githubLogins: readonly string[];
  /** The YAML file with what else may deliver; one that nobody named need not be there. */
  readonly sources: { readonly file: string; readonly isNamed: boolean };
  /** A label that stops everything about what bears it; empty for none. */
  readonly holdLabel: string;
  /** How much may come in a minute from one source, and be started by one of its actors; 0 is without end. */
  readonly rates: { readonly perSource: number; readonly perActor: number };
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

const PASSED_ON = ["PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "TERM"];
const SANDBOXES = ["auto", "none", "bubblewrap", "podman", "docker"] as const;
const MEBIBYTE = 2 ** 20;
const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "fatal", "silent"];
const CAP_OF_RESTARTS = 10;

/** The only reader of the environment. Throws `config.invalid` with a problem per variable. */
export function readConfig(environment: Environment = process.env, cwd = process.cwd()): Config {
  const variables = readVariables(environment);
  const { problems, wrong, whole, word, yes, pairs, list } = variables;

  if (environment.DATABASE_URL) {
    wrong("DATABASE_URL", "another database than STATE_DIR/lastlight.db is not supported yet");
  }
  const unsandboxed = yes("LASTLIGHT_UNSAFE_NO_SANDBOX");
  const sandbox = word("LASTLIGHT_SANDBOX", unsandboxed ? "none" : "auto");
  const kind = SANDBOXES.find((each) => each === sandbox);
  if (!kind) wrong("LASTLIGHT_SANDBOX", `"${sandbox}" is not one of ${SANDBOXES.join(", ")}`);
  const logLevel = word("LASTLIGHT_LOG_LEVEL", "info");
  if (!LOG_LEVELS.includes(logLevel)) {
    wrong("LASTLIGHT_LOG_LEVEL", `"${logLevel}" is not one of ${LOG_LEVELS.join(", ")}`);
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
      hosts: list("LASTLIGHT_EGRESS"),
    },
    scripted: environment.LASTLIGHT_SCRIPTED ? resolve(cwd, environment.LASTLIGHT_SCRIPTED) : null,
    approvals: new Set(list("LASTLIGHT_APPROVALS")),
    models: pairs("LASTLIGHT_MODELS"),
    variants: pairs("LASTLIGHT_VARIANTS"),
    publicUrl: publicUrlOf(variables),
    oidc: oidcOf(variables),
    allowedHosts: hostsOf(variables),
    repositories: repositoriesOf(variables),
    timezone: timezoneOf(variables),
    cronPauseAfter: whole("LASTLIGHT_CRON_PAUSE_AFTER", 5, 0, 100),
    workspacesDays: whole("LASTLIGHT_WORKSPACES_DAYS", 14, 0, 36_500),
    workspacesFailedDays: whole("LASTLIGHT_WORKSPACES_FAILED_DAYS", 30, 0, 36_500),
    githubWebhookSecrets: webhookSecretsOf(variables),
    githubLogins: list("LASTLIGHT_GITHUB_LOGIN"),
    github: githubOf(variables),
    outboxTries: whole("LASTLIGHT_OUTBOX_TRIES", 20, 1, 1_000),
    sources: {
      file: resolve(cwd, word("LASTLIGHT_SOURCES", "sources.yaml")),
      isNamed: Boolean(environment.LASTLIGHT_SOURCES),
    },
    holdLabel: environment.LASTLIGHT_HOLD_LABEL ?? "lastlight:hold",
    rates: {
      perSource: whole("LASTLIGHT_RATE_SOURCE", 60_000, 0, 999_999_999),
      perActor: whole("LASTLIGHT_RATE_ACTOR", 6_000, 0, 999_999_999),
    },
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

/** Every value that is shown to nobody, by a name: what workflows may use, and what is the daemon's alone. */
export function hiddenOf({ secrets, oidc, token, github, githubWebhookSecrets }: Config): Config["secrets"] {
  return {
    ...secrets,
    ...(github && {
      LASTLIGHT_GITHUB: github.identity.type === "app" ? github.identity.privateKey : github.identity.token,
    }),
    ...(oidc && { LASTLIGHT_OIDC_CLIENT_SECRET: oidc.clientSecret }),
    ...(token !== null && { LASTLIGHT_TOKEN: token }),
    ...Object.fromEntries(githubWebhookSecrets.map((each, at) => [`GITHUB_WEBHOOK_SECRET_${at + 1}`, each])),
  };
}

function publicUrlOf({ word, wrong }: Variables): string {
  const text = word("LASTLIGHT_PUBLIC_URL", "");
  if (text === "") return "";
  const url = URL.canParse(text) ? new URL(text) : null;
  if (!url || !/^https?:$/.test(url.protocol) || url.search !== "" || url.hash !== "" || url.username !== "") {
    wrong("LASTLIGHT_PUBLIC_URL", `"${text}" is no address such as https://lastlight.example`);
  }
  return text.replace(/\/+$/, "");
}

function hostsOf({ list, wrong }: Variables): readonly string[] {
  const hosts = list("LASTLIGHT_ALLOWED_HOSTS");
  for (const host of hosts) {
    if (/^(?:[\w.-]+|\[[\da-fA-F:.]+\])(?::\d{1,5})?$/.test(host)) continue;
    wrong("LASTLIGHT_ALLOWED_HOSTS", `"${host}" is no host such as lastlight.example or 10.0.0.4:8420`);
  }
  return hosts;
}

function timezoneOf({ word, wrong }: Variables): string {
  const text = word("LASTLIGHT_TIMEZONE", "UTC");
  if (!isZone(text)) wrong("LASTLIGHT_TIMEZONE", `"${text}" is no place such as Europe/Berlin`);
  return text;
}

/** The address may hold who we are, and is not repeated in what is said of it. */
function repositoriesOf({ word, wrong }: Variables): string | null {
  const text = word("LASTLIGHT_REPOSITORIES", "");
  if (text === "") return null;
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url && /^(?:https?|ssh|file):$/.test(url.protocol) && url.search === "" && url.hash === "")
    return url.href.replace(/\/*$/, "/");
  wrong(
    "LASTLIGHT_REPOSITORIES",
    "it is no address such as https://github.com/, ssh://git@github.com/ or file:///srv/git/",
  );
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
