import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Context } from "hono";
import { HTTPException } from "hono/http-exception";
import type { Clock } from "../../domain/clock.ts";
import { asFault, Fault } from "../../domain/fault.ts";
import type { Intake } from "../../triggers/intake.ts";
import type { Limits } from "../../triggers/rates.ts";
import type { Refusals } from "../../triggers/refusals.ts";
import { type Head, NOBODY, type Webhooks } from "../../triggers/webhook.ts";
import type { DeliveryReceipt } from "../api.ts";
import { jsonOf, readSigned } from "../body.ts";
import { headerLines } from "../door.ts";
import { type App, type Env, route } from "../route.ts";
import * as schemas from "../schemas.ts";

/** What stands behind the door that others deliver at. */
export interface Hooks {
  readonly sources: ReadonlyMap<string, Webhooks>;
  readonly intake: Intake;
  readonly limits: Limits;
  readonly refusals: Refusals;
}

/** Others deliver here, known by their signatures; nothing of what is refused is kept. */
export function hookRoutes(app: App, { hooks, clock }: { hooks: Hooks; clock: Clock }): void {
  const { sources, intake, limits, refusals } = hooks;

  /** Cheapest first: what costs something is done for those who could have signed. */
  async function receive(c: Context<Env>, name: string): Promise<Response> {
    const { incoming } = c.env;
    const { address } = c.get("arrival");
    const source = sources.get(name) ?? NOBODY;
    await limits.stranger(address);
    const head = headOf(incoming);
    const now = clock.now();
    const body = await readSigned(c.env, () => {
      if (!source.couldBe(head, now)) throw unsigned();
    });
    if (!source.isSigned(head, body)) {
      await limits.refused(address);
      throw unsigned();
    }
    await limits.source(name);
    const event = source.event(head, jsonOf(body), body, now);
    const digest = createHash("sha256").update(body).digest("base64url");
    const { fresh, ...receipt } = await intake.take(event, { digest, text: body.toString("utf8") });
    return c.json<DeliveryReceipt>(receipt, fresh ? 202 : 200);
  }

  route(
    app,
    {
      method: "post",
      path: "/hooks/{source}",
      needs: "public",
      summary: "Deliver an event, signed as its source signs; answered once what it starts is durable",
      answers: { 202: schemas.deliveryReceipt, 200: schemas.deliveryReceipt },
    },
    async ({ c, id: name }) => {
      try {
        return await receive(c, name);
      } catch (error) {
        const fault = asFault(error instanceof HTTPException ? error.cause : error);
        const after = fault.details.find(({ path }) => path === "retry_after")?.message;
        if (after !== undefined) c.header("Retry-After", after);
        refusals.note(sources.has(name) ? name : "unknown", fault.code, fault.message);
        throw error;
      }
    },
  );
}

/** Whether there is such a source is told to nobody who cannot sign for it. */
function unsigned(): Fault {
  return new Fault("signature.invalid", "No such source signed this delivery");
}

/** A header that is there twice says nothing: which of them was meant is anyone's guess. */
function headOf(incoming: IncomingMessage): Head {
  return (name) => {
    const lines = headerLines(incoming, name);
    return lines.length === 1 ? (lines[0] as string) : null;
  };
}
