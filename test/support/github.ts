import { createHash, generateKeyPairSync } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { createEmulator } from "emulate";
import { onTestFinished } from "vitest";

export const REPO = "octocat/hello";
export const APP_ID = "12345";
const PERSON = "token person";
/** Made once: it takes longer than all the rest. */
const { privateKey } = generateKeyPairSync("rsa", {
  modulusLength: 2048,
  publicKeyEncoding: { type: "spki", format: "pem" },
  privateKeyEncoding: { type: "pkcs1", format: "pem" },
});
const PERMISSIONS = { issues: "write", checks: "write", pull_requests: "write", metadata: "read", contents: "read" };

/** A request as it came, before anything is answered. */
export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly body: string;
  readonly headers: IncomingMessage["headers"];
}

/**
 * What becomes of a request instead of its answer: another answer, silence, words without end, a line cut before or
 * after it was carried out.
 */
export type Fate =
  | { readonly status: number; readonly headers?: Record<string, string>; readonly body?: string }
  | "silence"
  | "endless"
  | "cut before"
  | "cut after";

/** GitHub on loopback: the emulator, behind a door that logs, breaks what it is told to break, and adds what it lacks. */
export interface GithubWorld {
  readonly url: string;
  readonly privateKey: string;
  readonly asked: Asked[];
  /** Looked at for every request of the daemon's; null lets it pass. */
  fate: (asked: Asked) => Fate | null | Promise<Fate | null>;
  /** As a person, past the door. */
  person<T>(method: string, path: string, body?: object): Promise<T>;
  openIssue(title: string): Promise<{ number: number; id: number }>;
  comments(issue: number): Promise<{ id: number; body: string; user: { login: string } }[]>;
  checks(): Promise<{ id: number; external_id: string; status: string; conclusion: string | null; name: string }[]>;
  readonly reactions: ReadonlyMap<string, number>;
}

/**
 * The emulator (emulate 0.12.2) has no reactions, no list of a repository's issue events, and answers 404 to the list of
 * a repository's issue comments; it gives no ETags. Those four are made here, from what it does have.
 */
export async function githubWorld(): Promise<GithubWorld> {
  const emulator = await createEmulator({
    service: "github",
    port: 0,
    seed: {
      tokens: { person: { login: "octocat", scopes: ["repo", "admin:repo_hook"] } },
      github: {
        users: [{ login: "octocat" }],
        repos: [{ owner: "octocat", name: "hello", auto_init: true }],
        apps: [
          {
            app_id: Number(APP_ID),
            slug: "last-light",
            name: "Last Light",
            private_key: privateKey,
            permissions: PERMISSIONS,
            installations: [{ installation_id: 100, account: "octocat", permissions: PERMISSIONS }],
          },
        ],
      },
    },
  } as unknown as Parameters<typeof createEmulator>[0]);
  const asked: Asked[] = [];
  const reactions = new Map<string, number>();

  const person: GithubWorld["person"] = async (method, path, body) => {
    const response = await fetch(`${emulator.url}/${path}`, {
      method,
      headers: { authorization: PERSON, "content-type": "application/json" },
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return (text === "" ? null : JSON.parse(text)) as never;
  };

  /** Everything of a kind that the issues of the repository have, newest first. */
  async function ofIssues(kind: "comments" | "events"): Promise<unknown[]> {
    const issues = await person<{ number: number; url: string }[]>(
      "GET",
      `repos/${REPO}/issues?state=all&per_page=100`,
    );
    const lists = await Promise.all(
      issues.map(async (issue) => {
        const items = await person<{ id: number }[]>(
          "GET",
          `repos/${REPO}/issues/${issue.number}/${kind}?per_page=100`,
        );
        return items.map((item) => (kind === "events" ? { ...item, issue } : item));
      }),
    );
    return lists.flat().sort((a, b) => b.id - a.id);
  }

  async function lacking({ method, path, body }: Asked): Promise<{ status: number; body: unknown } | null> {
    const reaction = /\/issues\/(?:comments\/)?\d+\/reactions$/.test(path) && method === "POST";
    if (reaction) {
      const { content } = JSON.parse(body) as { content: string };
      const known = reactions.has(`${path} ${content}`);
      reactions.set(`${path} ${content}`, (reactions.get(`${path} ${content}`) ?? 0) + (known ? 0 : 1));
      return { status: known ? 200 : 201, body: { id: reactions.size, content } };
    }
    if (method === "GET" && path === `/repos/${REPO}/issues/events`)
      return { status: 200, body: await ofIssues("events") };
    if (method === "GET" && path === `/repos/${REPO}/issues/comments`)
      return { status: 200, body: await ofIssues("comments") };
    return null;
  }

  const world: GithubWorld = {
    url: "",
    privateKey,
    asked,
    fate: () => null,
    person,
    openIssue: (title) => person("POST", `repos/${REPO}/issues`, { title, body: "It is broken." }),
    comments: (issue) => person("GET", `repos/${REPO}/issues/${issue}/comments?per_page=100`),
    checks: async () => {
      const { sha } = await person<{ sha: string }>("GET", `repos/${REPO}/commits/main`);
      const list = await person<{ check_runs: never[] }>(
        "GET",
        `repos/${REPO}/commits/${sha}/check-runs?filter=all&per_page=100`,
      );
      return list.check_runs;
    },
    reactions,
  };

  const door = createServer((request, response) => {
    void answer(request, response).catch(() => response.destroy());
  });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece as Buffer);
    const { pathname: path, search: query } = new URL(request.url ?? "/", "http://door");
    const one: Asked = {
      method: request.method ?? "GET",
      path,
      query,
      body: Buffer.concat(pieces).toString(),
      headers: request.headers,
    };
    asked.push(one);
    const fate = await world.fate(one);
    if (fate === "silence") return;
    if (fate === "cut before") return void request.socket.destroy();
    if (fate === "endless") {
      response.writeHead(200, { "content-type": "application/json" });
      const more = (): void => {
        if (!response.destroyed) response.write("[".repeat(1_000_000), more);
      };
      return more();
    }
    if (fate !== null && fate !== "cut after") {
      response.writeHead(fate.status, { "content-type": "application/json", ...fate.headers });
      return void response.end(fate.body ?? "{}");
    }
    const missing = await lacking(one);
    const passed = missing ?? (await pass(one));
    if (fate === "cut after") return void request.socket.destroy();
    const text = "text" in passed ? passed.text : JSON.stringify(passed.body);
    const etag = `"${createHash("sha256").update(text).digest("hex").slice(0, 16)}"`;
    if (one.method === "GET" && one.headers["if-none-match"] === etag)
      return void response.writeHead(304, { etag }).end();
    const link = "link" in passed && passed.link ? { link: passed.link } : {};
    response.writeHead(passed.status, { "content-type": "application/json", etag, ...link });
    response.end(text);
  }

  async function pass({ method, path, query, body, headers }: Asked) {
    const passed = await fetch(`${emulator.url}${path}${query}`, {
      method,
      headers: { authorization: headers.authorization ?? "", "content-type": "application/json" },
      ...(body !== "" && { body }),
    });
    return { status: passed.status, text: await passed.text(), link: passed.headers.get("link") };
  }

  await new Promise<void>((resolve) => door.listen(0, "127.0.0.1", resolve));
  onTestFinished(async () => {
    door.closeAllConnections();
    door.close();
    await emulator.close();
  });
  return Object.assign(world, { url: `http://127.0.0.1:${(door.address() as AddressInfo).port}` });
}
