/** Someone wants it to end: the signal that said so. Thrown, so that everything on the way out is put in order. */
export class Interrupt extends Error {
  readonly exitCode: number;

  constructor(signal: keyof typeof CODES) {
    super(`ended by ${signal}`);
    this.exitCode = CODES[signal];
  }
}

/** What a shell makes of each: 128 and the signal's number. */
const CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
const SIGNALS = Object.keys(CODES) as (keyof typeof CODES)[];

/** Turns signals into an abort, as long as the work lasts; npm may send each of them twice. */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const abort = new AbortController();
  const hear = (signal: NodeJS.Signals): void => abort.abort(new Interrupt(signal as keyof typeof CODES));
  for (const each of SIGNALS) process.on(each, hear);
  try {
    return await work(abort.signal);
  } finally {
    for (const each of SIGNALS) process.off(each, hear);
  }
}
