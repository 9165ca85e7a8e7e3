import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buttonsIn, wordsIn } from "./block-kit.ts";
import { type Delivery, type Doors, doors } from "./doors.ts";
import { command, type Entries, event, press, submit } from "./happenings.ts";
import { type Args, methods } from "./web-api.ts";
import { BOT, type Message, type Obj, type OpenView, seen, type Workspace, wired, workspace } from "./workspace.ts";

/** A Slack on loopback that speaks the real protocols: Web API, Socket Mode, and signed requests to `doors.url`. */
export interface FakeSlack {
  /** The Web API's address. */
  readonly api: string;
  readonly token: string;
  readonly appToken: string;
  readonly secret: string;
  readonly world: Workspace;
  readonly doors: Doors;
  /** Every call that reached it, refused ones too. */
  readonly calls: readonly Call[];
  /** Resolves once there have been so many. */
  called(count: number): Promise<void>;

  person(id: string, given?: { name?: string; email?: string; confirmed?: boolean; more?: Obj }): string;
  channel(id: string, given?: { joined?: boolean }): string;

  /** Somebody says something; `@lastlight` in it is a mention, and a channel `D…` is ours alone. */
  say(given: { user: string; channel: string; text: string; thread?: string }): Delivery & { readonly ts: string };
  command(given: { user: string; channel: string; text: string; command?: string }): Delivery;
  /** Somebody presses the button of that label, on the newest message that has one. */
  press(label: string, given: { user: string; message?: string }): Delivery;
  /** Somebody hands in the newest modal opened for them. It stays open where something is wrong with it. */
  submit(user: string, entries?: Entries): Delivery;
  /** The newest modal that is open for somebody. */
  modal(user: string): Modal | null;

  /** What we said, as it stands now. */
  posted(channel?: string): readonly Posted[];
  /** The next calls of a method, `*` for any, meet with this. */
  trouble(method: string, what: Trouble, times?: number): void;
  down(): void;
  up(): void;
  close(): Promise<void>;
}

export interface Call {
  readonly method: string;
  readonly args: Args;
}
export interface Posted {
  readonly channel: string;
  readonly thread: string | null;
  readonly ts: string;
  /** What people read. */
  readonly words: string;
  readonly notice: string;
  readonly buttons: readonly string[];
  readonly effect: string | null;
  readonly edits: number;
  /** Whom it summons. */
  readonly pings: readonly string[];
  readonly blocks: readonly Obj[];
}
export interface Modal {
  readonly words: string;
  readonly blocks: readonly Obj[];
  readonly errors: { readonly [block: string]: string };
}
/** `lost` is done, and its answer never comes; `slow` is answered when the promise is settled. */
export type Trouble =
  | { readonly status: number; readonly retryAfter?: string; readonly body?: string }
  | { readonly error: string; readonly more?: Obj }
  | { readonly lost: true }
  | { readonly slow: Promise<unknown> };

export async function fakeSlack(options: { now?: () => number } = {}): Promise<FakeSlack> {
  const { now = Date.now } = options;
  const [token, appToken, secret] = ["xoxb-fake", "xapp-fake", "8f742231b10e8888abcd99yyyzzz85a5"];
  const world = workspace(now);
  const ways = doors({ secret, now });
  const calls: Call[] = [];
  const listening = new Set<() => void>();
  const troubles: { method: string; what: Trouble; left: number }[] = [];
  const errors = new Map<string, { readonly [block: string]: string }>();
  let isDown = false;
  let url = "";
  const known = methods(world, () => `${url.replace("http", "ws")}/link/?ticket=${ways.ticket()}`);

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (isDown) return void request.socket.destroy();
    const method = (request.url ?? "").replace(/^\/api\//, "").replace(/\?.*$/, "");
    const args = await argsOf(request);
    calls.push({ method, args });
    for (const hear of [...listening]) hear();
    const trouble = troubles.find((each) => each.left > 0 && (each.method === method || each.method === "*"));
    if (trouble) trouble.left--;
    const what = trouble?.what;
    if (what && "slow" in what) await what.slow;
    if (what && "status" in what) {
      const after = what.retryAfter === undefined ? {} : { "retry-after": what.retryAfter };
      response.writeHead(what.status, { "content-type": "text/html", ...after });
      return void response.end(what.body ?? "<html>trouble</html>");
    }
    const wanted = method === "apps.connections.open" ? appToken : token;
    const isAuthorised = request.headers.authorization === `Bearer ${wanted}`;
    const told =
      what && "error" in what
        ? what.error
        : isAuthorised
          ? (known.get(method)?.(args) ?? "unknown_method")
          : "invalid_auth";
    if (what && "lost" in what) return void request.socket.destroy();
    const more = what && "error" in what ? what.more : {};
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify(typeof told === "string" ? { ...refusal(told), ...more } : { ok: true, ...told }));
  }

  const server = createServer((request, response) => {
    request.socket.setNoDelay(true);
    response.on("error", () => {});
    answer(request, response).catch(() => response.destroy());
  });
  server.on("upgrade", (request, socket) => (isDown ? socket.destroy() : ways.upgrade(request, socket)));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  function openFor(user: string): OpenView | undefined {
    return world.views.findLast((each) => each.open && each.user === user);
  }

  return {
    api: `${url}/api/`,
    token,
    appToken,
    secret,
    world,
    doors: ways,
    calls,
    called: (count) =>
      new Promise((resolve) => {
        const hear = (): void => {
          if (calls.length < count) return;
          listening.delete(hear);
          resolve();
        };
        listening.add(hear);
        hear();
      }),
    person: (id, { name = id.toLowerCase(), email, confirmed = true, more = {} } = {}) => {
      world.people.set(id, { id, name, email: email ?? null, confirmed, more });
      return id;
    },
    channel: (id, { joined = true } = {}) => {
      world.channels.set(id, { id, joined });
      return id;
    },
    say: ({
      user,
      channel,
      text,
      thread = null,
    }: {
      user: string;
      channel: string;
      text: string;
      thread?: string | null;
    }) => {
      const more = { bot: null, blocks: [], metadata: null, edits: 0, pings: [] };
      const message: Message = { channel, thread, ts: world.ts(), user, text: wired(text), ...more };
      world.messages.push(message);
      const named = message.text.includes(`<@${BOT.user}>`) && !channel.startsWith("D");
      // Slack tells of a mention twice: as one, and as a message of its channel.
      const first = ways.deliver(event(world, named ? "app_mention" : "message", message));
      if (named) ways.deliver(event(world, "message", message));
      return Object.assign(first, { ts: message.ts });
    },
    command: ({ command: name = "/lastlight", ...given }) => ways.deliver(command(world, { command: name, ...given })),
    press: (label, given) => ways.deliver(press(world, label, given)),
    submit: (user, entries = {}) => {
      const opened = openFor(user);
      if (!opened) throw new Error(`no modal is open for ${user}`);
      const delivery = ways.deliver(submit(world, opened, entries));
      void delivery.answered.then((told) => {
        errors.set(opened.id, (told?.errors ?? {}) as { [block: string]: string });
        if (told?.response_action === "update") opened.view = told.view as Obj;
        else if (told?.response_action !== "errors") opened.open = false;
      });
      return delivery;
    },
    modal: (user) => {
      const opened = openFor(user);
      if (!opened) return null;
      const blocks = (opened.view.blocks ?? []) as readonly Obj[];
      return { words: wordsIn(blocks), blocks, errors: errors.get(opened.id) ?? {} };
    },
    posted: (channel) =>
      world.messages.filter((each) => each.bot === BOT.id && (channel ?? each.channel) === each.channel).map(read),
    trouble: (method, what, times = 1) => void troubles.push({ method, what, left: times }),
    down: () => {
      isDown = true;
      for (const line of ways.lines) line.cut();
    },
    up: () => {
      isDown = false;
    },
    close: () => {
      for (const line of ways.lines) line.cut();
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

function read({ channel, thread, ts, text, blocks, metadata, edits, pings }: Message): Posted {
  const buttons = buttonsIn(blocks).map(({ text: label }) => String((label as Obj).text));
  const effect = (metadata?.event_payload as Obj | undefined)?.effect;
  return {
    channel,
    thread,
    ts,
    words: seen(wordsIn(blocks)),
    notice: seen(text),
    buttons,
    effect: typeof effect === "string" ? effect : null,
    edits,
    pings,
    blocks,
  };
}

function refusal(word: string): Obj {
  const [error, detail] = word.split("|");
  return {
    ok: false,
    error,
    ...(detail === undefined ? {} : { response_metadata: { messages: [`[ERROR] ${detail}`] } }),
  };
}

async function argsOf(request: IncomingMessage): Promise<Args> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString("utf8");
  if (!/json/.test(request.headers["content-type"] ?? "")) return Object.fromEntries(new URLSearchParams(text));
  const given = Object.entries(JSON.parse(text) as Obj);
  return Object.fromEntries(given.map(([key, each]) => [key, typeof each === "string" ? each : JSON.stringify(each)]));
}
