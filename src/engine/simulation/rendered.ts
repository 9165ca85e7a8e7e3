import type { Json } from "../../domain/json.ts";
import type { Phase, Workflow } from "../../domain/workflow.ts";
import type { RunDetail } from "../../store/lines.ts";
import type { Moment } from "./moment.ts";

/** What one template of a workflow came to, for one try, question or message. */
export interface Rendered {
  readonly run: string;
  readonly phase: string | null;
  /** The iteration or item where there is one: `fix_iter_2`. */
  readonly name: string | null;
  readonly attempt: number | null;
  /** What it was for: `prompt`, `model`, `command: {{inputs.title}}`, `env: TITLE`, `summary`, `message on_success`. */
  readonly what: string;
  readonly text: string;
}

/** Everything that was filled in for a run, in the order of happening. */
export function renderedOf(workflow: Workflow, run: RunDetail, moments: readonly Moment[]): readonly Rendered[] {
  const phases = new Map(workflow.phases.map((phase) => [phase.name, phase]));
  const given = run.executions.flatMap(({ phase: place, name, attempt, input }) => {
    const phase = place === null ? undefined : phases.get(place);
    const texts = phase ? givenTo(phase, input) : [];
    return texts.map(({ what, text }) => ({ run: run.id, phase: place, name, attempt, what, text }));
  });
  const found = run.decisions.flatMap(({ phase: place, finding }) => {
    const own = { run: run.id, phase: place, name: null, attempt: null };
    if (finding.type !== "run") return [];
    const { inputs = {}, at, axes } = finding;
    return [
      ...Object.entries(inputs).map(([name, value]) => ({ ...own, what: `with: ${name}`, text: written(value) })),
      ...(at === undefined ? [] : [{ ...own, what: "at", text: at }]),
      ...Object.entries(axes ?? {}).map(([name, value]) => ({
        ...own,
        what: `matrix: ${name}`,
        text: written(value as Json),
      })),
    ];
  });
  const said = moments.flatMap((each): Rendered[] => {
    const own = { run: run.id, name: null, attempt: null };
    if (each.run !== run.id) return [];
    if (each.type === "gate.asks") return [{ ...own, phase: each.phase, what: "question", text: each.summary }];
    return each.type === "people.told"
      ? [{ ...own, phase: each.phase, what: `message ${each.event}`, text: each.text }]
      : [];
  });
  return [...given, ...found, ...said];
}

interface Text {
  readonly what: string;
  readonly text: string;
}

/** What a try was given is kept word for word: the prompt and its like, or the values that the command refers to. */
function givenTo(phase: Phase, input: Json): Text[] {
  if (input === null || typeof input !== "object" || Array.isArray(input)) return [];
  const { prompt, model, variant, values } = input as { readonly [name: string]: Json };
  const spliced = new Map(
    (phase.type === "bash" ? (phase.values ?? []) : []).map(({ variable, template }) => [variable, template]),
  );
  const named = typeof values === "object" && values !== null && !Array.isArray(values) ? Object.entries(values) : [];
  return [
    ...Object.entries({ prompt, model, variant }).flatMap(([what, text]) =>
      typeof text === "string" ? [{ what, text }] : [],
    ),
    ...named.map(([variable, value]) => {
      const template = spliced.get(variable);
      return { what: template === undefined ? `env: ${variable}` : `command: ${template}`, text: written(value) };
    }),
  ];
}

function written(value: Json | undefined): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
