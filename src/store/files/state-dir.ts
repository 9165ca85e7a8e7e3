import { randomBytes } from "node:crypto";
import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Fault } from "../../domain/fault.ts";

/** The folder itself, its owner's alone; throws `state.unwritable`. */
export function makeFolder(stateDir: string): void {
  try {
    mkdirSync(stateDir, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new Fault("state.unwritable", `${stateDir} cannot be made: ${(error as Error).message}`, { cause: error });
  }
}

/** The loopback token of this STATE_DIR: made once, readable by its owner alone. */
export function apiToken(stateDir: string): string {
  const file = join(stateDir, "api-token");
  try {
    const token = readFileSync(file, "utf8").trim();
    if (/^[A-Za-z0-9_-]{32,}$/.test(token)) {
      chmodSync(file, 0o600);
      return token;
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  const token = randomBytes(32).toString("base64url");
  replaceFile(file, token);
  return token;
}

/** Tells the CLI where this daemon listens. Advice only: the CLI asks the address, it does not believe the file. */
export function announce(stateDir: string, where: { url: string; pid: number; started_at: string }): () => void {
  const file = join(stateDir, "daemon.json");
  replaceFile(file, `${JSON.stringify(where)}\n`);
  return () => rmSync(file, { force: true });
}

function replaceFile(file: string, text: string): void {
  const fresh = `${file}.new`;
  rmSync(fresh, { force: true });
  writeFileSync(fresh, text, { mode: 0o600, flag: "wx" });
  renameSync(fresh, file);
}
