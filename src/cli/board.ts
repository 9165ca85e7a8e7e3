import type { Clock } from "../domain/clock.ts";
import { isFinal } from "../domain/graph.ts";
import { isOver } from "../domain/run.ts";
import type { RunBody } from "../http/api.ts";
import { lengthOf } from "./moments.ts";
import { phasesOf, phaseTable } from "./phases.ts";
import { clean, type Terminal } from "./terminal.ts";

/** A run as it goes: a table drawn over where a person looks, a line for each change where a file or a pipe does. */
export interface Board {
  show(run: RunBody): void;
  /** Draws no more. What stands there stays, but for the table of a run that is over: whoever asked prints the whole. */
  end(): void;
  /** What has been told, for the board after this one. */
  readonly seen: Map<string, string>;
}

export function openBoard(terminal: Terminal, clock: Clock, seen: Map<string, string> = new Map()): Board {
  return terminal.lively ? drawnBoard(terminal, clock, seen) : toldBoard(terminal, clock, seen);
}

const REFRESH_MS = 200;

function drawnBoard(terminal: Terminal, clock: Clock, seen: Map<string, string>): Board {
  let run: RunBody | null = null;
  let drawn = 0;
  let cancelTick = (): void => {};

  /** Up to where the table began, and away with all below it: the table may have grown shorter. */
  function erasure(): string {
    return drawn > 0 ? `\u001b[${drawn}A\u001b[J` : "";
  }
  function draw(): void {
    if (!run) return;
    const lines = `${phaseTable(terminal, run, clock.now())}\n`;
    terminal.write(`${erasure()}${lines}`);
    drawn = lines.split("\n").length - 1;
  }
  function tick(): void {
    cancelTick = clock.after(REFRESH_MS, () => {
      draw();
      tick();
    });
  }

  return {
    seen,
    show: (next) => {
      cancelTick();
      run = next;
      draw();
      if (!isOver(next.status)) tick();
    },
    end: () => {
      cancelTick();
      if (run && isOver(run.status)) terminal.write(erasure());
    },
  };
}

function toldBoard(terminal: Terminal, clock: Clock, seen: Map<string, string>): Board {
  return {
    seen,
    show: (run) => {
      for (const { name, status, tookMs, said } of phasesOf(run, clock.now())) {
        if (status === "pending" || seen.get(name) === status) continue;
        seen.set(name, status);
        const took = isFinal(status) && tookMs !== null ? ` in ${lengthOf(tookMs)}` : "";
        terminal.line(clean(`${name} ${status}${took}${said === "" ? "" : `: ${said}`}`));
      }
    },
    end: () => {},
  };
}
