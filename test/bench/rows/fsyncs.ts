import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Driven, Load } from "../drive.ts";
import { freshFolder } from "../harness.ts";
import type { Line, Row } from "../row.ts";
import { rounded } from "../sample.ts";
import { sampleOf } from "../subprocess.ts";

interface Manner {
  readonly name: string;
  readonly inFlight: number;
  readonly runs: number;
  readonly most: number;
  /** Fewer commits than this a run would mean that something is answered before it is durable. */
  readonly leastCommits: number;
}

const MANNERS: readonly Manner[] = [
  { name: "200 in flight", inFlight: 200, runs: 5_000, most: 0.05, leastCommits: 0 },
  { name: "one at a time", inFlight: 1, runs: 500, most: 5, leastCommits: 4 },
];

/** Row 2: what durability costs, counted by the kernel where strace is there to ask it. */
export const fsyncs: Row = {
  row: 2,
  title: "fsyncs",
  measure: async ({ folder }) => {
    const traced = spawnSync("strace", ["-o", "/dev/null", "-e", "trace=fsync", "true"]).status === 0;
    const lines: Line[] = [];
    for (const manner of MANNERS) lines.push(await lineOf(manner, folder, traced));
    return lines;
  },
};

async function lineOf(
  { name, inFlight, runs, most, leastCommits }: Manner,
  folder: string,
  traced: boolean,
): Promise<Line> {
  const fresh = freshFolder(folder);
  const drive = (count: number, under: readonly string[] = []): Promise<Driven> => {
    const load: Load = { file: join(fresh, `${count}.db`), runs: count, inFlight, triggers: 500 };
    return sampleOf<Driven>(new URL("../drive.ts", import.meta.url), load, { under });
  };
  const count = async (driven: number): Promise<{ syncs: number; commits: number }> => {
    const report = join(fresh, "strace");
    const { commits } = await drive(driven, ["strace", "-f", "-c", "-o", report, "-e", "trace=fsync,fdatasync"]);
    return { syncs: callsIn(readFileSync(report, "utf8")), commits };
  };

  let syncs: number;
  let commits: number;
  if (traced) {
    // What opening, migrating and closing cost is not the runs'.
    const none = await count(0);
    const all = await count(runs);
    syncs = all.syncs - none.syncs;
    commits = all.commits;
  } else {
    commits = (await drive(runs)).commits;
    syncs = commits;
  }
  return {
    name: `fsyncs per run, ${name}`,
    value: rounded(syncs / runs),
    unit: "fsyncs",
    target: leastCommits > 0 ? `≤ ${most}, with ≥ ${leastCommits} commits` : `≤ ${most}`,
    met: syncs / runs <= most && commits / runs >= leastCommits,
    commits_per_run: rounded(commits / runs),
    method: traced ? "strace: fsync and fdatasync calls of the process" : "commits; checkpoints not counted",
    runs,
  };
}

/** The lines of `strace -c` are: % time, seconds, usecs/call, calls, [errors,] syscall. */
function callsIn(report: string): number {
  let calls = 0;
  for (const line of report.split("\n")) {
    const words = line.trim().split(/\s+/);
    if (/^f(data)?sync$/.test(words.at(-1) ?? "")) calls += Number(words[3]);
  }
  return calls;
}
