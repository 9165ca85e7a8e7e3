import { existsSync, realpathSync } from "node:fs";
import { isAbsolute } from "node:path";
import { Fault } from "../domain/fault.ts";
import type { Json } from "../domain/json.ts";
import type { Phase } from "../domain/workflow.ts";
import type { Program } from "../engine/contracts/keeper.ts";
import type { Needs } from "../engine/contracts/runtime.ts";
import { isConfined, type Settings } from "../engine/settings.ts";
import type { Brief } from "../store/store.ts";

/** What a phase's program may have in its sandbox; nothing is said of a program that is put into none. */
export function confinementOf(
  brief: Brief,
  phase: Phase,
  settings: Settings,
  { reads, hosts }: Needs = { reads: [process.execPath], hosts: [] },
): Pick<Program, "confinement"> {
  if (!isConfined(brief.version.workflow, phase, settings)) return {};
  return {
    confinement: {
      reads: [...reads, ...pathsOf(brief, settings)],
      hosts: [...hosts, ...(phase.egress ?? [])],
      ...(phase.sandboxImage === undefined ? {} : { image: phase.sandboxImage }),
    },
  };
}

/** The files and folders that the run was given by path (`format: path`): whoever started it chose them. */
function pathsOf({ inputs, version }: Brief, { hidden }: Settings): string[] {
  return Object.entries(inputs as { readonly [name: string]: Json }).flatMap(([name, value]) => {
    const declared = version.workflow.inputs[name] as { readonly format?: Json } | undefined;
    if (declared?.format !== "path" || typeof value !== "string" || !isAbsolute(value) || !existsSync(value)) return [];
    const path = realpathSync(value);
    if (hidden.some((each) => isWithin(path, each) || isWithin(each, path)))
      throw new Fault("input.invalid", `Input "${name}" leads to what no sandboxed program may see: ${value}`);
    return [value];
  });
}

function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith("/") ? folder : `${folder}/`);
}
