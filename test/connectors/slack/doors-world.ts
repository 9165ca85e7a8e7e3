import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";
import type { Attempt, Handle, SlackAnswer, SlackEvent, Unfit } from "../../../src/connectors/slack/events.ts";
import { signedDoor } from "../../../src/connectors/slack/signed.ts";
import { type SocketDoor, socketDoor } from "../../../src/connectors/slack/socket.ts";
import { silent } from "../../support/engine.ts";
import { openSlack, until } from "./world.ts";

/** What came through a door, and what it is answered: a plain yes until a test says otherwise. */
export interface Heard {
  readonly events: SlackEvent[];
  readonly attempts: Attempt[];
  readonly unfit: Unfit[];
  answer: (event: SlackEvent) => Promise<SlackAnswer> | SlackAnswer;
  readonly handle: Handle;
  readonly refused: (unfit: Unfit) => void;
  /** Resolves once so many have come, taken and refused ones together. */
  came(count: number): Promise<void>;
}

function hearing(): Heard {
  const listening = new Set<() => void>();
  const tell = (): void => {
    for (const hear of [...listening]) hear();
  };
  const heard: Heard = {
    events: [],
    attempts: [],
    unfit: [],
    answer: () => null,
    handle: async (event, attempt) => {
      heard.events.push(event);
      heard.attempts.push(attempt);
      tell();
      return heard.answer(event);
    },
    refused: (unfit) => {
      heard.unfit.push(unfit);
      tell();
    },
    came: (count) =>
      new Promise((resolve) => {
        const hear = (): void => {
          if (heard.events.length + heard.unfit.length < count) return;
          listening.delete(hear);
          resolve();
        };
        listening.add(hear);
        hear();
      }),
  };
  return heard;
}

/** A line to Slack, not yet begun. */
export async function socketWorld() {
  const { fake, clock } = await openSlack();
  const heard = hearing();
  const door: SocketDoor = socketDoor({ api: fake.api, appToken: fake.appToken, clock, log: silent, ...heard });
  onTestFinished(() => door.stop());
  return { fake, clock, heard, door };
}

/** The same, open. */
export async function openSocket() {
  const world = await socketWorld();
  world.door.start();
  await until(() => world.door.standing().state === "open");
  return world;
}

/** A server that Slack's signed requests go to. */
export async function openSigned(more: { secrets?: readonly string[] } = {}) {
  const { fake, clock } = await openSlack();
  const heard = hearing();
  const door = signedDoor({ secrets: more.secrets ?? [fake.secret], clock, log: silent, ...heard });
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const all = request.headersDistinct;
    const head = (name: string): string | null => (all[name]?.length === 1 ? (all[name]?.[0] ?? null) : null);
    const { status, type, body } = await door.answer({ head, body: Buffer.concat(chunks) });
    response.writeHead(status, { "content-type": type });
    response.end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  fake.doors.url = url;
  return { fake, clock, heard, door, url };
}
