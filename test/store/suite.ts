import { describe, expect, test } from "vitest";
import type { Clock } from "../../src/domain/clock.ts";
import type { Finding } from "../../src/domain/decision.ts";
import type { Usage } from "../../src/domain/execution.ts";
import type { RunEvent } from "../../src/domain/run.ts";
import type { WorkflowVersion } from "../../src/domain/workflow.ts";
import type { RunLine } from "../../src/store/lines.ts";
import type { Applied, Grant, Lease, NewRun, OwedEffect, Store, Take } from "../../src/store/store.ts";
import type { FakeClock } from "../support/clock.ts";
import { version, workflow } from "../support/workflow.ts";

/** A store of the test's own on a clock that stands still; `reopen` closes it and opens what lies there again. */
export interface StoreWorld {
  readonly store: Store;
  readonly clock: FakeClock;
  reopen(): Promise<Store>;
}

const chain = version(workflow("chain", [{ name: "a" }, { name: "b", after: ["a"] }, { name: "c", after: ["b"] }]));
const fork = version(
  workflow("fork", [{ name: "left" }, { name: "right" }, { name: "join", after: ["left", "right"] }]),
);
const gated = version(
  workflow("gated", [
    { name: "door", type: "approval" },
    { name: "b", after: ["door"] },
  ]),
);

const leads = { groups: ["leads"] };
const reminding = version(
  workflow("reminding", [
    { name: "a" },
    {
      name: "door",
      type: "approval",
      after: ["a"],
      timeoutMs: 60_000,
      remindMs: [10_000, 20_000],
      escalate: { afterMs: 30_000, to: leads },
      rework: { phase: "a", max: 1 },
    },
    { name: "other", type: "approval", after: ["a"], remindMs: [40_000] },
    { name: "b", after: ["door", "other"] },
  ]),
);

const asking = version(workflow("asking", [{ name: "look", if: "true" }]));
const single = version(workflow("single", [{ name: "a" }]));
const napping = version(workflow("napping", [{ name: "nap", wait: { forMs: 60_000 } }]));
const calling = version(workflow("calling", [{ name: "call", child: "chain" }]));

const node: Lease = { node: "here", incarnation: "first" };
const successor: Lease = { node: "here", incarnation: "second" };
const take = (cap: number, by = node): Take => ({ node: by, cap });

const ended = (execution: string): RunEvent => ({ type: "execution.ended", execution, outcome: { type: "succeeded" } });
const put = (key: string, value: unknown, append = false) =>
  ({ type: "scratch.written", key, value, append }) as RunEvent;
const cancel: RunEvent = { type: "run.cancelled", by: "ana" };
const approve = (approval: string): RunEvent => ({
  type: "gate.answered",
  approval,
  decision: "approve",
  by: "ana",
  comment: "fine",
});

const decided = (phase: string, finding: Finding): RunEvent => ({
  type: "phase.decided",
  phase,
  iteration: 0,
  epoch: 0,
  finding,
});

function request(clock: Clock, of: WorkflowVersion, more: Partial<NewRun> = {}): NewRun {
  const id = clock.id();
  return {
    id,
    version: of,
    trigger: { type: "api", id },
    repo: null,
    issueNumber: null,
    context: { by: "test" },
    inputs: {},
    priority: 0,
    once: null,
    ...more,
  };
}

/** A new run that found room for its first phase. */
async function begun(store: Store, wish: NewRun, by: Take): Promise<{ run: RunLine; granted: [Grant, ...Grant[]] }> {
  const { run, granted } = await store.create(wish, by);
  const [first, ...more] = granted;
  if (!first) throw new Error("the run found no room");
  return { run, granted: [first, ...more] };
}

async function applied(store: Store, run: string, event: RunEvent, by?: Take): Promise<Extract<Applied, { ok: true }>> {
  const result = await store.apply(run, event, by);
  if (!result.ok) throw new Error(`${event.type} was refused: ${result.why}`);
  return result;
}

/** What any store must do; it knows no backend. */
export function storeSuite(backend: string, world: () => Promise<StoreWorld>): void {
  describe(`a store on ${backend}`, () => {
    describe("making runs", () => {
      test("a run that finds room is born running, its first phase in hand", async () => {
        const { store, clock } = await world();
        const wish = request(clock, chain, {
          context: { issue: 7 },
          inputs: { level: "low" },
          repo: "acme/w",
          issueNumber: 7,
        });
        const { created, run, granted } = await store.create(wish, take(4));
        expect({ created, status: run.status, rev: run.rev }).toEqual({ created: true, status: "running", rev: 2 });
        expect(granted).toEqual([
          {
            execution: expect.any(String),
            run: wish.id,
            workflow: "chain",
            name: "a",
            phase: "a",
            phaseType: "context",
            iteration: 0,
            attempt: 1,
            epoch: 0,
          },
        ]);
        expect(await store.run(wish.id)).toMatchObject({
          id: wish.id,
          workflow_name: "chain",
          workflow_hash: chain.hash,
          trigger_type: "api",
          trigger_id: wish.id,
          repo: "acme/w",
          issue_number: 7,
          current_phase: "a",
          status: "running",
          reason: null,
          context: { issue: 7 },
          inputs: { level: "low" },
          scratch: null,
          node_statuses: { a: "running", b: "pending", c: "pending" },
          phase_history: [],
          executions: [
            {
              skill: "chain:a",
              phase: "a",
              iteration: 0,
              attempt: 1,
              epoch: 0,
              status: "running",
              success: null,
              finished_at: null,
            },
          ],
          approvals: [],
        });
      });

      test("without leave to start, a run is queued and nothing is held", async () => {
        const { store, clock } = await world();
        const { run, granted } = await store.create(request(clock, chain));
        expect([run.status, granted]).toEqual(["queued", []]);
        expect(await store.counts()).toEqual({ executing: 0, owed: 1, pending_approvals: 0 });
      });

      test("a known key returns the run that exists, whatever else is asked", async () => {
        const { store, clock } = await world();
        const first = await store.create(request(clock, chain, { once: "k" }), take(4));
        const second = await store.create(request(clock, fork, { once: "k" }), take(4));
        expect([second.created, second.run.id, second.granted]).toEqual([false, first.run.id, []]);
        expect((await store.runs({}, { limit: 10 })).rows).toHaveLength(1);
      });

      test("twenty requests with one key in the same instant make one run", async () => {
        const { store, clock } = await world();
        const all = await Promise.all(
          Array.from({ length: 20 }, () => store.create(request(clock, chain, { once: "k" }), take(4))),
        );
        expect(new Set(all.map(({ run }) => run.id)).size).toBe(1);
        expect(all.filter(({ created }) => created)).toHaveLength(1);
        expect(all.flatMap(({ granted }) => granted)).toHaveLength(1);
      });

      test("a run keeps its version when the file changes: each version stands by its hash", async () => {
        const { store, clock, reopen } = await world();
        const changed = version({ ...chain.workflow, description: "another text" });
        const [old] = (await store.create(request(clock, chain), take(9))).granted as [Grant];
        const [fresh] = (await store.create(request(clock, changed), take(9))).granted as [Grant];
        const again = await reopen();
        expect((await again.brief(old.execution))?.version.workflow.description).toBeNull();
        expect((await again.brief(fresh.execution))?.version.workflow.description).toBe("another text");
      });
    });

    describe("applying events", () => {
      test("an ending hands over the next phase in the same commit, and the history grows", async () => {
        const { store, clock } = await world();
        const {
          run,
          granted: [a],
        } = await begun(store, request(clock, chain), take(4));
        clock.advance(1_500);
        const {
          granted: [b],
        } = (await applied(store, run.id, ended(a.execution), take(4))) as unknown as { granted: [Grant] };
        expect([b.phase, b.attempt]).toEqual(["b", 1]);
        const {
          granted: [c],
        } = (await applied(store, run.id, ended(b.execution), take(4))) as unknown as { granted: [Grant] };
        const last = await applied(store, run.id, ended(c.execution), take(4));
        expect([last.run.status, last.granted]).toEqual(["succeeded", []]);
        const detail = await store.run(run.id);
        expect(detail?.finished_at).toBe(clock.now());
        expect(detail?.phase_history).toEqual(
          [a, b, c].map(({ phase, execution }, at) => ({
            phase,
            iteration: 0,
            epoch: 0,
            status: "succeeded",
            execution_id: execution,
            started_at: at === 0 ? "2026-11-21T09:00:00.000Z" : clock.now(),
            finished_at: clock.now(),
          })),
        );
        expect(detail?.executions.map(({ status, success, duration_ms }) => [status, success, duration_ms])).toEqual([
          ["ok", true, 1_500],
          ["ok", true, 0],
          ["ok", true, 0],
        ]);
      });

      test("what a try was given and what it produced is kept", async () => {
        const { store, clock } = await world();
        const {
          run,
          granted: [a],
        } = await begun(store, request(clock, chain), take(4));
        await applied(store, run.id, {
          type: "execution.ended",
          execution: a.execution,
          outcome: {
            type: "failed",
            failure: "exit",
            error: "exit 3: no",
            exitCode: 3,
            output: { text: "näh\n", bytes: 5 },
            input: { command: "x" },
          },
        });
        expect((await store.run(run.id))?.executions[0]).toMatchObject({
          status: "error",
          success: false,
          failure: "exit",
          error: "exit 3: no",
          exit_code: 3,
          output: "näh\n",
          output_bytes: 5,
        });
      });

      test("a phase's brief holds the run's words and the outputs before it", async () => {
        const { store, clock } = await world();
        const {
          run,
          granted: [a],
        } = await begun(store, request(clock, chain, { inputs: { n: 1 } }), take(4));
        const {
          granted: [b],
        } = (await applied(
          store,
          run.id,
          {
            type: "execution.ended",
            execution: a.execution,
            outcome: { type: "succeeded", output: { text: "from a", bytes: 6 } },
          },
          take(4),
        )) as unknown as { granted: [Grant] };
        expect(await store.brief(b.execution)).toMatchObject({
          grant: b,
          inputs: { n: 1 },
          context: { by: "test" },
          outputs: [{ phase: "a", execution: a.execution, text: "from a", bytes: 6 }],
        });
        expect(await store.brief(a.execution)).toBeNull();
      });

      test("a refusal is a value, says why, and spoils nothing beside it", async () => {
        const { store, clock } = await world();
        const one = await store.create(request(clock, chain), take(4));
        const two = await store.create(request(clock, chain), take(4));
        const [first, second] = [one.granted[0] as Grant, two.granted[0] as Grant];
        const results = await Promise.all([
          store.apply(one.run.id, ended(first.execution), take(4)),
          store.apply(one.run.id, ended(first.execution), take(4)),
          store.apply("no such run", cancel),
          store.apply(one.run.id, ended(second.execution)),
          store.apply(two.run.id, ended(second.execution), take(4)),
        ]);
        expect(results.map((result) => (result.ok ? "ok" : result.why))).toEqual([
          "ok",
          "stale",
          "unknown",
          "stale",
          "ok",
        ]);
      });

      test("an event that cannot be written is refused alone; the rest of its batch stands", async () => {
        const { store, clock } = await world();
        const wish = request(clock, chain);
        const results = await Promise.allSettled([
          store.create(request(clock, chain)),
          store.create(wish),
          store.create({ ...wish, context: { twice: true } }),
          store.create(request(clock, chain)),
        ]);
        expect(results.map(({ status }) => status).sort()).toEqual(["fulfilled", "fulfilled", "fulfilled", "rejected"]);
        expect((await store.runs({}, { limit: 10 })).rows).toHaveLength(3);
      });

      test("a context over 64 KiB is refused", async () => {
        const { store, clock } = await world();
        await expect(store.create(request(clock, chain, { context: "ü".repeat(32_768) }))).rejects.toMatchObject({
          code: "store.constraint",
        });
        await store.create(request(clock, chain, { context: "x".repeat(65_534) }));
      });

      test("cancel beats a success that comes later, and says what to stop", async () => {
        const { store, clock } = await world();
        const {
          run,
          granted: [a],
        } = await begun(store, request(clock, chain), take(4));
        const [cancelled, late] = await Promise.all([
          store.apply(run.id, cancel, take(4)),
          store.apply(run.id, ended(a.execution), take(4)),
        ]);
        expect(cancelled).toMatchObject({ ok: true, stopped: [a.execution], granted: [] });
        expect(late).toEqual({ ok: false, why: "terminal" });
        expect(await store.run(run.id)).toMatchObject({
          status: "cancelled",
          reason: "operator",
          epoch: 1,
          executions: [{ status: "cancelled", success: false }],
        });
        expect(await store.counts()).toEqual({ executing: 0, owed: 0, pending_approvals: 0 });
      });

      test("twenty concurrent writes to scratch keys of one run keep twenty", async () => {
        const { store, clock } = await world();
        const { run } = await store.create(request(clock, chain), take(4));
        await Promise.all(Array.from({ length: 20 }, (_, at) => applied(store, run.id, put(`key-${at}`, { at }))));
        const scratch = (await store.run(run.id))?.scratch;
        expect(scratch).toEqual(Object.fromEntries(Array.from({ length: 20 }, (_, at) => [`key-${at}`, { at }])));
      });

      test("twenty concurrent appends to one scratch key keep twenty, in order", async () => {
        const { store, clock } = await world();
        const { run } = await store.create(request(clock, chain), take(4));
        await Promise.all(Array.from({ length: 20 }, (_, at) => applied(store, run.id, put("log", at, true))));
        expect((await store.run(run.id))?.scratch).toEqual({ log: Array.from({ length: 20 }, (_, at) => at) });
      });

      test("scratch may be written in the instant the run is made", async () => {
        const { store, clock } = await world();
        const wish = request(clock, chain);
        await Promise.all([store.create(wish, take(4)), store.apply(wish.id, put("k", ["'", '"', "$.x"]))]);
        expect(await store.run(wish.id)).toMatchObject({ status: "running", scratch: { k: ["'", '"', "$.x"] } });
      });

      test("scratch over its bounds is refused: by value, by key, in all", async () => {
        const { store, clock } = await world();
        const { run } = await store.create(request(clock, chain), take(4));
        expect(await store.apply(run.id, put("k", "x".repeat(65_536)))).toEqual({ ok: false, why: "too_large" });
        expect(await store.apply(run.id, put("k.v", 1))).toEqual({ ok: false, why: "too_large" });
        const write = (at: number) => store.apply(run.id, put(`k${at}`, "x".repeat(65_000)));
        for (let at = 0; at < 16; at++) await write(at);
        await expect(write(16)).rejects.toMatchObject({ code: "store.constraint" });
      });
    });

    describe("admission", () => {
      test("never more execute than the cap says, and room is filled oldest run first", async () => {
        const { store, clock } = await world();
        const runs: RunLine[] = [];
        const held: Grant[] = [];
        for (let at = 0; at < 6; at++) {
          const { run, granted } = await store.create(request(clock, chain), take(2));
          runs.push(run);
          held.push(...granted);
        }
        expect(runs.map(({ status }) => status)).toEqual([
          "running",
          "running",
          "queued",
          "queued",
          "queued",
          "queued",
        ]);
        const order: string[] = [];
        while (held.length > 0) {
          expect((await store.counts()).executing).toBeLessThanOrEqual(2);
          const grant = held.shift() as Grant;
          order.push(`${runs.findIndex(({ id }) => id === grant.run)}${grant.phase}`);
          held.push(...(await applied(store, grant.run, ended(grant.execution), take(2))).granted);
        }
        // A run's next phase goes before a younger run's first: runs finish, instead of all being half done.
        expect(order).toEqual([
          "0a",
          "1a",
          "0b",
          "1b",
          "0c",
          "1c",
          "2a",
          "3a",
          "2b",
          "3b",
          "2c",
          "3c",
          "4a",
          "5a",
          "4b",
          "5b",
          "4c",
          "5c",
        ]);
      });

      test("priority goes before age", async () => {
        const { store, clock } = await world();
        const {
          granted: [busy],
        } = await begun(store, request(clock, chain), take(1));
        await store.create(request(clock, fork), take(1));
        const urgent = await store.create(request(clock, fork, { priority: 50 }), take(1));
        const { granted } = await applied(store, busy.run, cancel, take(1));
        expect(granted.map(({ run }) => run)).toEqual([urgent.run.id]);
      });

      test("phases of one run share the cap too", async () => {
        const { store, clock } = await world();
        const { run, granted } = await store.create(request(clock, fork), take(1));
        expect(granted.map(({ phase }) => phase)).toEqual(["left"]);
        expect(
          (await applied(store, run.id, ended((granted[0] as Grant).execution), take(1))).granted.map(
            ({ phase }) => phase,
          ),
        ).toEqual(["right"]);
      });

      test("a cancelled run gives up its place in the queue", async () => {
        const { store, clock } = await world();
        const {
          granted: [busy],
        } = await begun(store, request(clock, chain), take(1));
        const waiting = await store.create(request(clock, chain), take(1));
        const next = await store.create(request(clock, chain), take(1));
        await applied(store, waiting.run.id, cancel, take(1));
        const { granted } = await applied(store, busy.run, cancel, take(1));
        expect(granted.map(({ run }) => run)).toEqual([next.run.id]);
      });

      test("what a run has moved past keeps nobody waiting who could start", async () => {
        const { store, clock } = await world();
        const items = version(workflow("items", [{ name: "each", matrix: { items: 3, failFast: true } }]));
        const {
          granted: [busy],
        } = await begun(store, request(clock, items), take(1));
        const next = await store.create(request(clock, single), take(1));
        const fell: RunEvent = {
          type: "execution.ended",
          execution: busy.execution,
          outcome: { type: "failed", failure: "exit", error: "exit 1" },
        };
        const { run, granted } = await applied(store, busy.run, fell, take(1));
        expect(run.status).toBe("failed");
        expect(granted.map((grant) => grant.run)).toEqual([next.run.id]);
      });

      test("what was owed while nothing could start is claimed when it can", async () => {
        const { store, clock } = await world();
        const { run } = await store.create(request(clock, fork));
        clock.advance(60_000);
        expect((await store.claim(take(1))).map(({ phase }) => phase)).toEqual(["left"]);
        expect((await store.claim(take(2))).map(({ phase }) => phase)).toEqual(["right"]);
        expect(await store.claim(take(9))).toEqual([]);
        expect(await store.run(run.id)).toMatchObject({
          status: "running",
          started_at: clock.now(),
          queued_at: "2026-11-21T09:00:00.000Z",
        });
      });
    });

    describe("gates", () => {
      test("a gate is a pending approval and an owed question, in the commit that pauses the run", async () => {
        const { store, clock } = await world();
        const { run } = await store.create(request(clock, gated), take(4));
        expect(run).toMatchObject({ status: "paused", reason: "gate" });
        const { rows } = await store.approvals({ status: "pending" }, { limit: 10 });
        expect(rows).toMatchObject([
          {
            workflow_run_id: run.id,
            gate: "door",
            phase: "door",
            kind: "approve",
            summary: "May door go on?",
            responded_by: null,
          },
        ]);
        expect(await store.due(node, 10)).toMatchObject([
          { run: run.id, kind: "ask", payload: { approval: rows[0]?.id }, tries: 1 },
        ]);
      });

      test("the answer and what follows are one commit; a second answer is refused", async () => {
        const { store, clock } = await world();
        const { run } = await store.create(request(clock, gated), take(4));
        const [gate] = (await store.approvals({}, { limit: 1 })).rows;
        const [first, second] = await Promise.all([
          store.apply(run.id, approve(gate!.id), take(4)),
          store.apply(run.id, approve(gate!.id), take(4)),
        ]);
        expect(first).toMatchObject({ ok: true, run: { status: "running" }, granted: [{ phase: "b" }] });
        expect(second).toEqual({ ok: false, why: "answered" });
        expect(await store.approval(gate!.id)).toMatchObject({
          status: "approved",
          responded_by: "ana",
          response: "fine",
          responded_at: clock.now(),
        });
        expect(await store.approval("no such approval")).toBeNull();
      });

      test("a gate of a cancelled run is void", async () => {
        const { store, clock } = await world();
        const { run } = await store.create(request(clock, gated), take(4));
        await applied(store, run.id, cancel);
        expect((await store.run(run.id))?.approvals).toMatchObject([{ status: "void", responded_by: null }]);
        expect((await store.counts()).pending_approvals).toBe(0);
      });

      test("a gate can be answered in the instant it opens", async () => {
        const { store, clock } = await world();
        const wish = request(clock, chain);
        const created = store.create({ ...wish, version: gated }, take(4));
        await created;
        const [gate] = (await store.approvals({ status: "pending" }, { limit: 1 })).rows;
        expect(await store.apply(wish.id, approve(gate!.id), take(4))).toMatchObject({ ok: true });
      });
    });

    describe("reminders", () => {
      /** A run that waits at both its doors, each of which has been asked about. */
      const waiting = async (store: Store, clock: Clock) => {
        const { run, granted } = await begun(store, request(clock, reminding), take(4));
        await applied(store, run.id, ended(granted[0].execution));
        await asked(store);
        return run.id;
      };
      const gateOf = async (store: Store, run: string, phase: string) =>
        (await store.run(run))?.approvals.find((each) => each.phase === phase && each.status === "pending")
          ?.id as string;
      /** Settles what is due, and says what it was. */
      const asked = async (store: Store): Promise<Omit<OwedEffect, "id">[]> => {
        const all = await store.due(node, 50);
        for (const { id } of all) expect(await store.settle(node, id, { done: true })).toBe(true);
        return all.map(({ id: _, ...effect }) => effect);
      };

      test("are owed at the moments that the gate named, each once, and so is word to others", async () => {
        const { store, clock, reopen } = await world();
        const run = await waiting(store, clock);
        const [door, other] = [await gateOf(store, run, "door"), await gateOf(store, run, "other")];
        const again = await reopen();
        const moments: [due: string, payload: object][] = [
          ["2026-11-21T09:00:10.000Z", { approval: door, again: 1 }],
          ["2026-11-21T09:00:20.000Z", { approval: door, again: 2 }],
          ["2026-11-21T09:00:30.000Z", { approval: door, escalate: leads }],
          ["2026-11-21T09:00:40.000Z", { approval: other, again: 1 }],
        ];
        for (const [due, payload] of moments) {
          expect([await again.nextDue(), await asked(again)]).toEqual([due, []]);
          clock.advance(10_000);
          expect(await asked(again)).toEqual([{ run, kind: "ask", payload, due, tries: 1 }]);
        }
        expect(await again.nextDue()).toBe("2026-11-21T09:01:00.000Z");
      });

      test.each<[string, (gate: string) => RunEvent]>([
        ["its answer", approve],
        ["its expiry", () => ({ type: "timer.fired", phase: "door", due: "2026-11-21T09:01:00.000Z" })],
      ])("vanish with %s, and only that gate's", async (_with, event) => {
        const { store, clock } = await world();
        const run = await waiting(store, clock);
        await applied(store, run, event(await gateOf(store, run, "door")));
        clock.advance(50_000);
        expect(await asked(store)).toMatchObject([
          { kind: "ask", payload: { approval: await gateOf(store, run, "other"), again: 1 } },
        ]);
      });

      test("vanish with the run, and a question that nobody has been asked yet with them", async () => {
        const { store, clock } = await world();
        const { run, granted } = await begun(store, request(clock, reminding), take(4));
        const besides = await waiting(store, clock);
        await applied(store, run.id, ended(granted[0].execution));
        await applied(store, run.id, cancel);
        clock.advance(86_400_000);
        const due = await asked(store);
        expect(due.map((each) => [each.run, each.kind])).toEqual([
          ...Array(4).fill([besides, "ask"]),
          [besides, "timer"],
        ]);
      });

      test("of a gate that sent work back are gone; those of the next count from when it opens", async () => {
        const { store, clock } = await world();
        const run = await waiting(store, clock);
        const first = await gateOf(store, run, "door");
        clock.advance(5_000);
        const { granted } = await applied(store, run, { ...approve(first), decision: "reject" } as RunEvent, take(4));
        clock.advance(100_000);
        expect((await asked(store)).map(({ kind }) => kind)).toEqual(["timer"]);
        await applied(store, run, ended(granted[0]!.execution));
        await asked(store);
        const second = await gateOf(store, run, "door");
        expect(second).not.toBe(first);
        expect(await store.nextDue()).toBe("2026-11-21T09:01:55.000Z");
        clock.advance(10_000);
        expect(await asked(store)).toMatchObject([{ kind: "ask", payload: { approval: second, again: 1 } }]);
      });
    });

    describe("after a crash", () => {
      test("what another incarnation left running is found by run; one's own is not", async () => {
        const { store, clock, reopen } = await world();
        const one = await store.create(request(clock, fork), take(9));
        const two = await store.create(request(clock, chain), take(9));
        const again = await reopen();
        const third = await again.create(request(clock, chain), take(9, successor));
        expect(third.granted).toHaveLength(1);
        const orphans = await again.orphans(successor);
        expect([...orphans].sort((a, b) => (a.execution < b.execution ? -1 : 1))).toEqual([
          ...one.granted,
          ...two.granted,
        ]);
      });

      test("a lost execution is interrupted, and its phase is tried again under the next number", async () => {
        const { store, clock, reopen } = await world();
        const {
          run,
          granted: [a],
        } = await begun(store, request(clock, chain), take(4));
        const again = await reopen();
        const { granted } = await applied(
          again,
          run.id,
          { type: "execution.lost", executions: [a.execution], vanishedLimit: 5 },
          take(4, successor),
        );
        expect(granted).toMatchObject([{ phase: "a", attempt: 2 }]);
        expect(await again.apply(run.id, ended(a.execution))).toEqual({ ok: false, why: "stale" });
        expect(await again.run(run.id)).toMatchObject({
          restart_count: 0,
          executions: [
            { status: "interrupted", failure: "lost" },
            { status: "running", attempt: 2 },
          ],
        });
      });

      test("the attempt survives a restart while it waits in the queue", async () => {
        const { store, clock, reopen } = await world();
        const {
          run,
          granted: [a],
        } = await begun(store, request(clock, chain), take(4));
        await applied(store, run.id, {
          type: "execution.lost",
          executions: [a.execution],
          vanishedLimit: null,
        });
        const again = await reopen();
        expect(await again.claim(take(4, successor))).toMatchObject([{ phase: "a", attempt: 2 }]);
      });

      test("what was acknowledged is there after reopening", async () => {
        const { store, clock, reopen } = await world();
        const made = await Promise.all(Array.from({ length: 50 }, () => store.create(request(clock, chain), take(4))));
        const again = await reopen();
        const { rows } = await again.runs({}, { limit: 100 });
        expect(rows.map(({ id }) => id).sort()).toEqual(made.map(({ run }) => run.id).sort());
      });
    });

    describe("owed effects", () => {
      test("an effect is held by one deliverer, done once, and only by who holds it", async () => {
        const { store, clock } = await world();
        await store.create(request(clock, gated));
        const [mine, none] = await Promise.all([store.due(node, 5), store.due(node, 5)]);
        const ask = mine[0] as OwedEffect;
        expect(none).toEqual([]);
        expect(await store.settle(successor, ask.id, { done: true })).toBe(false);
        expect(await store.settle(node, ask.id, { done: true })).toBe(true);
        expect(await store.settle(node, ask.id, { done: true })).toBe(false);
        expect(await store.nextDue()).toBeNull();
      });

      test("a failed effect is owed again at its time, and not before", async () => {
        const { store, clock } = await world();
        await store.create(request(clock, gated));
        const [ask] = await store.due(node, 5);
        const retryAt = "2026-11-21T09:00:05.000Z";
        expect(await store.settle(node, ask!.id, { retryAt, error: "no answer" })).toBe(true);
        expect(await store.nextDue()).toBe(retryAt);
        expect(await store.due(node, 5)).toEqual([]);
        clock.advance(5_000);
        expect(await store.due(node, 5)).toMatchObject([{ id: ask!.id, tries: 2 }]);
      });

      test("what a dead incarnation held is owed again", async () => {
        const { store, clock, reopen } = await world();
        await store.create(request(clock, gated));
        const [ask] = await store.due(node, 5);
        const again = await reopen();
        expect(await again.nextDue()).toBeNull();
        await again.reclaim(successor);
        expect(await again.nextDue()).toBe(ask!.due);
        expect(await again.due(successor, 5)).toMatchObject([{ id: ask!.id, tries: 2 }]);
      });
    });

    describe("what a phase is given and what it finds", () => {
      test("its brief holds what was found before it started, and what its first try was given", async () => {
        const { store, clock } = await world();
        const { run } = await store.create(request(clock, asking), take(4));
        expect(await store.due(node, 5)).toMatchObject([
          { kind: "decide", payload: { phase: "look", iteration: 0, epoch: 0 } },
        ]);
        const finding = { type: "run", warnings: ["odd"] } as const;
        const {
          granted: [first],
        } = (await applied(store, run.id, decided("look", finding), take(4))) as unknown as { granted: [Grant] };
        expect(await store.brief(first.execution)).toMatchObject({ finding, input: null });
        await store.keepInput(first.execution, { prompt: "the first words" });
        await store.keepInput(first.execution, { prompt: "other words" });
        const lost: RunEvent = { type: "execution.lost", executions: [first.execution], vanishedLimit: null };
        const {
          granted: [second],
        } = (await applied(store, run.id, lost, take(4))) as unknown as { granted: [Grant] };
        expect(await store.brief(second.execution)).toMatchObject({
          grant: { attempt: 2 },
          finding,
          input: { prompt: "the first words" },
        });
        expect((await store.run(run.id))?.decisions).toEqual([
          { epoch: 0, phase: "look", iteration: 0, finding, created_at: clock.now() },
        ]);
      });

      describe("the session that a try may go on with", () => {
        const rounds = { iterate: 5, session: "continue" as const };
        const talking = version(workflow("talking", [{ name: "talk", retry: { times: 3 }, ...rounds }]));
        const said = (execution: string, outcome: object): RunEvent =>
          ({ type: "execution.ended", execution, outcome }) as RunEvent;
        const well = { type: "succeeded", seen: { until: false }, input: { agent: "pi" } };

        async function talk(of = talking) {
          const { store, clock } = await world();
          const begins = await begun(store, request(clock, of), take(4));
          let [grant] = begins.granted;
          return {
            store,
            run: begins.run.id,
            now: () => grant.execution,
            earlier: async () => (await store.brief(grant.execution))?.earlier,
            next: async (outcome: object) => {
              const { granted } = await applied(store, begins.run.id, said(grant.execution, outcome), take(4));
              grant = granted[0] as Grant;
            },
          };
        }

        test("is that of the newest try before it which had one, with all that was used in it", async () => {
          const { store, run, now, earlier, next } = await talk();
          const first = now();
          expect(await earlier()).toBeNull();
          await store.keepSession(first, "ses-0");
          await store.keepSession(first, "ses-1");
          // It is under way: nobody else may go on with it.
          expect(await earlier()).toBeNull();
          await next({ ...well, usage: { usd: 0.25, inputTokens: 10 } });
          const used = { usd: 0.25, inputTokens: 10 };
          expect(await earlier()).toEqual({
            execution: first,
            session: "ses-1",
            status: "ok",
            input: { agent: "pi" },
            used,
          });
          const second = now();
          await store.keepSession(second, "ses-1");
          await next({ ...well, usage: { usd: 0.5, outputTokens: 5 } });
          const all = { usd: 0.75, inputTokens: 10, outputTokens: 5 };
          expect(await earlier()).toMatchObject({ execution: second, used: all });
          // One that never got so far as to have one is looked past.
          await next({ ...well });
          expect(await earlier()).toMatchObject({ execution: second, used: all });
          const lines = (await store.run(run))?.executions.map((each) => each.runtime_session_id);
          expect(lines).toEqual(["ses-1", "ses-1", null, null]);
        });

        test("is that of the try before it also where that failed or was lost, which is told", async () => {
          const { store, run, now, earlier, next } = await talk();
          await store.keepSession(now(), "ses-1");
          await next({ type: "failed", failure: "agent_error", error: "a storm", input: { agent: "pi" } });
          expect(await earlier()).toMatchObject({ session: "ses-1", status: "error" });
          await store.keepSession(now(), "ses-2");
          const lost: RunEvent = { type: "execution.lost", executions: [now()], vanishedLimit: null };
          const { granted } = await applied(store, run, lost, take(4));
          const brief = await store.brief((granted[0] as Grant).execution);
          expect(brief?.earlier).toMatchObject({ session: "ses-2", status: "interrupted", input: null });
        });

        test("is none where nobody asked for it, and none of the time before an operator's retry", async () => {
          const { store, now, earlier, next } = await talk(version(workflow("mute", [{ name: "talk", iterate: 5 }])));
          await store.keepSession(now(), "ses-1");
          await next(well);
          expect(await earlier()).toBeNull();

          const again = await talk(version(workflow("again", [{ name: "talk", type: "agent", session: "continue" }])));
          await again.store.keepSession(again.now(), "ses-1");
          await again.next({ type: "failed", failure: "exit", error: "x" });
          const retried: RunEvent = { type: "run.retried", from: "talk", by: "ana" };
          const { granted } = await applied(again.store, again.run, retried, take(4));
          expect((await again.store.brief((granted[0] as Grant).execution))?.earlier).toBeNull();
        });

        test("is an item's own in a matrix", async () => {
          const items = { type: "agent" as const, session: "continue" as const, matrix: 2, retry: { times: 1 } };
          const { store, clock } = await world();
          const { run, granted } = await begun(
            store,
            request(clock, version(workflow("items", [{ name: "talk", ...items }]))),
            take(4),
          );
          for (const { execution, name } of granted) await store.keepSession(execution, `ses-${name}`);
          for (const { execution, name } of granted) {
            const failed = said(execution, { type: "failed", failure: "exit", error: "x" });
            const [again] = (await applied(store, run.id, failed, take(4))).granted;
            expect((await store.brief((again as Grant).execution))?.earlier?.session).toBe(`ses-${name}`);
          }
          expect(granted).toHaveLength(2);
        });
      });

      test("how often a model was asked again stands with the try", async () => {
        const { store, clock } = await world();
        const { run, granted } = await begun(store, request(clock, chain), take(1));
        const outcome = { type: "succeeded", retries: 2 } as const;
        await applied(store, run.id, { type: "execution.ended", execution: granted[0].execution, outcome }, take(1));
        const { executions = [] } = (await store.run(run.id)) ?? {};
        expect(executions.map(({ retries }) => retries)).toEqual([2, null]);
      });

      test("for one phase it may read what is behind it and nothing beside it; for the run everything", async () => {
        const { store, clock } = await world();
        const { run, granted } = await begun(store, request(clock, fork), take(4));
        for (const { execution, phase } of granted) {
          const output = { text: `from ${phase}`, bytes: 5 + phase.length };
          await applied(store, run.id, { type: "execution.ended", execution, outcome: { type: "succeeded", output } });
        }
        await applied(store, run.id, put("k", 1));
        const texts = async (phase: string | null) =>
          (await store.data(run.id, phase))?.outputs.map(({ text }) => text);
        expect([await texts("join"), await texts("left"), await texts(null)]).toEqual([
          ["from left", "from right"],
          [],
          ["from left", "from right"],
        ]);
        expect(await store.data(run.id, null)).toMatchObject({
          run: { id: run.id },
          version: { hash: fork.hash },
          context: { by: "test" },
          scratch: { k: 1 },
          signals: [],
          answers: [],
          phases: { left: { status: "succeeded" }, join: { status: "pending" } },
        });
        expect([await store.data(run.id, "nobody"), await store.data("no such run", null)]).toEqual([null, null]);
      });

      test("of word from outside the first under an id stands, in the order in which it came", async () => {
        const { store, clock } = await world();
        const { run } = await store.create(request(clock, gated), take(4));
        for (const [id, payload] of [
          ["z", 1],
          ["a", 2],
          ["z", 3],
          ["m", { deep: [null] }],
        ] as const)
          await applied(store, run.id, { type: "signal.received", id, name: "go", payload: payload as never });
        expect((await store.data(run.id, "b"))?.signals).toEqual([
          { id: "z", name: "go", payload: 1, received_at: "2026-11-21T09:00:00.000Z" },
          { id: "a", name: "go", payload: 2, received_at: "2026-11-21T09:00:00.001Z" },
          { id: "m", name: "go", payload: { deep: [null] }, received_at: "2026-11-21T09:00:00.002Z" },
        ]);
      });

      test("answers are part of it, with who gave them", async () => {
        const { store, clock } = await world();
        const { run } = await store.create(request(clock, gated), take(4));
        const [gate] = (await store.approvals({}, { limit: 1 })).rows;
        await applied(store, run.id, approve(gate!.id));
        expect((await store.data(run.id, "b"))?.answers).toMatchObject([
          { phase: "door", iteration: 0, status: "approved", kind: "approve", by: "ana", response: "fine" },
        ]);
      });
    });

    describe("timers", () => {
      test("fall due at their moment, not before, and are void when the run is over", async () => {
        const { store, clock } = await world();
        const { run } = await store.create(request(clock, napping), take(4));
        const other = await store.create(request(clock, napping), take(4));
        const due = "2026-11-21T09:01:00.000Z";
        expect([await store.nextDue(), await store.due(node, 5)]).toEqual([due, []]);
        await applied(store, run.id, cancel);
        clock.advance(60_000);
        const timers = await store.due(node, 5);
        expect(timers).toMatchObject([{ run: other.run.id, kind: "timer", payload: { phase: "nap", due }, due }]);
        const fired: RunEvent = { type: "timer.fired", phase: "nap", due };
        expect(await store.apply(run.id, fired)).toEqual({ ok: false, why: "terminal" });
        expect((await applied(store, other.run.id, fired)).run.status).toBe("succeeded");
        expect(await store.settle(node, timers[0]!.id, { done: true })).toBe(true);
        expect(await store.nextDue()).toBeNull();
      });
    });

    describe("child runs", () => {
      const child = (clock: Clock, parent: string, attempt = 1) =>
        request(clock, chain, { parent: { run: parent, phase: "call", iteration: 0, attempt, epoch: 0 } });

      test("are owed once, known by the phase they work for, and their end is told to it", async () => {
        const { store, clock } = await world();
        const { run } = await store.create(request(clock, calling), take(4));
        await applied(store, run.id, decided("call", { type: "run" }));
        const owed = (await store.due(node, 9)).filter(({ kind }) => kind === "child");
        const place = { phase: "call", iteration: 0, attempt: 1, epoch: 0 };
        expect(owed).toMatchObject([{ run: run.id, payload: place }]);
        const made = await store.create(child(clock, run.id), take(0));
        expect(await store.children(run.id)).toEqual([{ id: made.run.id, run: run.id, ...place }]);
        await applied(store, made.run.id, cancel);
        expect(await store.children(run.id)).toEqual([]);
        expect(await store.due(node, 9)).toMatchObject([
          { run: run.id, kind: "child_ended", payload: { run: made.run.id, place } },
        ]);
      });

      test("of a run that is cancelled are to be stopped: those of that try and no later one", async () => {
        const { store, clock } = await world();
        const { run } = await store.create(request(clock, calling), take(4));
        await applied(store, run.id, decided("call", { type: "run" }));
        await store.due(node, 9);
        await applied(store, run.id, cancel);
        expect(await store.due(node, 9)).toMatchObject([
          { kind: "child_stop", payload: { phase: "call", iteration: 0, attempt: 1, epoch: 1 } },
        ]);
      });
    });

    describe("concurrency groups", () => {
      const of = (clock: Clock, more: Partial<NewRun> = {}, onConflict: "queue" | "skip" | "replace" = "queue") =>
        request(clock, gated, { group: { key: "g", max: 1, onConflict }, ...more });
      const reasons = async (store: Store, runs: readonly RunLine[]) =>
        Promise.all(
          runs.map(async ({ id }) => ((now) => (now?.finished_at ? now.status : now?.reason))(await store.run(id))),
        );

      test("room goes to the most urgent, then to who has waited longest, also in one instant and after reopening", async () => {
        const { store, clock, reopen } = await world();
        const made = await Promise.all(
          [0, 0, 5, 5, -1].map((priority) => store.create(of(clock, { priority }), take(9))),
        );
        const runs = made.map(({ run }) => run);
        expect(await reasons(store, runs)).toEqual(["gate", ...Array(4).fill("concurrency")]);
        const again = await reopen();
        expect(await again.held("concurrency")).toHaveLength(4);
        const order: number[] = [];
        for (let left = runs.length; left > 0; left--) {
          const at = (await reasons(again, runs)).indexOf("gate");
          order.push(at);
          await applied(again, runs[at]!.id, cancel, take(9, successor));
        }
        expect(order).toEqual([0, 2, 3, 1, 4]);
      });

      test("who would be one too many is skipped, or takes the place of who was there, as it asked", async () => {
        const { store, clock } = await world();
        const first = await begun(store, of(clock, { version: chain }), take(9));
        const skipped = await store.create(of(clock, {}, "skip"), take(9));
        expect(skipped.run).toMatchObject({ status: "cancelled", reason: "concurrency" });
        const next = await store.create(of(clock, {}, "replace"), take(9));
        expect(next.stopped).toEqual([first.granted[0].execution]);
        expect(await reasons(store, [first.run, next.run])).toEqual(["cancelled", "gate"]);
        const other = await store.create(of(clock, { group: { key: "h", max: 1, onConflict: "skip" } }), take(9));
        expect(other.run.reason).toBe("gate");
      });
    });

    describe("going on after the end", () => {
      test("a retry opens the run in a new epoch; what ended stays in its own, and nothing completes twice", async () => {
        const { store, clock } = await world();
        const {
          run,
          granted: [a],
        } = await begun(store, request(clock, chain), take(4));
        const failed = { type: "failed", failure: "exit", error: "exit 1" } as const;
        const {
          granted: [b],
        } = (await applied(store, run.id, ended(a.execution), take(4))) as unknown as { granted: [Grant] };
        await applied(store, run.id, { type: "execution.ended", execution: b.execution, outcome: failed });
        expect(await store.run(run.id)).toMatchObject({ status: "failed" });
        const retried = await applied(store, run.id, { type: "run.retried", from: null, by: "ana" }, take(4));
        expect(retried).toMatchObject({
          run: { status: "running", epoch: 1, finishedAt: null },
          granted: [{ phase: "b", epoch: 1 }],
        });
        expect(await store.apply(run.id, ended(b.execution))).toEqual({ ok: false, why: "stale" });
        expect(await store.run(run.id)).toMatchObject({
          finished_at: null,
          node_statuses: { a: "succeeded", b: "running", c: "pending" },
          executions: [
            { name: "a", epoch: 0 },
            { name: "b", epoch: 0, status: "error" },
            { name: "b", epoch: 1, attempt: 1, status: "running" },
          ],
        });
        expect(await store.apply(run.id, { type: "run.retried", from: null, by: "ana" })).toEqual({
          ok: false,
          why: "unfinished",
        });
      });

      test("a fork has the outputs of the phases it did not run, and a fork of the fork has them too", async () => {
        const { store, clock } = await world();
        const {
          run,
          granted: [a],
        } = await begun(store, request(clock, chain), take(4));
        const outcome = { type: "succeeded", output: { text: "from a", bytes: 6 }, outputs: { n: 1 } } as const;
        await applied(store, run.id, { type: "execution.ended", execution: a.execution, outcome }, take(4));
        let origin = run.id;
        for (let of = 0; of < 2; of++) {
          const wish = request(clock, chain, { origin: { run: origin, inherited: { a: a.execution } } });
          const { granted } = await begun(store, wish, take(9));
          expect(await store.brief(granted[0].execution)).toMatchObject({
            grant: { phase: "b" },
            run: { forked_from: origin },
            outputs: [{ phase: "a", execution: a.execution, text: "from a", outputs: { n: 1 } }],
          });
          origin = wish.id;
        }
        expect((await store.run(origin))?.phase_history).toMatchObject([{ phase: "a", execution_id: a.execution }]);
      });
    });

    test("what a workflow's runs have cost since a moment is added up; what is unknown counts for nothing", async () => {
      const { store, clock } = await world();
      const spend = async (usd: number | null, of = single): Promise<void> => {
        const { run, granted } = await begun(store, request(clock, of), take(9));
        const usage = usd === null ? {} : { usage: { usd } };
        const [{ execution }] = granted;
        await applied(store, run.id, { type: "execution.ended", execution, outcome: { type: "succeeded", ...usage } });
      };
      await spend(100);
      clock.advance(1_000);
      const since = clock.now();
      for (const usd of [0.5, null, 0.25]) await spend(usd);
      await spend(7, version(workflow("other", [{ name: "a" }])));
      expect([await store.costSince("single", since), await store.costSince("none", since)]).toEqual([0.75, 0]);
    });

    describe("what a try uses up", () => {
      const used = (execution: string, usage: Usage): RunEvent => ({ type: "execution.used", execution, usage });
      const all: Usage = {
        usd: 0.25,
        turns: 3,
        inputTokens: 10,
        outputTokens: 20,
        cacheReadTokens: 1_000,
        cacheCreationTokens: 5,
      };

      test("stands in its row and in its run's while it works, and the next transition knows it", async () => {
        const { store, clock, reopen } = await world();
        const { run, granted } = await begun(store, request(clock, single), take(1));
        const [{ execution }] = granted;
        await applied(store, run.id, used(execution, all));
        const again = await reopen();
        expect(await again.run(run.id)).toMatchObject({
          ...{ cost_usd: 0.25, turns: 3, tokens: 35 },
          executions: [{ status: "running", cost_usd: 0.25, turns: 3, input_tokens: 10, output_tokens: 20 }],
        });
        const next = await applied(again, run.id, put("k", 1));
        expect(next.run.live).toMatchObject([{ id: execution, used: all }]);
      });

      test("is what it says at its end, figure by figure; what it does not say stands as it was told", async () => {
        const { store, clock } = await world();
        const { run, granted } = await begun(store, request(clock, single), take(1));
        const [{ execution }] = granted;
        await applied(store, run.id, used(execution, all));
        const usage = { usd: 0.125, inputTokens: 40 };
        await applied(store, run.id, { type: "execution.ended", execution, outcome: { type: "succeeded", usage } });
        expect(await store.run(run.id)).toMatchObject({
          ...{ cost_usd: 0.125, turns: 3, tokens: 65 },
          executions: [{ cost_usd: 0.125, turns: 3, input_tokens: 40, output_tokens: 20 }],
        });
      });

      test("stays counted when it is lost, told in the same breath or before", async () => {
        const { store, clock } = await world();
        const { run, granted } = await begun(store, request(clock, single), take(1));
        const [{ execution }] = granted;
        await Promise.all([
          applied(store, run.id, used(execution, { usd: 0.5 })),
          applied(store, run.id, { type: "execution.lost", executions: [execution], vanishedLimit: null }),
        ]);
        expect(await store.run(run.id)).toMatchObject({
          cost_usd: 0.5,
          executions: [{ status: "interrupted", cost_usd: 0.5 }],
        });
      });

      test("ends the run at a limit: its programs are handed back to be ended", async () => {
        const { store, clock } = await world();
        const dear = version(workflow("dear", [{ name: "a" }], { budget: { usd: 1 } }));
        const { run, granted } = await begun(store, request(clock, dear), take(1));
        const [{ execution }] = granted;
        const { stopped } = await applied(store, run.id, used(execution, { usd: 1 }));
        expect(stopped).toEqual([execution]);
        expect(await store.run(run.id)).toMatchObject({
          ...{ status: "failed", reason: "budget", cost_usd: 1 },
          executions: [{ status: "interrupted", cost_usd: 1 }],
        });
      });

      test("counts in the day of its workflow: in the sum, and beside other runs, while it works", async () => {
        const { store, clock } = await world();
        const start = async (of = single) => begun(store, request(clock, of), take(9));
        const spend = async ({ run, granted: [{ execution }] }: Awaited<ReturnType<typeof start>>, usd: number) =>
          applied(store, run.id, used(execution, { usd }));
        await spend(await start(), 100);
        clock.advance(86_400_000);
        const since = clock.now();
        const [one, other] = [await start(), await start()];
        await spend(one, 0.5);
        await spend(other, 0.25);
        await spend(await start(version(workflow("other", [{ name: "a" }]))), 7);
        expect(await store.costSince("single", since)).toBe(0.75);
        expect([await store.costBeside(one.run.id), await store.costBeside(other.run.id)]).toEqual([0.25, 0.5]);
        expect(await store.costBeside("nobody")).toBe(0);
      });

      test("an agent that did nothing is remembered as that", async () => {
        const { store, clock } = await world();
        const { run, granted } = await begun(store, request(clock, chain), take(1));
        const [{ execution }] = granted;
        await applied(
          store,
          run.id,
          { type: "execution.ended", execution, outcome: { type: "succeeded", idle: true } },
          take(1),
        );
        const { executions = [] } = (await store.run(run.id)) ?? {};
        expect(executions.map(({ phase, idle }) => [phase, idle])).toEqual([
          ["a", true],
          ["b", false],
        ]);
      });
    });

    describe("lists", () => {
      async function library() {
        const { store, clock } = await world();
        const runs: RunLine[] = [];
        for (let at = 0; at < 60; at++) {
          clock.advance(at % 7 === 0 ? 0 : 250);
          const of = [chain, fork, gated][at % 3] as WorkflowVersion;
          const { run } = await store.create(
            request(clock, of, { trigger: { type: "api", id: `issue-${at % 5}` } }),
            at % 2 === 0 ? take(15) : undefined,
          );
          if (at % 11 === 0) await applied(store, run.id, cancel);
          if (at % 6 === 0) await store.mark(run.id, { starred: true });
          if (at % 4 === 0) await store.mark(run.id, { label: at % 8 === 0 ? "keep" : "odd" });
          runs.push(run);
        }
        return { store, runs: (await Promise.all(runs.map(({ id }) => store.run(id)))) as RunLine[] };
      }

      const filters = [
        {},
        { status: ["running"] },
        { status: ["paused"] },
        { status: ["queued", "cancelled"] },
        { status: ["queued", "running", "paused", "succeeded", "failed", "cancelled"] },
        { workflow: "chain" },
        { workflow: "chain", status: ["queued"] },
        { workflow: "fork", status: ["running", "cancelled"] },
        { trigger: "issue-3" },
        { trigger: "issue-3", status: ["paused"] },
        { trigger: "issue-1", workflow: "gated" },
        { label: "keep" },
        { label: "keep", status: ["running"] },
        { label: "odd", starred: false },
        { starred: true },
        { starred: true, workflow: "fork" },
        { starred: false },
        { since: "2026-11-21T09:00:06.000Z" },
        { since: "2026-11-21T09:00:06.000Z", status: ["running"], workflow: "chain" },
        { workflow: "no such" },
      ] as const;

      test.each(filters)("every page of %j together holds what fits, newest first, once", async (filter) => {
        const { store, runs } = await library();
        const wanted = runs.filter(
          (run) =>
            (!("status" in filter) || (filter.status as readonly string[]).includes(run.status)) &&
            (!("workflow" in filter) || run.workflow_name === filter.workflow) &&
            (!("trigger" in filter) || run.trigger_id === filter.trigger) &&
            (!("label" in filter) || run.label === filter.label) &&
            (!("starred" in filter) || run.starred === filter.starred) &&
            (!("since" in filter) || run.started_at >= filter.since),
        );
        const seen: RunLine[] = [];
        for (let after: string | undefined; ; ) {
          const page = await store.runs(filter, { limit: 7, ...(after === undefined ? {} : { after }) });
          seen.push(...page.rows);
          if (page.next === null) break;
          after = page.next;
        }
        expect(seen.map(({ id }) => id).sort()).toEqual(wanted.map(({ id }) => id).sort());
        const times = seen.map((run) => run.started_at);
        expect(times).toEqual([...times].sort().reverse());
      });

      test("what is rare is found however many stand before it, and others get their turn meanwhile", async () => {
        const { store, clock } = await world();
        const [first] = await Promise.all(
          Array.from({ length: 2_500 }, () =>
            store.create(request(clock, chain, { trigger: { type: "cron", id: "busy" } })),
          ),
        );
        await applied(store, first!.run.id, cancel);
        let turns = 0;
        const count = (): void => {
          turns++;
          if (turns < 1_000) setImmediate(count);
        };
        count();
        const found = await store.runs({ trigger: "busy", status: ["cancelled"] }, { limit: 5 });
        expect(found).toMatchObject({ rows: [{ id: first!.run.id }], next: null });
        expect(turns).toBeGreaterThan(1);
      });

      test("a list line is a run without what grows", async () => {
        const { store, clock } = await world();
        await store.create(request(clock, chain), take(1));
        const [line] = (await store.runs({}, { limit: 1 })).rows;
        expect(Object.keys(line ?? {})).not.toEqual(expect.arrayContaining(["context"]));
        expect(line).toMatchObject({ workflow_name: "chain", starred: false, label: null, finished_at: null });
      });

      test("approvals are listed newest first, page by page, with and without their status", async () => {
        const { store, clock } = await world();
        const ids: string[] = [];
        for (let at = 0; at < 12; at++) {
          clock.advance(at % 3 === 0 ? 0 : 10);
          const { run } = await store.create(request(clock, gated));
          if (at % 4 === 0) await applied(store, run.id, cancel);
          ids.push(run.id);
        }
        for (const [status, wanted] of [
          [undefined, 12],
          ["pending", 9],
          ["void", 3],
          ["approved", 0],
        ] as const) {
          const seen: string[] = [];
          for (let after: string | undefined; ; ) {
            const page = await store.approvals(status ? { status } : {}, {
              limit: 2,
              ...(after === undefined ? {} : { after }),
            });
            seen.push(...page.rows.map((row) => row.workflow_run_id));
            if (page.next === null) break;
            after = page.next;
          }
          expect(new Set(seen).size).toBe(wanted);
          expect(seen).toHaveLength(wanted);
        }
      });

      test("a cursor that this list did not give out is a fault", async () => {
        const { store } = await world();
        for (const after of ["", "x", "e30", "bnVsbA", "WzEsMl0"]) {
          await expect(store.runs({}, { limit: 5, after })).rejects.toMatchObject({ code: "cursor.invalid" });
        }
      });
    });

    describe("marks and switches", () => {
      test("a star and a label change nothing about how the run goes", async () => {
        const { store, clock } = await world();
        const { run } = await store.create(request(clock, chain));
        expect(await store.mark(run.id, { starred: true, label: "x" })).toBe(true);
        expect(await store.run(run.id)).toMatchObject({ starred: true, label: "x", rev: run.rev });
        expect(await store.mark("no such run", { starred: true })).toBe(false);
      });

      test("switching a workflow off is a row, and removing the row reverts", async () => {
        const { store, clock } = await world();
        await store.override("chain", false, "ana");
        expect(await store.overrides()).toEqual([
          { name: "chain", enabled: false, updated_at: clock.now(), updated_by: "ana" },
        ]);
        await store.override("chain", null, "ana");
        expect(await store.overrides()).toEqual([]);
      });
    });

    test("those who watch hear of every run a commit changed, the admitted ones too, after the commit", async () => {
      const { store, clock } = await world();
      const heard: string[] = [];
      const {
        granted: [busy],
      } = await begun(store, request(clock, chain), take(1));
      const waiting = await store.create(request(clock, chain), take(1));
      const stop = store.onChange((changes) => heard.push(...changes.map(({ run, status }) => `${run} ${status}`)));
      await applied(store, busy.run, cancel, take(1));
      expect(heard.sort()).toEqual([`${busy.run} cancelled`, `${waiting.run.id} running`].sort());
      stop();
      await store.create(request(clock, chain));
      expect(heard).toHaveLength(2);
    });

    test("a closed store refuses, and says so", async () => {
      const { store, clock } = await world();
      await store.close();
      await expect(store.create(request(clock, chain))).rejects.toMatchObject({ code: "store.stopped" });
    });
  });
}
