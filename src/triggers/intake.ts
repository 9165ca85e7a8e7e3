import type { Clock } from "../domain/clock.ts";
import type { DeliveryOutcome, Matched, TriggerEvent, Verdict } from "../domain/delivery.ts";
import { asFault, Fault } from "../domain/fault.ts";
import type { Json } from "../domain/json.ts";
import type { Redactor } from "../domain/redaction.ts";
import type { WorkflowVersion } from "../domain/workflow.ts";
import type { Draft } from "../engine/dispatch.ts";
import type { Engine } from "../engine/engine.ts";
import type { Deliveries, NewDelivery, Seen } from "../store/deliveries.ts";
import type { NewRun } from "../store/store.ts";
import { keptContextOf } from "./context.ts";
import { type House, type Judgement, match } from "./matching.ts";

/** What a delivery came to: the same for it and for each repetition of it. */
export interface Receipt {
  readonly id: string;
  readonly outcome: DeliveryOutcome;
  readonly reason: string | null;
  readonly runs: readonly string[];
  /** False when it was seen before. */
  readonly fresh: boolean;
}

/** Where every trigger from outside goes in, however it came. */
export interface Intake {
  /**
   * Matches an event, makes its runs and records it in one commit; resolves once that is durable. One that was seen
   * changes nothing. Throws `delivery.conflict` when its id was another's, and `rate.exceeded` when its actor sends too much.
   */
  take(
    event: TriggerEvent,
    more?: {
      readonly digest?: string;
      /** The payload as it came, to be kept as it is. */
      readonly text?: string;
      readonly replayOf?: string;
    },
  ): Promise<Receipt>;
}

interface Options {
  readonly engine: Pick<Engine, "accept">;
  readonly deliveries: Pick<Deliveries, "seen">;
  /** Workflows in force. */
  readonly workflows: () => readonly WorkflowVersion[];
  readonly draft: Draft;
  readonly house: House;
  readonly words: Redactor;
  /** Throws `rate.exceeded`. */
  readonly limit: (source: string, actor: string) => Promise<void>;
  readonly clock: Clock;
}

export function createIntake(options: Options): Intake {
  const { engine, deliveries, workflows, draft, house, words, limit, clock } = options;

  /** A workflow that cannot start now says why, and hinders no other. */
  async function drafted(event: TriggerEvent, id: string, matched: Matched): Promise<NewRun | Fault> {
    const { type, actor, subject, source, payload } = event;
    const by = `${source}:${actor?.login ?? source}`;
    try {
      return await draft({
        workflow: matched.workflow,
        inputs: matched.inputs,
        trigger: { type: "webhook", id, by },
        once: null,
        context: matched.context,
        told: { event: type, actor: actor?.login ?? "", ...urlOf(payload) },
        repo: subject?.repo ?? null,
        issueNumber: subject?.issueNumber ?? null,
      });
    } catch (error) {
      const fault = asFault(error);
      // What is the matter with the daemon is not recorded as if it were the workflow's.
      if (TROUBLE.has(fault.code)) throw error;
      return fault;
    }
  }

  async function starts(event: TriggerEvent, id: string, judged: readonly Judgement[], speaking: ReadonlySet<string>) {
    const contexts = new Map<boolean, Matched["context"]>();
    const contextFor = (workflow: string): Matched["context"] => {
      const speaks = speaking.has(workflow);
      const context = contexts.get(speaks) ?? keptContextOf(event, speaks);
      contexts.set(speaks, context);
      return context;
    };
    const runs: NewRun[] = [];
    const verdicts: Verdict[] = [];
    let refused: string | null = null;
    for (const { workflow, matches, why } of judged) {
      const made = matches
        ? await drafted(event, id, { workflow, why, context: contextFor(workflow), inputs: {} })
        : null;
      if (made === null) verdicts.push({ workflow, why, run: null });
      else if (made instanceof Fault) {
        refused ??= made.code;
        verdicts.push({ workflow, why: `${why}; but ${made.code}: ${made.message}`, run: null });
      } else {
        runs.push(made);
        verdicts.push({ workflow, why, run: made.id });
      }
    }
    return { runs, verdicts, refused };
  }

  return {
    take: async (given, { digest = null, text, replayOf = null } = {}) => {
      const { source, dedupeKey: key, via = "webhook", echo = null, type, receivedAt } = given;
      const seen = await deliveries.seen({ source, key, via, echo });
      if (seen) return receiptOf({ ...seen, fresh: false }, digest);
      const told = text ?? JSON.stringify(given.payload);
      // Looked for in the text first: a walk through every value costs several times as much.
      const isClean = words.isIdle || words.text(told) === told;
      const event = isClean ? given : { ...given, payload: words.json(given.payload) };
      const id = clock.id();
      const known = workflows();
      const listening = known.map((version) => version.workflow);
      const judged = type === "ping" && source === "github" ? [] : match(event, listening, house);
      if (event.actor && judged.some(({ matches }) => matches)) await limit(source, event.actor.login);
      const { runs, verdicts, refused } = await starts(event, id, judged, speakingOf(known));
      const { outcome, reason } = outcomeOf(type, runs, refused, judged);
      const delivery: NewDelivery = {
        id,
        source,
        key,
        via,
        echo,
        digest,
        type,
        outcome,
        reason,
        replayOf,
        receivedAt,
        started:
          outcome === "started"
            ? {
                repo: event.subject?.repo ?? null,
                issueNumber: event.subject?.issueNumber ?? null,
                actor: event.actor?.login ?? null,
                payload: isClean ? told : JSON.stringify(event.payload),
              }
            : null,
        // Where something matched, why it did not start is what people look for.
        verdicts: outcome === "started" || outcome === "refused" ? verdicts : null,
      };
      return receiptOf(await engine.accept({ delivery, runs }), digest);
    },
  };
}

const SPEAKS = new WeakMap<WorkflowVersion, boolean>();

/** Workflows whose files have the word: only they can read what of a payload stands nowhere else. */
function speakingOf(versions: readonly WorkflowVersion[]): ReadonlySet<string> {
  const found = versions.filter((version) => {
    const speaks =
      SPEAKS.get(version) ??
      [version.yaml, ...Object.values(version.workflow.files ?? {})].some((each) => each.includes("payload"));
    SPEAKS.set(version, speaks);
    return speaks;
  });
  return new Set(found.map(({ name }) => name));
}

const TROUBLE: ReadonlySet<string> = new Set(["store.stopped", "store.trouble", "disk.full", "internal.error"]);

function outcomeOf(
  type: string,
  runs: readonly NewRun[],
  refused: string | null,
  judged: readonly Judgement[],
): { outcome: DeliveryOutcome; reason: string | null } {
  if (runs.length > 0) return { outcome: "started", reason: null };
  if (refused !== null) return { outcome: "refused", reason: refused };
  const rule = type === "ping" ? "ping" : (judged.find((each) => each.rule !== null)?.rule ?? null);
  return rule === null ? { outcome: "nothing_matched", reason: null } : { outcome: "ignored", reason: rule };
}

function receiptOf(
  { id, outcome, reason, runs, fresh, digest: first }: Seen & { fresh: boolean },
  digest: string | null,
): Receipt {
  // The same id over other bytes is not the same delivery, whoever signed it.
  if (!fresh && digest !== null && first !== null && first !== digest)
    throw new Fault("delivery.conflict", "There was another delivery under this id");
  return { id, outcome, reason, runs, fresh };
}

/** Where what the event is about can be seen. */
function urlOf(payload: Json): { readonly url?: string } {
  const fields = (payload ?? {}) as { readonly [name: string]: { readonly html_url?: Json } | undefined };
  for (const name of ["comment", "review", "pull_request", "issue", "discussion", "release", "repository"]) {
    const url = fields[name]?.html_url;
    if (typeof url === "string") return { url: url.slice(0, 500) };
  }
  return {};
}
