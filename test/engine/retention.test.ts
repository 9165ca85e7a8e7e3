import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import type { Clock } from "../../src/domain/clock.ts";
import { keepTidy } from "../../src/engine/retention.ts";
import { workspaces } from "../../src/store/files/workspaces.ts";
import { engineWorld, silent } from "../support/engine.ts";
import { version, workflow } from "../support/workflow.ts";

const DAY_MS = 86_400_000;

function world() {
  const { store, clock, folder, request, engine: open } = engineWorld();
  const root = join(folder, "workspaces");
  const said: string[] = [];
  const log = {
    ...silent,
    info: (about: object, text: string) => void said.push(`${text} ${JSON.stringify(about)}`),
    error: (about: object, text: string) => void said.push(`${text} ${JSON.stringify(about)}`),
  };
  const engine = open();
  /** A run with a workspace; cancelled at once where it is to be over. */
  const run = async (isOver: boolean): Promise<string> => {
    const { run } = await engine.create(request(version(workflow("w", [{ name: "door", type: "approval" }]))));
    if (isOver) await engine.cancel(run.id, "ana");
    mkdirSync(join(root, run.id), { recursive: true });
    writeFileSync(join(root, run.id, "file"), "work");
    return run.id;
  };
  let looks = 0;
  const counting: Clock = {
    ...clock,
    after: (ms, wake) => {
      if (ms === DAY_MS) looks++;
      return clock.after(ms, wake);
    },
  };
  /** Resolves once it has looked so often. */
  const looked = (times: number): Promise<void> => vi.waitFor(() => expect(looks).toBe(times));
  const tidy = (): void => {
    const stop = keepTidy({
      store,
      workspaces: workspaces({ root, id: clock.id }),
      repositories: null,
      retention: { days: 14, failedDays: 30 },
      clock: counting,
      log,
    });
    onTestFinished(stop);
  };
  return { store, clock, said, run, tidy, looked, names: () => readdirSync(root).sort() };
}

test("workspaces are looked through at the start and then every day; what is removed is told, with its size", async () => {
  const { clock, run, tidy, looked, names, said } = world();
  const [over, going] = [await run(true), await run(false)];
  clock.advance(13 * DAY_MS);
  tidy();
  await looked(1);
  expect([names(), said]).toEqual([[over, going].sort(), []]);
  clock.advance(DAY_MS);
  await looked(2);
  expect(names()).toEqual([going]);
  expect(said).toEqual([expect.stringMatching(/^workspaces of runs .* were removed \{"runs":1,"bytes":[1-9]\d*\}$/)]);
});

test("a run that has a star keeps its workspace, until that is taken back", async () => {
  const { store, clock, run, tidy, looked, names } = world();
  const id = await run(true);
  await store.mark(id, { starred: true });
  clock.advance(100 * DAY_MS);
  tidy();
  await looked(1);
  expect(names()).toEqual([id]);
  await store.mark(id, { starred: false });
  clock.advance(DAY_MS);
  await looked(2);
  expect(names()).toEqual([]);
});
