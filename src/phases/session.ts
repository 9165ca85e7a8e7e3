import { isSessionId, type Resumed } from "../domain/agent.ts";
import type { PhaseExecution } from "../engine/contracts/phase.ts";
import type { Runtime } from "../engine/contracts/runtime.ts";
import type { Brief } from "../store/store.ts";

/**
 * The session that a try goes on with, where its phase asks for that and there is one; `note` tells why there is none to
 * be gone on with. It hangs on nothing but tries that are over: carried out again, the try gets the same.
 */
export function continued({ earlier }: Brief, runtime: Runtime): { resumes?: Resumed; note?: string } {
  if (!earlier) return {};
  const { execution: of, session: id, status, input, used: before } = earlier;
  const anew = (why: string) => ({ note: `A new session, since ${why}: ${id}, of ${of}, is not gone on with` });
  // Its last words may be half a call of a tool, or what made it fail; and where it was lost nobody knows which.
  if (status !== "ok") return anew("the try before did not end well");
  const { agent } = (input ?? {}) as { readonly agent?: unknown };
  if (agent !== runtime.name) return anew(`the agent was ${String(agent)}`);
  if (!runtime.resumes) return anew(`${runtime.name} cannot go on with one`);
  return isSessionId(id) && runtime.resumes(id) ? { resumes: { id, of, before } } : anew("its name is none");
}

/** A name is corrected once, where a session turns out to be gone; a stream that goes on naming is no runtime's. */
const MOST_NAMES = 10;

/** Keeps what the runtime calls the session at once, so that a try which is lost has it too. */
export function sessionNews({ keepSession }: Pick<PhaseExecution, "keepSession">) {
  let names = 0;
  let keeping: { readonly session: string; readonly kept: Promise<void> } | null = null;
  return {
    began: (session: string): void => {
      if (!isSessionId(session) || ++names > MOST_NAMES) return;
      const kept = keepSession(session);
      kept.catch(() => {});
      keeping = { session, kept };
    },
    /** Resolves when the last name is kept: where there was no room for it, by now there may be. */
    settled: async (): Promise<void> => {
      if (!keeping) return;
      const { session, kept } = keeping;
      await kept.catch(() => keepSession(session));
    },
  };
}
