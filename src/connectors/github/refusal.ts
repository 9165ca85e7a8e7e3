import type { Undone } from "../../engine/contracts/deliverer.ts";

/** GitHub, or the way to it, said no: in its own words, and when it is worth asking again. Caught at the connector's border. */
export class Refusal extends Error {
  readonly status: number | null;
  readonly again: Undone["again"];

  constructor(message: string, again: Undone["again"], status: number | null = null) {
    super(message);
    this.name = "Refusal";
    this.again = again;
    this.status = status;
  }
}

/** What was done, or why it was not. Anything but a refusal is a surprise, and thrown on. */
export async function heard<T>(work: () => Promise<T>): Promise<T | Undone> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { done: false, error: error.message, again: error.again };
  }
}
