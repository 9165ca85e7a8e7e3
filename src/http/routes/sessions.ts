import { z } from "@hono/zod-openapi";
import type { Clock } from "../../domain/clock.ts";
import { Fault } from "../../domain/fault.ts";
import type { PlacedLine, SessionReader } from "../../store/files/session-reader.ts";
import type { SessionBody } from "../api.ts";
import { type App, route } from "../route.ts";
import * as schemas from "../schemas.ts";

const HEARTBEAT_MS = 15_000;
const STREAMS = 200;
const LEAST_PAGE = 1_024;
const PAGE = 262_144;
const LARGEST_PAGE = 1_048_576;
/** So many digits are always a safe integer. */
const OFFSET = /^\d{1,15}$/;

const offset = z
  .string()
  .regex(OFFSET, "must be a whole number of bytes")
  .transform(Number)
  .default(0)
  .openapi({ type: "integer", minimum: 0, default: 0 });
const pageQuery = z.strictObject({
  offset,
  limit: z
    .string()
    .regex(/^\d{1,7}$/, `must be a whole number of bytes from ${LEAST_PAGE} to ${LARGEST_PAGE}`)
    .transform(Number)
    .pipe(z.int().min(LEAST_PAGE).max(LARGEST_PAGE))
    .default(PAGE)
    .openapi({ type: "integer", minimum: LEAST_PAGE, maximum: LARGEST_PAGE, default: PAGE }),
});

export function sessionRoutes(
  app: App,
  options: {
    sessions: SessionReader;
    clock: Clock /** Aborted when the server ends its streams. */;
    closing: AbortSignal;
  },
): void {
  const { sessions, clock, closing } = options;
  let streams = 0;

  route(
    app,
    {
      method: "get",
      path: "/api/v1/sessions/{id}",
      needs: "viewer",
      summary: "Lines of a session from a byte offset on",
      query: pageQuery,
      answers: { 200: schemas.sessionBody },
    },
    async ({ c, id, query }) => {
      const { lines, next, size } = await sessions.page(id, query.offset, query.limit);
      const items = lines.map(({ offset, line, fault = null }) => ({ offset, line, fault }));
      return c.json({ items, next_offset: next, size } satisfies SessionBody);
    },
  );

  route(
    app,
    {
      method: "get",
      path: "/api/v1/sessions/{id}/tail",
      needs: "viewer",
      summary: "A session's lines as server-sent events: event `line`, id the byte offset behind it",
      query: z.strictObject({ offset }),
      answers: { 200: "text/event-stream", 204: "The session is over and everything was seen" },
    },
    async ({ c, id, query }) => {
      const headers = { "Content-Type": "text/event-stream; charset=utf-8", Connection: "close" };
      const { size, over } = await sessions.find(id);
      if (c.req.method === "HEAD") return c.body(null, 200, headers);
      const last = c.req.header("last-event-id") ?? "";
      const from = OFFSET.test(last) ? Number(last) : query.offset;
      if (over && from >= size) return c.body(null, 204);
      if (closing.aborted || streams >= STREAMS) throw new Fault("stream.too_many", "Too many event streams are open");
      streams++;
      const left = new AbortController();
      const lines = sessions.follow(id, from, AbortSignal.any([left.signal, closing]));
      const stream = eventStream(lines, clock, left, () => streams--);
      return c.body(stream, 200, headers);
    },
  );
}

/** Asks for a line only when the reader wants one: who reads slowly holds nobody's memory. */
function eventStream(
  lines: AsyncGenerator<PlacedLine, void, undefined>,
  clock: Clock,
  left: AbortController,
  ended: () => void,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let coming: Promise<IteratorResult<PlacedLine, void>> | null = null;
  left.signal.addEventListener("abort", ended, { once: true });
  return new ReadableStream({
    pull: async (stream) => {
      coming ??= lines.next();
      let cancelBeat = (): void => {};
      const silence = new Promise<null>((resolve) => {
        cancelBeat = clock.after(HEARTBEAT_MS, () => resolve(null));
      });
      try {
        const got = await Promise.race([coming, silence]);
        if (got === null) return stream.enqueue(encoder.encode(": still here\n\n"));
        coming = null;
        if (!got.done) return stream.enqueue(encoder.encode(eventOf(got.value)));
        left.abort();
        stream.close();
      } catch (error) {
        left.abort();
        throw error;
      } finally {
        cancelBeat();
      }
    },
    cancel: () => left.abort(),
  });
}

function eventOf({ next, line }: PlacedLine): string {
  // Lines of other programs may hold separators that some readers of streams split at.
  const data = JSON.stringify(line).replaceAll("\u2028", "\\u2028").replaceAll("\u2029", "\\u2029");
  return `id: ${next}\nevent: line\ndata: ${data}\n\n`;
}
