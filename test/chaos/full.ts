import { join } from "node:path";
import { judge } from "./full-audit.ts";
import { type How, type Life, live } from "./full-life.ts";
import { createFullWorld, type FullWorld } from "./full-world.ts";
import { createLedger, type Ledger } from "./ledger.ts";
import { ACTS, type Act } from "./strace.ts";
import { type DiskSite, type Party, ROOM_CALLS, readStrike, type Strike } from "./strike.ts";

/** What became of one run whose disk was full at one site. */
export interface Trial {
  /** Where it was full; null when the life ended before that call came. */
  readonly hit: string | null;
  readonly seen: readonly DiskSite[];
  /** How the daemon took it. */
  readonly outcome: "lived" | "refused to start" | "exited by a failed sync";
  /** Its health named the trouble. */
  readonly troubled: boolean;
  /** The run was seen paused for it. */
  readonly paused: boolean;
  /** Tries that had begun and were made again. */
  readonly again: number;
  /** From the return of room to the end of the run. */
  readonly resumedMs: number | null;
  readonly violations: readonly string[];
}

/** After so many, the next run finds the database's log long enough to be moved over while it runs. */
const RUNS_BEFORE_CHECKPOINT = 22;
/** What only comes after something before it: the log is moved over, an unclean end is counted. */
const ONLY_LATER = { run: / \/lastlight\.db #/, start: / \/starts\.json/, end: / / } as const;
const RESUME_MS = 30_000;

/** Every site of one run with a gate that needs room, from an empty STATE_DIR to the end of a stop in good order. */
export async function sitesOfOneRun(): Promise<DiskSite[]> {
  const looks: [Party, Act, number][] = [
    ...ACTS.map((act): [Party, Act, number] => ["main", act, 0]),
    ["pool", "run", 0],
    ["pool", "end", 0],
    ["keeper", "run", 0],
    ["main", "run", RUNS_BEFORE_CHECKPOINT],
    ["main", "start", 1],
  ];
  const found = await Promise.all(looks.map(([party, act, before]) => look(party, act, before)));
  return found.flat();
}

async function look(party: Party, act: Act, before: number): Promise<DiskSite[]> {
  const world = createFullWorld(before);
  try {
    const strike: Strike = { party, act, before, calls: ROOM_CALLS, into: join(world.folder, "trace"), at: null };
    if (act === "start") await endUncleanly(world, before);
    const life = await live(world, createLedger(), strike, null);
    if (life.ended !== 0) throw new Error(`a daemon that was only looked at ended with ${life.ended}`);
    const { seen } = readStrike(strike, world.stateDir);
    if (before > 0) return seen.filter(({ key }) => ONLY_LATER[act].test(key));
    // The first act is over when the daemon has said where it listens; what came after belongs to the others.
    const ready = seen.findIndex(({ key }) => key.startsWith("start: rename /daemon.json.new"));
    return act === "start" ? seen.slice(0, ready + 1) : [...seen];
  } finally {
    await world.close(false);
  }
}

/** One life on a disk that is full at the site, and where that one did not bring the run to its end, a second one. */
export async function trial(site: DiskSite, how: How): Promise<Trial> {
  const world = createFullWorld(site.before);
  let violations: readonly string[] = ["the trial broke off"];
  try {
    const ledger = createLedger();
    const strike: Strike = {
      party: site.party,
      act: site.act,
      before: site.before,
      calls: [site.call],
      into: join(world.folder, "trace"),
      at: { site, how: how === "denied" ? "deny" : "stop" },
    };
    if (site.act === "start") await endUncleanly(world, site.before);
    const life = await live(world, ledger, strike, how);
    const { seen, hit } = readStrike(strike, world.stateDir);
    const outcome = outcomeOf(life, site, how === "denied" ? hit : null, ledger);
    if (outcome !== "lived" || !life.finished) {
      const second = await live(world, ledger, null, null);
      if (second.ended !== 0 || !second.finished)
        ledger.violations.push(`trial: the second daemon ended with ${second.ended}, the run ${life.run}`);
    }
    const resumedMs =
      life.freedAt !== null && life.finishedAt !== null ? Math.max(0, life.finishedAt - life.freedAt) : null;
    if (resumedMs !== null && resumedMs > RESUME_MS)
      ledger.violations.push(`trial: resumed after ${resumedMs} ms only`);
    const judged = judge(world, ledger);
    // A call that the weather of the machine put in the site's place is no site of a run: nothing is known of it.
    violations = hit ? judged.violations : [];
    const { troubled, paused } = life;
    const { again } = judged;
    return { hit: hit?.key ?? null, seen, outcome, troubled, paused, again, resumedMs, violations };
  } finally {
    await world.close(violations.length > 0);
  }
}

async function endUncleanly(world: FullWorld, times: number): Promise<void> {
  for (let time = 0; time < times; time++) {
    const daemon = world.start();
    await daemon.ready;
    daemon.kill("SIGKILL");
    await daemon.ended;
  }
}

/** A daemon may end by itself before it has promised anything, and where a sync failed; nowhere else. */
function outcomeOf(
  { ready, lastWords, ended }: Life,
  { act, call }: DiskSite,
  hit: DiskSite | null,
  ledger: Ledger,
): Trial["outcome"] {
  if (ended === 0) {
    if (hit && MUST_EXIT.test(hit.key)) ledger.violations.push(`trial: a failed sync was lived through (${hit.key})`);
    return "lived";
  }
  if (act === "start" && !ready && typeof ended === "number") {
    // Its last words may come after the news of its end; what did come must name the trouble.
    if (/before it was ready: ./.test(lastWords) && !SAYS_WHY.test(lastWords))
      ledger.violations.push(`trial: refused to start and did not say why: ${lastWords}`);
    return "refused to start";
  }
  if (/^f(data)?sync$/.test(call) && ended === FAILED_SYNC) return "exited by a failed sync";
  ledger.violations.push(`trial: the daemon ended with ${ended}`);
  return "lived";
}

const SAYS_WHY = /ENOSPC|SQLITE_(FULL|IOERR|CANTOPEN)|disk is full|disk I\/O error|no space/i;
const FAILED_SYNC = 70;
/** Of a commit, of a session, of an output that a row points to; what SQLite moves over from its log, it moves again. */
const MUST_EXIT = /^(run: fsync .*-wal|pool (run|end): (fsync|fdatasync) )/;
