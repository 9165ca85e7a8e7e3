import { isOver } from "../../src/domain/run.ts";
import type { ApprovalLine } from "../../src/store/lines.ts";
import { openAnswers } from "./answers.ts";
import { openDoors } from "./doors.ts";
import type { House } from "./house.ts";
import { openOperators } from "./operators.ts";
import { HOUR, MINUTE } from "./spans.ts";

/** Everyone around the daemon: who asks for runs, answers gates, and looks after what goes on. */
export interface People {
  /** A gate was brought up to them. */
  hear(approval: ApprovalLine): void;
  /** Nothing goes wrong any more: they do all that is left for them to do, now and then again. */
  finish(): void;
}

const ASKED_AT = [0, MINUTE, 3 * HOUR, 10];
const LOOK_MS = 10 * MINUTE;

export function openPeople(house: House, runs: number): People {
  const { choices, outside, ledger, rows } = house;
  const doors = openDoors(house);
  const answers = openAnswers(house, doors);
  const operators = openOperators(house, doors);
  const unheard = new Set<string>();

  function wish(key: string, workflow: string): void {
    doors.say(
      `${key} is asked for (${workflow})`,
      (life) => life.dispatch({ workflow, inputs: {}, once: key, trigger: { type: "api", id: null, by: "ana" } }),
      ({ run }) => {
        const before = ledger.created.get(key);
        if (before !== undefined && before !== run.id) house.report("same", `${key} made runs ${before} and ${run.id}`);
        ledger.created.set(key, run.id);
        if (before === undefined) operators.tend(key, run.id);
      },
    );
  }

  /** A gate of which nobody hears, though all is well, is one that nobody will answer. */
  function open(id: string, key: string): void {
    const gate = rows.approval(id);
    if (!answers.heardOf(id) && unheard.has(id))
      house.report("asked", `nobody hears of the gate ${gate.gate} of ${key}`);
    // Who may have missed the news has until the next look round.
    if (house.life?.deaf() === false) unheard.add(id);
    answers.give(gate);
  }

  /** Does whatever people have kept back. */
  function serve(): void {
    if (!house.life?.begun()) return;
    for (const { id, status } of rows.glances()) {
      const recorded = isOver(status) ? null : rows.recorded(id);
      if (!recorded) continue;
      const key = rows.labelOf(id);
      if (recorded.run.hold === "operator") operators.resume(key, id);
      for (const gate of recorded.run.gates) open(gate.id, key);
      for (const { waits, stage } of Object.values(recorded.run.phases))
        if (waits?.for === "condition" && stage !== "deciding") operators.signal(key, id, "the last");
    }
  }

  const workflows = [...house.shelf.keys()].filter((name) => name !== "other");
  for (let number = 1; number <= runs; number++) {
    const key = `run ${number}`;
    const workflow = workflows[choices.of(`${key}: workflow`, workflows.length)] as string;
    const at = ASKED_AT[choices.of(`${key}: asked for at`, ASKED_AT.length)] as number;
    outside.after(at, () => wish(key, workflow));
    const again = choices.pick(`${key}: asked for again`, [5, 1, 1]);
    if (again > 0) outside.after(at + (again === 1 ? 0 : HOUR), () => wish(key, workflow));
  }

  return {
    hear: answers.hear,
    finish: () => {
      const look = (): void => {
        serve();
        outside.after(LOOK_MS, look);
      };
      look();
    },
  };
}
