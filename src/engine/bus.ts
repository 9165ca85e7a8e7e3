import { EventEmitter } from "eventemitter3";
import type { RunChange } from "../store/store.ts";

/** News of committed changes for whoever watches. A hint: to miss one costs latency, never truth. */
export interface Bus {
  publish(changes: readonly RunChange[]): void;
  /** One run's changes, or every run's. */
  subscribe(run: string | null, listen: (change: RunChange) => void): () => void;
}

const ALL = Symbol("every run");

export function createBus(): Bus {
  const emitter = new EventEmitter();
  return {
    publish: (changes) => {
      if (emitter.eventNames().length === 0) return;
      for (const change of changes) {
        emitter.emit(change.run, change);
        emitter.emit(ALL, change);
      }
    },
    subscribe: (run, listen) => {
      const event = run ?? ALL;
      emitter.on(event, listen);
      return () => emitter.off(event, listen);
    },
  };
}
