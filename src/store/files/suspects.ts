import { closeSync, constants, openSync, readSync, writeSync } from "node:fs";

/**
 * Whose data the daemon handles at this instant, kept where a crash leaves it to be read: `STATE_DIR/suspects` (engine
 * rule 21). One slot is enough, since handling is synchronous and one thread does it.
 */
export interface Suspects {
  /** How the last daemon ended, and the run it had in hand when it did not end in good order. */
  readonly before: { readonly clean: boolean; readonly run: string | null };
  /** Does the work with the run's name in the slot. */
  handling<T>(run: string, work: () => T): T;
  /** Says that this daemon ended in good order; where that cannot be written, it is left unsaid. */
  clean(): void;
  close(): void;
}

const SLOT_BYTES = 64;
const CLEAN = "clean";
const SERVING = "serving";

export function openSuspects(file: string): Suspects {
  const descriptor = openSync(file, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
  const left = read(descriptor);
  const put = (word: string): void => {
    writeSync(descriptor, `${word.padEnd(SLOT_BYTES - 1)}\n`, 0, "latin1");
  };
  put(SERVING);
  return {
    before: {
      clean: left === "" || left === CLEAN,
      run: left === "" || left === CLEAN || left === SERVING ? null : left,
    },
    handling: (run, work) => {
      // No fsync: the kernel keeps what a killed process wrote, and a power cut is nobody's fault.
      put(run.slice(0, SLOT_BYTES - 1));
      try {
        return work();
      } finally {
        put(SERVING);
      }
    },
    clean: () => {
      try {
        put(CLEAN);
      } catch {
        // The next daemon takes this end for a crash, and blames nobody; a stop that broke off here would never end.
      }
    },
    close: () => closeSync(descriptor),
  };
}

function read(descriptor: number): string {
  const bytes = Buffer.alloc(SLOT_BYTES);
  const length = readSync(descriptor, bytes, 0, SLOT_BYTES, 0);
  return bytes.toString("latin1", 0, length).trim();
}
