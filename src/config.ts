import { createPrivateKey } from "node:crypto";
import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { resolve } from "node:path";
import { Fault, type Problem } from "./domain/fault.ts";
import { ROLES, type Role } from "./domain/identity.ts";
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

export interface GithubConfig {
  /** The REST API's address. */
  readonly api: string;
  readonly identity:
    | { readonly type: "app"; readonly id: string; readonly privateKey: string }
    | { readonly type: "token"; readonly token: string };
  /** Repositories that are asked for news, `owner/name`. */
  readonly poll: readonly string[];
  readonly pollSeconds: number;
}

export interface OidcConfig {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly roleClaim: string | null;
  readonly roles: { readonly [word: string]: Role };
  readonly defaultRole: Role | null;
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
  const list = (name: string): string[] =>
    word(name, "")
      .split(",")
      .map((each) => each.trim())
      .filter((each) => each !== "");
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
    publicUrl: publicUrlOf(environment, problems),
    oidc: oidcOf(environment, pairs("LASTLIGHT_OIDC_ROLES"), problems),
    allowedHosts: hostsOf(list("LASTLIGHT_ALLOWED_HOSTS"), problems),
    repositories: repositoriesOf(environment, problems),
    timezone: timezoneOf(environment, problems),
    cronPauseAfter: whole("LASTLIGHT_CRON_PAUSE_AFTER", 5, 0, 100),
    workspacesDays: whole("LASTLIGHT_WORKSPACES_DAYS", 14, 0, 36_500),
    workspacesFailedDays: whole("LASTLIGHT_WORKSPACES_FAILED_DAYS", 30, 0, 36_500),
    githubWebhookSecrets: webhookSecretsOf(environment, problems),
    githubLogins: list("LASTLIGHT_GITHUB_LOGIN"),
    github: githubOf(
      environment,
      list("LASTLIGHT_GITHUB_POLL"),
      whole("LASTLIGHT_GITHUB_POLL_SECONDS", 60, 1, 86_400),
      problems,
    ),
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
export function hiddenOf({ secrets, oidc, token, githubWebhookSecrets }: Config): { readonly [name: string]: string } {
  return {
    ...secrets,
    ...(oidc && { LASTLIGHT_OIDC_CLIENT_SECRET: oidc.clientSecret }),
    ...(token !== null && { LASTLIGHT_TOKEN: token }),
    ...Object.fromEntries(githubWebhookSecrets.map((each, at) => [`GITHUB_WEBHOOK_SECRET_${at + 1}`, each])),
  };
}

function publicUrlOf({ LASTLIGHT_PUBLIC_URL: text }: Environment, problems: Problem[]): string {
  if (!text) return "";
  const url = URL.canParse(text) ? new URL(text) : null;
  if (!url || !/^https?:$/.test(url.protocol) || url.search !== "" || url.hash !== "" || url.username !== "") {
    problems.push({
      path: "LASTLIGHT_PUBLIC_URL",
      message: `"${text}" is no address such as https://lastlight.example`,
    });
  }
  return text.replace(/\/+$/, "");
}

function oidcOf(environment: Environment, words: Record<string, string>, problems: Problem[]): OidcConfig | null {
  const issuer = environment.LASTLIGHT_OIDC_ISSUER;
  if (!issuer) return null;
  const wrong = (path: string, message: string): void => void problems.push({ path, message });
  const role = (path: string, word: string): Role => {
    const found = ROLES.find((each) => each === word);
    if (!found) wrong(path, `"${word}" is not one of ${ROLES.join(", ")}`);
    return found ?? "viewer";
  };
  const { LASTLIGHT_OIDC_CLIENT_ID: clientId = "", LASTLIGHT_OIDC_CLIENT_SECRET: clientSecret = "" } = environment;
  if (!URL.canParse(issuer) || !/^https?:$/.test(new URL(issuer).protocol)) {
    wrong("LASTLIGHT_OIDC_ISSUER", `"${issuer}" is no address such as https://accounts.example`);
  }
  if (clientId === "") wrong("LASTLIGHT_OIDC_CLIENT_ID", "it is needed beside LASTLIGHT_OIDC_ISSUER");
  if (clientSecret === "") wrong("LASTLIGHT_OIDC_CLIENT_SECRET", "it is needed beside LASTLIGHT_OIDC_ISSUER");
  const standard = environment.LASTLIGHT_OIDC_DEFAULT_ROLE;
  return {
    issuer,
    clientId,
    clientSecret,
    roleClaim: environment.LASTLIGHT_OIDC_ROLE_CLAIM || null,
    roles: Object.fromEntries(Object.entries(words).map(([word, to]) => [word, role("LASTLIGHT_OIDC_ROLES", to)])),
    defaultRole: standard ? role("LASTLIGHT_OIDC_DEFAULT_ROLE", standard) : null,
  };
}

function hostsOf(hosts: readonly string[], problems: Problem[]): readonly string[] {
  for (const host of hosts) {
    if (/^(?:[\w.-]+|\[[\da-fA-F:.]+\])(?::\d{1,5})?$/.test(host)) continue;
    problems.push({
      path: "LASTLIGHT_ALLOWED_HOSTS",
      message: `"${host}" is no host such as lastlight.example or 10.0.0.4:8420`,
    });
  }
  return hosts;
}

function webhookSecretsOf({ GITHUB_WEBHOOK_SECRET: text }: Environment, problems: Problem[]): readonly string[] {
  const secrets = (text ?? "").split(",").filter((each) => each !== "");
  if (secrets.length > 2)
    problems.push({
      path: "GITHUB_WEBHOOK_SECRET",
      message: "it may hold two between a comma, the new one and the old one",
    });
  return secrets;
}

const GITHUB = "https://api.github.com";

function githubOf(
  environment: Environment,
  poll: readonly string[],
  pollSeconds: number,
  problems: Problem[],
): GithubConfig | null {
  const wrong = (path: string, message: string): void => void problems.push({ path, message });
  const api = environment.LASTLIGHT_GITHUB_API || GITHUB;
  if (!mayHearTokens(api))
    wrong("LASTLIGHT_GITHUB_API", "it is no address such as https://github.example/api/v3; http is for loopback alone");
  for (const repo of poll)
    if (!/^[\w-]+\/[\w.-]+$/.test(repo))
      wrong("LASTLIGHT_GITHUB_POLL", `"${repo}" is no repository such as owner/name`);
  const identity = githubIdentityOf(environment, wrong);
  if (!identity && poll.length > 0) wrong("LASTLIGHT_GITHUB_POLL", "it needs an App or a token to ask with");
  return identity && { api, identity, poll, pollSeconds };
}

/** Who we are is said in every request. */
function mayHearTokens(api: string): boolean {
  if (!URL.canParse(api)) return false;
  const { protocol, hostname, username } = new URL(api);
  const isNear = ["127.0.0.1", "localhost", "[::1]"].includes(hostname);
  return username === "" && (protocol === "https:" || (protocol === "http:" && isNear));
}

function githubIdentityOf(
  environment: Environment,
  wrong: (path: string, message: string) => void,
): GithubConfig["identity"] | null {
  const id = environment.LASTLIGHT_GITHUB_APP_ID;
  if (id) {
    if (!/^\d{1,15}$|^Iv[\w.]{10,40}$/.test(id)) wrong("LASTLIGHT_GITHUB_APP_ID", `"${id}" is no App's id`);
    return { type: "app", id, privateKey: privateKeyOf(environment, wrong) };
  }
  const token = environment.LASTLIGHT_SECRET_GITHUB_TOKEN || environment.LASTLIGHT_GITHUB_TOKEN;
  return token ? { type: "token", token } : null;
}

/** An environment that holds no line breaks may write them as \\n. What is wrong with a key is told without it. */
function privateKeyOf(environment: Environment, wrong: (path: string, message: string) => void): string {
  const { LASTLIGHT_GITHUB_PRIVATE_KEY: text, LASTLIGHT_GITHUB_PRIVATE_KEY_FILE: file } = environment;
  const path = text || !file ? "LASTLIGHT_GITHUB_PRIVATE_KEY" : "LASTLIGHT_GITHUB_PRIVATE_KEY_FILE";
  if (!text && !file) {
    wrong(path, "it is needed beside LASTLIGHT_GITHUB_APP_ID, or LASTLIGHT_GITHUB_PRIVATE_KEY_FILE");
    return "";
  }
  try {
    const key = text ? text.replaceAll("\\n", "\n") : readFileSync(file as string, "utf8");
    if (createPrivateKey(key).asymmetricKeyType !== "rsa") wrong(path, "it is no RSA key");
    return key;
  } catch (error) {
    const { code = "" } = error as { code?: string };
    wrong(
      path,
      code.startsWith("E") && !code.startsWith("ERR_") ? `it cannot be read: ${code}` : "it is no private key in PEM",
    );
    return "";
  }
}

function timezoneOf({ LASTLIGHT_TIMEZONE: text }: Environment, problems: Problem[]): string {
  if (!text) return "UTC";
  if (!isZone(text))
    problems.push({ path: "LASTLIGHT_TIMEZONE", message: `"${text}" is no place such as Europe/Berlin` });
  return text;
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
