import { accessSync, constants, statSync } from "node:fs";
import { isAbsolute, join } from "node:path";

/** Whether a runtime can be had on this machine: where it is, or what to do about it. */
export type Available = { readonly found: string } | Missing;
export interface Missing {
  readonly missing: string;
  readonly remedy: string;
}

/** Looks for a program where one would be found that is started with this PATH. */
export function find(program: string, path: string, more: readonly string[], otherwise: Missing): Available {
  const places = program.includes("/")
    ? [program]
    : path.split(":").flatMap((folder) => (isAbsolute(folder) ? [join(folder, program)] : []));
  const found = [...places, ...more].find(isProgram);
  return found === undefined ? otherwise : { found };
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
