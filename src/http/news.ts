import type { Clock } from "../domain/clock.ts";
import { isOver } from "../domain/run.ts";
import type { Bus } from "../engine/bus.ts";
import type { Store } from "../store/store.ts";
import type { RunNews } from "./api.ts";

/** The open event streams of a server: counted, bounded, ended together. */
export interface Newsroom {
  readonly full: boolean;
  /**
   * One run's changes as an event stream, from its state now to its end. Nothing at or before `seen` is sent. Null when
   * the run is over and everything was seen.
   */
  open(run: string, seen: number): Promise<ReadableStream<Uint8Array> | null>;
  close(): void;
}

const HEARTBEAT_MS = 15_000;
const STREAMS = 200;
const BACKLOG = 32;

export function openNewsroom(options: { bus: Bus; store: Store; clock: Clock; streams?: number }): Newsroom {
  const { bus, store, clock, streams = STREAMS } = options;
  const open = new Set<() => void>();

  return {
    get full() {
      return open.size >= streams;
    },
    close: () => {
      for (const end of [...open]) end();
    },
    open: async (run, seen) => {
      let waiting: string[] = [];
      let rev = seen;
      let over = false;
      let wake = (): void => {};
      let cancelHeartbeat = (): void => {};

      const end = (): void => {
        over = true;
        unsubscribe();
        cancelHeartbeat();
        open.delete(end);
        wake();
      };
      const tell = (news: RunNews): void => {
        if (over || news.rev <= rev) return;
        rev = news.rev;
        // A reader who does not keep up hears the newest and misses what was between.
        if (waiting.length >= BACKLOG) waiting = [];
        waiting.push(`id: ${news.rev}\nevent: run\ndata: ${JSON.stringify(news)}\n\n`);
        if (isOver(news.status)) end();
        wake();
      };
      const look = async (): Promise<void> => {
        const now = await store.run(run);
        if (now) tell({ run, rev: now.rev, status: now.status });
        if (!now || isOver(now.status)) end();
      };
      const beat = (): void => {
        if (waiting.length === 0) waiting.push(": still here\n\n");
        // News is a hint that may be lost; the row is the truth.
        look().catch(end);
        wake();
        if (!over) cancelHeartbeat = clock.after(HEARTBEAT_MS, beat);
      };

      open.add(end);
      // Listening begins before the first look, so that nothing falls between.
      const unsubscribe = bus.subscribe(run, tell);
      try {
        await look();
      } catch (error) {
        end();
        throw error;
      }
      if (over && waiting.length === 0) return null;
      if (!over) cancelHeartbeat = clock.after(HEARTBEAT_MS, beat);

      const encoder = new TextEncoder();
      return new ReadableStream({
        pull: async (stream) => {
          while (waiting.length === 0 && !over) await new Promise<void>((resolve) => (wake = resolve));
          const text = waiting.splice(0).join("");
          if (text !== "") stream.enqueue(encoder.encode(text));
          if (over) stream.close();
        },
        cancel: end,
      });
    },
  };
}
