import type { Clock } from "../domain/clock.ts";
import type { TriggerEvent } from "../domain/delivery.ts";
import { Fault } from "../domain/fault.ts";
import type { Deliveries, DeliveryDetail } from "../store/deliveries.ts";
import { githubEvent } from "./github.ts";
import type { Intake, Receipt } from "./intake.ts";

/** Takes a kept delivery in once more, under an id of its own. Throws `delivery.unknown` or `delivery.empty`. */
export type Replay = (id: string) => Promise<Receipt>;

export function replayer(options: {
  readonly deliveries: Pick<Deliveries, "one">;
  readonly intake: Intake;
  /** Names under which this daemon acts on GitHub. */
  readonly self: readonly string[];
  readonly clock: Clock;
}): Replay {
  const { deliveries, intake, self, clock } = options;
  return async (id) => {
    const delivery = await deliveries.one(id);
    if (!delivery) throw new Fault("delivery.unknown", `There is no delivery ${id}`);
    if (delivery.payload === null)
      throw new Fault("delivery.empty", `Delivery ${id} started nothing: its payload was not kept`);
    const event = eventOf(delivery, `replay ${clock.id()}`, clock.now(), self);
    return intake.take(event, { replayOf: delivery.id });
  };
}

/** What was kept as the event it was; it is no longer the one a poll may tell of. */
function eventOf(delivery: DeliveryDetail, key: string, receivedAt: string, self: readonly string[]): TriggerEvent {
  const { source, type, payload, repo, issue_number, actor } = delivery;
  if (source === "github") {
    const name = type.split(".")[0] as string;
    return { ...githubEvent({ name, payload, key, via: "webhook", receivedAt }, self), echo: null };
  }
  return {
    source,
    type,
    subject: repo === null ? null : { repo, issueNumber: issue_number },
    actor: actor === null ? null : { login: actor, kind: "person", association: null },
    dedupeKey: key,
    payload,
    receivedAt,
    via: "webhook",
    echo: null,
  };
}
