import { onTestFinished } from "vitest";
import { messageOf } from "../../../src/connectors/slack/blocks.ts";
import { type Outgoing, slack } from "../../../src/connectors/slack/client.ts";
import type { Told } from "../../../src/connectors/slack/failure.ts";
import { type FakeClock, fakeClock } from "../../support/clock.ts";
import { type FakeSlack, fakeSlack } from "../../support/slack/slack.ts";

export const START = "2026-11-21T09:00:00.000Z";

/** A Slack with Ana and Ben in it, a channel, and a clock that both of us go by. */
export async function openSlack(): Promise<{ fake: FakeSlack; clock: FakeClock }> {
  const clock = fakeClock(START);
  const fake = await fakeSlack({ now: () => Date.parse(clock.now()) });
  onTestFinished(() => fake.close());
  fake.person("U0ANA", { name: "Ana", email: "ana@acme.test" });
  fake.person("U0BEN", { name: "Ben" });
  fake.channel("C0SHIP");
  return { fake, clock };
}

export async function openClient() {
  const { fake, clock } = await openSlack();
  const client = slack({ api: fake.api, token: fake.token, clock });
  return { fake, clock, client };
}

export function outgoing(text: string, more: Partial<Outgoing> = {}): Outgoing {
  return { channel: "C0SHIP", thread: null, message: messageOf(text), effect: "run-1/ask/1", ...more };
}

/** The value, where there is one; the test ends here where there is none. */
export function value<T>(told: Told<T>): T {
  if (!told.ok) throw new Error(told.words);
  return told.value;
}

/** Resolves once it holds. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
}
