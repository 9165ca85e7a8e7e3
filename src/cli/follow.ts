import { isOver } from "../domain/run.ts";
import type { RunBody } from "../http/api.ts";
import type { Client } from "../http/client.ts";
import type { ApprovalLine } from "../store/lines.ts";
import { openBoard } from "./board.ts";
import type { Desk } from "./desk.ts";

/** Shows a run until it is over and returns it as it ended; ends early when the signal or the terminal says so. */
export async function follow(
  desk: Desk,
  client: Pick<Client, "watchRun" | "run">,
  id: string,
  options: {
    /** Called once for each gate that opens, while nothing is drawn. */
    onGate: (gate: ApprovalLine, run: RunBody) => Promise<void>;
    silent?: boolean;
    signal?: AbortSignal;
  },
): Promise<RunBody> {
  const { closed } = desk.terminal;
  const signal = options.signal ? AbortSignal.any([options.signal, closed]) : closed;
  const asked = new Set<string>();
  let board = options.silent ? null : openBoard(desk.terminal, desk.clock);
  let run = await client.run(id);
  board?.show(run);
  try {
    for await (const _ of client.watchRun(id, signal)) {
      run = await client.run(id);
      board?.show(run);
      if (isOver(run.status)) break;
      for (const gate of run.approvals) {
        if (gate.status !== "pending" || asked.has(gate.id)) continue;
        asked.add(gate.id);
        const before = board;
        board?.end();
        await options.onGate(gate, run);
        board = before ? openBoard(desk.terminal, desk.clock, before.seen) : null;
      }
    }
    return run;
  } finally {
    board?.end();
  }
}
