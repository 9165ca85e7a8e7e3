import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "../config.ts";
import { type Client, createClient } from "../http/client.ts";

/** A client of the daemon that serves this STATE_DIR. It asks nothing yet; the first call finds out who is there. */
export function connect(config: Config): Client {
  return createClient({ url: whereabouts(config), token: config.token ?? readToken(config.stateDir) });
}

const STANDARD = { host: "127.0.0.1", port: 8420 };

/** What the person set, else what the daemon of this STATE_DIR left behind, else where daemons listen by default. */
export function whereabouts(config: Config): string {
  const { host, port, stateDir } = config;
  const named = host !== STANDARD.host || (port !== STANDARD.port && port !== 0);
  // Port 0 is an order to the daemon, never an address.
  if (named && port !== 0) return urlOf(host, port);
  return announced(stateDir)?.url ?? urlOf(host, port === 0 ? STANDARD.port : port);
}

/** What a daemon said of itself when it started; it may be gone since. */
export function announced(stateDir: string): { readonly url: string; readonly pid: number } | null {
  try {
    const { url, pid } = JSON.parse(readFileSync(join(stateDir, "daemon.json"), "utf8")) as Record<string, unknown>;
    return typeof url === "string" && URL.canParse(url) && typeof pid === "number" ? { url, pid } : null;
  } catch {
    return null;
  }
}

function urlOf(host: string, port: number): string {
  // To listen everywhere is not a place to go to.
  const place = host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "::1" : host;
  return `http://${place.includes(":") ? `[${place}]` : place}:${port}`;
}

/** Without a token the daemon says that one is missing, and where it lies: better than any guess made here. */
function readToken(stateDir: string): string {
  try {
    return readFileSync(join(stateDir, "api-token"), "utf8").trim();
  } catch {
    return "";
  }
}
