import type { Clock, Iso } from "../../domain/clock.ts";
import { asFault, Fault } from "../../domain/fault.ts";
import { isOver, type RunReason } from "../../domain/run.ts";
import type { Deed, Scenario, ScenarioSignal, ScenarioTrigger } from "../../domain/scenario.ts";
import type { Workflow, WorkflowVersion } from "../../domain/workflow.ts";
import type { RunDetail } from "../../store/lines.ts";
import type { Store } from "../../store/store.ts";
import type { Actor, Deliverer } from "../contracts/deliverer.ts";
import type { Log } from "../contracts/log.ts";
import type { PhaseKind } from "../contracts/phase.ts";
import type { Runtime } from "../contracts/runtime.ts";
import { dispatcher } from "../dispatch.ts";
import { createEngine, type Engine } from "../engine.ts";
import type { Settings } from "../settings.ts";
import { simulatedRuntime } from "./agents.ts";
import { machine } from "./machine.ts";
import type { Moment } from "./moment.ts";
import { openScene, type Scene, type Unplayed } from "./scene.ts";
import { openTimeline, type Timeline } from "./timeline.ts";
import { openWorld } from "./world.ts";

/** What a scenario came to. */
export interface Simulation {
  readonly start: Iso;
  /** Until the last thing happened. */
  readonly elapsedMs: number;
  /** `over`: every run is; `idle`: nothing more would ever happen; `limit`: it was looked at no longer. */
  readonly stopped: "over" | "idle" | "limit";
  /** The run of each trigger, null where none began; then runs that phases started, in the order of beginning. */
  readonly runs: readonly (RunDetail | null)[];
  readonly timeline: readonly Moment[];
  readonly unplayed: readonly Unplayed[];
}

export interface Simulated {
  readonly version: WorkflowVersion;
  /** Other workflows that its phases may start runs of. */
  readonly children: readonly WorkflowVersion[];
  readonly scenario: Scenario;
  /** Every phase type, its agents driven by these. */
  readonly phases: (runtimes: readonly Runtime[]) => readonly PhaseKind[];
  /** An empty store that ends with this process. */
  readonly open: (clock: Clock) => Store;
}

/** Nobody needs to be woken by looking again where no wake-up is lost. */
const FLOOR_MS = 6 * 3_600_000;
/** A loop without end is a mistake of the scenario or of the workflow, and ends here. */
const MOST_STEPS = 2_000_000;

/**
 * Runs the real engine in a world where time passes at once and everything outside is played as the scenario says. The
 * same scenario comes to the same simulation. Throws `scenario.endless` when it never comes to rest.
 */
export async function simulate(simulated: Simulated): Promise<Simulation> {
  const { scenario } = simulated;
  const world = openWorld({ start: scenario.start, seed: scenario.seed });
  const clock = world.clock();
  const store = simulated.open(clock);
  const timeline = openTimeline({ store, world });
  const house = build(simulated, { clock, store, timeline });
  const { engine, plan } = house;

  const known: string[] = [];
  store.onChange((changes) => {
    for (const { run } of changes) {
      if (!known.includes(run)) known.push(run);
      void timeline.look(run);
    }
  });
  void engine.begin();
  const started: (string | null)[] = scenario.triggers.map(() => null);
  for (const [at, trigger] of scenario.triggers.entries())
    plan(trigger.atMs, async () => {
      started[at] = await house.start(trigger, at);
    });
  for (const each of scenario.signals) plan(each.atMs, () => house.signal(started[each.trigger] ?? null, each));
  for (const each of scenario.operator) plan(each.atMs, () => house.operate(started[each.trigger] ?? null, each));

  let steps = 0;
  let atRest = false;
  while (!atRest && (await world.step(scenario.limitMs))) {
    if (++steps > MOST_STEPS)
      throw new Fault("scenario.endless", `The simulation did not come to rest within ${MOST_STEPS} steps`);
    atRest = !world.busy() && house.nothingDue() && (await store.nextDue()) === null;
  }

  const others = known.filter((run) => !started.includes(run));
  const runs = await Promise.all(
    [...started, ...others].map((run) => (run === null ? Promise.resolve(null) : store.run(run))),
  );
  const elapsedMs = timeline.moments.at(-1)?.afterMs ?? 0;
  await store.close();
  return {
    start: scenario.start,
    elapsedMs,
    stopped: !atRest ? "limit" : runs.every((run) => run === null || isOver(run.status)) ? "over" : "idle",
    runs,
    timeline: timeline.moments,
    unplayed: house.scene.unplayed(),
  };
}

interface House {
  readonly engine: Engine;
  readonly scene: Scene;
  plan(ms: number, work: () => Promise<void>): void;
  /** Whether neither a program nor the scenario has anything left to do. */
  nothingDue(): boolean;
  start(trigger: ScenarioTrigger, at: number): Promise<string | null>;
  signal(run: string | null, signal: ScenarioSignal): Promise<void>;
  operate(run: string | null, deed: Deed): Promise<void>;
}

function build(
  { version, children, scenario, phases }: Simulated,
  { clock, store, timeline }: { clock: Clock; store: Store; timeline: Timeline },
): House {
  const versions = new Map([version, ...children].map((each) => [each.name, runnable(each)]));
  const workflows = new Map([...versions].map(([name, each]) => [name, each.workflow]));
  const scene = openScene(version.name, scenario, workflows);
  const settings = settingsOf(scenario);
  const hands = machine({ clock, play: (grant) => scene.act(grant) });
  const { keeper, for: keeperFor } = hands.keeper(clock);
  const kinds = phases([...runtimesOf(workflows.values())].map(simulatedRuntime)).map(
    (kind): PhaseKind => ({
      ...kind,
      execute: (execution) => kind.execute({ ...execution, keeper: keeperFor(execution.grant) }),
    }),
  );
  let planned = 0;

  const plan: House["plan"] = (ms, work) => {
    planned++;
    clock.after(ms, () => {
      void work().finally(() => {
        planned--;
      });
    });
  };

  /** What is refused from outside is part of the story, not the end of it. */
  async function told(run: string | null, what: string, work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      const { code, message } = asFault(error);
      timeline.note(run, { type: "refused", what, code, message });
    }
  }

  const ask: Deliverer = {
    kind: "ask",
    deliver: async (_effect, { run, approval, reminder }) => {
      if (!approval || !run) return;
      const { id, phase, gate, kind, summary } = approval;
      const place = { phase: phase ?? gate, summary };
      if (reminder && "to" in reminder) timeline.note(run.id, { type: "gate.escalates", ...place, to: reminder.to });
      else if (reminder) timeline.note(run.id, { type: "gate.reminds", ...place, ordinal: reminder.ordinal });
      else {
        const answer = scene.answer({ workflow: run.workflow_name, phase: phase ?? gate, gate, kind });
        if (answer.type === "nobody") return;
        const { decision, by, comment, afterMs } = answer;
        plan(afterMs, () => told(run.id, `${decision} by ${by}`, () => engine.answer(id, { decision, by, comment })));
      }
    },
  };
  const post: Deliverer = {
    kind: "post",
    deliver: async ({ run, payload }, { text }) => {
      const { event, phase } = payload as { event: string; phase: string | null };
      timeline.note(run, { type: "people.told", event, phase, text: text ?? "" });
    },
  };

  /** What would be done outside comes to what the scenario says. */
  const actor: Actor = {
    does: () => true,
    act: async ({ about, place }) => {
      const { takesMs, end, output, stderr } = scene.act({ workflow: about.run?.workflow_name ?? "", ...place });
      await new Promise<void>((resolve) => {
        if (takesMs !== null) plan(takesMs, async () => resolve());
      });
      if (end.type === "lost") return { done: false, error: "lost", again: "never" };
      if (end.code !== 0) return { done: false, error: `exit ${end.code}: ${stderr}`, again: "never" };
      return { done: true, text: output, outputs: { id: "simulated", url: `simulated:${place.phase}` } };
    },
  };

  const engine = createEngine({
    store,
    node: { node: "simulated", incarnation: clock.id() },
    clock,
    log: SILENT,
    keeper,
    phases: kinds,
    deliverers: [ask, post],
    actors: [actor],
    ballast: { drop: () => {}, restore: async () => true },
    settings,
    blobs: hands.blobs,
    startChild: ({ workflow, inputs, parent, once }) =>
      dispatch({ workflow, inputs, parent, once, trigger: { type: "api", id: parent.run, by: `run ${parent.run}` } }),
    handling: (_run, work) => work(),
    cap: scenario.settings.maxExecutions,
    restartLimit: 3,
    floorMs: FLOOR_MS,
  });
  const library = {
    get: (name: string): WorkflowVersion => {
      const found = versions.get(name);
      if (!found) throw new Fault("workflow.unknown", `There is no workflow "${name}" among the simulated ones`);
      return found;
    },
  };
  const dispatch = dispatcher({ library, store, engine, clock, settings });

  return {
    engine,
    scene,
    plan,
    nothingDue: () => planned === 0 && hands.alive().length === 0,
    start: async ({ type, id, by, once, inputs, context }, at) => {
      const workflow = version.name;
      try {
        const { run, created } = await dispatch({ workflow, inputs, context, once, trigger: { type, id, by } });
        if (!created) timeline.note(run.id, { type: "run.known" });
        return run.id;
      } catch (error) {
        const { code, message } = asFault(error);
        const refusal = { trigger: at, workflow, code, message: inFull(error, message) };
        timeline.note(null, { type: "run.refused", ...refusal });
        return null;
      }
    },
    signal: async (run, { id, name, payload }) => {
      if (run === null) return;
      timeline.note(run, { type: "signal", name, payload });
      await told(run, `signal ${name}`, () => engine.signal(run, { id, name, payload }));
    },
    operate: async (run, { what, from, by }) => {
      if (run === null) return;
      timeline.note(run, { type: "operator", what, by });
      await told(run, what, () => {
        if (what === "cancel") return engine.cancel(run, by);
        if (what === "retry") return engine.retry(run, from, by);
        return what === "pause" ? engine.pause(run) : engine.resume(run);
      });
    },
  };
}

const SILENT: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

function inFull(error: unknown, message: string): string {
  const details = error instanceof Fault ? error.details.map((each) => `${each.path} ${each.message}`) : [];
  return [message, ...details].join("; ");
}

/** What this version does not carry out yet is played as well: a run that needs it is not refused here. */
function runnable(version: WorkflowVersion): WorkflowVersion {
  return { ...version, workflow: { ...version.workflow, unavailable: [] } };
}

const DEFAULT_AGENT = "simulated";

function runtimesOf(workflows: Iterable<Workflow>): Set<string> {
  const named = new Set([DEFAULT_AGENT]);
  for (const { phases } of workflows)
    for (const phase of phases) if (phase.type === "agent" && phase.agent !== undefined) named.add(phase.agent);
  return named;
}

function settingsOf({ settings }: Scenario): Settings {
  const { approvals, models, variants, secrets, publicUrl, sandbox } = settings;
  return {
    models,
    variants,
    approvals: new Set(approvals),
    sandbox,
    secrets: Object.fromEntries(secrets.map((name) => [name, `simulated ${name}`])),
    // Nobody works here: what agents do is played.
    path: "",
    hidden: [],
    unsandboxed: true,
    publicUrl,
    artefacts: "artefacts",
    agent: DEFAULT_AGENT,
  };
}

/** Why a run stands as it does, in one word or two. */
export function standing({ status, reason }: { status: string; reason: RunReason | null }): string {
  return reason === null ? status : `${status} (${reason})`;
}
