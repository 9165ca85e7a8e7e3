import fc from "fast-check";
import { expect } from "vitest";
import { CATCH_UPS, dueOf, OVERLAPS } from "../../src/domain/schedule.ts";
import { cronWorld, schedule } from "./cron-world.ts";

const MINUTE = 60_000;
const EVERY = 10 * MINUTE;

/** What may come over a daemon, in minutes. */
const happening = fc.oneof(
  { weight: 4, arbitrary: fc.record({ type: fc.constant("pass"), minutes: fc.integer({ min: 1, max: 45 }) }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant("jump"), minutes: fc.integer({ min: -130, max: 300 }) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("restart"), minutes: fc.integer({ min: 0, max: 30 }) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("beside") }) },
  {
    weight: 2,
    arbitrary: fc.record({ type: fc.constant("dies"), at: fc.integer({ min: 0, max: 40 }), late: fc.boolean() }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constant("end") }) },
);

/**
 * Lives through so many worlds in which daemons die at any write, start again, stand beside each other and have their
 * clock set: every slot has one row or lies after the last, and no slot has two runs.
 */
export async function liveThrough(worlds: number): Promise<void> {
  await fc.assert(
    fc.asyncProperty(
      fc.array(happening, { minLength: 3, maxLength: 14 }),
      fc.constantFrom(...OVERLAPS),
      fc.constantFrom(...CATCH_UPS),
      fc.integer({ min: 0, max: 9 }),
      async (happenings, overlap, catchUp, jitter) => {
        const declared = schedule({ cron: "*/10 * * * *", overlap, catchUp, jitterMs: jitter * MINUTE });
        const world = await cronWorld({ schedules: [declared], held: true, pauseAfter: 0 });
        let cron = world.start();
        await world.settle();
        for (const each of happenings) {
          if (each.type === "pass") await world.pass(each.minutes * MINUTE);
          if (each.type === "jump") world.clock.jump(each.minutes * MINUTE);
          if (each.type === "end") await world.end();
          if (each.type === "beside") world.start();
          if (each.type === "restart" || each.type === "dies") {
            await world.stop(cron);
            if (each.type === "restart") await world.pass(each.minutes * MINUTE);
            else {
              const dying = world.start({ diesAt: each.at, late: each.late });
              await world.pass(EVERY);
              await world.stop(dying);
            }
            cron = world.start();
          }
        }
        // Whoever is left has the last word.
        await world.pass(2 * MINUTE);

        // Where the clock was set back before it, the schedule counts from then.
        const { since } = (await world.store.crons.states())[0]!;
        const fires = await world.fires();
        const last = fires.at(-1)?.slot ?? since;
        const slots: string[] = [];
        const first = Math.floor(Date.parse(since) / EVERY) * EVERY + EVERY;
        for (let at = first; at <= Date.parse(last); at += EVERY) slots.push(new Date(at).toISOString());
        // A clock that was set back has slots to come that are older than some that have come.
        const had = new Set(fires.map(({ slot }) => slot));
        const now = world.clock.now();
        const expected = slots.filter((slot) => had.has(slot) || dueOf(declared, slot) <= now);
        expect(fires.map(({ slot }) => slot)).toEqual(expected);
        expect(fires.every(({ outcome, reason }) => (outcome !== "missed" && outcome !== "skipped") || reason)).toBe(
          true,
        );

        expect(fires.filter(({ outcome }) => outcome === "owed")).toEqual([]);
        const fired = fires.flatMap(({ run_id }) => (run_id === null ? [] : [run_id]));
        expect(fired).toHaveLength(fires.filter(({ outcome }) => outcome === "fired").length);
        expect((await world.runs()).map(({ id }) => id).sort()).toEqual([...fired].sort());
        if (overlap !== "allow") expect(world.running().length).toBeLessThanOrEqual(1);
        await world.close();
      },
    ),
    { numRuns: worlds },
  );
}
