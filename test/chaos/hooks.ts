import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import Database from "better-sqlite3";
import { type DaemonProcess, startDaemon } from "../support/daemon.ts";
import { examples, githubHead, WEBHOOK_SECRET } from "../support/intake.ts";
import { dice } from "./dice.ts";

/** What a storm of deliveries over a daemon that is killed again and again has shown. */
export interface HookStorm {
  readonly kills: number;
  /** Answered with 2xx, repetitions too. */
  readonly answers: number;
  /** Connections that broke before an answer. */
  readonly broken: number;
  readonly violations: readonly string[];
}

const CONNECTIONS = 16;
const WORKFLOWS = ["first", "second"];

/** Sends so many deliveries, each until it is answered and some of them once more, while the daemon is killed so often. */
export async function hookStorm(of: { seed: number; deliveries: number; kills: number }): Promise<HookStorm> {
  const folder = mkdtempSync(join(tmpdir(), "lastlight-hooks-"));
  const [stateDir, workflows] = ["state", "workflows"].map((each) => join(folder, each)) as [string, string];
  for (const each of [stateDir, workflows]) mkdirSync(each, { mode: 0o700 });
  for (const name of WORKFLOWS)
    writeFileSync(
      join(workflows, `${name}.yaml`),
      `name: ${name}\non: { github: [{ events: [issues.opened] }] }\nphases: [{ name: look, type: context }]\n`,
    );
  const port = await freePort();
  const environment = {
    GITHUB_WEBHOOK_SECRET: WEBHOOK_SECRET,
    LASTLIGHT_PORT: String(port),
    LASTLIGHT_SAFE_MODE_AFTER: "0",
    LASTLIGHT_RESTART_LIMIT: "10",
  };
  let daemon: DaemonProcess | null = null;
  const endAll = (): void => daemon?.kill("SIGKILL");
  process.once("exit", endAll);
  const begin = async (): Promise<void> => {
    daemon = startDaemon({ stateDir, workflows, environment });
    await daemon.ready;
  };
  const kill = async (): Promise<void> => {
    daemon?.kill("SIGKILL");
    await daemon?.ended;
  };

  const receipts = new Map<string, Receipt>();
  const violations: string[] = [];
  let answers = 0;
  let broken = 0;
  let next = 0;
  const chance = dice(of.seed, "senders");

  async function sender(): Promise<void> {
    while (next < of.deliveries) {
      const id = `delivery-${next++}`;
      for (let left = chance.chance(0.2) ? 2 : 1; left > 0; ) {
        const receipt = await deliver(port, id);
        if (receipt === null) {
          broken++;
          await pause(20);
          continue;
        }
        if (typeof receipt === "number") {
          violations.push(`${id} was answered with ${receipt}`);
          return;
        }
        answers++;
        left--;
        const first = receipts.get(id);
        if (first && JSON.stringify(first) !== JSON.stringify(receipt)) violations.push(`${id} was told two things`);
        receipts.set(id, receipt);
      }
    }
  }

  try {
    await begin();
    const sending = Promise.all(Array.from({ length: CONNECTIONS }, sender));
    let kills = 0;
    const when = dice(of.seed, "kills");
    for (; kills < of.kills; kills++) {
      const wanted = Math.floor(((kills + when.between(0.2, 1)) * of.deliveries) / (of.kills + 1));
      while (receipts.size < wanted && violations.length === 0) await pause(1);
      await pause(when.between(0, 8));
      await kill();
      await begin();
    }
    await sending;
    await kill();
    violations.push(...audit(join(stateDir, "lastlight.db"), receipts));
    return { kills, answers, broken, violations };
  } finally {
    await kill();
    process.off("exit", endAll);
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Receipt {
  readonly id: string;
  readonly runs: readonly string[];
}

/** Null when the connection broke; a status when it is not what it should be. */
async function deliver(port: number, id: string): Promise<Receipt | number | null> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/hooks/github`, {
      method: "POST",
      headers: { ...HEAD, "x-github-delivery": id },
      body: BODY,
    });
    const text = await response.text();
    return response.ok ? (JSON.parse(text) as Receipt) : response.status;
  } catch {
    return null;
  }
}

const opened = examples().find(({ event, payload }) => event === "issues" && payload.action === "opened");
const BODY = opened?.body ?? "";
const HEAD = githubHead({ event: "issues", id: "", body: BODY });

/** Every answer has its runs, and no delivery has two of a workflow. */
function audit(file: string, receipts: ReadonlyMap<string, Receipt>): string[] {
  const db = new Database(file, { readonly: true });
  try {
    const rows = db.prepare("SELECT id, delivery_id FROM deliveries").all() as { id: string; delivery_id: string }[];
    const runs = db.prepare("SELECT id, workflow_name AS name, trigger_id AS delivery FROM workflow_runs").all() as {
      id: string;
      name: string;
      delivery: string;
    }[];
    const byDelivery = Map.groupBy(runs, ({ delivery }) => delivery);
    const wrong: string[] = [];
    if (rows.length !== receipts.size) wrong.push(`${rows.length} deliveries are kept, ${receipts.size} were answered`);
    for (const [key, { id, runs: told }] of receipts) {
      const mine = byDelivery.get(id) ?? [];
      const names = mine.map(({ name }) => name).sort();
      if (names.join() !== WORKFLOWS.join()) wrong.push(`${key} has runs of ${names.join() || "nothing"}`);
      if (told.some((each) => !mine.some((run) => run.id === each)))
        wrong.push(`${key} was told of a run that is not there`);
    }
    for (const { delivery } of runs)
      if (!rows.some(({ id }) => id === delivery)) wrong.push(`a run is nobody's: ${delivery}`);
    return wrong;
  } finally {
    db.close();
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
