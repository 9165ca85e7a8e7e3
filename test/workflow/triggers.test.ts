import { expect, test } from "vitest";
import { check } from "../../src/workflow/check.ts";
import { GITHUB_EVENTS } from "../../src/workflow/schema/github-events.ts";
import { examples } from "../support/intake.ts";

function checked(on: string) {
  const text = `name: fix\non: ${on}\nphases: [{ name: a, type: context }]\n`;
  const { version, complaints } = check("fix.yaml", new TextEncoder().encode(text));
  const said = complaints.map(({ line, column, severity, message }) => `${line}:${column} ${severity}: ${message}`);
  return { on: version?.workflow.on, unavailable: version?.workflow.unavailable, said };
}

test("what a workflow waits for is part of it, and no reason to refuse a run", () => {
  const on = `{ github: [{ events: [issues.opened, push], if: '"bug" in labels' }], webhook: [{ source: sentry }] }`;
  expect(checked(on)).toEqual({
    on: {
      github: [{ events: ["issues.opened", "push"], if: '"bug" in labels' }],
      webhook: [{ source: "sentry" }],
    },
    unavailable: [],
    said: [],
  });
});

test.each([
  [
    "{ github: [{ events: [isues.opened] }] }",
    '2:27 error: GitHub has no event "isues.opened". Did you mean "issues"?',
  ],
  ["{ github: [{ events: [issues.opened.twice] }] }", '2:27 error: GitHub has no event "issues.opened.twice"'],
  ["{ github: [{ events: [] }] }", "2:26 error: events must not be empty"],
  [
    "{ github: [{ events: [issues.opend] }] }",
    '2:27 warning: GitHub announces no issues that was "opend", as far as is known. Did you mean "opened"?',
  ],
  ["{ github: [{ events: [push], if: labls }] }", '2:38 error: unknown name "labls". Did you mean "labels"?'],
  [
    "{ github: [{ events: [push], if: 'size(labels)' }] }",
    "2:39 error: a condition is true or false, and this is a number",
  ],
  ["{ github: [{ events: [push], if: 'actor.name == sender' }] }", "2:39 error: actor.name is not known of an actor"],
  ["{ github: [{ events: [push], if: 'phases.a.output == sender' }] }", '2:39 error: unknown name "phases"'],
  ["{ webhook: [{ source: sentry, if: '\"bug\" in labels' }] }", '2:49 error: unknown name "labels"'],
  ["{ webhook: [{ source: github }] }", "2:27 error: source cannot be github, which has a key of its own: on.github"],
  [
    `{ github: [{ events: [push], if: 'sender == "a[bot]"' }] }`,
    '2:38 warning: bots start nothing unless the condition reads actor.kind. Add actor.kind == "bot"',
  ],
])("on: %s is answered with %s", (on, message) => {
  expect(checked(on).said).toHaveLength(1);
  expect(checked(on).said[0]?.startsWith(message), checked(on).said[0]).toBe(true);
});

test("every event that was ever recorded is known, and what happened in it too", () => {
  for (const { event, payload } of examples()) {
    const actions = GITHUB_EVENTS.get(event);
    expect(actions, event).toBeDefined();
    if (payload.action === undefined || actions?.length === 0) continue;
    expect(actions).toContain(payload.action);
  }
});
