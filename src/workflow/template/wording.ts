/** What the library says when it cannot read a text, and what a person is told instead. */
const READING: readonly (readonly [RegExp, string])[] = [
  [/^expected "\|" before filter/, 'put "|" between a value and its filter, "==" between values that are compared'],
  [/^expected filter name/, 'a filter\'s name must follow "|"'],
  [/^expected ":" after filter name/, 'put ":" between a filter and what it is given'],
  [/^unexpected character/, 'put "," between the values a filter is given'],
  [/^invalid value expression/, "there must be a name, a text in quotes or a number"],
  [/^invalid range syntax/, "a range is written (1..3)"],
  [/^\[ not closed/, '"[" is never closed'],
  [/^expected variable name|^expected "="/, "write {% assign name = value %}"],
  [/^invalid capture name/, "write {% capture name %}…{% endcapture %}"],
  [/^illegal tag:? .*for/, "write {% for item in list %}"],
  [/^unexpected elsif after else/, "{% elsif %} must come before {% else %}"],
  [/^duplicated else/, "{% else %} may stand once"],
  [/^unexpected /, "nothing may follow the word of this tag"],
];

export function readingTrouble(message: string): string {
  const known = READING.find(([pattern]) => pattern.test(message));
  return `this cannot be read: ${known ? known[1] : "it is no Liquid"}`;
}

const RENDERING: readonly (readonly [RegExp, string])[] = [
  [/^memory alloc limit exceeded|^Invalid string length|^Invalid array length/, "it would become too large"],
  [/^template render limit exceeded/, "it takes too long"],
  [/^Maximum call stack/, "its values nest too deep"],
  [/^URI malformed/, "the text is not encoded as an address"],
  [/^Cannot convert object to primitive/, "an object cannot be used as a text here. Add | json"],
  [/^append expect 2/, 'append needs the text to add: append: "text"'],
  [/^prepend expect 2/, 'prepend needs the text to add: prepend: "text"'],
];

export function renderingTrouble(message: string): string {
  return RENDERING.find(([pattern]) => pattern.test(message))?.[1] ?? message.slice(0, 200);
}
