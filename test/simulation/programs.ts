import type { Act } from "../../src/domain/scenario.ts";
import type { Ended, Program } from "../../src/engine/contracts/keeper.ts";
import type { Grant } from "../../src/store/store.ts";
import type { House } from "./house.ts";

const DURATIONS = [1_000, 40, 120_000, 1_800_000, 10_800_000];

/** What a program does: goes well within a second unless chance says otherwise. */
export function play(house: House, grant: Grant): Act {
  const name = tryName(house, grant);
  const { choices, storm } = house;
  const takesMs = DURATIONS[choices.pick(`${name} takes`, [3, 2, 2, 2, 1])] as number;
  const end = choices.pick(`${name} ends`, storm ? [14, 4, 2, 1] : [10, 1, 0, 0]);
  const says = choices.pick(`${name} says`, [5, 3, 1]);
  const files: Act["files"] = choices.rarely(`${name} leaves nothing`, 6)
    ? {}
    : { "kept.txt": `${grant.name} of ${grant.workflow}` };
  return {
    takesMs: end === 3 ? null : takesMs,
    end: end === 2 ? { type: "lost" } : { type: "exit", code: end === 1 ? 1 : 0 },
    output: `${WORDS[says]} ${grant.name} ${grant.iteration}`,
    stderr: end === 1 ? "it did not work" : "",
    error: null,
    files,
    usage: { turns: 1, usd: 0.5, inputTokens: 10 },
    said: null,
  };
}

const WORDS = ["APPROVED READY DONE", "REQUEST_CHANGES", "BLOCKED"];

/** `p1#2 of run 1`; what is not the first of its kind says so. */
function tryName({ rows }: House, { run, name, iteration, attempt, epoch }: Grant): string {
  const more = `${iteration > 0 ? ` (${iteration})` : ""}${epoch > 0 ? ` in epoch ${epoch}` : ""}`;
  return `${name}#${attempt}${more} of ${rows.labelOf(run)}`;
}

/** Listens where programs begin and end. */
export interface Programs {
  begun(house: House, grant: Grant, program: Program): void;
  over(house: House, grant: Grant, how: Ended["type"]): void;
  /** How far the program of an execution has come: null where none ever began. */
  fate(execution: string): Ended["type"] | "runs" | null;
}

export function programs(): Programs {
  const fates = new Map<string, Ended["type"] | "runs">();
  const begins = new Map<string, number>();
  const given = new Map<string, string>();
  return {
    begun: (house, grant, program) => {
      const name = tryName(house, grant);
      fates.set(grant.execution, "runs");
      house.count("programs");
      house.chronicle.tell(`${name} begins`);
      const times = (begins.get(grant.execution) ?? 0) + 1;
      begins.set(grant.execution, times);
      if (times > 1) house.report("single", `${name} began ${times} times under execution ${grant.execution}`);
      const row = house.rows.execution(grant.execution);
      if (house.db.inTransaction || !row) house.report("owed", `${name} began and no commit says so`);
      const { run, name: part, iteration, epoch } = grant;
      const place = [run, part, iteration, epoch].join("/");
      const words = inputOf(program);
      const before = given.get(place);
      given.set(place, words);
      if (before !== undefined && before !== words)
        house.report(
          "input",
          `${name} is given\n      ${words}\n      where an earlier try was given\n      ${before}`,
        );
    },
    over: (house, grant, how) => {
      fates.set(grant.execution, how);
      house.chronicle.tell(`${tryName(house, grant)} is over: ${how}`);
    },
    fate: (execution) => fates.get(execution) ?? null,
  };
}

/** All that a program is given but the names of its try. */
function inputOf({ argv, environment, files, timeoutMs }: Program): string {
  const { LASTLIGHT_EXECUTION: _e, LASTLIGHT_ATTEMPT: _a, ...rest } = environment;
  return JSON.stringify({ argv, rest, files, timeoutMs });
}
