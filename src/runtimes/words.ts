import { Fault } from "../domain/fault.ts";

/** A command as its words, read as a shell reads plain ones: quotes and backslashes, and nothing else means anything. */
export function wordsOf(command: string): readonly string[] {
  const words: string[] = [];
  let word: string | null = null;
  for (let at = 0; at < command.length; at++) {
    const sign = command[at] as string;
    if (/\s/.test(sign)) {
      if (word !== null) words.push(word);
      word = null;
    } else if (sign === '"' || sign === "'") {
      const end = command.indexOf(sign, at + 1);
      if (end < 0) throw unreadable(command, `its ${sign} is not closed`);
      word = (word ?? "") + command.slice(at + 1, end);
      at = end;
    } else if (sign === "\\") {
      if (++at === command.length) throw unreadable(command, "it ends with a backslash");
      word = (word ?? "") + command[at];
    } else word = (word ?? "") + sign;
  }
  if (word !== null) words.push(word);
  if (words.length === 0 || words[0] === "") throw unreadable(command, "it names no program");
  return words;
}

function unreadable(command: string, why: string): Fault {
  return new Fault("template.failed", `\`agent: acp:${command}\` cannot be started: ${why}`);
}
