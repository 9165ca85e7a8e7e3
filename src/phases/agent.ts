import type { Resumed } from "../domain/agent.ts";
import type { Outcome } from "../domain/execution.ts";
import { Fault } from "../domain/fault.ts";
import type { Json } from "../domain/json.ts";
import { roundOf } from "../domain/round.ts";
import type { AgentPhase } from "../domain/workflow.ts";
import type { Program } from "../engine/contracts/keeper.ts";
import type { PhaseExecution, PhaseKind } from "../engine/contracts/phase.ts";
import type { AgentAsk, Runtime } from "../engine/contracts/runtime.ts";
import { isApproved, scopeOfTry } from "../engine/scope.ts";
import { mayWork, type Settings } from "../engine/settings.ts";
import { workplaceOf } from "../engine/workplace.ts";
import type { Workplace } from "../store/files/workspaces.ts";
import type { Brief } from "../store/store.ts";
import { evaluate } from "../workflow/expression.ts";
import { render, type Scope } from "../workflow/template.ts";
import { confinementOf } from "./confinement.ts";
import { heard, without } from "./heard.ts";
import { isFound } from "./pattern.ts";
import {
  type Asks,
  askedAfter,
  asking,
  checkedValues,
  collected,
  environmentOf,
  filesOf,
  outcomeOf,
  secretsOf,
  timeoutOf,
} from "./program.ts";
import { continued, sessionNews } from "./session.ts";

/** An agent at work on a prompt; in a loop also the command that says whether it is enough. `named` makes what a name describes. */
export function agent(runtimes: readonly Runtime[], named: (name: string) => Runtime | null = () => null): PhaseKind {
  const byName = new Map(runtimes.map((each) => [each.name, each]));

  async function execute(execution: PhaseExecution): Promise<Outcome> {
    const brief = await execution.brief();
    const phase = brief.version.workflow.phases.find((each) => each.name === brief.grant.phase) as AgentPhase;
    const round = roundOf(phase.name, brief.grant.name);
    return round?.part === "check" ? check(execution, brief, phase) : work(execution, brief, phase);
  }

  async function work(execution: PhaseExecution, brief: Brief, phase: AgentPhase): Promise<Outcome> {
    const { settings, handling, keepInput, keeper, signal } = execution;
    const before = brief.input as (Given & { readonly [key: string]: Json }) | null;
    const { session: _, ...asked } = before ?? handling(() => givenOf(brief, phase, settings));
    const runtime = byName.get(asked.agent) ?? named(asked.agent);
    if (!runtime) throw new Fault("phase.unsupported", `Agents of kind "${asked.agent}" are not carried out here`);
    // Not what the try before was given, which may have left its session in any state.
    const { resumes, note } = continued(brief, runtime);
    const given: Given = { ...asked, ...(resumes ? { session: resumes } : {}) };
    // Asked before the run began, too; but a daemon may come that is more careful than the one it began under.
    if (!mayWork(given.agent, settings))
      throw new Fault("sandbox.missing", `Phase "${phase.name}" would have an agent work without a sandbox`);
    // Only what is carried out: a later try is not to be given a runtime that was never there.
    if (before === null) await keepInput(given as unknown as Json);
    const { grant } = brief;
    const ask: AgentAsk = {
      name: grant.name,
      phase: grant.phase,
      attempt: grant.attempt,
      prompt: given.prompt,
      model: given.model,
      variant: given.variant,
      session: resumes ?? null,
    };
    const news = sessionNews(execution);
    const timeoutMs = timeoutOf(phase, brief);
    const made = handling(() => runtime.program(ask));
    const secrets = { ...keysOf(runtime, given.model, settings), ...secretsOf(phase, settings) };
    const needs = runtime.needs(settings.path, Object.keys(secrets), ask.session);
    const ended = await keeper.run(
      {
        ...place(brief),
        ...confinementOf(brief, phase, settings, needs),
        home: phase.matrix ? grant.name : phase.name,
        told: {
          tool: "script",
          command: given.prompt,
          ...("decoder" in runtime
            ? {
                agent: {
                  decoder: runtime.decoder,
                  used: execution.used,
                  began: news.began,
                  ...(resumes ? { resumes } : {}),
                  ...(note === undefined ? {} : { note }),
                },
              }
            : {}),
        },
        argv: made.argv,
        environment: {
          ...environmentOf(brief, phase),
          ...given.values,
          ...made.environment,
          ...secrets,
        },
        files: { ...filesOf(brief, phase), LASTLIGHT_PROMPT: given.prompt, ...made.files },
        timeoutMs,
      },
      signal,
    );
    await news.settled();
    const outcome = handling(() =>
      judged(heard(ended, timeoutMs, runtime, given as unknown as Json), phase, brief, settings),
    );
    return collected(execution, workplaceOf(brief), phase, outcome);
  }

  return { type: "agent", outlives: true, execute };
}

/** What an agent's try is given: kept before it starts. */
interface Given {
  readonly prompt: string;
  readonly agent: string;
  readonly model: string | null;
  readonly variant: string | null;
  readonly values: { readonly [variable: string]: string };
  /** The session it goes on with. */
  readonly session?: Resumed;
}

function givenOf(brief: Brief, phase: AgentPhase, settings: Settings): Given {
  const scope = scopeOfTry(brief, phase, settings);
  const part = roundOf(phase.name, brief.grant.name)?.part;
  const { loop } = phase;
  const fixing = part === "fix";
  const file = fixing ? loop?.fixPrompt : part === "recheck" ? loop?.recheckPrompt : phase.prompt;
  const chosen = (text: string | undefined, fix: string | undefined, of: Settings["models"]): string | null =>
    (fixing ? (filled(fix, scope) ?? named(of, `${phase.name}_fix`)) : null) ??
    filled(text, scope) ??
    named(of, phase.name);
  const kind = phase.agent ?? settings.agent;
  if (kind === null) throw new Fault("phase.unsupported", "No agent is set up: set LASTLIGHT_AGENT");
  return {
    prompt: promptOf(brief, phase, file, scope),
    agent: kind,
    model: chosen(phase.model, loop?.fixModel, settings.models),
    variant: chosen(phase.variant, loop?.fixVariant, settings.variants),
    values: valuesOf(phase, scope),
  };
}

function named(of: { readonly [name: string]: string }, name: string): string | null {
  return Object.hasOwn(of, name) ? (of[name] as string) : null;
}

function valuesOf({ env }: AgentPhase, scope: Scope): Given["values"] {
  return checkedValues(
    Object.fromEntries(Object.entries(env ?? {}).map(([name, text]) => [name, render(text, scope)])),
  );
}

function promptOf(brief: Brief, phase: AgentPhase, named: string | undefined, scope: Scope): string {
  const files = brief.version.workflow.files ?? {};
  if (named !== undefined) {
    const text = Object.hasOwn(files, named) ? files[named] : undefined;
    if (text === undefined) throw new Fault("template.failed", `prompt file ${named} is not part of this version`);
    return render(text, scope);
  }
  const [skill] = phase.skills ?? [];
  const context = JSON.stringify(brief.context, null, 2);
  return `Use the skill "${skill}" for this:\n\n${context}\n`;
}

function filled(text: string | undefined, scope: Scope): string | null {
  const value = text === undefined ? "" : render(text, scope).trim();
  return value === "" ? null : value;
}

/** Of the secrets that open the agent's models those that are set: it may as well use a login of its own. */
function keysOf(runtime: Runtime, model: string | null, { secrets }: Settings): Settings["secrets"] {
  return Object.fromEntries(
    runtime.keys(model).flatMap((name) => (Object.hasOwn(secrets, name) ? [[name, secrets[name] as string]] : [])),
  );
}

/** What the author looks for in the words: markers, verdicts, conditions, and whether a person is to be asked. */
function judged(outcome: Outcome, phase: AgentPhase, brief: Brief, settings: Settings): Outcome {
  if (outcome.type !== "succeeded") return outcome;
  const text = outcome.output?.text ?? "";
  const scope = { ...scopeOfTry(brief, phase, settings), output: text };
  const { genericLoop, loop, requiresMarker, blocked } = phase;
  if (blocked && text.toUpperCase().includes("BLOCKED")) {
    if (isBypassed(blocked, brief.context)) outcome = { ...outcome, says: ["on_blocked_bypassed"] };
    else if (blocked.action === "fail") {
      const error = "the output says BLOCKED";
      return { ...without(outcome), type: "failed", failure: "agent_error", error, says: ["on_blocked"] };
    }
  }
  const marker = requiresMarker === undefined || text.includes(requiresMarker);
  if (!genericLoop && !marker)
    return {
      ...without(outcome),
      type: "failed",
      failure: "agent_error",
      error: `the output does not hold the marker "${requiresMarker}"`,
    };
  const until = genericLoop?.until === undefined ? undefined : evaluate(genericLoop.until, scope).value;
  const approved = loop && roundOf(phase.name, brief.grant.name)?.part !== "fix" ? isApproved(text) : undefined;
  const seen = { ...defined({ until, approved }), ...(requiresMarker === undefined ? {} : { marker }) };
  return { ...outcome, seen, ...questionOf(phase, brief, scope, settings) };
}

/** What a person is asked after this try, where one is. */
function questionOf(phase: AgentPhase, brief: Brief, scope: Scope, settings: Settings): Asks {
  const { genericLoop, label } = phase;
  return genericLoop
    ? genericLoop.gate
      ? asking(brief, genericLoop.gate.message, scope, `${label}: may it go on?`)
      : {}
    : askedAfter(phase, brief, scope, settings);
}

const LONGEST_PATTERN = 200;
const LONGEST_TITLE = 1_000;

/** A label, or words in the title, let a blocked run go on. */
function isBypassed({ unlessLabel, unlessTitleMatches }: NonNullable<AgentPhase["blocked"]>, context: Json): boolean {
  const { issueLabels, issueTitle } = (context ?? {}) as { issueLabels?: Json; issueTitle?: Json };
  if (unlessLabel !== undefined && Array.isArray(issueLabels) && issueLabels.includes(unlessLabel)) return true;
  if (unlessTitleMatches === undefined || typeof issueTitle !== "string") return false;
  return (
    unlessTitleMatches.length <= LONGEST_PATTERN && isFound(unlessTitleMatches, issueTitle.slice(0, LONGEST_TITLE))
  );
}

function defined<T extends object>(fields: T): { [Key in keyof T]: Exclude<T[Key], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [Key in keyof T]: Exclude<T[Key], undefined>;
  };
}

/** The command that says whether a loop has gone round often enough: exit 0 means it has. */
async function check(execution: PhaseExecution, brief: Brief, phase: AgentPhase): Promise<Outcome> {
  const { keeper, signal, handling, settings, keepInput } = execution;
  const command = phase.genericLoop?.untilBash ?? "false";
  const timeoutMs = phase.genericLoop?.untilBashTimeoutMs ?? 0;
  const before = brief.input as (Pick<Given, "values"> & { readonly [key: string]: Json }) | null;
  const values = before?.values ?? handling(() => valuesOf(phase, scopeOfTry(brief, phase, settings)));
  const input = { command, ...(phase.env ? { values } : {}) };
  if (phase.env && before === null) await keepInput(input);
  const program: Program = {
    ...place(brief),
    ...confinementOf(brief, phase, settings),
    told: { tool: "bash", command },
    argv: ["bash", "-c", command],
    environment: { ...environmentOf(brief, phase), ...values, ...secretsOf(phase, settings) },
    files: filesOf(brief, phase),
    timeoutMs,
  };
  const ended = await keeper.run(program, signal);
  return handling(() => {
    const outcome = outcomeOf(ended, timeoutMs, input);
    if (outcome.type === "failed" && outcome.failure === "lost") return outcome;
    const { exitCode, output } = outcome;
    // People are asked about what the agent said, not about what the command did.
    const said = brief.outputs.findLast((each) => each.phase === phase.name)?.text ?? "";
    const scope = { ...scopeOfTry(brief, phase, settings), output: said };
    return {
      type: "succeeded",
      seen: { until: outcome.type === "succeeded" },
      input,
      ...defined({ exitCode, output }),
      ...questionOf(phase, brief, scope, settings),
    };
  });
}

function place(brief: Brief): Workplace & Pick<Program, "execution" | "startedAt"> {
  return { execution: brief.grant.execution, ...workplaceOf(brief), startedAt: brief.startedAt };
}
