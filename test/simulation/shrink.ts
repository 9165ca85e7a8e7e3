import { type Choices, replayed, type Script } from "./choices.ts";
import { type Passed, pass } from "./storm.ts";

const MOST_REPLAYS = 400;

/** The same promise broken by as few choices as can be found, by delta debugging; and the life that shows it. */
export async function shrunk(
  script: Script,
  broken: string,
  live: (choices: Choices) => Promise<Passed> = pass,
): Promise<Passed> {
  let left = MOST_REPLAYS;
  let best = await live(replayed(script));

  /** Whether so many choices are enough; then only those that were asked for are kept. */
  async function falls(choices: readonly (readonly [string, number])[]): Promise<boolean> {
    if (left <= 0) return false;
    left--;
    const tried = await live(replayed({ seed: script.seed, choices: Object.fromEntries(choices) }));
    if (tried.violation?.invariant !== broken) return false;
    best = tried;
    return true;
  }
  const entries = (): [string, number][] => Object.entries(best.script.choices);

  async function fewer(): Promise<void> {
    let parts = 2;
    while (left > 0 && entries().length > 1) {
      const all = entries();
      const size = Math.ceil(all.length / parts);
      let found = false;
      for (let at = 0; at < all.length && !found; at += size)
        found = await falls([...all.slice(0, at), ...all.slice(at + size)]);
      if (found) parts = Math.max(parts - 1, 2);
      else if (size === 1) return;
      else parts = Math.min(parts * 2, all.length);
    }
  }

  async function smaller(): Promise<void> {
    for (const [name, value] of entries())
      for (let less = 1; less < value && Object.hasOwn(best.script.choices, name); less++)
        if (await falls(entries().map(([each, was]) => [each, each === name ? less : was]))) break;
  }

  /** What happens at a numbered moment may as well happen at an earlier one, before so much else has. */
  async function sooner(): Promise<void> {
    for (const [name] of entries()) {
      const [, before, number, after] = /^(after step |commit |notice of commit |turn )(\d+)(.*)$/.exec(name) ?? [];
      for (const moment of earlier(Number(number ?? 0))) {
        const renamed = `${before}${moment}${after}`;
        if (!Object.hasOwn(best.script.choices, name)) break;
        if (await falls(entries().map(([each, value]) => [each === name ? renamed : each, value]))) break;
      }
    }
  }

  await fewer();
  await sooner();
  await fewer();
  await smaller();
  return best;
}

/** The first ones, then ever larger steps up to the moment itself. */
function earlier(moment: number): number[] {
  const tried: number[] = [];
  for (let at = 2; at < moment; at = Math.max(at + 2, Math.floor(at * 1.25))) tried.push(at);
  return tried;
}

/** A life that broke a promise, to be read by people. */
export function inWords({ script, violation, workflows, lines }: Passed): string {
  const choices = Object.entries(script.choices).map(([name, value]) => `  ${name}: ${value}`);
  return [
    `seed ${script.seed} breaks "${violation?.invariant}": ${violation?.sentence}`,
    `  ${violation?.detail}`,
    "workflows:",
    workflows,
    `choices (${choices.length}; everything else is dull):`,
    ...choices,
    "what happened:",
    ...lines.map((line) => `  ${line}`),
  ].join("\n");
}
