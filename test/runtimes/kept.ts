import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { systemClock } from "../../src/domain/clock.ts";
import type { Ended, Program } from "../../src/engine/contracts/keeper.ts";
import type { AgentAsk, Runtime } from "../../src/engine/contracts/runtime.ts";
import { createKeeper } from "../../src/engine/keeper.ts";
import { createTranscripts } from "../../src/engine/transcript.ts";
import { sessions } from "../../src/store/files/sessions.ts";
import { spool } from "../../src/store/files/spool.ts";
import { workspaces } from "../../src/store/files/workspaces.ts";
import { silent } from "../support/engine.ts";
import { UNCONFINED } from "../support/sandboxes.ts";
import { temporaryFolder } from "../support/world.ts";

/** What an agent is asked where the test does not care. */
export const ASK: AgentAsk = {
  name: "think",
  phase: "think",
  attempt: 1,
  prompt: "Think of rain",
  model: null,
  variant: null,
  session: null,
};

/** A keeper alone, and one agent under it: no engine, no rows. */
export function kept(path: string = process.env.PATH ?? "") {
  const folder = temporaryFolder();
  const clock = systemClock();
  const execution = clock.id();
  const keeper = createKeeper({
    spool: spool(join(folder, "spool")),
    workspaces: workspaces({ root: join(folder, "workspaces"), id: clock.id }),
    clock,
    environment: { PATH: path, HOME: folder },
    sandboxes: UNCONFINED,
    transcripts: createTranscripts({
      sessions: sessions(join(folder, "sessions"), clock),
      clock,
      log: silent,
      version: "0.0.0",
    }),
    log: silent,
    onUnknown: (error) => {
      throw error;
    },
  });
  const abort = new AbortController();
  onTestFinished(() => keeper.clear(execution));
  const workspace = keeper.workspace("run-1");
  mkdirSync(workspace, { recursive: true });
  const stdout = join(folder, "spool", execution, "stdout");
  return {
    execution,
    workspace,
    abort,
    printed: (): string => (existsSync(stdout) ? readFileSync(stdout, "utf8") : ""),
    run: (runtime: Runtime, ask: Partial<AgentAsk> = {}, more: Partial<Program> = {}): Promise<Ended> => {
      const made = runtime.program({ ...ASK, ...ask });
      const prompt = ask.prompt ?? ASK.prompt;
      return keeper.run(
        {
          execution,
          run: "run-1",
          home: "think",
          startedAt: clock.now(),
          told: {
            tool: "script",
            command: prompt,
            ...("decoder" in runtime ? { agent: { decoder: runtime.decoder, used: () => {} } } : {}),
          },
          argv: made.argv,
          environment: made.environment,
          files: { LASTLIGHT_PROMPT: prompt, ...made.files },
          timeoutMs: 20_000,
          ...more,
        },
        abort.signal,
      );
    },
  };
}
