/** Every way to be refused, once: the code is for programs, the hint says what to do next. */
const catalogue = {
  "approval.answered": "The first valid answer stands. Look at the run to see what followed from it.",
  "approval.unfit": "Answer with `approve` or `reject`; a comment may say why. Only reply gates take any text.",
  "approval.unknown": "List what waits with `lastlight approvals`; an id is shown beside each.",
  "artefact.missing": "Have the phase make the file, or remove it from the phase's `artefacts` or `outputs`.",
  "body.malformed": "Send one JSON value, UTF-8, with `Content-Type: application/json`.",
  "body.too_deep": "Nest objects and arrays at most 64 levels deep.",
  "body.too_large": "A body may hold 1 MiB. Put larger payloads in a file and pass its path.",
  "budget.exceeded": "Raise `budget.per_day_usd`, or start the run tomorrow (days are UTC).",
  "config.invalid": "Correct the value, or remove it to get the default.",
  "cron.busy": "Wait for its end; `lastlight crons fires NAME` tells of it.",
  "cron.invalid":
    'Write five fields, e.g. "0 9 * * 1-5" for weekdays at nine; `workflows check FILE` names line and column.',
  "cron.unknown": "List schedules with `lastlight crons`; names are as in the files.",
  "csrf.missing": "Send the header X-Lastlight-CSRF: 1, which only a page of this daemon can.",
  "cursor.invalid": "Take `next_cursor` of the page before, unchanged, with the same filter.",
  "daemon.unreachable": "Start it with `npm start` (or `lastlight serve`) and the same STATE_DIR.",
  "database.altered": "Restore the original migration files of this version; applied ones never change.",
  "database.newer": "Start the newer lastlight again, or restore a backup made by this version.",
  "database.unfit": "Open the file with the program that wrote it, or point STATE_DIR at another folder.",
  "delivery.conflict": "A delivery's id is its own: send the same bytes again, or give other ones another id.",
  "delivery.empty": "Only deliveries that started something keep their payload; have the source send it again.",
  "delivery.unfit": "Compare with what the source's kind of webhook sends; GitHub's must be application/json.",
  "delivery.unknown": "List deliveries with `lastlight deliveries`; an id is shown beside each.",
  "disk.full": "Free space on the disk that holds STATE_DIR; nothing acknowledged has been lost.",
  "host.refused": "Reach the daemon by the address it listens on, e.g. http://127.0.0.1:8420.",
  "identity.busy": "Wait a little and try again. On the daemon's own machine the token in STATE_DIR is always taken.",
  "identity.forbidden":
    "Ask an admin for the role, or for a token with the right scope; `lastlight users` lists who has which.",
  "identity.insecure": "Come by https (LASTLIGHT_PUBLIC_URL names the address), or from the daemon's own machine.",
  "identity.missing": "Send `Authorization: Bearer <token>`; the token is in STATE_DIR/api-token.",
  "identity.refused": "Check name and password. After a few failures it takes a while until another try is looked at.",
  "input.invalid": "Compare with the workflow's `inputs`; each problem names its path.",
  "internal.error": "This is a defect of lastlight. The log line with the same code has the stack.",
  "oidc.refused": "Start again at /login/oidc. The daemon's log says what the identity provider sent.",
  "oidc.unavailable": "Look at LASTLIGHT_OIDC_ISSUER and at whether this machine reaches it; then try again.",
  "origin.refused": "Call from the dashboard's own origin, or from a program that sends no Origin.",
  "outbox.unknown":
    "List what could not be said with `lastlight outbox`, or `lastlight outbox --late`; ids are shown there.",
  "output.too_large": "Print less, or keep the file as an artefact and hand on its path.",
  "password.unfit": "Use 12 characters or more, at most 256; a sentence is fine.",
  "phase.unknown": "Phases are named as in the workflow; `lastlight show RUN` lists them.",
  "phase.unsupported": "Remove the phase, or wait for the version that brings this phase type.",
  "rate.exceeded": "Wait as long as Retry-After says. LASTLIGHT_RATE_SOURCE and LASTLIGHT_RATE_ACTOR set the limits.",
  "repository.invalid": "Name it as owner/name, its branch as git would take it, its commit by hexadecimal digits.",
  "repository.unavailable":
    "Look at LASTLIGHT_REPOSITORIES, at the name, and at whether this machine's git may read it; then try the phase again.",
  "request.invalid": "Compare with the API's description; each problem names its path.",
  "route.unknown": "Paths start with /api/v1. See `src/http/routes`.",
  "run.foreign": "It was made by another program; this one shows it and leaves it alone.",
  "run.held": "Look at the run: only one that is under way can be paused, only one that an operator paused resumed.",
  "run.terminal": "The run is over and its outcome is final. Start a new run.",
  "run.unfinished": "Cancel it first, or wait for its end: only a run that is over can be retried.",
  "run.unknown": "List runs with `lastlight runs`; an id is shown beside each.",
  "sandbox.missing":
    "Install bubblewrap, or set LASTLIGHT_SANDBOX=podman or docker; the daemon's log says what does not work. Start it with --unsafe-no-sandbox if its agents may do whatever this user may.",
  "scenario.endless": "Look for a loop or a `wait` that nothing ends, or give the scenario a shorter `limit`.",
  "scenario.invalid":
    "Correct each line that is named; `workflows simulate FILE` without a scenario shows what there is to play.",
  "scratch.too_large": "Scratch holds pointers. Store large text as a phase's output and keep its execution id.",
  "secret.missing": "Set LASTLIGHT_SECRET_<NAME> in the daemon's environment and start it again.",
  "session.refused": "Look at what lies in the session file's place, and move it away.",
  "session.unknown": "A session has its execution's id; `lastlight show RUN --json` lists a run's executions.",
  "signature.invalid": "Compare the secret at both ends (GITHUB_WEBHOOK_SECRET, or the source's own), and the clock.",
  "state.locked": "Another daemon uses this STATE_DIR. Stop it, or choose another STATE_DIR.",
  "state.unwritable": "Create the folder, give this user the right to write in it, or choose another STATE_DIR.",
  "store.constraint": "The database refused the row. The log has the constraint's name.",
  "store.stopped": "The daemon is stopping. Try again when it is back.",
  "store.trouble": "The database could not be written. Look at `lastlight doctor` and the log.",
  "stream.too_many": "Close a stream that nobody reads, or ask again later.",
  "template.failed": "Look at the template and at the values it was given; `lastlight show RUN --json` has them.",
  "token.taken": "Choose another name, or revoke the token that has it.",
  "token.unknown": "List tokens with `lastlight tokens list`; an id is shown beside each.",
  "usage.invalid": "See `lastlight help` and the command's own `--help`.",
  "user.taken": "Choose another name; `lastlight users list` has those that are taken.",
  "user.unfit":
    "Use letters a to z, digits, dots, dashes and underscores, 64 at most, beginning with a letter or digit.",
  "user.unknown": "List people with `lastlight users list`.",
  "workflow.disabled": "Someone switched it off. Remove the override to let new runs start.",
  "workflow.invalid": "Run `lastlight workflows check <file>` to see each line that needs work.",
  "workflow.unavailable": "It uses parts of the grammar that this version does not carry out yet; each is named.",
  "workflow.unknown": "List the library with `lastlight workflows`; names are as in the files.",
  "workspace.unfit":
    "Have phases leave less behind, or let what needs their files come after them instead of running beside others.",
} as const;

export type FaultCode = keyof typeof catalogue;

/** One thing wrong at one place of an input: `path` in JSON Pointer form (RFC 6901), or empty for the whole. */
export interface Problem {
  path: string;
  message: string;
}

/** A refusal a person or a program can act on: code, what happened this time, what to do next. */
export class Fault extends Error {
  readonly code: FaultCode;
  readonly hint: string;
  readonly details: readonly Problem[];

  constructor(code: FaultCode, message: string, more: { details?: readonly Problem[]; cause?: unknown } = {}) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause });
    this.name = "Fault";
    this.code = code;
    this.hint = catalogue[code];
    this.details = more.details ?? [];
  }
}

/** What a border prints for anything thrown: a fault as it is, a surprise as `internal.error` without its insides. */
export function asFault(thrown: unknown): Fault {
  if (thrown instanceof Fault) return thrown;
  return new Fault("internal.error", "Something unexpected happened inside lastlight", { cause: thrown });
}
