import { parseArgs } from "node:util";
import { storm } from "./storm.ts";
import { table, VICTIMS, type Victim } from "./tally.ts";

/** `node test/chaos/chaos.ts --kills N --seed S [--victim V] [--runs R] [--stop-ms MS] [--json]`; exit 1 on a violation. */
const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "100" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    victim: { type: "string", default: "daemon" },
    runs: { type: "string", default: "50" },
    "stop-ms": { type: "string", default: "30000" },
    json: { type: "boolean", default: false },
  },
});

function whole(name: "kills" | "seed" | "runs" | "stop-ms"): number {
  const text = values[name];
  if (/^\d{1,9}$/.test(text)) return Number(text);
  console.error(`--${name}: "${text}" is not a whole number`);
  process.exit(2);
}

const victim = VICTIMS.find((each) => each === values.victim) as Victim | undefined;
if (!victim) {
  console.error(`--victim: "${values.victim}" is not one of ${VICTIMS.join(", ")}`);
  process.exit(2);
}
// Leaving runs what each world does last: nothing that was started here is left behind.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => process.exit(130));
const { tally, stateDir } = await storm({
  victim,
  kills: whole("kills"),
  seed: whole("seed"),
  runs: whole("runs"),
  stopMs: whole("stop-ms"),
});
console.log(values.json ? JSON.stringify(tally) : table([tally]));
if (!values.json)
  console.log(`ended: ${JSON.stringify(tally.ended)}; ${tally.daemons} daemons, ${tally.effects} effects`);
if (tally.violations.length > 0) {
  console.error(`kept to be looked at: ${stateDir}`);
  process.exitCode = 1;
}
