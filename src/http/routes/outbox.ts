import { z } from "@hono/zod-openapi";
import { Fault } from "../../domain/fault.ts";
import { LETTER_STATES, type Replies } from "../../store/replies.ts";
import type { LetterList, LetterMoved } from "../api.ts";
import { type App, route } from "../route.ts";
import * as schemas from "../schemas.ts";
import { page } from "./page.ts";

const named = z.strictObject({ id: z.string().min(1).max(1_000) });

/** What could not be said outside, and an operator's word about it. */
export function outboxRoutes(app: App, { replies }: { replies: Replies }): void {
  route(
    app,
    {
      method: "get",
      path: "/api/v1/outbox",
      needs: "viewer",
      summary: "What was given up (dead), newest first, or what failed and is to be tried again (late), soonest first",
      query: z.strictObject({ ...page, state: z.enum(LETTER_STATES).default("dead") }),
      answers: { 200: schemas.letterList },
    },
    async ({ c, query: { state, limit, cursor } }) => {
      const { rows, next } = await replies.letters(state, { limit, ...(cursor !== undefined && { after: cursor }) });
      return c.json<LetterList>({ items: rows, next_cursor: next });
    },
  );

  route(
    app,
    {
      method: "post",
      path: "/api/v1/outbox/retry",
      needs: "operator",
      summary: "Have what was given up, or what failed, tried anew at once",
      body: named,
      answers: { 200: schemas.letterMoved },
    },
    async ({ c, body: { id } }) => {
      if (!(await replies.retry(id))) throw unknown(id);
      return c.json<LetterMoved>({ id, state: "owed" });
    },
  );

  route(
    app,
    {
      method: "post",
      path: "/api/v1/outbox/drop",
      needs: "operator",
      summary: "Let what was given up go for good",
      body: named,
      answers: { 200: schemas.letterMoved },
    },
    async ({ c, by, body: { id } }) => {
      if (!(await replies.drop(id, by))) throw unknown(id);
      return c.json<LetterMoved>({ id, state: "dropped" });
    },
  );
}

function unknown(id: string): Fault {
  return new Fault("outbox.unknown", `Nothing of that id waits to be looked at: ${id.slice(0, 200)}`);
}
