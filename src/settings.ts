import { join } from "node:path";
import type { Config } from "./config.ts";
import { ACTIONS } from "./domain/action.ts";
import type { Clock } from "./domain/clock.ts";
import type { Retention } from "./domain/retention.ts";
import type { Sandboxes } from "./engine/contracts/sandbox.ts";
import type { Settings } from "./engine/settings.ts";
import type { Oidc } from "./http/routes/login.ts";
import { type Repositories, repositories } from "./store/files/workspaces/repositories.ts";

/** Where repositories come from, where the configuration says so. */
export function repositoriesOf(
  { repositories: base, stateDir, programEnvironment }: Config,
  clock: Clock,
): Repositories | null {
  if (base === null) return null;
  return repositories({ base, root: join(stateDir, "repositories"), clock, environment: programEnvironment });
}

/** Few daemons have a provider, and what speaks its language takes a while to load. */
export function oidcOf({ oidc: config }: Config, clock: Clock): Oidc | null {
  if (!config) return null;
  let provider: ReturnType<Oidc["provider"]> | null = null;
  return {
    provider: () => {
      provider ??= import("./http/identity/oidc.ts").then(({ oidc }) => oidc({ ...config, clock }));
      return provider;
    },
    admission: config,
  };
}

/** Where the bytes of artefacts lie. */
export function artefactsOf({ stateDir }: Config): string {
  return join(stateDir, "artefacts");
}

/** For how long what runs leave behind is kept. */
export function retentionOf({ workspacesDays: days, workspacesFailedDays: failedDays }: Config): Retention {
  return { days, failedDays };
}

/** What texts and phases may look at. */
export function settingsOf(config: Config, sandbox: keyof Sandboxes): Settings {
  const { models, variants, approvals, secrets, publicUrl, agent, unsandboxed } = config;
  return {
    models,
    variants,
    approvals,
    secrets,
    publicUrl,
    agent,
    unsandboxed,
    sandbox,
    path: config.programEnvironment.PATH ?? "",
    hidden: [config.stateDir],
    actions: config.github ? Object.keys(ACTIONS) : [],
    artefacts: artefactsOf(config),
  };
}
