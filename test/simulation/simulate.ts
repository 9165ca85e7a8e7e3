import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { drawn, replayed, type Script } from "./choices.ts";
import { harvest } from "./crew.ts";
import { inWords, shrunk } from "./shrink.ts";
import { type Passed, pass, whole } from "./storm.ts";
import { among } from "./tally.ts";

/** `npm run simulate`: the whole daemon core under so many seeds; a broken promise is shrunk, told, and ends it with 1. */
const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "1000" },
    from: { type: "string", default: "1" },
    workers: { type: "string", default: "2" },
    seed: { type: "string" },
    times: { type: "string" },
    script: { type: "string" },
    shrink: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
  },
});

const DAY = 86_400_000;

function say(words: string, data: object): void {
  process.stdout.write(`${values.json ? JSON.stringify(data) : words}\n`);
}

function number(text: string, name: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  process.stderr.write(`--${name} wants a whole number, not ${JSON.stringify(text)}\n`);
  process.exit(2);
}

/** One life, told as it was. */
async function one(life: Promise<Passed>): Promise<void> {
  const passed = await life;
  const { violation, script, lines, workflows, hash, counts, simulatedMs } = passed;
  if (violation) return fallen(values.shrink ? await shrunk(script, violation.invariant) : passed);
  const words = ["workflows:", workflows, ...lines, `no promise is broken; ${hash}`];
  say(words.join("\n"), { script, hash, counts, simulatedMs, violation: null });
}

function fallen(passed: Passed): void {
  const { script, violation, lines, workflows, hash } = passed;
  say(`${inWords(passed)}\n\nas a file for --script:\n${JSON.stringify(script)}`, {
    script,
    violation,
    lines,
    workflows,
    hash,
  });
  process.exitCode = 1;
}

/** The same seed again and again: what each life came to, to the last byte. */
async function again(seed: number, times: number): Promise<void> {
  for (let time = 0; time < times; time++) process.stdout.write(`${whole(await pass(drawn(seed), { image: true }))}\n`);
}

async function many(from: number, seeds: number, workers: number): Promise<void> {
  const started = performance.now();
  const { counts, broken, simulatedMs } = await harvest(from, seeds, workers);
  const seconds = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage();
  const cpu = (user + system) / 1e6;
  const days = simulatedMs / DAY;
  const sum = {
    seeds,
    from,
    seconds: rounded(seconds),
    cpu_seconds: rounded(cpu),
    seeds_per_second: rounded(seeds / seconds),
    simulated_days: rounded(days),
    simulated_days_per_cpu_second: rounded(days / cpu),
    lives: counts.lives ?? 0,
    re_attachments: counts["re-attachments"] ?? 0,
    events: counts.events ?? 0,
    commits: counts.commits ?? 0,
    steps: counts.steps ?? 0,
    deaths: among(counts, "death "),
    faults: among(counts, "fault "),
    runs: among(counts, "run "),
    violations: broken.length,
    first: broken.slice(0, 20),
  };
  say(JSON.stringify(sum, null, 2), sum);
  const [first] = broken;
  if (!first) return;
  const passed = await pass(drawn(first.seed));
  fallen(passed.violation ? await shrunk(passed.script, passed.violation.invariant) : passed);
}

function rounded(value: number): number {
  return Math.round(value * 10) / 10;
}

if (values.script !== undefined) await one(pass(replayed(JSON.parse(readFileSync(values.script, "utf8")) as Script)));
else if (values.seed !== undefined && values.times !== undefined)
  await again(number(values.seed, "seed"), number(values.times, "times"));
else if (values.seed !== undefined) await one(pass(drawn(number(values.seed, "seed"))));
else await many(number(values.from, "from"), number(values.seeds, "seeds"), number(values.workers, "workers"));
