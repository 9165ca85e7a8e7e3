import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { announced } from "../../../src/cli/connect.ts";
import { examples, githubHead, WEBHOOK_SECRET } from "../../support/intake.ts";
import { requestBytes, send } from "../../support/sender.ts";
import { startAndWait, stopDaemon } from "../daemons.ts";
import { freshFolder } from "../harness.ts";
import { probeDisk } from "../probe.ts";
import type { Line, Row } from "../row.ts";
import { median, percentile, rounded } from "../sample.ts";

const ROUNDS = 3;
const DELIVERIES = 5_000;
const WARM = 1_000;
const CONNECTIONS = 64;
const LEAST_PER_S = 3_000;
const MOST_P99_MS = 50;

interface Round {
  readonly per_s: number;
  readonly p50: number;
  readonly p99: number;
  readonly accepted: number;
  readonly started: number;
  readonly fdatasync_per_s: number;
}

/** Row 6: a signed webhook of GitHub's, from its first byte to the 202 that says its run is on disk. */
export const webhooks: Row = {
  row: 6,
  title: "signed webhooks",
  measure: async ({ folder }) => {
    const rounds: Round[] = [];
    for (let at = 0; at < ROUNDS; at++) rounds.push(await round(freshFolder(folder)));
    const rate = median(rounds.map(({ per_s }) => per_s));
    const late = median(rounds.map(({ p99 }) => p99));
    const whole = rounds.every(({ accepted, started }) => accepted === DELIVERIES && started === DELIVERIES);
    const common = { connections: CONNECTIONS, body_bytes: BODY.length, rounds };
    return [
      {
        name: `accepted signed webhook → durable run → 202, ${CONNECTIONS} connections`,
        value: rounded(rate),
        unit: "deliveries/s",
        target: `≥ ${LEAST_PER_S.toLocaleString("en")}`,
        met: whole && rate >= LEAST_PER_S,
        ...common,
      },
      {
        name: "the same, p99 of one delivery",
        value: rounded(late),
        unit: "ms",
        target: `≤ ${MOST_P99_MS}`,
        met: whole && late <= MOST_P99_MS,
        p50_ms: rounded(median(rounds.map(({ p50 }) => p50))),
      },
    ] satisfies Line[];
  },
};

const opened = examples().find(({ event, payload }) => event === "issues" && payload.action === "opened");
const BODY = Buffer.from(opened?.body ?? "");

async function round(folder: string): Promise<Round> {
  const [stateDir, workflows] = ["state", "workflows"].map((each) => join(folder, each)) as [string, string];
  for (const each of [stateDir, workflows]) mkdirSync(each, { mode: 0o700 });
  writeFileSync(
    join(workflows, "triage.yaml"),
    "name: triage\non: { github: [{ events: [issues.opened] }] }\nphases: [{ name: look, type: context }]\n",
  );
  const environment = {
    GITHUB_WEBHOOK_SECRET: WEBHOOK_SECRET,
    LASTLIGHT_RATE_SOURCE: "0",
    LASTLIGHT_RATE_ACTOR: "0",
    // As in row 1: what is measured is not how runs wait for each other.
    LASTLIGHT_MAX_EXECUTIONS: "200",
  };
  const { overwrite_per_s } = probeDisk(folder);
  const { daemon } = await startAndWait({ stateDir, workflows, environment });
  try {
    const port = Number(new URL(announced(stateDir)?.url ?? "").port);
    const sent = (prefix: string) => (at: number) =>
      requestBytes(port, "/hooks/github", { ...HEAD, "x-github-delivery": `${prefix}-${at}` }, BODY);
    await send({ port, connections: CONNECTIONS, count: WARM, request: sent("warm"), tell: () => {} });
    const prepared = Array.from({ length: DELIVERIES }, (_, at) => sent("d")(at));
    const times: number[] = [];
    let started = 0;
    const start = performance.now();
    await send({
      port,
      connections: CONNECTIONS,
      count: DELIVERIES,
      request: (at) => prepared[at] as Buffer,
      tell: ({ status, ms, body }) => {
        if (status !== 202) return;
        times.push(ms);
        if (body.includes('"started"')) started++;
      },
    });
    const seconds = (performance.now() - start) / 1000;
    return {
      per_s: Math.round(times.length / seconds),
      p50: rounded(percentile(times, 0.5)),
      p99: rounded(percentile(times, 0.99)),
      accepted: times.length,
      started,
      fdatasync_per_s: overwrite_per_s,
    };
  } finally {
    await stopDaemon(daemon);
  }
}

const HEAD = githubHead({ event: "issues", id: "", body: BODY });
