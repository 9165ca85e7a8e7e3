import type { GateShown, GateStanding } from "../../../src/connectors/slack/gate-message.ts";
import type { Json } from "../../../src/domain/json.ts";

/** A gate that waits, as a workflow's author would have it. */
export function gate(more: Partial<GateShown> = {}): GateShown {
  return {
    id: "0199-gate",
    digest: "sha256:abc",
    kind: "approve",
    summary: "Ship the fix for *crash on start*?",
    workflow: "fix-issue",
    run: { name: "run 0199", url: "https://lastlight.test/runs/0199" },
    shown: [{ name: "patch", text: "+ if (a < b && b > c)", url: "https://lastlight.test/runs/0199/patch" }],
    deadline: "2026-11-22T09:00:00.000Z",
    form: null,
    asks: ["U0ANA", "S0LEADS"],
    standing: { state: "waiting", reminders: 0, escalatedTo: [] },
    ...more,
  };
}

export function answered(state: "approved" | "rejected" | "replied", more: object = {}): GateStanding {
  return { state, by: "Ana", at: "2026-11-21T10:30:00.000Z", comment: null, elsewhere: null, ...more };
}

/** A form with a field of every kind that a modal shows. */
export const FORM: Json = {
  type: "object",
  required: ["note", "level", "ok"],
  properties: {
    note: { type: "string", description: "What changes & why", minLength: 3, maxLength: 500 },
    title: { type: "string", title: "Title", maxLength: 80, default: "Fix" },
    level: { enum: ["low", "high", 3, true] },
    count: { type: "integer", minimum: 1, maximum: 5 },
    share: { type: "number", minimum: 0, exclusiveMaximum: 1 },
    ok: { type: "boolean" },
    areas: { type: "array", items: { enum: ["api", "cli", "docs"] }, minItems: 1, maxItems: 2 },
    many: { type: "array", items: { enum: Array.from({ length: 20 }, (_, at) => `area ${at}`) } },
  },
};
