import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Clock } from "../../src/domain/clock.ts";
import { redactor } from "../../src/domain/redaction.ts";
import type { DeliverySource } from "../../src/domain/source.ts";
import { drafter } from "../../src/engine/dispatch.ts";
import type { Engine } from "../../src/engine/engine.ts";
import type { Settings } from "../../src/engine/settings.ts";
import type { Hooks } from "../../src/http/routes/hooks.ts";
import type { Store } from "../../src/store/store.ts";
import { createIntake, type Intake } from "../../src/triggers/intake.ts";
import { limits, type Rates } from "../../src/triggers/rates.ts";
import { refusals } from "../../src/triggers/refusals.ts";
import { type Replay, replayer } from "../../src/triggers/replay.ts";
import { webhooks } from "../../src/triggers/webhook.ts";
import type { Library } from "../../src/workflow/library.ts";
import { silent } from "./engine.ts";

export const WEBHOOK_SECRET = "It's a Secret to Everybody";

/** How a test's daemon takes in what comes from outside. */
export interface IntakeOptions {
  readonly rates?: Rates;
  readonly sources?: readonly DeliverySource[];
  readonly secrets?: { readonly [name: string]: string };
  readonly github?: readonly string[];
  readonly self?: readonly string[];
}

export function intakeOf(
  world: {
    engine: Pick<Engine, "accept">;
    store: Store;
    library: Pick<Library, "get" | "list">;
    clock: Clock;
    settings: Settings;
  },
  options: IntakeOptions = {},
): { hooks: Hooks; replay: Replay; intake: Intake } {
  const { engine, store, library, clock, settings } = world;
  const { rates = { perSource: 0, perActor: 0 }, sources = [], secrets = {}, self = [] } = options;
  const bounds = limits(rates);
  const intake = createIntake({
    engine,
    deliveries: store.deliveries,
    workflows: () => library.list().flatMap(({ version }) => (version ? [version] : [])),
    draft: drafter({ library, store, clock, settings }),
    house: { holdLabel: "lastlight:hold" },
    words: redactor(secrets),
    limit: bounds.actor,
    clock,
  });
  const hooks = {
    sources: webhooks({ github: options.github ?? [WEBHOOK_SECRET], self, sources, secrets }),
    intake,
    limits: bounds,
    refusals: refusals(clock, silent),
  };
  return { hooks, intake, replay: replayer({ deliveries: store.deliveries, intake, self, clock }) };
}

/** One of GitHub's recorded payloads. */
export interface Example {
  readonly event: string;
  readonly payload: { readonly [name: string]: unknown } & { readonly action?: string };
  readonly body: string;
}

/** All of them, in the order of the package. */
export function examples(): readonly Example[] {
  const file = new URL("../../node_modules/@octokit/webhooks-examples/api.github.com/index.json", import.meta.url);
  const all = JSON.parse(readFileSync(file, "utf8")) as { name: string; examples: Example["payload"][] }[];
  return all.flatMap(({ name, examples: payloads }) =>
    payloads.map((payload) => ({ event: name, payload, body: JSON.stringify(payload) })),
  );
}

export function signatureOf(body: string | Uint8Array, secret = WEBHOOK_SECRET): string {
  return `sha256=${createHmac("sha256", secret).update(body).digest("hex")}`;
}

/** The head of a delivery as GitHub sends it. */
export function githubHead(of: { event: string; id: string; body: string | Uint8Array }): Record<string, string> {
  return {
    "content-type": "application/json",
    "user-agent": "GitHub-Hookshot/044aadd",
    "x-github-delivery": of.id,
    "x-github-event": of.event,
    "x-hub-signature-256": signatureOf(of.body),
  };
}
