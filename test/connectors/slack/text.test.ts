import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { bounded, messageOf, section, small } from "../../../src/connectors/slack/blocks.ts";
import { cut, escaped, link, md, mention, moment, pieces, plain } from "../../../src/connectors/slack/text.ts";
import { complaint, pingsIn } from "../../support/slack/block-kit.ts";

describe("what a run says", () => {
  test("summons nobody, whatever it writes", () => {
    const words = "hi @channel <!everyone> <@U0ANA> <!subteam^S123> @here <!here|here> @EVERYONE";
    const { text, blocks } = messageOf(words);
    expect(pingsIn({ text: text.mrkdwn, blocks, parse: "none" })).toEqual([]);
    // Not even where it is copied to, or Slack is left to make mentions of plain words.
    expect(pingsIn({ text: escaped(words), blocks: [] })).toEqual([]);
  });

  test("makes no mention of a plain word of ours either", () => {
    expect(pingsIn({ text: "", blocks: [section({ mrkdwn: "@here" }), small({ mrkdwn: "@channel" })] })).toEqual([]);
  });

  test("is shown as it was written, marks of Slack's included", () => {
    expect(plain(escaped("a < b && c > d <@U0ANA> &amp;"))).toBe("a < b && c > d <@U0ANA> &amp;");
  });

  test("cannot be made to read the other way round", () => {
    expect(escaped("approve\u202e tcejer\u0007")).toBe("approve tcejer");
  });

  test("is told whole where Slack takes it, and else as much of it, with a count of the rest", () => {
    const long = Array.from({ length: 500 }, (_, at) => `line ${at} & more <${"x".repeat(20)}>`).join("\n");
    const whole = pieces(long, 50);
    expect(whole.map(({ mrkdwn }) => plain(mrkdwn)).join("\n")).toBe(long);
    const part = pieces(long, 2);
    expect(part.length).toBe(2);
    expect(part[1]?.mrkdwn).toMatch(/…\[\d+ more characters\]$/);
  });

  test("fits the blocks of any message, whatever its characters", () => {
    fc.assert(
      fc.property(
        // A few characters, over and over.
        fc
          .tuple(
            fc.oneof(
              fc.string({ unit: fc.nat(0xffff).map((unit) => String.fromCharCode(unit)), minLength: 1, maxLength: 9 }),
              fc.string({ unit: fc.constantFrom("<", "&", "👍", "\n", "a", "\ud800"), minLength: 1, maxLength: 9 }),
            ),
            fc.constantFrom(1, 300, 1_500),
          )
          .map(([few, times]) => few.repeat(times)),
        (words) => {
          const { text, blocks } = messageOf(words);
          expect(complaint(blocks, 50)).toBeNull();
          expect(JSON.stringify(blocks).isWellFormed() && text.mrkdwn.isWellFormed()).toBe(true);
          expect(/&(?!(amp|lt|gt);)/.test(JSON.stringify(blocks))).toBe(false);
        },
      ),
      { numRuns: 200 },
    );
  });

  test("keeps to fifty blocks, however much it is", () => {
    const { blocks } = messageOf("<a & b>\n".repeat(60_000));
    expect(complaint(blocks, 50)).toBeNull();
    expect(JSON.stringify(blocks.at(-1))).toMatch(/…\[\d+ more characters\]/);
  });

  test("is cut between characters, never within an entity or a mention", () => {
    expect(cut({ mrkdwn: "abc&amp;def" }, 7).mrkdwn).toBe("abc…");
    expect(cut({ mrkdwn: "abc <@U0ANA> def" }, 9).mrkdwn).toBe("abc …");
    expect(cut({ mrkdwn: "ab👍👍" }, 4).mrkdwn).toBe("ab…");
  });
});

describe("what we say ourselves", () => {
  test("escapes what is put into it, and keeps what was made to be put there", () => {
    expect(md`*${"a*<b>"}* for ${mention("U0ANA")} at ${3}`.mrkdwn).toBe("*a*&lt;b&gt;* for <@U0ANA> at 3");
  });

  test("mentions people and groups by ids of Slack's alone; a name that looks like one is a name", () => {
    expect(mention("S0LEADS").mrkdwn).toBe("<!subteam^S0LEADS>");
    for (const odd of ["!everyone", "U0ANA> <!here", "ana", "U0ANA|x"]) expect(mention(odd).mrkdwn).not.toMatch(/[<>]/);
  });

  test("links to the web alone, and no address or label breaks out of its link", () => {
    expect(link("javascript:alert(1)", "run").mrkdwn).toBe("run");
    expect(link("https://x.test/a?b=1&c=<|>", "a|b>").mrkdwn).toBe("<https://x.test/a?b=1&amp;c=%3C%7C%3E|a¦b&gt;>");
  });

  test("tells a moment in the reader's own time zone", () => {
    expect(moment("2026-11-21T09:00:00.000Z").mrkdwn).toBe(
      "<!date^1795251600^{date_short_pretty} at {time}|2026-11-21 09:00 UTC>",
    );
  });

  test("keeps to fifty blocks, and says how many are missing", () => {
    const many = bounded(Array.from({ length: 70 }, () => section(md`x`)));
    expect(many.length).toBe(50);
    expect(JSON.stringify(many.at(-1))).toContain("21 more blocks");
  });
});

test("what people write reaches us in the words that they saw", () => {
  expect(plain("<@U0ANA> see <#C1|general> and <https://x.test|this> &amp; <https://y.test>")).toBe(
    "@U0ANA see #general and this (https://x.test) & https://y.test",
  );
  expect(plain("<!here> <!subteam^S1|@leads> <mailto:a@b.test|a@b.test> a &lt;b&gt;")).toBe(
    "@here @leads a@b.test a <b>",
  );
});
