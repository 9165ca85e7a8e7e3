/** What must hold whatever happens, in the words of those who rely on it. */
export const INVARIANTS = {
  counted: "every change of a run is one transition, counted by its rev, and nothing is written without one",
  stands: "a run stands as its phases stand: its status and reason follow from them",
  attended: "whatever waits has what will wake it, and a run's rows agree with each other",
  final: "how a run ended is final, but for an operator's retry under a higher epoch",
  once: "no phase completes twice, and history and executions tell the same story",
  kept: "what was acknowledged is there after every crash",
  same: "a request repeated under one key makes one run, and a phase one child",
  owed: "no program begins, and nobody is asked or told, before the commit that owes it",
  single: "a program begins once per execution",
  cap: "no more executions run than the operator allows",
  fence: "a late result of a try that lost its hold changes nothing",
  input: "every try of an iteration is given the same, byte for byte",
  answer: "the first answer of a gate stands",
  asked: "whoever must answer a gate is asked, and again only after a death or a failure",
  order: "what a run says comes in order",
  pause: "nothing of a paused run starts",
  adopted: "a program that outlives its daemon is taken up where it is, never begun anew",
  children: "a child run ends when its parent no longer waits for it",
  blame: "a run whose data killed the daemon is blamed for it, and the third time it ends",
  cancel: "after a cancel nothing of a run starts but what runs last, and its programs end",
  strays: "when all is over no program runs that nobody knows",
  group: "a concurrency group holds its max",
  prompt: "what is owed and due is done in time",
  ending: "every run comes to its end once nothing goes wrong any more",
  recovery: "nothing starts before what the last daemon left is accounted for",
  surprise: "no exception escapes the daemon",
  sound: "the database stays sound",
} as const;

export type Invariant = keyof typeof INVARIANTS;

/** A promise that was broken. */
export interface Violation {
  readonly invariant: Invariant;
  readonly sentence: string;
  readonly detail: string;
}

export function violation(invariant: Invariant, detail: string): Violation {
  return { invariant, sentence: INVARIANTS[invariant], detail };
}
