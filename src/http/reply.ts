import type { Context } from "hono";
import { HTTPException } from "hono/http-exception";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { asFault, Fault, type FaultCode } from "../domain/fault.ts";
import type { Log } from "../engine/contracts/log.ts";
import type { ErrorBody } from "./api.ts";

/** On every answer: nothing is sniffed, framed, embedded, cached or told to another site. */
export const HEADERS = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
} as const;

/** A fault to be answered with another status than its code's own; throw it. */
export function refusal(status: ContentfulStatusCode, fault: Fault): HTTPException {
  return new HTTPException(status, { cause: fault });
}

/** What was thrown, as an answer; a surprise is logged with its stack, and the answer does not hold it. */
export function answerError(c: Context, thrown: unknown, log: Log): Response {
  const meant = thrown instanceof HTTPException && thrown.cause instanceof Fault ? thrown.cause : thrown;
  const fault = asFault(meant);
  const status = thrown instanceof HTTPException && meant === thrown.cause ? thrown.status : STATUS[fault.code];
  if (status >= 500)
    log.error({ err: thrown, code: fault.code, method: c.req.method, path: c.req.path }, "a request failed");
  if (status === 401) c.header("WWW-Authenticate", "Bearer");
  return c.json(errorBody(fault), status as ContentfulStatusCode);
}

export function errorBody({ code, message, hint, details }: Fault): ErrorBody {
  return { error: { code, message, hint, details } };
}

export const STATUS: Readonly<Record<FaultCode, ContentfulStatusCode>> = {
  "approval.answered": 409,
  "approval.unfit": 422,
  "approval.unknown": 404,
  "artefact.missing": 422,
  "body.malformed": 400,
  "body.too_deep": 400,
  "body.too_large": 413,
  "budget.exceeded": 409,
  "config.invalid": 500,
  "cron.busy": 409,
  "cron.invalid": 422,
  "cron.unknown": 404,
  "csrf.missing": 403,
  "cursor.invalid": 400,
  "daemon.unreachable": 502,
  "database.altered": 500,
  "database.newer": 500,
  "database.unfit": 500,
  "delivery.conflict": 409,
  "delivery.empty": 409,
  "delivery.unfit": 422,
  "delivery.unknown": 404,
  "outbox.unknown": 404,
  "disk.full": 503,
  "host.refused": 403,
  "identity.busy": 429,
  "identity.forbidden": 403,
  "identity.insecure": 403,
  "identity.missing": 401,
  "identity.refused": 401,
  "input.invalid": 422,
  "internal.error": 500,
  "oidc.refused": 403,
  "oidc.unavailable": 502,
  "origin.refused": 403,
  "output.too_large": 422,
  "password.unfit": 422,
  "phase.unknown": 404,
  "phase.unsupported": 422,
  "rate.exceeded": 429,
  "repository.invalid": 422,
  "repository.unavailable": 502,
  "request.invalid": 400,
  "route.unknown": 404,
  "run.foreign": 409,
  "run.held": 409,
  "run.terminal": 409,
  "run.unfinished": 409,
  "run.unknown": 404,
  "sandbox.missing": 409,
  "scenario.endless": 422,
  "scenario.invalid": 422,
  "scratch.too_large": 413,
  "secret.missing": 409,
  "session.refused": 500,
  "session.unknown": 404,
  "signature.invalid": 401,
  "state.locked": 500,
  "state.unwritable": 500,
  "store.constraint": 500,
  "store.stopped": 503,
  "store.trouble": 503,
  "stream.too_many": 429,
  "template.failed": 422,
  "token.taken": 409,
  "token.unknown": 404,
  "usage.invalid": 400,
  "user.taken": 409,
  "user.unfit": 422,
  "user.unknown": 404,
  "workflow.disabled": 409,
  "workflow.invalid": 422,
  "workflow.unavailable": 409,
  "workflow.unknown": 404,
  "workspace.unfit": 422,
};
