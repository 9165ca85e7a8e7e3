/** From places in a text to the places after it. Sets of places, so that no pattern takes longer than text times pattern. */
type Step = (text: string, from: ReadonlySet<number>) => Set<number>;

/**
 * Whether a pattern is found in a text, upper and lower case alike. An author's pattern is never made into a RegExp, which
 * could stop the daemon: of its language this reads alternatives, groups, `? * +`, `^ $ \b`, `. \d \s \w` and lists in
 * brackets. A pattern that asks for more is found nowhere.
 */
export function isFound(pattern: string, text: string): boolean {
  const step = read(pattern.toLowerCase());
  return (
    step !== null && step(text.toLowerCase(), new Set(Array.from({ length: text.length + 1 }, (_, at) => at))).size > 0
  );
}

/** Null for what is not read. Patterns are short, and groups nest by recursion only as deep as one is long. */
function read(pattern: string): Step | null {
  let at = 0;

  function alternatives(): Step | null {
    const found: Step[] = [];
    do {
      const sequence = inOrder();
      if (!sequence) return null;
      found.push(sequence);
    } while (pattern[at] === "|" && ++at);
    return (text, from) => new Set(found.flatMap((each) => [...each(text, from)]));
  }

  function inOrder(): Step | null {
    const steps: Step[] = [];
    while (at < pattern.length && pattern[at] !== "|" && pattern[at] !== ")") {
      const one = single();
      if (!one) return null;
      steps.push(quantified(one));
    }
    return (text, from) => steps.reduce((places, step) => step(text, places), new Set(from));
  }

  function quantified(step: Step): Step {
    const sign = pattern[at];
    if (sign !== "?" && sign !== "*" && sign !== "+") return step;
    at++;
    return (text, from) => {
      const reached = sign === "+" ? new Set<number>() : new Set(from);
      for (let places = step(text, from); ; places = step(text, places)) {
        const fresh = [...places].filter((place) => !reached.has(place));
        for (const place of fresh) reached.add(place);
        if (fresh.length === 0 || sign === "?") return reached;
      }
    };
  }

  function single(): Step | null {
    const sign = pattern[at++] as string;
    switch (sign) {
      case "(": {
        if (pattern.startsWith("?:", at)) at += 2;
        const inner = alternatives();
        return pattern[at++] === ")" ? inner : null;
      }
      case "[": {
        const list = /^(\^?)((?:\w-\w|[^\]\\^])+)\]/.exec(pattern.slice(at));
        if (!list) return null;
        at += list[0].length;
        return character((each) => isIn(list[2] as string, each) !== (list[1] === "^"));
      }
      case "\\":
        return escaped(pattern[at++]);
      case ".":
        return character((each) => each !== "\n");
      case "^":
        return where((_, place) => place === 0);
      case "$":
        return where((text, place) => place === text.length);
      default:
        return /[?*+{}\])]/.test(sign) ? null : character((each) => each === sign);
    }
  }

  const step = alternatives();
  return at === pattern.length ? step : null;
}

function escaped(sign: string | undefined): Step | null {
  if (sign === undefined) return null;
  if (sign === "b") return where((text, place) => isWord(text[place - 1]) !== isWord(text[place]));
  if (sign === "d") return character((each) => each >= "0" && each <= "9");
  if (sign === "s") return character((each) => each.trim() === "");
  if (sign === "w") return character(isWord);
  return isWord(sign) ? null : character((each) => each === sign);
}

function character(fits: (each: string) => boolean): Step {
  return (text, from) =>
    new Set([...from].flatMap((place) => (place < text.length && fits(text[place] as string) ? [place + 1] : [])));
}

function where(holds: (text: string, place: number) => boolean): Step {
  return (text, from) => new Set([...from].filter((place) => holds(text, place)));
}

function isWord(each: string | undefined): boolean {
  return each !== undefined && /^\w$/.test(each);
}

/** `a-z` is a range; anything else stands for itself. */
function isIn(list: string, each: string): boolean {
  for (let at = 0; at < list.length; at++) {
    const last = list[at + 1] === "-" ? list[at + 2] : undefined;
    if (last === undefined ? list[at] === each : (list[at] as string) <= each && each <= last) return true;
    if (last !== undefined) at += 2;
  }
  return false;
}
