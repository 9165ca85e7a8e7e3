import type { Decision } from "../../src/domain/approval.ts";
import { asFault } from "../../src/domain/fault.ts";
import { isOver } from "../../src/domain/run.ts";
import type { Client } from "../../src/http/client.ts";
import type { Dice } from "./dice.ts";
import type { Ledger } from "./ledger.ts";
import type { Mix, Wish } from "./mix.ts";
import { pause } from "./pace.ts";

/** The people and programs that ask for runs and answer gates, whatever happens to the daemon under them. */
export interface Hand {
  /** Works until the daemon is gone or `rest` is called; never throws. */
  work(client: Client): Promise<void>;
  /** One request at once; resolves true when it was acknowledged. */
  act(client: Client): Promise<boolean>;
  rest(): void;
  /** From now on nothing new, unless fewer than that were ever asked for. */
  windDown(least: number): void;
  /** Everything asked for was acknowledged, and is over. */
  done(client: Client): Promise<boolean>;
}

const ROUND_MS = 15;
const PAGE = 100;

export function createHand({ ledger, mix, dice, open }: { ledger: Ledger; mix: Mix; dice: Dice; open: number }): Hand {
  const wishes: Wish[] = [];
  const ended = new Set<string>();
  const answering = new Set<string>();
  let least = Number.POSITIVE_INFINITY;
  let working = false;
  const key = (number: number): string => `run-${number}`;
  const missing = (): number[] => wishes.flatMap((_, number) => (ledger.created.has(key(number)) ? [] : [number]));

  async function create(client: Client, number: number): Promise<void> {
    const { id } = await client.startRun({ ...(wishes[number] as Wish), idempotency_key: key(number) });
    const before = ledger.created.get(key(number));
    if (before !== undefined && before !== id) ledger.violations.push(`${key(number)} is run ${before} and run ${id}`);
    ledger.created.set(key(number), id);
  }

  async function answer(client: Client, approval: string): Promise<void> {
    // Two hands at one door: the slower one would hear that someone else had answered.
    if (answering.has(approval)) return;
    answering.add(approval);
    await respond(client, approval).finally(() => answering.delete(approval));
  }

  async function respond(client: Client, approval: string): Promise<void> {
    const decision: Decision = ledger.asked.get(approval) ?? (dice.chance(0.1) ? "reject" : "approve");
    const again = ledger.asked.has(approval);
    ledger.asked.set(approval, decision);
    try {
      await client.respond(approval, { decision });
      ledger.answered.set(approval, decision);
    } catch (error) {
      const { code, message } = asFault(error);
      if (code !== "approval.answered") throw error;
      // Asked before without hearing back: what stands is then that answer, and is held to below.
      if (message.includes(" is void")) return;
      if (!again) ledger.violations.push(`approval ${approval} was answered by nobody: ${message}`);
      ledger.answered.set(approval, decision);
    }
  }

  async function cancel(client: Client, run: string): Promise<void> {
    ledger.cancelAsked.add(run);
    try {
      await client.cancel(run);
      ledger.cancelled.add(run);
    } catch (error) {
      if (asFault(error).code !== "run.terminal") throw error;
    }
  }

  function wish(): number {
    return wishes.push(mix.draw(dice, wishes.length)) - 1;
  }

  async function pending(client: Client): Promise<string[]> {
    return (await client.approvals({ status: "pending", limit: PAGE })).items.map(({ id }) => id);
  }

  async function round(client: Client): Promise<void> {
    for (const number of missing()) await create(client, number);
    for (const approval of await pending(client)) if (dice.chance(0.5)) await answer(client, approval);
    const alive = await unfinished(client);
    if (wishes.length < least && alive.length < open) await create(client, wish());
    const [oldest] = alive;
    if (oldest !== undefined && dice.chance(0.004)) await cancel(client, oldest);
  }

  async function unfinished(client: Client): Promise<string[]> {
    const runs = [...ledger.created.values()].filter((run) => !ended.has(run));
    const states = await client.runs({ limit: PAGE });
    for (const { id, status } of states.items) if (isOver(status)) ended.add(id);
    // What fell off the page is looked at by itself.
    const listed = new Set(states.items.map(({ id }) => id));
    for (const run of runs.filter((each) => !listed.has(each)))
      if (isOver((await client.run(run)).status)) ended.add(run);
    return runs.filter((run) => !ended.has(run));
  }

  return {
    work: async (client) => {
      working = true;
      try {
        while (working) {
          await round(client);
          await pause(ROUND_MS);
        }
      } catch (error) {
        const { code, message } = asFault(error);
        if (code !== "daemon.unreachable" && code !== "store.stopped") ledger.violations.push(`refused: ${message}`);
      }
    },
    act: async (client) => {
      try {
        const [approval] = await pending(client);
        if (approval !== undefined && dice.chance(0.5)) await answer(client, approval);
        else await create(client, wish());
        return true;
      } catch {
        return false;
      }
    },
    rest: () => {
      working = false;
    },
    windDown: (most) => {
      least = most;
    },
    done: async (client) => missing().length === 0 && wishes.length >= least && (await unfinished(client)).length === 0,
  };
}
