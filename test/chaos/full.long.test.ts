import { expect, test } from "vitest";
import { sitesOfOneRun, type Trial, trial } from "./full.ts";
import type { How } from "./full-life.ts";
import { noSmallDisk } from "./small-disk.ts";
import { refusal } from "./strace.ts";
import type { DiskSite } from "./strike.ts";

/** Most of a trial is waiting for room: several at once, each with a disk of its own. */
const AT_ONCE = 4;
const BUDGET_MS = 60_000;
const ALL = process.env.CHAOS_SITES === "all";
const STRIDE = 7;

interface Task {
  readonly site: DiskSite;
  readonly how: How;
}

/**
 * Every site once denied, the first of every place also behind a disk that is really filled: what a run does first, then
 * what a start does, then what is like one of those. Wherever the time is over, what was tried lies evenly over each.
 */
function tasks(sites: readonly DiskSite[]): readonly Task[] {
  const firsts = sites.filter(({ key }) => key.endsWith(" #1"));
  const both = (site: DiskSite, at: number): Task[] => {
    const fills: How[] = ALL ? ["filled", "filled greedily"] : [at % 2 === 0 ? "filled" : "filled greedily"];
    return [{ site, how: "denied" }, ...fills.map((how) => ({ site, how }))];
  };
  const ofRun = firsts.filter(({ act }) => act !== "start").flatMap(both);
  const ofStart = firsts.filter(({ act }) => act === "start").flatMap(both);
  const others = sites.filter((site) => !firsts.includes(site)).map((site): Task => ({ site, how: "denied" }));
  return [...spread(ofRun), ...spread(ofStart), ...spread(others)];
}

function spread<T>(all: readonly T[]): T[] {
  return Array.from({ length: STRIDE }, (_, from) => all.filter((_each, at) => at % STRIDE === from)).flat();
}

/** Calls that the weather of the machine adds or takes away shift those after them: aim once more by what was seen. */
function corrected(site: DiskSite, { seen }: Trial, sites: readonly DiskSite[]): DiskSite | null {
  const known = new Map(sites.map(({ key, ordinal }) => [key, ordinal]));
  const itself = seen.find(({ key }) => key === site.key);
  const landmark = itself ?? seen.findLast(({ key }) => known.has(key));
  const drift = landmark ? landmark.ordinal - (known.get(landmark.key) as number) : 0;
  const ordinal = (known.get(site.key) as number) + drift;
  return ordinal === site.ordinal ? null : { ...site, ordinal };
}

const why = refusal() ?? noSmallDisk();

test.skipIf(why !== null)(
  `a disk that is full at any of the places where a run is written loses nothing acknowledged, and the run goes on unaided when there is room${why ? `: not run: ${why}` : ""}`,
  async () => {
    const sites = await sitesOfOneRun();
    const known = new Set(sites.map(({ key }) => key));
    const queue = [...tasks(sites)];
    const asked = queue.length;
    const results: { how: How; result: Trial }[] = [];
    const hits = new Set<string>();
    const tried = new Set<string>();
    const violations: string[] = [];
    const until = performance.now() + BUDGET_MS;
    const work = async (): Promise<void> => {
      for (let task = queue.shift(); task && (ALL || performance.now() < until); task = queue.shift()) {
        tried.add(task.site.key);
        for (let aim: DiskSite | null = task.site, turn = 0; aim && turn < TURNS; turn++) {
          const result: Trial = await trial(aim, task.how);
          if (result.hit !== null) {
            hits.add(result.hit);
            results.push({ how: task.how, result });
          }
          violations.push(...result.violations.map((each) => `${task.how} at ${task.site.key}: ${each}`));
          aim = result.hit === task.site.key ? null : corrected(aim, result, sites);
        }
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));

    const covered = [...hits].filter((key) => known.has(key)).length;
    console.log(
      `${covered} of ${sites.length} sites; ${asked - queue.length} of ${asked} trials\n${table(results)}\n` +
        `not reached: ${JSON.stringify([...tried].filter((key) => !hits.has(key)))}`,
    );
    expect(violations.slice(0, 10)).toEqual([]);
    expect(covered).toBeGreaterThan(tried.size * 0.8);
    for (const each of ["denied", "filled"] as const)
      expect(results.filter(({ how, result }) => how === each && result.paused).length).toBeGreaterThan(0);
  },
  60 * 60_000,
);

const TURNS = 3;

function table(results: readonly { how: How; result: Trial }[]): string {
  return (["denied", "filled", "filled greedily"] as const)
    .map((how) => {
      const of = results.filter((each) => each.how === how).map(({ result }) => result);
      const count = (meant: (result: Trial) => boolean): number => of.filter(meant).length;
      const slowest = Math.max(0, ...of.map(({ resumedMs }) => resumedMs ?? 0));
      return (
        `${how}: ${of.length} (${count(({ outcome }) => outcome === "lived")} lived, ` +
        `${count(({ outcome }) => outcome === "refused to start")} refused to start, ` +
        `${count(({ outcome }) => outcome === "exited by a failed sync")} exited by a failed sync); ` +
        `${count(({ troubled }) => troubled)} said so, ${count(({ paused }) => paused)} paused the run, ` +
        `${of.reduce((sum, { again }) => sum + again, 0)} tries made again, slowest end ${Math.round(slowest)} ms after room came back, ` +
        `${count(({ violations }) => violations.length > 0)} with violations`
      );
    })
    .join("\n");
}
