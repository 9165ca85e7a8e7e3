import { createHmac } from "node:crypto";
import { connect } from "node:net";
import { expect } from "vitest";
import type { DeliverySource } from "../../src/domain/source.ts";
import type { Workflow } from "../../src/domain/workflow.ts";
import type { DeliveryLine } from "../../src/store/deliveries.ts";
import type { RunLine } from "../../src/store/lines.ts";
import type { Store } from "../../src/store/store.ts";
import { type Example, examples, githubHead, signatureOf } from "../support/intake.ts";
import { requestBytes } from "../support/sender.ts";
import { workflow } from "../support/workflow.ts";
import { openWorld, type World } from "./world.ts";

const KNOWN = [...new Set(examples().map(({ event }) => event))];
const look = [{ name: "look" }];

/** Between them they wait for everything, for some of it, and for what never holds. */
export const LISTENERS: readonly Workflow[] = [
  workflow("everything", look, { on: { github: [{ events: KNOWN }] } }),
  workflow("opened", look, { on: { github: [{ events: ["issues.opened", "pull_request.opened", "push"] }] } }),
  workflow("public", look, {
    on: { github: [{ events: ["issues", "create", "release"], if: "payload.repository.private == false" }] },
  }),
  workflow("bots", look, { on: { github: [{ events: KNOWN, if: 'actor.kind == "bot"' }] } }),
  workflow("never", look, { on: { github: [{ events: KNOWN, if: 'sender == "nobody"' }] } }),
];

/** What of a payload the rule below looks at. */
interface Told {
  readonly action?: string;
  readonly sender?: { readonly login: string; readonly type: string };
  readonly repository?: { readonly private: boolean; readonly owner: { readonly login: string } };
  readonly comment?: { readonly user: { readonly login: string }; readonly author_association: string };
}

/** Which of them a payload starts, told without anything of ours. */
export function startedBy({ event, payload }: Example): readonly string[] {
  const { action, sender, repository, comment } = payload as unknown as Told;
  if (event === "ping") return [];
  const isBot = sender !== undefined && (sender.type === "Bot" || sender.login.endsWith("[bot]"));
  const isTrusted =
    !/^(issue|commit|discussion|pull_request_review)_comment$/.test(event) ||
    sender?.login === repository?.owner.login ||
    (sender?.login === comment?.user.login &&
      ["OWNER", "MEMBER", "COLLABORATOR"].includes(comment?.author_association ?? ""));
  const started = isBot || !isTrusted ? [] : ["everything"];
  if (started.length > 0 && (["issues", "pull_request"].includes(event) ? action === "opened" : event === "push"))
    started.push("opened");
  if (started.length > 0 && ["issues", "create", "release"].includes(event) && repository?.private === false)
    started.push("public");
  if (isBot && isTrusted) started.push("bots");
  return started;
}

const STANDARD_KEY = Buffer.from("a key of thirty-two bytes, or so").toString("base64");

export const SOURCES: readonly DeliverySource[] = [
  { name: "standard", scheme: "standard-webhooks", secrets: ["STANDARD"], places: {} },
];
export const SECRETS = { STANDARD: `whsec_${STANDARD_KEY}` };

export function openHookWorld(): Promise<World> {
  return openWorld({}, { workflows: LISTENERS, sources: SOURCES, secrets: SECRETS });
}

interface Answer {
  readonly status: number;
  readonly body: { readonly id?: string; readonly runs?: readonly string[]; readonly outcome?: string };
}

/** One request on a connection of its own, byte for byte. */
export function deliver(port: number, bytes: Uint8Array): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let text = "";
    const done = (): void => {
      const [head = "", body = ""] = text.split("\r\n\r\n");
      const status = Number(head.slice(9, 12));
      if (text === "") reject(new Error("nothing was answered"));
      else resolve({ status, body: body.startsWith("{") ? JSON.parse(body) : {} });
    };
    const socket = connect(port, "127.0.0.1", () => socket.write(bytes));
    socket.on("data", (chunk) => {
      text += chunk;
    });
    // Of a body that is not wanted the rest cannot be sent; the answer is there all the same.
    socket.on("error", () => {});
    socket.on("close", done);
  });
}

const CLOSE = { connection: "close" };

export function githubRequest(port: number, { event, body }: Example, id: string): Buffer {
  return requestBytes(port, "/hooks/github", { ...CLOSE, ...githubHead({ event, id, body }) }, Buffer.from(body));
}

/** A delivery that is not as it was signed, or not as it has to be sent; each is to be refused. */
export type Mutation = (port: number, example: Example, id: string) => Buffer;

function withHead(change: (head: Record<string, string>, example: Example) => Record<string, string>): Mutation {
  return (port, example, id) => {
    const head = change({ ...CLOSE, ...githubHead({ ...example, id }) }, example);
    return requestBytes(port, "/hooks/github", head, Buffer.from(example.body));
  };
}

function signedAs(make: (right: string, body: string) => string): Mutation {
  return withHead((head, { body }) => ({ ...head, "x-hub-signature-256": make(signatureOf(body), body) }));
}

function withBody(change: (body: string) => string | Buffer, sign: boolean): Mutation {
  return (port, example, id) => {
    const body = Buffer.from(change(example.body));
    const head = githubHead({ ...example, id, body: sign ? body : example.body });
    return requestBytes(port, "/hooks/github", { ...CLOSE, ...head }, body);
  };
}

const OVER = 1_048_577;

export const MUTATIONS: Readonly<Record<string, Mutation>> = {
  "a byte flipped": withBody((body) => {
    const bytes = Buffer.from(body);
    const at = bytes.length >> 1;
    bytes[at] = (bytes[at] as number) ^ 1;
    return bytes;
  }, false),
  "another algorithm": signedAs((_, body) => {
    return `sha1=${createHmac("sha1", "It's a Secret to Everybody").update(body).digest("hex")}`;
  }),
  "a short signature": signedAs((right) => right.slice(0, -2)),
  "a long signature": signedAs((right) => `${right}00`),
  "a signature that is not hexadecimal": signedAs((right) => `${right.slice(0, -1)}g`),
  "an id that another delivery had": withBody((body) => `${body} `, true),
  "a stale time": (port, { body }, id) => {
    const timestamp = String(Math.floor(Date.now() / 1000) - 360);
    const made = createHmac("sha256", Buffer.from(STANDARD_KEY, "base64")).update(`${id}.${timestamp}.${body}`);
    const head = {
      ...CLOSE,
      "content-type": "application/json",
      "webhook-id": id,
      "webhook-timestamp": timestamp,
      "webhook-signature": `v1,${made.digest("base64")}`,
    };
    return requestBytes(port, "/hooks/standard", head, Buffer.from(body));
  },
  "another content type": withHead((head) => ({ ...head, "content-type": "application/x-www-form-urlencoded" })),
  "a body in chunks": (port, example, id) => {
    const head = {
      host: `127.0.0.1:${port}`,
      ...CLOSE,
      ...githubHead({ ...example, id }),
      "transfer-encoding": "chunked",
    };
    const lines = Object.entries(head).map(([name, value]) => `${name}: ${value}\r\n`);
    const body = Buffer.from(example.body);
    return Buffer.concat([
      Buffer.from(`POST /hooks/github HTTP/1.1\r\n${lines.join("")}\r\n${body.length.toString(16)}\r\n`),
      body,
      Buffer.from("\r\n0\r\n\r\n"),
    ]);
  },
  "a body over 1 MiB": withBody((body) => body + " ".repeat(OVER - Buffer.byteLength(body)), true),
  "the same JSON written otherwise": withBody((body) => JSON.stringify(JSON.parse(body), null, 1), false),
  "a header twice": (port, example, id) => {
    const once = githubRequest(port, example, id).toString("latin1");
    return Buffer.from(
      once.replace("x-github-event:", `x-hub-signature-256: ${signatureOf("")}\r\nx-github-event:`),
      "latin1",
    );
  },
};

/** Everything that was taken in, and every run. */
export async function everything(
  store: Store,
): Promise<{ deliveries: readonly DeliveryLine[]; runs: readonly RunLine[] }> {
  const deliveries: DeliveryLine[] = [];
  const runs: RunLine[] = [];
  for (let after: string | null | undefined; after !== null; ) {
    const page = await store.deliveries.list({}, { limit: 200, ...(after !== undefined && { after }) });
    deliveries.push(...page.rows);
    after = page.next;
  }
  for (let after: string | null | undefined; after !== null; ) {
    const page = await store.runs({}, { limit: 200, ...(after !== undefined && { after }) });
    runs.push(...page.rows);
    after = page.next;
  }
  return { deliveries, runs };
}

const at = (of: readonly Example[], index: number): string => `id-${of[index]?.event}-${index}`;

/** Each is taken in, and starts what waits for it, once, though it comes again five times at the same time. */
export async function eachOnce({ server, store }: World, of: readonly Example[]): Promise<void> {
  for (const [index, example] of of.entries()) {
    const expected = startedBy(example);
    const bytes = githubRequest(server.port, example, at(of, index));
    const answers = await Promise.all(Array.from({ length: 5 }, () => deliver(server.port, bytes)));
    const again = await deliver(server.port, bytes);
    const [first] = answers;
    const told = { event: example.event, action: example.payload.action };
    expect({ ...told, statuses: answers.map(({ status }) => status).sort() }).toEqual({
      ...told,
      statuses: [200, 200, 200, 200, 202],
    });
    expect({ ...told, again: again.status, runs: again.body.runs?.length }).toEqual({
      ...told,
      again: 200,
      runs: expected.length,
    });
    expect(answers.map(({ body }) => body)).toEqual(answers.map(() => first?.body));
    expect(again.body).toEqual(first?.body);
    const delivery = await store.deliveries.one(first?.body.id ?? "");
    const started = delivery?.verdicts.filter(({ run }) => run !== null) ?? [];
    expect({ ...told, started: started.map(({ workflow: name }) => name).sort() }).toEqual({
      ...told,
      started: [...expected].sort(),
    });
  }
  const { deliveries, runs } = await everything(store);
  expect(deliveries).toHaveLength(of.length);
  expect(runs).toHaveLength(of.flatMap(startedBy).length);
  expect(new Set(deliveries.map(({ delivery_id }) => delivery_id)).size).toBe(of.length);
}

/** None of what is not as it should be is taken in, or leaves anything behind. */
export async function noneMutated({ server, store, client }: World, of: readonly Example[]): Promise<void> {
  const before = await everything(store);
  for (const [name, mutate] of Object.entries(MUTATIONS))
    for (const [index, example] of of.entries()) {
      const { status } = await deliver(server.port, mutate(server.port, example, at(of, index)));
      const refused = status >= 400 && status < 500;
      expect({ name, event: example.event, status, refused }).toEqual({
        name,
        event: example.event,
        status,
        refused: true,
      });
    }
  const after = await everything(store);
  expect(after.deliveries).toEqual(before.deliveries);
  expect(after.runs.map(({ id }) => id)).toEqual(before.runs.map(({ id }) => id));
  const { refused } = await client.deliveries({ limit: 1 });
  const counted = Object.values(refused).reduce((sum, each) => sum + each, 0);
  expect(counted).toBe(of.length * Object.keys(MUTATIONS).length);
}
