import { createHash } from "node:crypto";
import type { Clock } from "../../domain/clock.ts";
import { INLINE_LIMIT, type Output } from "../../domain/execution.ts";
import { Fault } from "../../domain/fault.ts";
import { roundOf } from "../../domain/round.ts";
import type { Act } from "../../domain/scenario.ts";
import type { Blobs } from "../../store/files/blobs.ts";
import type { Grant } from "../../store/store.ts";
import { DETACH, type Ended, type Keeper, type Program } from "../contracts/keeper.ts";
import { spoken } from "./agents.ts";

/** What programs run on in a simulated world: they outlive the daemon that started them, as real ones do. */
export interface Machine {
  /** The keeper of one daemon's life: what it has to say is said by that life's clock, and no more when that ends. */
  keeper(clock: Clock): { readonly keeper: Keeper; for(grant: Grant): Keeper };
  readonly blobs: Blobs;
  /** Executions whose programs run, or are about to. */
  alive(): readonly string[];
  /** A program and its keeper are gone without a word. */
  lose(execution: string): void;
}

interface Running {
  readonly grant: Grant;
  readonly program: Program;
  /** Whether its keeper has the claim, a daemon took it, or nobody has it yet. */
  claim: "keeper" | "daemon" | null;
  ended: Ended | null;
  readonly waiters: Set<() => void>;
  undo: (() => void)[];
}

/**
 * `play` says what a try does, once per start; `begun` hears of each program that really begins, and `over` of each that
 * is over, and how.
 */
export function machine(options: {
  /** The world's own, which no daemon's end concerns. */
  clock: Clock;
  play: (grant: Grant, program: Program) => Act;
  begun?: (grant: Grant, program: Program) => void;
  over?: (grant: Grant, how: Ended["type"]) => void;
}): Machine {
  const { clock, play, begun = () => {}, over = () => {} } = options;
  const running = new Map<string, Running>();
  const files = new Map<string, Map<string, string>>();

  function launch(grant: Grant, program: Program): Running {
    const { names = [] } = program.own ?? {};
    const source = names.slice(1).find((each) => files.has(folderOf(program.run, each)));
    if (names[0] !== undefined && !files.has(folderOf(program.run, names[0])))
      filesIn(folderOf(program.run, names[0]), files.get(folderOf(program.run, source)));
    const made: Running = { grant, program, claim: null, ended: null, waiters: new Set(), undo: [] };
    running.set(grant.execution, made);
    clock.soon(() => {
      // A daemon that came meanwhile has said that this one never runs.
      if (made.claim !== null || made.ended) return;
      made.claim = "keeper";
      begin(made);
    });
    return made;
  }

  function begin(of: Running): void {
    const { grant, program } = of;
    const act = play(grant, program);
    begun(grant, program);
    if (act.takesMs !== null) of.undo.push(clock.after(act.takesMs, () => end(of, endOf(act))));
    if (program.timeoutMs > 0)
      of.undo.push(clock.after(program.timeoutMs, () => end(of, { type: "timeout", ...words(act) })));

    function endOf(act: Act): Ended {
      if (act.end.type === "lost") return { type: "lost" };
      for (const [path, text] of Object.entries(act.files))
        filesIn(folderOf(program.run, program.own?.names[0])).set(path, text);
      return { type: "exited", code: act.end.code, ...words(act) };
    }
    function words(act: Act): { stdout: Output; stderr: Output } {
      const isAgent = grant.phaseType === "agent" && roundOf(grant.phase, grant.name)?.part !== "check";
      return { stdout: outputOf(isAgent ? spoken(act) : act.output), stderr: outputOf(act.stderr) };
    }
  }

  function end(of: Running, how: Ended): void {
    if (of.ended) return;
    of.ended = how;
    for (const each of of.undo.splice(0)) each();
    if (of.claim === "keeper") over(of.grant, how.type);
    for (const wake of of.waiters) wake();
    of.waiters.clear();
  }

  function filesIn(folder: string, beginning?: ReadonlyMap<string, string>): Map<string, string> {
    const found = files.get(folder) ?? new Map(beginning);
    files.set(folder, found);
    return found;
  }

  function attend(of: Running, signal: AbortSignal, life: Clock): Promise<Ended> {
    return new Promise((resolve) => {
      let told = false;
      const tell = (how: Ended): void => {
        if (told) return;
        told = true;
        of.waiters.delete(wake);
        life.soon(() => resolve(how));
      };
      const wake = (): void => tell(of.ended as Ended);
      const abort = (): void => {
        if (signal.reason === DETACH) tell({ type: "detached" });
        else clock.soon(() => end(of, { type: "cancelled" }));
      };
      of.waiters.add(wake);
      signal.addEventListener("abort", abort, { once: true });
      if (of.ended) wake();
      else if (signal.aborted) abort();
    });
  }

  function fileOf(folder: string, path: string): string {
    const text = files.get(folder)?.get(path);
    if (text === undefined) throw new Fault("artefact.missing", `There is no file ${path} in the workspace`);
    return text;
  }

  return {
    alive: () => [...running.values()].filter(({ ended }) => ended === null).map(({ grant }) => grant.execution),
    lose: (execution) => {
      const found = running.get(execution);
      if (found) end(found, { type: "lost" });
    },
    blobs: {
      keep: async (folder, path) => {
        const text = fileOf(folder, path);
        return { sha256: createHash("sha256").update(text).digest("hex"), bytes: Buffer.byteLength(text) };
      },
      text: async (folder, path, most) => {
        const text = fileOf(folder, path);
        if (Buffer.byteLength(text) > most)
          throw new Fault("output.too_large", `${path} holds more than ${most} bytes`);
        return text;
      },
    },
    keeper: (life) => {
      const shared: Omit<Keeper, "run"> = {
        workspace: (run, own) => folderOf(run, own?.names[0]),
        claimed: (execution) => {
          const found = running.get(execution);
          if (!found) return false;
          found.claim ??= "daemon";
          return found.claim === "keeper";
        },
        clear: (execution) =>
          new Promise((resolve) => {
            const found = running.get(execution);
            if (found) clock.soon(() => end(found, { type: "cancelled" }));
            life.soon(resolve);
          }),
        strays: (wanted) =>
          [...running.values()]
            .filter(({ grant, ended }) => ended === null && !wanted.has(grant.execution))
            .map(({ grant }) => grant.execution),
      };
      const nobody = (): Promise<Ended> => Promise.reject(new Error("a program belongs to a try"));
      return {
        keeper: { ...shared, run: nobody },
        for: (grant) => ({
          ...shared,
          run: async (program, signal) => {
            const known = running.get(program.execution);
            if (known?.claim === "daemon") return { type: "lost" };
            if (!known && signal.aborted) return { type: signal.reason === DETACH ? "detached" : "cancelled" };
            return attend(known ?? launch(grant, program), signal, life);
          },
        }),
      };
    },
  };
}

function folderOf(run: string, copy?: string): string {
  return copy === undefined ? run : `${run}+${copy}`;
}

function outputOf(text: string): Output {
  const bytes = Buffer.from(text);
  return {
    text: bytes
      .subarray(0, INLINE_LIMIT)
      .toString()
      .replace(/\uFFFD+$/, ""),
    bytes: bytes.length,
  };
}
