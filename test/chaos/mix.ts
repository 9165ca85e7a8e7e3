import type { Json } from "../../src/domain/json.ts";
import type { Dice } from "./dice.ts";

/** The workflows of the chaos suite, and what it knows about them beforehand. */
export interface Mix {
  /** File name → YAML (JSON is YAML). */
  readonly files: { readonly [name: string]: string };
  /** A workflow and its inputs, by chance. */
  draw(dice: Dice, number: number): Wish;
}

export interface Wish {
  readonly workflow: string;
  readonly inputs: { readonly [name: string]: Json };
}

/** Phases that fail by design, and with which status. */
export const MEANT_TO_FAIL: { readonly [phase: string]: number } = { flaw: 3 };
/** Phases whose tries are no programs, and leave no effects and no session. */
export const WITHOUT_PROGRAM: ReadonlySet<string> = new Set(["intake", "child"]);
/** Lines are printed in bursts of this many. */
const BURST = 5;
const PAUSE_S = 0.04;

/** What a streaming phase prints, word for word. */
export function streamed(phase: string, lines: number): string {
  return Array.from({ length: lines }, (_, at) => `${phase} ${at + 1}\n`).join("");
}

/** `longest`: how many seconds a stream may take. `effects`: the file of side effects, one append per start and end. */
export function mix(effects: string, longest: number): Mix {
  const noted = (...lines: string[]): string =>
    [
      `note() { printf '%s\\n' "$1 $LASTLIGHT_RUN $LASTLIGHT_PHASE $LASTLIGHT_EXECUTION $LASTLIGHT_ATTEMPT" >> '${effects}'; }`,
      "note start",
      ...lines,
      "note end",
    ].join("\n");
  const stream = (input: string): string =>
    noted(
      'echo "a word on the side" >&2',
      `for ((i = 1; i <= ${input}; i++)); do echo "$LASTLIGHT_PHASE $i"; ((i % ${BURST})) || sleep ${PAUSE_S}; done`,
    );
  const bash = (name: string, after: readonly string[], command: string): object => ({
    name,
    type: "bash",
    depends_on: after,
    command,
    timeout: "2m",
  });
  const lines = { type: "integer" };
  const relay = {
    name: "relay",
    inputs: { number: lines, left: lines, right: lines },
    phases: [
      { name: "intake", type: "context", depends_on: [] },
      bash("left", ["intake"], stream("$LASTLIGHT_INPUT_LEFT")),
      bash("right", ["intake"], stream("$LASTLIGHT_INPUT_RIGHT")),
      { name: "door", type: "approval", depends_on: ["left", "right"], approval: { summary: "Go on?" } },
      bash("join", ["door"], noted('cat "$LASTLIGHT_OUTPUTS/left" "$LASTLIGHT_OUTPUTS/right"')),
    ],
  };
  const brood = {
    name: "brood",
    inputs: { number: lines },
    phases: [
      bash(
        "litter",
        [],
        noted(
          "setsid sleep 901 > /dev/null 2>&1 &",
          "(sleep 902 &) > /dev/null 2>&1",
          // The child of a child, without the environment that says whose it is.
          "(env -i setsid sleep 903 &) > /dev/null 2>&1",
          "sleep 0.15",
        ),
      ),
      bash("after", ["litter"], noted("echo after")),
    ],
  };
  const blink = {
    name: "blink",
    inputs: { number: lines },
    phases: [bash("first", [], noted("echo first")), bash("second", ["first"], noted("echo second"))],
  };
  const stumble = {
    name: "stumble",
    inputs: { number: lines },
    phases: [bash("flaw", [], noted("exit 3")), bash("steady", [], noted("sleep 0.1", "echo steady"))],
  };
  // What hangs on the run's own data, on timers, on other runs: found out, waited for and told by the outbox.
  const winding = {
    name: "winding",
    inputs: { number: lines },
    timeout: "10m",
    concurrency: { max: 3 },
    phases: [
      { ...bash("even", [], noted("echo even")), if: "inputs.number % 2 == 0" },
      {
        ...bash("again", ["even"], noted('[ "$LASTLIGHT_ATTEMPT" -gt 1 ] || exit 3', 'echo "again {{inputs.number}}"')),
        trigger_rule: "all_done",
        retry: { times: 2, backoff: { duration: "1s" }, when: ["exit"] },
      },
      { name: "nap", type: "wait", wait: { for: "1s" } },
      {
        ...bash("fan", ["nap"], noted("sleep 0.1", "echo fan")),
        matrix: { item: [0, 1, 2, 3, 4] },
        max_parallel: 2,
      },
      { name: "child", type: "workflow", workflow: "blink", with: { number: "{{inputs.number}}" } },
      { ...bash("last", [], noted("echo last")), finally: true },
    ],
  };
  const count = (dice: Dice): number => dice.whole(0.2 / PAUSE_S, longest / PAUSE_S) * BURST;
  return {
    files: Object.fromEntries(
      [relay, brood, blink, stumble, winding].map((workflow) => [
        `${workflow.name}.yaml`,
        JSON.stringify(workflow, null, 1),
      ]),
    ),
    draw: (dice, number) => {
      const workflow = dice.pick(["relay", "relay", "relay", "brood", "blink", "stumble", "winding", "winding"]);
      const inputs: Wish["inputs"] = workflow === "relay" ? { left: count(dice), right: count(dice) } : {};
      return { workflow, inputs: { number, ...inputs } };
    },
  };
}
