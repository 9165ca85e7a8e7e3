import { Fault, type FaultCode } from "../domain/fault.ts";
import { isOver, type RunStatus } from "../domain/run.ts";
import type { CronFire } from "../store/crons.ts";
import type { ApprovalLine } from "../store/lines.ts";
import type { TokenLine, UserLine } from "../store/people.ts";
import type { LetterState } from "../store/replies.ts";
import type {
  AddUser,
  ApprovalFilter,
  ApprovalList,
  AuditList,
  Cancelled,
  ChangeUser,
  CheckResult,
  CreateToken,
  CronBody,
  CronFires,
  CronList,
  DeliveryBody,
  DeliveryFilter,
  DeliveryList,
  DeliveryReceipt,
  ErrorBody,
  ExecutionList,
  ForkRun,
  Health,
  IssuedToken,
  LetterList,
  LetterMoved,
  Moved,
  OverrideCron,
  Respond,
  RunBody,
  RunList,
  RunNews,
  SendSignal,
  SessionBody,
  SessionEnvelope,
  SessionNews,
  StartedRun,
  StartRun,
  TokenList,
  TriggerCron,
  UserList,
  WorkflowBody,
  WorkflowItem,
  WorkflowList,
} from "./api.ts";
import { readEvents } from "./events.ts";

/** The daemon as its faces see it. Every method throws a `Fault`: the daemon's own, or `daemon.unreachable`. */
export interface Client {
  startRun(request: StartRun): Promise<StartedRun>;
  runs(filter?: RunQuery): Promise<RunList>;
  run(id: string): Promise<RunBody>;
  executions(run: string): Promise<ExecutionList>;
  /** The run's state, then each change, until it is over; a lost connection is taken up where it broke. */
  watchRun(id: string, signal?: AbortSignal): AsyncGenerator<RunNews, void, undefined>;
  cancel(run: string): Promise<Cancelled>;
  pause(run: string): Promise<Moved>;
  resume(run: string): Promise<Moved>;
  /** Null goes on from whatever did not succeed. */
  retry(run: string, from: string | null): Promise<Moved>;
  fork(run: string, request: ForkRun): Promise<StartedRun>;
  signal(run: string, signal: SendSignal): Promise<Moved>;
  star(run: string, starred: boolean): Promise<RunBody>;
  label(run: string, label: string | null): Promise<RunBody>;
  approvals(filter?: ApprovalQuery): Promise<ApprovalList>;
  approval(id: string): Promise<ApprovalLine>;
  respond(approval: string, answer: Respond): Promise<ApprovalLine>;
  deliveries(filter?: DeliveryQuery): Promise<DeliveryList>;
  delivery(id: string): Promise<DeliveryBody>;
  replay(delivery: string): Promise<DeliveryReceipt>;
  /** What could not be said outside. */
  letters(filter?: LetterQuery): Promise<LetterList>;
  retryLetter(id: string): Promise<LetterMoved>;
  dropLetter(id: string): Promise<LetterMoved>;
  workflows(): Promise<WorkflowList>;
  workflow(name: string): Promise<WorkflowBody>;
  check(name: string, yaml: string | Uint8Array<ArrayBuffer>): Promise<CheckResult>;
  /** Null goes back to what the YAML says. */
  override(workflow: string, enabled: boolean | null): Promise<WorkflowItem>;
  /** With so many of each one's next slots. */
  crons(next?: number): Promise<CronList>;
  cron(name: string, next?: number): Promise<CronBody>;
  cronFires(name: string, page?: PageQuery): Promise<CronFires>;
  /** Null goes back to what the file says. */
  overrideCron(name: string, word: OverrideCron | null): Promise<CronBody>;
  triggerCron(name: string, request?: TriggerCron): Promise<CronFire>;
  session(id: string, page?: { readonly offset?: number; readonly limit?: number }): Promise<SessionBody>;
  /** A session's lines from an offset on, until its result; a lost connection is taken up behind the last line. */
  watchSession(id: string, from?: number, signal?: AbortSignal): AsyncGenerator<SessionNews, void, undefined>;
  users(): Promise<UserList>;
  addUser(user: AddUser): Promise<UserLine>;
  changeUser(name: string, change: ChangeUser): Promise<UserLine>;
  removeUser(name: string): Promise<UserLine>;
  tokens(): Promise<TokenList>;
  createToken(token: CreateToken): Promise<IssuedToken>;
  revokeToken(id: string): Promise<TokenLine>;
  audit(filter?: AuditQuery): Promise<AuditList>;
  health(): Promise<Health>;
  leaveSafeMode(): Promise<Health>;
}

interface RunQuery extends PageQuery {
  readonly status?: readonly RunStatus[];
  readonly workflow?: string;
  readonly trigger?: string;
  readonly label?: string;
  readonly starred?: boolean;
  readonly since?: string;
}
interface ApprovalQuery extends PageQuery, ApprovalFilter {}
interface DeliveryQuery extends PageQuery, DeliveryFilter {}
interface LetterQuery extends PageQuery {
  readonly state?: LetterState;
}
interface AuditQuery extends PageQuery {
  readonly who?: string;
}
interface PageQuery {
  readonly limit?: number;
  readonly cursor?: string;
}

const PATIENCE_MS = 30_000;
const PAUSES_MS = [250, 500, 1_000, 2_000, 4_000, 8_000, 8_000];

export function createClient(options: {
  /** The daemon's address, e.g. `http://127.0.0.1:8420`. */
  url: string;
  token: string;
  /** How to wait before a lost stream is taken up again. */
  pause?: (ms: number) => Promise<void>;
}): Client {
  const { url, token, pause = (ms) => new Promise((done) => setTimeout(done, ms)) } = options;

  async function send(method: string, path: string, init: RequestInit = {}): Promise<Response> {
    const headers = { accept: "application/json", ...init.headers, authorization: `Bearer ${token}` };
    const response = await fetch(new URL(`/api/v1${path}`, url), {
      ...init,
      method,
      headers,
      redirect: "error",
    }).catch((error: unknown) => {
      throw unreachable(url, error);
    });
    if (!response.ok) throw await faultOf(response);
    return response;
  }

  async function ask<T>(
    method: string,
    path: string,
    body?: string | Uint8Array<ArrayBuffer>,
    type = "application/json",
  ): Promise<T> {
    const init: RequestInit = { signal: AbortSignal.timeout(PATIENCE_MS) };
    const response = await send(
      method,
      path,
      body === undefined ? init : { ...init, body, headers: { "content-type": type } },
    );
    return (await response.json().catch((error: unknown) => {
      throw unreachable(url, error);
    })) as T;
  }

  /** A stream that is opened again behind what was heard last, for as long as there is something to lose. */
  async function* resumed<News>(
    path: string,
    signal: AbortSignal | undefined,
    stream: {
      readonly hear: (body: ReadableStream<Uint8Array<ArrayBuffer>>) => AsyncGenerator<News, void, undefined>;
      readonly id: (news: News) => number;
      readonly isLast: (news: News) => boolean;
      readonly after?: number;
    },
  ): AsyncGenerator<News, void, undefined> {
    let last = stream.after ?? null;
    let lost = 0;
    while (!signal?.aborted) {
      try {
        const headers: Record<string, string> = { accept: "text/event-stream" };
        if (last !== null) headers["last-event-id"] = String(last);
        const response = await send("GET", path, signal ? { headers, signal } : { headers });
        if (response.status === 204 || !response.body) return;
        for await (const news of stream.hear(response.body)) {
          last = stream.id(news);
          lost = 0;
          yield news;
          if (stream.isLast(news)) return;
        }
      } catch (error) {
        if (signal?.aborted) return;
        // Only what may pass by itself is waited for, and only once there was something to lose.
        const fault = error instanceof Fault ? error : unreachable(url, error);
        if (last === null || !PASSING.has(fault.code) || lost >= PAUSES_MS.length) throw fault;
      }
      await pause(PAUSES_MS[lost] ?? 0);
      lost++;
    }
  }

  const watchRun = (id: string, signal?: AbortSignal): AsyncGenerator<RunNews, void, undefined> =>
    resumed<RunNews>(`/runs/${segment(id)}/events`, signal, {
      hear: async function* (body) {
        for await (const { event, data } of readEvents(body)) if (event === "run") yield JSON.parse(data) as RunNews;
      },
      id: (news) => news.rev,
      isLast: (news) => isOver(news.status),
    });

  return {
    startRun: (request) => ask("POST", "/runs", JSON.stringify(request)),
    runs: (filter = {}) => ask("GET", `/runs${query({ ...filter })}`),
    run: (id) => ask("GET", `/runs/${segment(id)}`),
    executions: (run) => ask("GET", `/runs/${segment(run)}/executions`),
    watchRun,
    cancel: (run) => ask("POST", `/runs/${segment(run)}/cancel`),
    pause: (run) => ask("POST", `/runs/${segment(run)}/pause`),
    resume: (run) => ask("POST", `/runs/${segment(run)}/resume`),
    retry: (run, from) => ask("POST", `/runs/${segment(run)}/retry`, JSON.stringify(from === null ? {} : { from })),
    fork: (run, request) => ask("POST", `/runs/${segment(run)}/fork`, JSON.stringify(request)),
    signal: (run, signal) => ask("POST", `/runs/${segment(run)}/signals`, JSON.stringify(signal)),
    star: (run, starred) => ask("POST", `/runs/${segment(run)}/star`, JSON.stringify({ starred })),
    label: (run, label) => ask("POST", `/runs/${segment(run)}/label`, JSON.stringify({ label })),
    approvals: (filter = {}) => ask("GET", `/approvals${query({ ...filter })}`),
    approval: (id) => ask("GET", `/approvals/${segment(id)}`),
    respond: (approval, answer) => ask("POST", `/approvals/${segment(approval)}/respond`, JSON.stringify(answer)),
    deliveries: (filter = {}) => ask("GET", `/deliveries${query({ ...filter })}`),
    delivery: (id) => ask("GET", `/deliveries/${segment(id)}`),
    letters: (filter = {}) => ask("GET", `/outbox${query({ ...filter })}`),
    retryLetter: (id) => ask("POST", "/outbox/retry", JSON.stringify({ id })),
    dropLetter: (id) => ask("POST", "/outbox/drop", JSON.stringify({ id })),
    replay: (delivery) => ask("POST", `/deliveries/${segment(delivery)}/replay`),
    workflows: () => ask("GET", "/workflows"),
    workflow: (name) => ask("GET", `/workflows/${segment(name)}`),
    check: (name, yaml) => ask("POST", `/workflows/${segment(name)}/check`, yaml, "text/yaml"),
    override: (workflow, enabled) =>
      enabled === null
        ? ask("DELETE", `/workflows/${segment(workflow)}/override`)
        : ask("PUT", `/workflows/${segment(workflow)}/override`, JSON.stringify({ enabled })),
    crons: (next = 1) => ask("GET", `/crons${query({ next })}`),
    cron: (name, next = 10) => ask("GET", `/crons/${segment(name)}${query({ next })}`),
    cronFires: (name, page = {}) => ask("GET", `/crons/${segment(name)}/fires${query({ ...page })}`),
    overrideCron: (name, word) =>
      word === null
        ? ask("DELETE", `/crons/${segment(name)}/override`)
        : ask("PUT", `/crons/${segment(name)}/override`, JSON.stringify(word)),
    triggerCron: (name, request = {}) => ask("POST", `/crons/${segment(name)}/trigger`, JSON.stringify(request)),
    session: (id, page = {}) => ask("GET", `/sessions/${segment(id)}${query({ ...page })}`),
    watchSession: (id, from = 0, signal) =>
      resumed<SessionNews>(`/sessions/${segment(id)}/tail`, signal, {
        hear: readLines,
        id: (news) => news.next,
        // What follows a result is another turn, which the caller may ask for.
        isLast: (news) => news.line?.type === "result",
        after: from,
      }),
    users: () => ask("GET", "/users"),
    addUser: (user) => ask("POST", "/users", JSON.stringify(user)),
    changeUser: (name, change) => ask("PUT", `/users/${segment(name)}`, JSON.stringify(change)),
    removeUser: (name) => ask("DELETE", `/users/${segment(name)}`),
    tokens: () => ask("GET", "/tokens"),
    createToken: (token) => ask("POST", "/tokens", JSON.stringify(token)),
    revokeToken: (id) => ask("DELETE", `/tokens/${segment(id)}`),
    audit: (filter = {}) => ask("GET", `/audit${query({ ...filter })}`),
    health: () => ask("GET", "/health"),
    leaveSafeMode: () => ask("DELETE", "/admin/safe-mode"),
  };
}

const PASSING: ReadonlySet<FaultCode> = new Set(["daemon.unreachable", "store.stopped", "store.trouble"]);

/** The lines of a session's event stream; a place in the file is the event's id. */
async function* readLines(body: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<SessionNews, void, undefined> {
  let rest = "";
  for await (const text of body.pipeThrough(new TextDecoderStream())) {
    const blocks = (rest + text).split("\n\n");
    rest = blocks.pop() ?? "";
    for (const block of blocks) {
      const [, next, data] = /^id: (\d+)\nevent: line\ndata: (.*)$/.exec(block) ?? [];
      if (data !== undefined) yield { next: Number(next), line: JSON.parse(data) as SessionEnvelope | null };
    }
  }
}

/** A name as one segment of a path; a dot segment would be folded away by the URL, so it is sent as what it cannot be. */
function segment(name: string): string {
  return /^\.*$/.test(name) ? "%20" : encodeURIComponent(name);
}

function query(fields: { readonly [name: string]: string | number | boolean | readonly string[] | undefined }): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(fields)) if (value !== undefined) search.append(name, String(value));
  return search.size > 0 ? `?${search}` : "";
}

/** The refusal the daemon meant; what is no refusal of ours came from something else at that address. */
async function faultOf(response: Response): Promise<Fault> {
  const body = (await response.json().catch(() => null)) as Partial<ErrorBody> | null;
  const { code, message, details } = body?.error ?? {};
  if (typeof code === "string" && typeof message === "string") {
    const fault = new Fault(code, message, { details: details ?? [] });
    // A newer daemon may know codes that this client has no hint for.
    return typeof fault.hint === "string" ? fault : new Fault("internal.error", `${code}: ${message}`);
  }
  return new Fault(
    "daemon.unreachable",
    `${new URL(response.url).origin} answered ${response.status}, and not as lastlight does`,
  );
}

function unreachable(url: string, cause: unknown): Fault {
  const late = cause instanceof Error && cause.name === "TimeoutError";
  return new Fault("daemon.unreachable", late ? `No answer from ${url} in time` : `Nothing answers at ${url}`, {
    cause,
  });
}
