import { join } from "node:path";
import type { BareLoad } from "../bare.ts";
import type { Driven, Load } from "../drive.ts";
import { freshFolder } from "../harness.ts";
import { probeDisk } from "../probe.ts";
import type { Line, Options, Row } from "../row.ts";
import { median, rounded } from "../sample.ts";
import { sampleOf } from "../subprocess.ts";

const ROUNDS = 5;
const IN_FLIGHT = 200;
const SHARED = 500;
const LEAST_PER_S = 5_000;
const LEAST_RATIO = 0.4;

interface Round {
  readonly shared: number;
  readonly bare: number;
  readonly own: number;
  readonly fdatasync_per_s: number;
}

/** Row 1: the engine and bare SQL in turns, since a machine's speed drifts by more than what is to be told apart. */
export const throughput: Row = {
  row: 1,
  title: "throughput",
  measure: async (options) => {
    const rounds: Round[] = [];
    for (let at = 0; at < ROUNDS; at++) rounds.push(await round(options));
    return [
      lineOf(`3-phase runs, ${IN_FLIGHT} in flight, ${SHARED} trigger ids`, "shared", rounds, options),
      lineOf(`3-phase runs, ${IN_FLIGHT} in flight, trigger ids that rise with time`, "own", rounds, options),
    ];
  },
};

async function round({ folder, runs }: Options): Promise<Round> {
  const fresh = freshFolder(folder);
  const drive = async (triggers: Load["triggers"]): Promise<number> => {
    const load: Load = { file: join(fresh, `${triggers}.db`), runs, inFlight: IN_FLIGHT, triggers };
    return (await sampleOf<Driven>(new URL("../drive.ts", import.meta.url), load)).runs_per_s;
  };
  const { overwrite_per_s } = probeDisk(fresh);
  const shared = await drive(SHARED);
  const load: BareLoad = { file: join(fresh, "bare.db"), runs, inFlight: IN_FLIGHT };
  const bare = await sampleOf<{ runs_per_s: number }>(new URL("../bare.ts", import.meta.url), load);
  const own = await drive("own");
  return { shared, bare: bare.runs_per_s, own, fdatasync_per_s: overwrite_per_s };
}

function lineOf(name: string, which: "shared" | "own", rounds: readonly Round[], { runs }: Options): Line {
  const value = median(rounds.map((each) => each[which]));
  const ratio = median(rounds.map((each) => each[which] / each.bare));
  return {
    name,
    value: rounded(value),
    unit: "runs/s",
    target: `≥ ${LEAST_PER_S}, and ≥ ${LEAST_RATIO} of bare SQL`,
    met: value >= LEAST_PER_S && ratio >= LEAST_RATIO,
    bare_runs_per_s: rounded(median(rounds.map((each) => each.bare))),
    ratio: rounded(ratio),
    runs,
    rounds: rounds.map((each) => ({
      runs_per_s: rounded(each[which]),
      bare_runs_per_s: rounded(each.bare),
      ratio: rounded(each[which] / each.bare),
      fdatasync_per_s: each.fdatasync_per_s,
    })),
  };
}
