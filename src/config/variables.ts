import type { Problem } from "../domain/fault.ts";

/** What is set, by name. */
export type Environment = { readonly [name: string]: string | undefined };

/** Variables as they are meant; what cannot be meant is noted, and read as if it were not set. */
export interface Variables {
  readonly environment: Environment;
  readonly problems: readonly Problem[];
  wrong(name: string, message: string): void;
  /** The text, or the standard where there is none. */
  word(name: string, standard: string): string;
  /** A whole number within bounds. */
  whole(name: string, standard: number, least: number, most: number): number;
  /** 1 or 0. */
  yes(name: string): boolean;
  /** Words between commas. */
  list(name: string): readonly string[];
  /** `name=value` pairs between commas. */
  pairs(name: string): { readonly [name: string]: string };
}

export function readVariables(environment: Environment): Variables {
  const problems: Problem[] = [];
  const wrong = (path: string, message: string): void => void problems.push({ path, message });
  const word = (name: string, standard: string): string => environment[name] || standard;
  const list = (name: string): string[] =>
    word(name, "")
      .split(",")
      .map((each) => each.trim())
      .filter((each) => each !== "");
  return {
    environment,
    problems,
    wrong,
    word,
    list,
    whole: (name, standard, least, most) => {
      const text = word(name, "");
      if (text === "") return standard;
      if (/^\d{1,9}$/.test(text) && Number(text) >= least && Number(text) <= most) return Number(text);
      wrong(name, `"${text}" is not a whole number from ${least} to ${most}`);
      return standard;
    },
    yes: (name) => {
      const text = word(name, "0");
      if (text !== "0" && text !== "1") wrong(name, `"${text}" is neither 1 nor 0`);
      return text === "1";
    },
    pairs: (name) =>
      Object.fromEntries(
        list(name).map((pair) => {
          const at = pair.indexOf("=");
          if (at < 1) wrong(name, `"${pair}" is not name=value`);
          return [pair.slice(0, at).trim(), pair.slice(at + 1).trim()];
        }),
      ),
  };
}
