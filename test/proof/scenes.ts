import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { AgentEvent } from "../../src/domain/agent.ts";
import { carriers } from "../../src/engine/processes.ts";
import { forever, type Reply, refusal, text } from "../support/llm/script.ts";
import type { Llm } from "../support/llm/server.ts";
import { sessionOf, tokensIn, tokensTold } from "../support/session-file.ts";
import type { Agent } from "./agents.ts";
import type { House, Over } from "./house.ts";

/** Something that may happen to any agent, played with a real one. */
export interface Scene {
  readonly name: string;
  readonly title: string;
  /** What its phase says besides. */
  readonly phase?: object;
  /** What the model says in it. */
  script(agent: Agent): Iterable<Reply>;
  /** What is done while the run goes on. */
  meddle?(staged: Staged): Promise<readonly string[]>;
  /** What is wrong with how it ended. */
  judge(ended: Ended): readonly (string | false)[];
}

interface Staged {
  readonly agent: Agent;
  readonly house: House;
  readonly run: string;
}

/** How a scene ended. */
interface Ended extends Staged {
  readonly over: Over;
  readonly execution: Over["executions"][number];
  readonly events: readonly AgentEvent[];
  /** What the model was asked. */
  readonly heard: Llm["heard"];
}

/** What a scene came to. */
export interface Played {
  readonly execution: string;
  readonly broken: readonly string[];
  readonly figures: { readonly [name: string]: number | null };
}

const WRITTEN = "Drip\u2028drop 🌧";
const OUTPUT = 114;
const PATIENCE_MS = 30_000;

export const SCENES: readonly Scene[] = [
  {
    name: "tool",
    title: "a tool call that writes a file",
    script: ({ bash }) => [bash(`printf '%s' '${WRITTEN}' > note.txt`), text("Done")],
    judge: ({ agent, house, run, over, execution }) => {
      const note = join(house.workspace(run), "note.txt");
      const priced = execution.cost_usd !== null && execution.cost_usd > 0;
      return [
        over.status !== "succeeded" && `the run is ${over.status}: ${execution.error}`,
        execution.output !== "Done" && `it said ${JSON.stringify(execution.output)}`,
        !(existsSync(note) && readFileSync(note, "utf8") === WRITTEN) && "the file is not as it was to be written",
        execution.input_tokens !== agent.input && `it read ${execution.input_tokens} tokens, not ${agent.input}`,
        execution.output_tokens !== OUTPUT && `it made ${execution.output_tokens} tokens, not ${OUTPUT}`,
        priced !== agent.priced && `it cost ${execution.cost_usd}`,
      ];
    },
  },
  {
    name: "abort",
    title: "a run that is cancelled within a tool",
    script: ({ bash }) => forever(bash("setsid sleep 1000 & echo $! > hidden; sleep 1000 & echo $! > child; wait")),
    meddle: async ({ house, run }) => {
      const place = (file: string): string => join(house.workspace(run), file);
      const began = await eventually(() => existsSync(place("hidden")) && existsSync(place("child")));
      const execution = (await house.client.run(run)).executions[0]?.id ?? "";
      const alive = carriers(execution, 0).length;
      await house.client.cancel(run);
      return [!began && "its tool was never called", began && alive < 3 && `only ${alive} programs were seen`].filter(
        (each) => each !== false,
      );
    },
    judge: ({ over }) => [over.status !== "cancelled" && `the run is ${over.status}`],
  },
  {
    name: "storm",
    title: "a model that refuses with 500 for ever",
    script: () => forever(refusal(500, { message: "A storm" })),
    judge: ({ agent, over, execution, events, heard }) => [
      over.status !== "failed" && `the run is ${over.status}`,
      execution.failure !== "agent_error" && `the failure is called ${execution.failure}`,
      !agent.complaint.test(execution.error ?? "") && `why is not told: ${execution.error}`,
      heard.length < agent.refusals && `it asked ${heard.length} times`,
      retriesIn(events) < agent.retries && `${retriesIn(events)} of ${agent.retries} retries are seen`,
      execution.retries !== retriesIn(events) && `${execution.retries} retries stand with the try`,
    ],
  },
  {
    name: "resume",
    title: "a session that is taken up again",
    phase: { session: "continue", generic_loop: { max_iterations: 2, until: "output.contains('READY')" } },
    script: () => [text("Clouds"), text("READY")],
    judge: ({ agent, over, heard }) => {
      const [one, two] = over.executions;
      const rest = JSON.stringify(heard.at(-1)?.body ?? null);
      return [
        over.status !== "succeeded" && `the run is ${over.status}: ${two?.error ?? one?.error}`,
        over.executions.length !== 2 && `it was tried ${over.executions.length} times`,
        one?.runtime_session_id === null && "its session has no name",
        one?.runtime_session_id !== two?.runtime_session_id && "the second round had another session",
        !rest.includes("Clouds") && "the model was not told what it had said in the first round",
        ...[one, two].flatMap((each) => [
          each?.input_tokens !== agent.input / 2 && `a round read ${each?.input_tokens} tokens, not ${agent.input / 2}`,
          each?.output_tokens !== OUTPUT / 2 && `a round made ${each?.output_tokens} tokens, not ${OUTPUT / 2}`,
        ]),
        Math.abs((one?.cost_usd ?? 0) - (two?.cost_usd ?? 0)) > 1e-9 &&
          `the rounds cost ${one?.cost_usd} and ${two?.cost_usd}`,
        agent.priced !== (two?.cost_usd ?? 0) > 0 && `the second round cost ${two?.cost_usd}`,
      ];
    },
  },
];

/** Plays a scene to its end, and holds what the house kept of it against what happened. */
export async function play(
  scene: Scene,
  { agent, house, model }: Pick<Staged, "agent" | "house"> & { model: Pick<Llm, "heard"> },
): Promise<Played> {
  const before = model.heard.length;
  const { id: run } = await house.client.startRun({ workflow: `${agent.name}-${scene.name}` });
  const staged = { agent, house, run };
  const meddled = (await scene.meddle?.(staged)) ?? [];
  const over = await house.over(run);
  const execution = over.executions.at(-1);
  if (!execution) return { execution: "", broken: ["nothing was tried"], figures: {} };
  // A cancelled run is over at once, its program when it has had time to say so.
  const quiet = await eventually(() => {
    const end = sessionOf(house.stateDir, execution.id)?.lines.at(-1);
    return end?.type === "result" && carriers(execution.id, 0).length === 0;
  });
  const decoder = agent.decoder();
  const lines = house.stdout(execution.id).split("\n");
  const events = [...lines.filter(Boolean).flatMap((line) => decoder.line(line)), ...decoder.end()];
  const heard = model.heard.slice(before);
  const session = sessionOf(house.stateDir, execution.id);
  const said = session?.lines ?? [];
  const told = scene.judge({ ...staged, over, execution, events, heard });
  return {
    execution: execution.id,
    broken: [
      ...meddled,
      ...(quiet ? [] : [`of its programs ${carriers(execution.id, 0).length} live on, or its session has no end`]),
      ...told.filter((each) => each !== false),
      ...(session?.wrong ?? ["there is no session file"]).map((each) => `the session file: ${each}`),
      ...(said.filter(({ type }) => type === "result").length === 1 ? [] : ["the session has not one result"]),
      ...(String(tokensIn(said)) === String(tokensTold(said)) ? [] : ["the session's lines add up to other tokens"]),
    ],
    figures: {
      turns: execution.turns,
      input_tokens: execution.input_tokens,
      output_tokens: execution.output_tokens,
      cost_usd: execution.cost_usd,
      session_lines: said.length,
      retries: retriesIn(events),
      requests: heard.length,
    },
  };
}

function retriesIn(events: readonly AgentEvent[]): number {
  return events.filter(({ type }) => type === "retry").length;
}

async function eventually(holds: () => boolean): Promise<boolean> {
  for (let waited = 0; waited < PATIENCE_MS; waited += 50) {
    if (holds()) return true;
    await pause(50);
  }
  return holds();
}
