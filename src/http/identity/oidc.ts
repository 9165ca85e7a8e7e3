import { createHmac, randomBytes } from "node:crypto";
import * as client from "openid-client";
import type { Clock } from "../../domain/clock.ts";
import { Fault } from "../../domain/fault.ts";
import { isLoopback } from "../door.ts";
import { digest, isSame } from "./secrets.ts";

/** The identity provider of a house, by OpenID Connect: code flow with PKCE, state and nonce. */
export interface Provider {
  /** Where to send the browser, and what it has to bring back with it. */
  begin(redirectUri: string): Promise<{ readonly url: string; readonly kept: string }>;
  /** Who came back. Throws `oidc.refused` for anything that does not fit what was begun with this browser. */
  finish(redirectUri: string, search: string, kept: string): Promise<Claims>;
}
export interface Claims {
  /** The issuer and its word for the person, which never changes hands. */
  readonly subject: string;
  /** An address that the issuer vouches for. */
  readonly email: string | null;
  readonly name: string;
  readonly claim: (name: string) => readonly string[];
}

const LIFE_MS = 600_000;
const REMEMBERED = 10_000;
const PATIENCE_S = 10;

export function oidc(options: { issuer: string; clientId: string; clientSecret: string; clock: Clock }): Provider {
  const { issuer, clientId, clientSecret, clock } = options;
  const seal = randomBytes(32);
  /** States that were finished: none is good twice. */
  const spent = new Set<string>();
  let found: Promise<client.Configuration> | null = null;

  function configuration(): Promise<client.Configuration> {
    found ??= discover().catch((error: unknown) => {
      found = null;
      throw new Fault("oidc.unavailable", `${issuer} cannot be asked who it is`, { cause: error });
    });
    return found;
  }
  function discover(): Promise<client.Configuration> {
    const server = new URL(issuer);
    // Only a provider on this machine, as in tests, is spoken to in the clear.
    const execute = server.protocol === "http:" && isLoopback(server.hostname) ? [client.allowInsecureRequests] : [];
    return client.discovery(server, clientId, undefined, client.ClientSecretPost(clientSecret), {
      execute,
      timeout: PATIENCE_S,
    });
  }
  const sealed = (text: string): string =>
    `${Buffer.from(text).toString("base64url")}.${createHmac("sha256", seal).update(text).digest("base64url")}`;
  const opened = (kept: string): Begun => {
    const text = Buffer.from(kept.split(".")[0] ?? "", "base64url").toString("utf8");
    if (!isSame(kept, sealed(text))) throw refused("This browser did not begin to log in here");
    const begun = JSON.parse(text) as Begun;
    if (Date.parse(clock.now()) >= begun.until) throw refused("Logging in took too long");
    return begun;
  };

  return {
    begin: async (redirectUri) => {
      const config = await configuration();
      const verifier = client.randomPKCECodeVerifier();
      const begun: Begun = {
        verifier,
        state: client.randomState(),
        nonce: client.randomNonce(),
        until: Date.parse(clock.now()) + LIFE_MS,
      };
      const url = client.buildAuthorizationUrl(config, {
        redirect_uri: redirectUri,
        scope: "openid email profile",
        code_challenge: await client.calculatePKCECodeChallenge(verifier),
        code_challenge_method: "S256",
        state: begun.state,
        nonce: begun.nonce,
      });
      return { url: url.href, kept: sealed(JSON.stringify(begun)) };
    },
    finish: async (redirectUri, search, kept) => {
      const { verifier, state, nonce } = opened(kept);
      const config = await configuration();
      if (spent.has(digest(state))) throw refused("This login was used already");
      spent.add(digest(state));
      if (spent.size > REMEMBERED) spent.delete(spent.values().next().value as string);
      try {
        const answer = await client.authorizationCodeGrant(config, new URL(redirectUri + search), {
          pkceCodeVerifier: verifier,
          expectedState: state,
          expectedNonce: nonce,
          idTokenExpected: true,
        });
        return toClaims(answer.claims() as client.IDToken);
      } catch (error) {
        throw refused("What the identity provider sent does not fit", error);
      }
    },
  };
}

interface Begun {
  readonly verifier: string;
  readonly state: string;
  readonly nonce: string;
  readonly until: number;
}

function refused(why: string, cause?: unknown): Fault {
  return new Fault("oidc.refused", why, { cause });
}

function toClaims(token: client.IDToken): Claims {
  const text = (name: string): string | null => (typeof token[name] === "string" ? (token[name] as string) : null);
  const email = token.email_verified === true ? text("email") : null;
  return {
    subject: `${token.iss} ${token.sub}`,
    email: email?.normalize("NFKC").toLowerCase() ?? null,
    name: (text("preferred_username") ?? email ?? "").split("@")[0] as string,
    claim: (name) => [token[name]].flat().filter((each): each is string => typeof each === "string"),
  };
}
