import fc from "fast-check";
import { expect, test } from "vitest";
import { isTemplate, translate } from "../../src/workflow/legacy.ts";

test.for([
  ["{{x}}", "{{x}}"],
  ["{{pr-fix}}", "{{pr-fix}}"],
  ["{{a.b-c.d}}", '{{ a | path: "b-c", "d" }}'],
  ["{{#if x}}A{{/if}}", "{% if x | present %}A{% endif %}"],
  ["{{#if !x}}A{{/if}}", "{% if x | absent %}A{% endif %}"],
  ["{{#if !a.b.c}}A{{/if}}", '{% if a | path: "b", "c" | absent %}A{% endif %}'],
  ["{{#if x }}A{{/if }}", "{% if x | present %}A{% endif %}"],
  ["{{slugify x}}", "{{ x | slugify }}"],
  ["{{slugify a.b}}", '{{ a | path: "b" | slugify }}'],
  ["{{branchUrl plan.md}}", '{{ "plan.md" | branch_url }}'],
  ["{{artifactUrl docs/plan.md}}", '{{ "docs/plan.md" | artefact_url }}'],
  ["{{approvalUrl}}", '{{ "" | approval_url }}'],
  ["a ${write-test.output} b", 'a {{ phaseOutputs | path: "write-test" | output }} b'],
])("%s becomes %s", ([legacy, liquid]) => {
  expect(translate(legacy as string)).toMatchObject({ text: liquid, flaws: [] });
});

test.for([
  "{{ phases.fix.output | strip }}",
  "{{ phases.write-test.output }}",
  '{{ phases["write-test"].output }}',
  "{%- if owner -%}{{- repo -}}{%- endif -%}",
  "{% for label in issueLabels %}{{ label }}{% else %}none{% endfor %}",
  "{% raw %}{{.Names}} {{#each}} ${x.output}{% endraw %}",
  "{% comment %}{{#if}} {{else}} ${x.output}{% endcomment %}",
  "${HOME} $(pwd) { { } } %} }} $ { 100%",
  '{{ "}} {{#if x}} ${x.output}" }}',
])("%s is Liquid already and stays as it is", (text) => {
  expect(translate(text)).toMatchObject({ text, flaws: [] });
});

const refusals: [string, number, number, string][] = [
  ["{{#if a}}{{#if b}}x{{/if}}{{/if}}", 9, 9, "{{#if}} cannot nest. Use {% if %}"],
  ["{{#if a}}x", 0, 9, "{{#if}} is never closed. Write {{/if}}"],
  ["ab {{/if}}", 3, 7, "{{/if}} closes nothing"],
  ["{{#if a}}x{{else}}y{{/if}}", 10, 8, "{{else}} is not known here. Use {% if %} … {% else %} … {% endif %}"],
  ["{{#if a && b}}x", 0, 14, "{{#if a && b}} asks for more than one name. Use {% if %}"],
  ["{{#each x}}", 0, 11, "{{#each}} is not known here. Use {% for item in list %}…{% endfor %}"],
  ["{{#unless x}}", 0, 13, "{{#unless x}} is not known here. Use {% if %} or {% for %}"],
  ["{{> part}}", 0, 10, "{{> part}} is not known here. Use {% if %} or {% for %}"],
  ["{{.Names}}", 0, 10, "{{.Names}} is another program's. Write {% raw %}{{.Names}}{% endraw %}"],
  ["a ${{ repo }}", 2, 3, '"${{" is not a template here. Write {{ … }}'],
  ["{{{x}}}", 0, 6, "three braces have no meaning. Write two: {{ … }}"],
  ["{{ }}", 0, 5, "{{ }} is empty. Write a name between the braces"],
  ["a {{ b", 2, 2, '"{{" is never closed. Write "}}". Put {% raw %}…{% endraw %} around text that is meant literally'],
  ["a {% b", 2, 2, '"{%" is never closed. Write "%}". Put {% raw %}…{% endraw %} around text that is meant literally'],
  ["{{ it's }}", 0, 2, "a quote inside {{ … }} is never closed"],
  ["{% raw %}x", 0, 9, "{% raw %} is never closed. Write {% endraw %}"],
  ["{% comment %}x", 0, 2, "{% comment %} is never closed. Write {% endcomment %}"],
  ["{% if a %}x", 0, 10, "{% if %} is never closed. Write {% endif %}"],
  ["{% endfor %}", 0, 12, "{% endfor %} closes nothing"],
  ["{% if a %}{{/if}}", 10, 7, "{{/if}} cannot close {% if %}. Write {% endif %}"],
  ["{{#if a}}{% endif %}", 9, 11, "{% endif %} cannot close {{#if}}. Write {{/if}}"],
  ["{{#if a}}{% else %}{{/if}}", 9, 10, "{{#if}} has no {% else %}. Write {% if %} … {% else %} … {% endif %}"],
  ["{% else %}", 0, 10, "{% else %} belongs inside a block such as {% if %}"],
  ["{% break %}", 0, 11, "{% break %} belongs inside {% for %}"],
  ["{% capture a %}{% when 1 %}{% endcapture %}", 15, 12, "{% when %} has no meaning inside {% capture %}"],
  ["{% iff a %}", 0, 11, 'unknown tag "iff". Did you mean "if"?'],
  ["{% %}", 0, 5, "{% needs the name of a tag"],
  ["{% include 'x' %}", 0, 17, "{% include %} is not available: a template reads no other file"],
  ["{% increment x %}", 0, 17, "{% increment %} is not available: write {% assign %}"],
];

test.for(refusals)("%s is refused where it stands, with what to write", ([text, offset, length, message]) => {
  expect(translate(text).flaws).toContainEqual({ offset, length, message });
});

test("blocks nest fifty deep, and no deeper", () => {
  const nested = (depth: number): string => `${"{% if a %}".repeat(depth)}${"{% endif %}".repeat(depth)}`;
  expect(translate(nested(50)).flaws).toEqual([]);
  expect(translate(nested(51)).flaws).toEqual([{ offset: 500, length: 10, message: "blocks nest more than 50 deep" }]);
});

test("every flaw of a text is found at once", () => {
  const text = "{{#each a}} {{else}} {% iff %} {{.X}}";
  expect(translate(text).flaws.map(({ offset }) => offset)).toEqual([0, 12, 21, 31]);
});

test("a place in the translation leads back to the author's text", () => {
  const text = "ü {{#if !a.b}}{{models.pr-fix}}{{/if}} ${spec.output} {{ owner | strip }}";
  const { text: liquid, spanOf } = translate(text);
  for (const word of ["models", "pr-fix", "spec", "owner | strip", "{{ owner | strip }}"]) {
    const at = liquid.indexOf(word);
    const { offset, length } = spanOf(at, at + word.length);
    expect(text.slice(offset, offset + length)).toBe(word);
  }
});

test("text between tags is never changed, and every place leads into the text", () => {
  const parts = fc.constantFrom(
    "{{a.b}}",
    "{{#if a}}x{{/if}}",
    "${p.output}",
    "{{slugify t}}",
    "text\n",
    "é😀",
    "$",
    "{",
    "}",
  );
  fc.assert(
    fc.property(fc.array(parts, { maxLength: 30 }), (pieces) => {
      const text = pieces.join("");
      const { text: liquid, spanOf } = translate(text);
      for (let at = 0; at < liquid.length; at++) {
        const { offset, length } = spanOf(at, at + 1);
        expect(offset).toBeGreaterThanOrEqual(0);
        expect(offset + length).toBeLessThanOrEqual(text.length + 1);
        if (liquid[at] === "é") expect(text[offset]).toBe("é");
      }
    }),
    { seed: 7, numRuns: 300 },
  );
});

test.for([
  ["plain text, ${HOME} and { braces }", false],
  ["{{x}}", true],
  ["{% if %}", true],
  ["${fix.output}", true],
] as const)("%s: is it a template? %s", ([text, answer]) => {
  expect(isTemplate(text)).toBe(answer);
});
