import { describe, expect, test } from "vitest";
import { findGate, findRun } from "../../src/cli/ids.ts";
import type { ApprovalList, RunList } from "../../src/http/api.ts";
import type { ApprovalLine, RunLine } from "../../src/store/lines.ts";

const RUNS = [
  "01a1fd88-9ac0-7000-8f7b-45e3a44eaff7",
  "01a1fd88-9ac0-7001-8f7b-11112224eaff",
  "01a1fd88-9ac0-7002-8f7b-3333e44eaff7",
];

/** A daemon that knows these runs, two on each page. */
function runs(ids: readonly string[]): Parameters<typeof findRun>[0] {
  return {
    runs: async (filter) => {
      const at = Number(filter?.cursor ?? 0);
      const items = ids.slice(at, at + 2).map((id) => ({ id }) as RunLine);
      return { items, next_cursor: at + 2 < ids.length ? String(at + 2) : null } satisfies RunList;
    },
  };
}

function gates(of: readonly { id: string; workflow_run_id: string }[]): Parameters<typeof findGate>[0] {
  return { approvals: async () => ({ items: of as ApprovalLine[], next_cursor: null }) satisfies ApprovalList };
}

describe("a run is named by its id or by the end of it", () => {
  test("a full id is taken at its word, however old the run", async () => {
    await expect(findRun(runs([]), RUNS[0]!.toUpperCase())).resolves.toBe(RUNS[0]);
  });

  test("an ending that one recent run has is enough, on whichever page it is", async () => {
    await expect(findRun(runs(RUNS), "24eaff")).resolves.toBe(RUNS[1]);
    await expect(findRun(runs(RUNS), "3333E44EAFF7")).resolves.toBe(RUNS[2]);
  });

  test("an ending of several is refused, and each is named", async () => {
    await expect(findRun(runs(RUNS), "44eaff7")).rejects.toMatchObject({
      code: "usage.invalid",
      details: [{ message: RUNS[0] }, { message: RUNS[2] }],
    });
  });

  test("an ending of none is an unknown run", async () => {
    await expect(findRun(runs(RUNS), "abcdef")).rejects.toMatchObject({ code: "run.unknown" });
  });

  test.each(["", "eaff7", "latest", "../../x", `${RUNS[0]}0`])("%j is no id", async (given) => {
    await expect(findRun(runs(RUNS), given)).rejects.toMatchObject({ code: "usage.invalid" });
  });
});

describe("a gate is named by its own id or by its run's", () => {
  const one = { id: "01a1fd88-aaaa-7000-8000-0000000aaaaa", workflow_run_id: RUNS[0]! };
  const two = { id: "01a1fd88-aaaa-7000-8000-0000000bbbbb", workflow_run_id: RUNS[1]! };
  const three = { id: "01a1fd88-aaaa-7000-8000-0000000ccccc", workflow_run_id: RUNS[1]! };

  test.each([
    ["its id", two.id, two.id],
    ["an ending of its id", "0aaaaa", one.id],
    ["the id of a run of which one gate waits", RUNS[0]!, one.id],
    ["an ending of that", "a44eaff7", one.id],
    ["an id that waits no longer: the daemon says what became of it", RUNS[2]!, RUNS[2]],
  ])("%s", async (_, given, found) => {
    await expect(findGate(gates([one, two, three]), given)).resolves.toBe(found);
  });

  test("a run of which two gates wait needs the gate's own id", async () => {
    await expect(findGate(gates([one, two, three]), RUNS[1]!)).rejects.toMatchObject({
      code: "usage.invalid",
      details: [{ message: two.id }, { message: three.id }],
    });
  });

  test("an ending nobody waits under is an unknown approval", async () => {
    await expect(findGate(gates([one]), "abcdef")).rejects.toMatchObject({ code: "approval.unknown" });
  });
});
