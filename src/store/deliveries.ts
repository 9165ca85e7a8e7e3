import type { Iso } from "../domain/clock.ts";
import type { DeliveryOutcome, Verdict, Via } from "../domain/delivery.ts";
import type { Json } from "../domain/json.ts";
import type { Grant, NewRun, Page, PageRequest, Take } from "./store.ts";

/** What came from outside, each once, and what it started. Every promise resolves after the write is durable. */
export interface Deliveries {
  /**
   * The delivery, the runs it starts and their first effects: one commit, or nothing. One that was seen before changes
   * nothing, and is answered with what the first did.
   */
  accept(arrival: Arrival): Promise<Accepted>;
  /** What an earlier one under this key, or another way's of the same happening, has come to; null when there is none. */
  seen(of: Pick<NewDelivery, "source" | "key" | "via" | "echo">): Promise<Seen | null>;
  /** Newest first. */
  list(filter: DeliveryFilter, page: PageRequest): Promise<Page<DeliveryLine>>;
  one(id: string): Promise<DeliveryDetail | null>;
}

export interface Arrival {
  readonly delivery: NewDelivery;
  readonly runs: readonly NewRun[];
  readonly take?: Take | undefined;
}

export interface NewDelivery {
  /** A UUIDv7: lists are in its order, and runs have it as their trigger's id. */
  readonly id: string;
  readonly source: string;
  /** Unique within the source. */
  readonly key: string;
  readonly via: Via;
  readonly echo: string | null;
  /** Of the bytes that came, to tell the same delivery from another one under its key; null where no bytes did. */
  readonly digest: string | null;
  readonly type: string;
  readonly outcome: DeliveryOutcome;
  readonly reason: string | null;
  readonly replayOf: string | null;
  readonly receivedAt: Iso;
  /** Null where nothing was started: then only its id and outcome are kept. */
  readonly started: {
    readonly repo: string | null;
    readonly issueNumber: number | null;
    readonly actor: string | null;
    /** JSON text. */
    readonly payload: string;
  } | null;
  readonly verdicts: readonly Verdict[] | null;
}

export interface Seen {
  readonly id: string;
  readonly outcome: DeliveryOutcome;
  readonly reason: string | null;
  readonly runs: readonly string[];
  readonly digest: string | null;
}

export interface Accepted extends Seen {
  /** False when it was seen before. */
  readonly fresh: boolean;
  readonly granted: readonly Grant[];
  readonly stopped: readonly string[];
}

/** A line of a list: named as the columns are, since faces print it as it is. */
export interface DeliveryLine {
  readonly id: string;
  readonly source: string;
  readonly delivery_id: string;
  readonly via: Via;
  readonly type: string;
  readonly repo: string | null;
  readonly issue_number: number | null;
  readonly actor: string | null;
  readonly outcome: DeliveryOutcome;
  readonly reason: string | null;
  readonly replay_of: string | null;
  readonly received_at: Iso;
}

export interface DeliveryDetail extends DeliveryLine {
  readonly verdicts: readonly Verdict[];
  readonly payload: Json;
}

export interface DeliveryFilter {
  readonly source?: string;
  readonly outcome?: DeliveryOutcome;
  /** Received at this moment or later. */
  readonly since?: Iso;
}
