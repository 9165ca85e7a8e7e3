import type { MiddlewareHandler } from "hono";
import { HTTPException } from "hono/http-exception";
import type { Clock } from "../domain/clock.ts";
import { asFault, Fault } from "../domain/fault.ts";
import { byOf, type Identity, mayDo } from "../domain/identity.ts";
import type { Log } from "../engine/contracts/log.ts";
import type { People } from "../store/people.ts";
import type { Door } from "./door.ts";
import type { Attempts } from "./identity/attempts.ts";
import type { Recognise, Recognised } from "./identity/recognise.ts";
import { type App, type Env, type Ruled, ruled, type WorkflowOf } from "./route.ts";

interface Guard {
  readonly door: Door;
  readonly recognise: Recognise;
  readonly attempts: Attempts;
  readonly people: People;
  readonly workflowOf: WorkflowOf;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * The choke point: every request passes here, reads and event streams too, and goes on only where a rule lets this very
 * identity do this very thing. What has no rule is refused. Mutations are recorded, with what came of them, before they
 * are answered.
 */
export function guard(app: App, options: Guard): MiddlewareHandler<Env> {
  const { door, recognise, people, workflowOf, clock } = options;
  return async (c, next) => {
    const { incoming } = c.env;
    const arrival = door.arrival(incoming);
    const recognised = await recognise(incoming, arrival);
    const { identity } = recognised;
    c.set("arrival", arrival);
    c.set("identity", identity);
    c.set("by", identity ? byOf(identity) : "nobody");
    c.set("workflowOf", workflowOf);
    const asked = ruled(app, c);
    const refused = refusal(asked, recognised, isRead(c.req.method));
    const { rule } = asked;
    const isRecorded = !isRead(c.req.method) && rule && rule.needs !== "public" && !rule.keepsNothing;
    const record = async (outcome: string): Promise<void> => {
      if (!isRecorded) return;
      // Neither strangers nor agents are to fill the disk.
      const untrusted = !identity ? arrival.address : identity.kind === "execution" ? identity.name : null;
      if (untrusted !== null && !(await options.attempts.noted(untrusted))) return;
      const { address, agent } = arrival;
      const subject = c.get("subject") ?? asked.id;
      const entry = { who: c.get("by"), what: `${c.req.method} ${rule.path}`, subject, address, agent, outcome };
      await people.record(entry).catch((error: unknown) => {
        options.log.error({ err: error, what: entry.what, who: entry.who }, "the audit took no row");
      });
    };
    if (refused) {
      await record(refused.code);
      throw refused;
    }
    await next();
    await record(outcomeOf(c.error, c.res.status));
    if (identity && isStream(c.res)) {
      const stays = async (): Promise<boolean> => (await recognise(incoming, arrival)).identity !== null;
      c.res = new Response(watched(c.res.body as ReadableStream<Uint8Array>, stays, clock), c.res);
    }
  };
}

function refusal({ id, rule, known }: Ruled, { identity, fault, ...shown }: Recognised, isRead: boolean): Fault | null {
  if (rule?.needs === "public") return null;
  if (!identity) return fault ?? new Fault("identity.missing", "This needs a token");
  // Nothing is at that path: the answer says so, to whoever may know.
  if (!known) return null;
  const asked = rule && { needs: rule.needs, ...(rule.ownRun && id !== null && { ownRun: id }) };
  if (!asked || !mayDo(identity, asked)) return forbidden(identity, rule?.needs ?? null);
  if (shown.byCookie && !isRead && !shown.ownPage) {
    return new Fault("csrf.missing", "The request does not show that it comes from our own page");
  }
  return null;
}

function forbidden(identity: Identity, needs: string | null): Fault {
  const has = identity.kind === "execution" ? "an execution" : identity.role;
  return new Fault("identity.forbidden", `${byOf(identity)} is ${has}${needs ? `; this is for ${needs}` : ""}`);
}

function outcomeOf(error: Error | undefined, status: number): string {
  if (error) return asFault(error instanceof HTTPException && error.cause instanceof Fault ? error.cause : error).code;
  return status < 400 ? "ok" : String(status);
}

function isRead(method: string): boolean {
  return method === "GET" || method === "HEAD";
}

function isStream({ headers, body }: Response): boolean {
  return body !== null && (headers.get("content-type") ?? "").startsWith("text/event-stream");
}

const LOOK_AGAIN_MS = 10_000;

/** A stream that ends when whoever opened it is nobody any more: logged out, disabled, their token revoked. */
function watched(
  body: ReadableStream<Uint8Array>,
  stays: () => Promise<boolean>,
  clock: Clock,
): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  let cancelLook = (): void => {};
  const look = (): void => {
    cancelLook = clock.after(LOOK_AGAIN_MS, () => {
      stays().then(
        (yes) => (yes ? look() : void reader.cancel().catch(() => {})),
        () => look(),
      );
    });
  };
  look();
  return new ReadableStream<Uint8Array>(
    {
      pull: async (stream) => {
        try {
          const { done, value } = await reader.read();
          if (!done) return stream.enqueue(value);
          cancelLook();
          stream.close();
        } catch (error) {
          cancelLook();
          throw error;
        }
      },
      cancel: (reason) => {
        cancelLook();
        return reader.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
}
