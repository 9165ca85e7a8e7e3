import { type FSWatcher, watch } from "node:fs";
import { realpath } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Fault } from "../domain/fault.ts";
import type { Schedule } from "../domain/schedule.ts";
import type { WorkflowVersion } from "../domain/workflow.ts";
import type { Checked } from "./check.ts";
import { type Complaint, isError, printComplaint } from "./complaint.ts";
import type { Files } from "./files.ts";
import { type Layer, readBytes, readFiles, readLayer } from "./layer.ts";
import { openReader } from "./reader.ts";
import { didYouMean } from "./suggest.ts";

/** One file of the library as people see it in a list. */
export interface LibraryEntry {
  /** Relative to its folder. */
  readonly file: string;
  readonly folder: string;
  readonly name: string | null;
  readonly kind: string;
  /** What `get` gives: the last good version while the file itself has errors; null when there never was one. */
  readonly version: WorkflowVersion | null;
  /** What it starts at which times; each name is that of one schedule in the whole library. */
  readonly schedules: readonly Schedule[];
  readonly complaints: readonly Complaint[];
}

/**
 * The workflows of some folders, later folders before earlier ones where names are equal. A file that turns bad keeps
 * its last good version in force, and its complaints are in the list: a slip while editing stops no schedule.
 */
export interface Library {
  /** The version new runs pin. Throws `workflow.unknown`, or `workflow.invalid` with the complaints as details. */
  get(name: string): WorkflowVersion;
  /** Every file in force or in need of work; a file whose name a later folder took is left out. */
  list(): readonly LibraryEntry[];
  /** Reads every folder again; resolves when the new state is in force. Throws `config.invalid` for a missing folder. */
  reload(): Promise<void>;
  /** Calls `listener` after each reload that changed something; the returned function stops that. */
  onChange(listener: () => void): () => void;
  /** What a text would come to as a file of this library, without making it one. */
  check(asked: { readonly file: string; readonly bytes: Uint8Array; readonly files?: Files }): Promise<Checked>;
  close(): Promise<void>;
}

const SETTLE_MS = 100;

export async function openLibrary(options: {
  /** Lowest first: a workflow in a later folder replaces one of the same name. */
  readonly folders: readonly string[];
  /** Whether to reload by itself when a file changes. */
  readonly watch?: boolean;
}): Promise<Library> {
  const reader = openReader();
  const listeners = new Set<() => void>();
  let layers: readonly Layer[] = [];
  let entries: readonly LibraryEntry[] = [];
  let reloading: Promise<void> = Promise.resolve();

  async function readAll(): Promise<void> {
    const next: Layer[] = [];
    for (const [at, folder] of options.folders.entries())
      next.push(await readLayer(folder, layers[at] ?? new Map(), reader));
    const changed = next.some((layer, at) => differs(layer, layers[at]));
    layers = next;
    entries = inForce(next, options.folders);
    if (changed) for (const listener of [...listeners]) listener();
  }

  const library: Library = {
    get: (name) => find(entries, name),
    list: () => entries,
    reload() {
      const result = reloading.then(readAll);
      reloading = result.catch(() => {});
      return result;
    },
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    check: ({ file, bytes, files }) => reader.read(file, bytes, files),
    async close() {
      stopWatching();
      listeners.clear();
      await reloading;
      await reader.close();
    },
  };

  let stopWatching = (): void => {};
  try {
    await library.reload();
  } catch (thrown) {
    await reader.close();
    throw thrown;
  }
  // A folder that went away keeps what was in force; whoever asks for a reload is told.
  if (options.watch) stopWatching = watchFolders(options.folders, () => void library.reload().catch(() => {}));
  return library;
}

function differs(now: Layer, before: Layer | undefined): boolean {
  if (now.size !== before?.size) return true;
  return [...now].some(([file, { checked }]) => before.get(file)?.checked !== checked);
}

function inForce(layers: readonly Layer[], folders: readonly string[]): LibraryEntry[] {
  const above = new Set<string>();
  const entries: LibraryEntry[] = [];
  const children = new Map<LibraryEntry, Checked["children"]>();
  const schedules = new Map<LibraryEntry, Checked["schedules"]>();
  for (const [at, layer] of [...layers.entries()].reverse()) {
    const here = new Map<string, string>();
    for (const [file, { checked, lastGood, schedules: placed }] of layer) {
      const name = lastGood?.name ?? checked.name;
      if (name !== null && above.has(name)) continue;
      const entry = { file, folder: folders[at]!, name, kind: checked.kind };
      const first = name === null ? undefined : here.get(name);
      if (first !== undefined) {
        const message = `the name "${name}" is taken by ${first} in the same folder`;
        const taken: Complaint = { file, line: 1, column: 1, severity: "error", message };
        entries.push({ ...entry, version: null, schedules: [], complaints: [taken, ...checked.complaints] });
        continue;
      }
      if (name !== null) here.set(name, file);
      const own = placed.map(({ schedule }) => schedule);
      entries.push({ ...entry, version: lastGood, schedules: own, complaints: checked.complaints });
      children.set(entries.at(-1)!, checked.children);
      schedules.set(entries.at(-1)!, placed);
    }
    for (const name of here.keys()) above.add(name);
  }
  return judge(entries, children, refusedSchedules(schedules)).sort((a, b) =>
    (a.name ?? a.file) < (b.name ?? b.file) ? -1 : 1,
  );
}

/** Of two schedules of one name the first stands: one in a later folder, else by the names of the files. */
function refusedSchedules(
  schedules: ReadonlyMap<LibraryEntry, Checked["schedules"]>,
): Map<LibraryEntry, readonly Complaint[]> {
  const taken = new Map<string, string>();
  const refused = new Map<LibraryEntry, readonly Complaint[]>();
  for (const [entry, placed] of schedules) {
    const { file } = entry;
    const wrong = placed.flatMap(({ schedule: { name }, line, column }): Complaint[] => {
      const first = taken.get(name);
      if (first === undefined) return [];
      const message = `a schedule is called "${name}" already, in ${first}. Give this one another name`;
      return [{ file, line, column, severity: "error", message }];
    });
    if (wrong.length > 0) refused.set(entry, wrong);
    else for (const { schedule } of placed) taken.set(schedule.name, file);
  }
  return refused;
}

/** A workflow that starts one that is not there or not in force, or in the end itself, is not in force. */
function judge(
  entries: readonly LibraryEntry[],
  children: ReadonlyMap<LibraryEntry, Checked["children"]>,
  refused: Map<LibraryEntry, readonly Complaint[]>,
): LibraryEntry[] {
  // Until nothing changes: what starts a workflow that has just been refused is refused as well.
  for (let before = -1; refused.size !== before; ) {
    before = refused.size;
    const inForce = entries.filter((each) => each.version && !refused.has(each));
    const edges = new Map(
      inForce.map((each) => [each.version!.name, (children.get(each) ?? []).map(({ workflow }) => workflow)]),
    );
    for (const entry of entries) {
      if (refused.has(entry)) continue;
      const wrong = (children.get(entry) ?? []).flatMap(({ workflow, line, column }): Complaint[] => {
        const message = objectionTo(workflow, entry.name ?? "", edges, entries);
        return message === null ? [] : [{ file: entry.file, line, column, severity: "error", message }];
      });
      if (wrong.length > 0) refused.set(entry, wrong);
    }
  }
  return entries.map((entry) => {
    const wrong = refused.get(entry);
    return wrong ? { ...entry, version: null, schedules: [], complaints: [...entry.complaints, ...wrong] } : entry;
  });
}

function objectionTo(
  child: string,
  parent: string,
  edges: ReadonlyMap<string, readonly string[]>,
  entries: readonly LibraryEntry[],
): string | null {
  if (edges.has(child))
    return reaches(child, parent, edges) ? `"${child}" starts "${parent}" again: a run of it would never end` : null;
  const there = entries.find(({ name }) => name === child);
  if (there?.kind === "cron") return `"${child}" is a schedule and not a workflow`;
  return there
    ? `"${child}" cannot be started: ${there.file} has errors`
    : `no workflow is called "${child}"${didYouMean(child, edges.keys())}`;
}

function reaches(from: string, to: string, edges: ReadonlyMap<string, readonly string[]>): boolean {
  const seen = new Set<string>();
  const open = [from];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (next === to) return true;
    if (seen.has(next)) continue;
    seen.add(next);
    open.push(...(edges.get(next) ?? []));
  }
  return false;
}

function find(entries: readonly LibraryEntry[], name: string): WorkflowVersion {
  const named = entries.filter((each) => each.name === name);
  const version = named.find((each) => each.version)?.version;
  if (version) return version;
  // A file too broken to tell its name is still looked for under the name people gave the file.
  const broken =
    named[0] ?? entries.find((each) => each.name === null && /^(.*)\.ya?ml$/.exec(each.file)?.[1] === name);
  if (broken?.kind === "cron") throw new Fault("workflow.invalid", `"${name}" is a schedule and not a workflow`);
  if (broken) {
    const details = broken.complaints.filter(isError).map((each) => ({ path: "", message: printComplaint(each) }));
    throw new Fault("workflow.invalid", `Workflow "${name}" has errors in ${broken.file}`, { details });
  }
  const runnable = entries.flatMap((each) => (each.version ? [each.version.name] : []));
  throw new Fault("workflow.unknown", `No workflow is called "${name}"${didYouMean(name, runnable)}`);
}

/** Waits until a folder has been quiet for a moment: an editor saves in several steps. */
function watchFolders(folders: readonly string[], changed: () => void): () => void {
  let settling: NodeJS.Timeout | undefined;
  const soon = (): void => {
    clearTimeout(settling);
    settling = setTimeout(changed, SETTLE_MS).unref();
  };
  const watchers: FSWatcher[] = [];
  for (const folder of folders) {
    try {
      // A watch that fails is a reload that does not happen by itself: never a reason to stop the daemon.
      watchers.push(watch(folder, { persistent: false, recursive: true }, soon).on("error", soon));
    } catch {
      soon();
    }
  }
  return () => {
    clearTimeout(settling);
    for (const watcher of watchers) watcher.close();
  };
}

/** Checks one text as if it were a file, where no library is open. */
export async function checkText({
  file,
  bytes,
}: {
  readonly file: string;
  readonly bytes: Uint8Array;
}): Promise<Checked> {
  const reader = openReader();
  try {
    return await reader.read(file, bytes);
  } finally {
    await reader.close();
  }
}

/**
 * Checks one file on disk, and the prompts it names unless they may be missing; complaints carry the path as it was
 * given. Throws `usage.invalid` when it cannot be read.
 */
export async function checkFile(path: string, { allowMissing = false } = {}): Promise<Checked> {
  let bytes: Uint8Array;
  try {
    bytes = await readBytes(path);
  } catch (cause) {
    throw new Fault("usage.invalid", `${path} cannot be read`, { cause });
  }
  const reader = openReader();
  try {
    const first = await reader.read(path, bytes);
    if (first.wants.length === 0 || allowMissing) return first;
    const checked = await reader.read(path, bytes, await readFiles(await realpath(dirname(path)), first.wants));
    // Prompts are named as their workflow names them; whoever reads this stands elsewhere.
    const complaints = checked.complaints.map((each) =>
      each.file === path ? each : { ...each, file: join(dirname(path), each.file) },
    );
    return { ...checked, complaints };
  } finally {
    await reader.close();
  }
}
