import { closeSync, constants, copyFileSync, fdatasyncSync, openSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Driven, Load } from "../drive.ts";
import { generate, metAt, TRIGGERS } from "../generate.ts";
import type { Line, Options, Row } from "../row.ts";
import { median, rounded } from "../sample.ts";
import { sampleOf } from "../subprocess.ts";

const ROUNDS = 3;
const LEAST_FLAT = 0.8;
const LEAST_SHARED_PER_S = 2_500;
/** From this size on a copy for each sample costs more than the few runs of a sample change. */
const WRITTEN_IN = 100_000;

interface Variant {
  readonly name: string;
  readonly load: Omit<Load, "file">;
}
const VARIANTS: readonly Variant[] = [
  { name: "one at a time", load: { runs: 400, inFlight: 1, triggers: TRIGGERS, warmUp: 100 } },
  {
    name: "200 in flight, trigger ids that rise with time",
    load: { runs: 3_000, inFlight: 200, triggers: "own", warmUp: 1_000 },
  },
  {
    name: `200 in flight, ${TRIGGERS.toLocaleString("en")} shared trigger ids`,
    load: { runs: 3_000, inFlight: 200, triggers: TRIGGERS, warmUp: 1_000 },
  },
];

/** Row 12: whether a run costs more where many are stored. Sizes take turns, so that a slow minute slows all of them. */
export const growth: Row = {
  row: 12,
  title: "growth",
  measure: async ({ folder, million }: Options) => {
    const sizes = million ? [1_000, 10_000, 100_000, 1_000_000] : [1_000, 10_000, 100_000];
    for (const size of sizes) {
      generate({ file: join(folder, `${size}.db`), runs: size, heavy: 0, executions: true });
    }
    const rates = new Map<string, number[]>();
    for (let round = 0; round < ROUNDS; round++) {
      for (const { name, load } of VARIANTS) {
        for (const size of sizes) {
          const file = databaseOf(folder, size);
          const { runs_per_s } = await sampleOf<Driven>(new URL("../drive.ts", import.meta.url), { ...load, file });
          const key = `${name} ${size}`;
          rates.set(key, [...(rates.get(key) ?? []), runs_per_s]);
        }
      }
    }
    return VARIANTS.map(({ name }) =>
      lineOf(
        name,
        sizes.map((size) => ({ stored: size, samples: rates.get(`${name} ${size}`) as number[] })),
      ),
    );
  },
};

/** A database to write in; the generated one itself where it is large. */
function databaseOf(folder: string, size: number): string {
  const generated = join(folder, `${size}.db`);
  if (size >= WRITTEN_IN) return generated;
  const file = join(folder, "sample.db");
  for (const suffix of ["", "-wal", "-shm"]) rmSync(file + suffix, { force: true });
  copyFileSync(generated, file, constants.COPYFILE_FICLONE);
  const descriptor = openSync(file, "r+");
  // The sample's own fsyncs are not to wait for the copy.
  fdatasyncSync(descriptor);
  closeSync(descriptor);
  return file;
}

function lineOf(name: string, sizes: readonly { stored: number; samples: readonly number[] }[]): Line {
  const rates = sizes.map(({ stored, samples }) => ({ stored, samples, runs_per_s: median(samples) }));
  const first = rates[0] as (typeof rates)[number];
  const last = rates.at(-1) as (typeof rates)[number];
  const ratio = last.runs_per_s / first.runs_per_s;
  const shared = name.includes("shared");
  return {
    name: `runs at ${last.stored.toLocaleString("en")} stored, ${name}`,
    value: rounded(last.runs_per_s),
    unit: "runs/s",
    target: shared
      ? `≥ ${LEAST_SHARED_PER_S} at 1,000,000`
      : `≥ ${LEAST_FLAT} of that at ${first.stored.toLocaleString("en")}`,
    met: metAt(last.stored, shared ? last.runs_per_s >= LEAST_SHARED_PER_S : ratio >= LEAST_FLAT),
    ratio: rounded(ratio),
    sizes: rates.map(({ stored, samples, runs_per_s }) => ({
      stored,
      runs_per_s: rounded(runs_per_s),
      ratio: rounded(runs_per_s / first.runs_per_s),
      samples: samples.map(rounded),
    })),
  };
}
