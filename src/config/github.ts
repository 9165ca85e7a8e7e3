import { createPrivateKey } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Environment, Variables } from "./variables.ts";

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

/** What GitHub may have signed with. */
export function webhookSecretsOf({ list, wrong }: Variables): readonly string[] {
  const secrets = list("GITHUB_WEBHOOK_SECRET");
  if (secrets.length > 2)
    wrong("GITHUB_WEBHOOK_SECRET", "it may hold two between a comma, the new one and the old one");
  return secrets;
}

const GITHUB = "https://api.github.com";

/** Who the daemon is at GitHub, as the environment says. */
export function githubOf({ environment, word, whole, list, wrong }: Variables): GithubConfig | null {
  const api = word("LASTLIGHT_GITHUB_API", GITHUB);
  const poll = list("LASTLIGHT_GITHUB_POLL");
  const pollSeconds = whole("LASTLIGHT_GITHUB_POLL_SECONDS", 60, 1, 86_400);
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

function githubIdentityOf(environment: Environment, wrong: Variables["wrong"]): GithubConfig["identity"] | null {
  const id = environment.LASTLIGHT_GITHUB_APP_ID;
  if (id) {
    if (!/^\d{1,15}$|^Iv[\w.]{10,40}$/.test(id)) wrong("LASTLIGHT_GITHUB_APP_ID", `"${id}" is no App's id`);
    return { type: "app", id, privateKey: privateKeyOf(environment, wrong) };
  }
  const token = environment.LASTLIGHT_SECRET_GITHUB_TOKEN || environment.LASTLIGHT_GITHUB_TOKEN;
  return token ? { type: "token", token } : null;
}

/** An environment that holds no line breaks may write them as \\n. What is wrong with a key is told without it. */
function privateKeyOf(environment: Environment, wrong: Variables["wrong"]): string {
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
