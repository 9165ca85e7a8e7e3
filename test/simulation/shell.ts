import { isOver, type Run, type RunEvent } from "../../src/domain/run.ts";
import type { Applied, RunChange, Store } from "../../src/store/store.ts";
import { type House, slip } from "./house.ts";
import type { Life } from "./life.ts";

/** Events that may be heard twice: with the try or the question they speak of, which moves on with the first. */
const REPEATED: ReadonlySet<RunEvent["type"]> = new Set([
  "execution.ended",
  "execution.lost",
  "phase.decided",
  "timer.fired",
  "child.ended",
  "action.ended",
  "gate.answered",
]);
const MOST_PAST = 20;
/** Of these a second hearing must be refused: each names what has ended for good. */
const ENDED: ReadonlySet<RunEvent["type"]> = new Set(["execution.ended", "execution.lost", "gate.answered"]);

/** The store as one life sees it: once that life is over, it neither does nor says anything. */
export function guarded(house: House, life: Life, store: Store): Store {
  const never = <T>(): Promise<T> => new Promise<T>(() => {});

  function heard<T>(asked: () => Promise<T>, hear: (value: T) => void = () => {}): Promise<T> {
    if (!life.alive()) return never();
    return new Promise<T>((resolve, reject) => {
      asked().then(
        (value) => {
          if (!life.alive()) return;
          hear(value);
          resolve(value);
        },
        (error: unknown) => {
          if (life.alive()) reject(error);
        },
      );
    });
  }

  const through: { [name: string]: (...values: never[]) => Promise<unknown> } = {};
  for (const name of Object.keys(store) as (keyof Store)[]) {
    const method = store[name] as (...values: never[]) => Promise<unknown>;
    through[name] = (...values) => heard(() => method(...values));
  }
  return {
    ...(through as unknown as Store),
    create: (run, take) =>
      heard(
        () => store.create(run, take),
        ({ created, run: line }) => {
          if (created) house.moved(line.id);
        },
      ),
    apply: (run, event, take) =>
      heard(
        () => store.apply(run, event, take),
        (applied) => applies(house, run, event, applied),
      ),
    settle: (node, effect, outcome) =>
      heard(
        () => store.settle(node, effect, outcome),
        (done) => {
          if (done && "done" in outcome) house.ledger.settled.add(effect);
        },
      ),
    keepInput: (execution, input) =>
      heard(
        () => store.keepInput(execution, input),
        () => void house.ledger.inputs.add(execution),
      ),
    onChange: (listen) => store.onChange((changes) => notice(house, life, listen, changes)),
  };
}

function applies(house: House, run: string, event: RunEvent, applied: Applied): void {
  const { rows, chronicle, count } = house;
  count(`event ${event.type}${applied.ok ? "" : " refused"}`);
  if (!applied.ok) {
    count("refusals");
    return;
  }
  count("events");
  house.moved(run);
  chronicle.tell(
    `${rows.labelOf(run)}: ${inWords(event, house)} → ${applied.run.status} ${applied.run.reason ?? ""}`.trimEnd(),
  );
  blamed(house, run, event, applied.run);
  if (event.type === "execution.lost" && event.vanishedLimit === null) adopted(house, run, event.executions);
  if (event.type === "run.retried") overtaken(house, run, applied.run.rev);
  if (!REPEATED.has(event.type)) return;
  const past = house.past.get(run) ?? [];
  house.past.set(run, [...past.slice(1 - MOST_PAST), event]);
  const name = `${event.type} of ${rows.labelOf(run)} at rev ${applied.run.rev}: again`;
  const way = slip(house, name, house.weather.slips, [2, 1]);
  if (way === 0) return;
  count("fault event heard twice");
  for (const again of [event, ...results(event)])
    house.outside.after(way === 1 ? 1 : 600_000, () => late(house, run, again));
}

/** What was under way when a run was tried again comes now. */
function overtaken(house: House, run: string, rev: number): void {
  if (slip(house, `what ${house.rows.labelOf(run)} had under way at rev ${rev} comes`, house.weather.slips, [4]) === 0)
    return;
  house.count("fault events from before a retry");
  for (const event of house.past.get(run) ?? [])
    for (const ms of [0, 500]) house.outside.after(ms, () => late(house, run, event));
}

/** An event that the run has heard before, or that speaks of what it has moved past. */
function late(house: House, run: string, event: RunEvent): void {
  const { life } = house;
  if (!life) return;
  const name = house.rows.labelOf(run);
  house.chronicle.tell(`${name} hears again: ${inWords(event, house)}`);
  void life.engine.apply(run, event).then(
    (taken) => {
      if (!taken.ok) return;
      const old =
        "epoch" in event && event.epoch < taken.run.epoch && taken.run.ending === null && !isOver(taken.run.status);
      if (old || ENDED.has(event.type))
        house.report("fence", `${name} took ${event.type} too late: ${JSON.stringify(event)}`);
    },
    () => {},
  );
}

/** A try may only be given up whose program never began or is gone, or that found no room on the disk. */
function adopted(house: House, run: string, executions: readonly string[]): void {
  for (const id of executions) {
    const fate = house.programs.fate(id);
    const row = house.rows.execution(id);
    const since = Date.parse(house.world.now()) - Date.parse(row?.startedAt ?? house.world.now());
    if (fate === null || fate === "lost" || fate === "cancelled") continue;
    if (house.lastFull >= 0 && house.world.elapsed() - house.lastFull <= since) continue;
    if (house.jumped) continue;
    house.report("adopted", `${tryOf(id, house)} of ${house.rows.labelOf(run)} was given up, and its program ${fate}`);
  }
}

function blamed(house: House, run: string, event: RunEvent, now: Run): void {
  if (event.type !== "run.suspected") return;
  house.blamed.delete(run);
  if (now.restartCount < 1 || (now.restartCount >= event.restartLimit && now.ending === null && !isOver(now.status)))
    house.report("blame", `${house.rows.labelOf(run)} goes on after ${now.restartCount} crashes`);
}

/** Of tries that were given up, and now say that they went well. */
function results(event: RunEvent): RunEvent[] {
  if (event.type !== "execution.lost") return [];
  return event.executions.map((execution) => ({ type: "execution.ended", execution, outcome: { type: "succeeded" } }));
}

/** News of commits is a hint: it may come late, twice or not at all. */
function notice(
  house: House,
  life: Life,
  listen: (changes: readonly RunChange[]) => void,
  changes: readonly RunChange[],
): void {
  if (!life.alive()) return;
  const way = slip(house, `notice of commit ${house.commits}`, house.weather.slips, [1, 1, 1]);
  const hear = (): void => {
    if (!life.alive()) return;
    life.hear();
    listen(changes);
  };
  if (way === 0) {
    hear();
    return;
  }
  house.count(`fault notice ${["", "lost", "late", "doubled"][way]}`);
  if (way === 3) {
    hear();
    hear();
    return;
  }
  life.deafen();
  if (way === 2) house.outside.after(90_000, hear);
}

function inWords(event: RunEvent, house: House): string {
  switch (event.type) {
    case "execution.ended":
      return `${tryOf(event.execution, house)} ended: ${event.outcome.type === "failed" ? event.outcome.failure : "ok"}`;
    case "execution.lost":
      return `lost ${event.executions.map((id) => tryOf(id, house)).join(", ")}`;
    case "phase.decided":
      return `decided ${event.phase}: ${event.finding.type}`;
    case "timer.fired":
      return `timer of ${event.phase ?? "the run"}, due ${event.due}`;
    case "gate.answered":
      return `a gate is answered: ${event.decision} by ${event.by}`;
    case "child.ended":
      return `child of ${event.phase} ended: ${event.outcome.type}`;
    case "action.ended":
      return `act of ${event.phase} ended: ${event.outcome.type}`;
    case "run.held":
    case "run.released":
      return `${event.type} (${event.hold})`;
    case "run.retried":
      return `retried from ${event.from ?? "what failed"}`;
    default:
      return event.type;
  }
}

function tryOf(id: string, { rows }: House): string {
  const row = rows.execution(id);
  return row ? `${row.name}#${row.attempt}` : id;
}
