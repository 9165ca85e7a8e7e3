import { describe, expect, test } from "vitest";
import type { Block } from "../../../src/connectors/slack/blocks.ts";
import { type GateShown, gateIn, gateMessage, gateValue } from "../../../src/connectors/slack/gate-message.ts";
import { buttonsIn, complaint, pingsIn, wordsIn } from "../../support/slack/block-kit.ts";
import { seen } from "../../support/slack/workspace.ts";
import { answered, FORM, gate } from "./gates.ts";

function shown(of: GateShown) {
  const { text, blocks } = gateMessage(of);
  expect(complaint(blocks, 50)).toBeNull();
  const buttons = buttonsIn(blocks) as readonly (Block & { text: { text: string } })[];
  return {
    words: seen(wordsIn(blocks)),
    notice: seen(text.mrkdwn),
    pings: pingsIn({ text: text.mrkdwn, blocks, parse: "none" }),
    labels: buttons.map((each) => each.text.text),
    buttons,
  };
}

describe("a gate that waits", () => {
  test("shows what is asked, for which run, what there is to see, and until when", () => {
    const { words, notice, labels } = shown(gate());
    expect(notice).toBe("Ship the fix for *crash on start*?");
    expect(words).toContain("fix-issue · <https://lastlight.test/runs/0199|run 0199>");
    expect(words).toContain("+ if (a < b && b > c)");
    expect(words).toContain("2026-11-22 09:00 UTC");
    expect(labels).toEqual(["Approve", "Reject"]);
  });

  test("tells those whom it asks, and nobody that the run names", () => {
    const summary = "<!channel> @everyone <@U0BOSS> ship it?";
    const workflow = "<!here>";
    const run = { name: "<@U0EVE>", url: "https://x.test/<!here>" };
    const exhibit = { name: "@channel", text: "<!everyone>", url: null };
    expect(shown(gate({ summary, workflow, run, shown: [exhibit] })).pings).toEqual(["@U0ANA", "!subteam^S0LEADS"]);
  });

  test("has buttons that carry the gate and the digest of what is shown, and nothing else", () => {
    const { buttons } = shown(gate());
    for (const { value } of buttons) expect(gateIn(String(value))).toEqual({ id: "0199-gate", digest: "sha256:abc" });
    expect(String(buttons[0]?.value)).toBe(gateValue(gate()));
  });

  test("tells of reminders, and of others who are asked by now", () => {
    const { words, pings } = shown(gate({ standing: { state: "waiting", reminders: 2, escalatedTo: ["U0BOSS"] } }));
    expect(words).toContain("Reminded 2 times");
    expect(words).toContain("Now also asked: <@U0BOSS>");
    expect(pings).toContain("@U0BOSS");
  });

  test("that wants a reply asks for one in its thread, and has no buttons", () => {
    const { words, labels } = shown(gate({ kind: "reply" }));
    expect(labels).toEqual([]);
    expect(words).toContain("Reply in this thread");
  });

  test("fits Slack, whatever it is about", () => {
    const huge = "<&>".repeat(40_000);
    const exhibits = Array.from({ length: 60 }, () => ({ name: huge, text: huge, url: `https://x.test/${huge}` }));
    const { words } = shown(
      gate({
        summary: huge,
        workflow: huge,
        run: { name: huge, url: "https://x.test/" },
        shown: exhibits,
        asks: Array(900).fill("U0ANA"),
      }),
    );
    expect(words).toContain("…50 more");
    expect(
      shown(gate({ summary: "", shown: [{ name: "", text: "", url: null }], asks: [], deadline: null })).words,
    ).toContain("An answer is needed");
  });
});

describe("a gate with a form", () => {
  test("that may be left empty can be approved with or without it", () => {
    const form = { properties: { note: { type: "string" } } };
    expect(shown(gate({ form })).labels).toEqual(["Approve", "Fill in the form", "Reject"]);
  });

  test("that must be filled in has no other way to be approved", () => {
    expect(shown(gate({ form: FORM })).labels).toEqual(["Fill in the form", "Reject"]);
  });

  test("that no modal shows leads to a page that does", () => {
    const { labels, buttons } = shown(gate({ form: { properties: { deep: { type: "object" } } } }));
    expect(labels).toEqual(["Fill in the form", "Reject"]);
    expect(buttons[0]).toMatchObject({ url: "https://lastlight.test/runs/0199", action_id: "gate.link" });
    expect(buttons[0]?.value).toBeUndefined();
  });
});

describe("a gate that does not wait any more", () => {
  test.each([
    ["approved", "Approved by Ana at"],
    ["rejected", "Rejected by Ana at"],
    ["replied", "Answered by Ana at"],
  ] as const)("%s: it says so, with who and when, and has no buttons", (state, words) => {
    const told = shown(gate({ standing: answered(state) }));
    expect(told.words).toContain(words);
    expect(told.words).toContain("2026-11-21 10:30 UTC");
    expect(told.notice).toContain(words);
    expect([told.labels, told.pings]).toEqual([[], []]);
  });

  test("says where it was answered, and what was said with it, in words that summon nobody", () => {
    const standing = answered("rejected", { by: "<@U0EVE>", comment: "no <!channel>", elsewhere: "GitHub" });
    const told = shown(gate({ standing }));
    expect(told.words).toContain("Rejected by <@U0EVE> at");
    expect(told.words).toContain("on GitHub");
    expect(told.words).toContain("no <!channel>");
    expect(told.pings).toEqual([]);
    // Nor is whoever answered, who knows.
    expect(shown(gate({ standing: answered("approved", { by: "U0BOSS" }) })).pings).toEqual([]);
  });

  test("expired or void, it says why", () => {
    const at = "2026-11-22T09:00:00.000Z";
    expect(shown(gate({ standing: { state: "expired", at, outcome: "rejected" } })).words).toMatch(
      /Expired at .*: rejected/,
    );
    const why = "the patch changed";
    expect(shown(gate({ standing: { state: "void", at, why } })).words).toMatch(
      /No longer asked since .*: the patch changed/,
    );
  });
});

test("a value that no button of ours carries names no gate", () => {
  for (const odd of ["", "x", "a b c", "a  b", " a b", "a b\n", `${"x".repeat(201)} b`]) expect(gateIn(odd)).toBeNull();
});
