import type { People } from "../domain/approval.ts";
import type { Clock } from "../domain/clock.ts";
import { INLINE_LIMIT, type Outcome, type Output } from "../domain/execution.ts";
import { asFault } from "../domain/fault.ts";
import { graphOf } from "../domain/graph.ts";
import type { Json } from "../domain/json.ts";
import type { RunEvent } from "../domain/run.ts";
import type { Applied, Child, Created, OwedEffect, Parent, PhaseOutput, RunData, Store } from "../store/store.ts";
import type { About, Actor, Deliverer, Reminder, Undone } from "./contracts/deliverer.ts";
import type { Log } from "./contracts/log.ts";
import { findingOf } from "./finding.ts";
import type { Settings } from "./settings.ts";
import { type Told, textOf } from "./telling.ts";

/** What asks for a run on behalf of a phase. */
export interface ChildWish {
  readonly workflow: string;
  readonly inputs: { readonly [name: string]: Json };
  readonly parent: Parent;
  /** The same phase asks for the same child, however often it is asked. */
  readonly once: string;
}

/** Does one owed thing; a rejection is tried again later. What a run has moved past is nothing to do. */
export function createOwed(options: {
  store: Store;
  clock: Clock;
  log: Log;
  settings: Settings;
  deliverers: readonly Deliverer[];
  actors: readonly Actor[];
  /** After how many tries that failed something is given up. */
  tries: number;
  handling: <T>(run: string, work: () => T) => T;
  apply: (run: string, event: RunEvent) => Promise<Applied>;
  startChild: (wish: ChildWish) => Promise<Created>;
}): (effect: OwedEffect) => Promise<Undone | undefined> {
  const { store, clock, settings, deliverers, actors, handling, apply, startChild } = options;

  /** What a run is told of elsewhere too is said in the house once, however often it is tried elsewhere. */
  async function tellPeople(effect: OwedEffect, about: About): Promise<Undone | undefined> {
    const mine = deliverers.filter(({ kind }) => kind === effect.kind);
    const elsewhere = mine.filter((each) => each.serves?.(about) === true);
    const house = elsewhere.length > 0 && effect.tries > 1 ? [] : mine.filter(({ serves }) => !serves);
    for (const each of [...house, ...elsewhere]) {
      const undone = await each.deliver(effect, about);
      if (undone) return undone;
    }
    return undefined;
  }

  async function decide(run: string, asked: Asked): Promise<undefined> {
    const data = await store.data(run, asked.phase);
    const phase = data && graphOf(data.version.workflow).phase.get(asked.phase);
    if (!data || !phase) return;
    const finding = handling(run, () => findingOf(data, phase, settings, clock.id()));
    await apply(run, { type: "phase.decided", ...asked, finding });
  }

  async function child(run: string, place: Omit<Parent, "run">): Promise<undefined> {
    const data = await store.data(run, place.phase);
    const phase = data && graphOf(data.version.workflow).phase.get(place.phase);
    if (!data || phase?.type !== "workflow" || !isAwaited(data, place, "child")) return;
    const parent = { run, ...place };
    const finding = handling(run, () => findingOf(data, phase, settings, clock.id()));
    const inputs = (finding.type === "run" ? finding.inputs : undefined) ?? {};
    const once = `child/${run}/${place.phase}/${place.iteration}/${place.epoch}/${place.attempt}`;
    try {
      const created = await startChild({ workflow: phase.workflow, inputs, parent, once });
      // Between the look above and this commit the parent may have been cancelled, and found no child to stop.
      const now = await store.data(run, place.phase);
      if (!now || !isAwaited(now, place, "child")) await stop(created.run.id);
    } catch (error) {
      const { code, message, details } = asFault(error);
      if (/^(store|disk)\./.test(code) || code === "internal.error") throw error;
      await tell(parent, {
        type: "failed",
        failure: "error",
        error: [`${code}: ${message}`, ...details.map((each) => `${each.path} ${each.message}`)].join("; "),
      });
    }
  }

  function stop(run: string): Promise<Applied> {
    return apply(run, { type: "run.cancelled", by: "its parent run" });
  }

  function tell({ run, ...place }: Parent, outcome: Outcome): Promise<Applied> {
    return apply(run, { type: "child.ended", ...place, execution: clock.id(), outcome });
  }

  /** Done when the run has heard of it: also that it never will be. */
  async function act(effect: OwedEffect): Promise<Undone | undefined> {
    const { run } = effect;
    const place = effect.payload as unknown as Omit<Parent, "run">;
    const data = await store.data(run, place.phase);
    const phase = data && graphOf(data.version.workflow).phase.get(place.phase);
    if (!data || phase?.type !== "action" || !isAwaited(data, place, "action")) return undefined;
    const end = async (outcome: Outcome): Promise<undefined> => {
      await apply(run, { type: "action.ended", ...place, execution: clock.id(), outcome });
    };
    const fail = (error: string): Promise<undefined> => end({ type: "failed", failure: "error", error });
    const actor = actors.find((each) => each.does(phase.action));
    if (!actor) return fail(`phase.unsupported: nobody here does "${phase.action}"`);
    const finding = handling(run, () => findingOf(data, phase, settings, clock.id()));
    const given = (finding.type === "run" ? finding.inputs : undefined) ?? {};
    const done = await actor.act({
      key: `${run}/${place.phase}/${place.iteration}/${place.epoch}`,
      action: phase.action,
      with: given,
      about: aboutOf(data),
      place: { phase: phase.name, name: phase.name, iteration: place.iteration, attempt: place.attempt },
      before: data.outputs.findLast(({ phase: name }) => phase.dependsOn.includes(name))?.text ?? null,
    });
    if (!done.done) return done.again === "never" || effect.tries >= options.tries ? fail(done.error) : done;
    const { text, outputs } = done;
    const output = { text: text.slice(0, INLINE_LIMIT / 4), bytes: Buffer.byteLength(text) };
    return end({ type: "succeeded", output, outputs, input: { action: phase.action, with: given } });
  }

  async function post(effect: OwedEffect, told: Told): Promise<Undone | undefined> {
    const data = await store.data(effect.run, null);
    if (!data || !deliverers.some(({ kind }) => kind === "post")) return undefined;
    const text = handling(effect.run, () => textOf(data, told, settings)).trim();
    return text === "" ? undefined : tellPeople(effect, { ...aboutOf(data), text });
  }

  async function ask(effect: OwedEffect): Promise<Undone | undefined> {
    const question = effect.payload as unknown as Question;
    const approval = await store.approval(question.approval);
    if (approval?.status !== "pending") return undefined;
    const run = await store.run(effect.run);
    const about = { run, context: run?.context ?? null, approval, text: null, reminder: reminderOf(question) };
    return tellPeople(effect, about);
  }

  async function report(effect: OwedEffect): Promise<Undone | undefined> {
    const data = await store.data(effect.run, null);
    return data ? tellPeople(effect, aboutOf(data)) : undefined;
  }

  return async (effect) => {
    const { run, kind, payload } = effect;
    switch (kind) {
      case "ask":
        return ask(effect);
      case "post":
        return post(effect, payload as unknown as Told);
      case "decide":
        return decide(run, payload as unknown as Asked);
      case "report":
        return report(effect);
      case "action":
        return act(effect);
      case "timer": {
        const { phase, due } = payload as unknown as { phase: string | null; due: string };
        await apply(run, { type: "timer.fired", phase, due });
        return;
      }
      case "child":
        return child(run, payload as unknown as Omit<Parent, "run">);
      case "child_stop": {
        const place = payload as unknown as Omit<Parent, "run">;
        for (const each of await store.children(run)) if (isUpTo(each, place)) await stop(each.id);
        return;
      }
      case "child_ended": {
        const { run: ended, place } = payload as unknown as { run: string; place: Omit<Parent, "run"> };
        const data = await store.data(ended, null);
        if (data) await tell({ run, ...place }, outcomeOf(data));
        return;
      }
    }
  };
}

interface Asked {
  readonly phase: string;
  readonly iteration: number;
  readonly epoch: number;
}

interface Question {
  readonly approval: string;
  /** The how-many-th reminder it is. */
  readonly again?: number;
  readonly escalate?: People;
}

function reminderOf({ again, escalate }: Question): Reminder | null {
  if (escalate) return { to: escalate };
  return again === undefined ? null : { ordinal: again };
}

function aboutOf({ run, context }: RunData): About {
  return { run, context, approval: null, text: null, reminder: null };
}

function isAwaited(
  { run, phases }: RunData,
  { phase, iteration, attempt, epoch }: Omit<Parent, "run">,
  what: "child" | "action",
): boolean {
  const state = phases[phase];
  return (
    state?.waits?.for === what && state.iteration === iteration && state.attempt === attempt && run.epoch === epoch
  );
}

/** Whether a child belongs to this try of the phase or to one before it: the child of a later try is not to be stopped. */
function isUpTo(child: Child, last: Omit<Parent, "run">): boolean {
  if (child.phase !== last.phase) return false;
  if (child.epoch !== last.epoch) return child.epoch < last.epoch;
  if (child.iteration !== last.iteration) return child.iteration < last.iteration;
  return child.attempt <= last.attempt;
}

/** A child's end as its parent's phase sees it: its output is that of its last phase that has one. */
function outcomeOf(data: RunData): Outcome {
  const { run, version, outputs } = data;
  const usage = { usd: run.cost_usd, turns: run.turns, inputTokens: run.tokens };
  if (run.status !== "succeeded") {
    const why = run.reason ? ` (${run.reason})` : "";
    return {
      type: "failed",
      failure: "error",
      error: `run ${run.id} of ${run.workflow_name}: ${run.status}${why}`,
      usage,
    };
  }
  const order = graphOf(version.workflow).main.map(({ name }) => name);
  const last = outputs
    .filter(({ status }) => status === "ok")
    .sort((a, b) => order.indexOf(a.phase) - order.indexOf(b.phase) || a.iteration - b.iteration)
    .at(-1);
  return {
    type: "succeeded",
    usage,
    outputs: { run: run.id },
    ...(last ? { output: handedOn(run.id, last) } : {}),
  };
}

/** The rest of a long output lies with the program that printed it, and no program of the parent's finds it there. */
function handedOn(run: string, { phase, text, bytes }: PhaseOutput): Output {
  if (bytes <= INLINE_LIMIT) return { text, bytes };
  const where = `\n[cut: ${bytes} bytes in all, printed by ${phase} of run ${run}]\n`;
  const room = INLINE_LIMIT - Buffer.byteLength(where);
  const whole =
    Buffer.from(text)
      .subarray(0, room)
      .toString()
      .replace(/\uFFFD+$/, "") + where;
  return { text: whole, bytes: Buffer.byteLength(whole) };
}
