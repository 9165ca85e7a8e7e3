import type { GrammarWorld } from "./grammar.ts";

/** All that people were told, once nothing more is owed to them by now. */
export async function said(world: GrammarWorld): Promise<readonly string[]> {
  for (;;) {
    const due = await world.store.nextDue();
    if (due === null || due > world.clock.now()) break;
    await new Promise<void>((resolve) => void setImmediate(resolve));
  }
  // What is being said is said to its end before an engine lets go.
  await world.restart();
  return world.told;
}
