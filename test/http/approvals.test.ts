import { expect, test } from "vitest";
import { openWorld, untilGate, untilOver, type World } from "./world.ts";

async function withGate(): Promise<{ world: World; run: string; gate: string }> {
  const world = await openWorld();
  const { id: run } = await world.client.startRun({ workflow: "release" });
  return { world, run, gate: await untilGate(world, run) };
}

test("a yes lets the run go on, and says who said it", async () => {
  const { world, run, gate } = await withGate();
  const answered = await world.client.respond(gate, { decision: "approve", comment: "ship it" });
  expect(answered).toMatchObject({ status: "approved", responded_by: "local:ada", response: "ship it" });
  expect(await untilOver(world, run)).toBe("succeeded");
});

test("a no ends the run as rejected", async () => {
  const { world, run, gate } = await withGate();
  await world.client.respond(gate, { decision: "reject" });
  await untilOver(world, run);
  expect(await world.client.run(run)).toMatchObject({ reason: "rejected" });
});

test.each(["banana", "Approve", "approved", "yes", "", true, null, ["approve"]])(
  "%j is no decision: the two words are named and the gate still waits",
  async (decision) => {
    const { world, gate } = await withGate();
    const { status, body } = await world.ask("POST", `/api/v1/approvals/${gate}/respond`, { json: { decision } });
    expect([status, body.error?.code]).toEqual([400, "request.invalid"]);
    expect(body.error?.message).toMatch(/"approve" or "reject"/);
    expect(body.error?.details).toMatchObject([{ path: "/decision" }]);
    expect(await world.client.approval(gate)).toMatchObject({ status: "pending" });
  },
);

test("of two answers the first stands, and the second is told whose it was", async () => {
  const { world, gate } = await withGate();
  const answers = await Promise.all(
    ["approve", "reject"].map((decision) =>
      world.ask("POST", `/api/v1/approvals/${gate}/respond`, { json: { decision } }),
    ),
  );
  expect(answers.map((each) => each.status).toSorted()).toEqual([200, 409]);
  const second = answers.find((each) => each.status === 409);
  expect(second?.body.error).toMatchObject({
    code: "approval.answered",
    message: expect.stringContaining("local:ada"),
  });
});

test("a comment may hold 8 KiB, counted in bytes", async () => {
  const { world, gate } = await withGate();
  const long = { decision: "approve", comment: "ä".repeat(4_097) } as const;
  await expect(world.client.respond(gate, long)).rejects.toMatchObject({ code: "request.invalid" });
  expect(await world.client.respond(gate, { ...long, comment: "ä".repeat(4_096) })).toMatchObject({
    status: "approved",
  });
});

test("gates are listed by status, in pages", async () => {
  const { world, gate } = await withGate();
  const { id } = await world.client.startRun({ workflow: "release" });
  const other = await untilGate(world, id);
  await world.client.respond(other, { decision: "approve" });
  expect((await world.client.approvals({ status: "pending" })).items.map((each) => each.id)).toEqual([gate]);
  const first = await world.client.approvals({ limit: 1 });
  const second = await world.client.approvals({ limit: 1, ...(first.next_cursor && { cursor: first.next_cursor }) });
  expect([...first.items, ...second.items].map((each) => each.id).toSorted()).toEqual([gate, other].toSorted());
  expect((await world.ask("GET", "/api/v1/approvals?status=banana")).status).toBe(400);
});

test("a gate nobody opened is unknown", async () => {
  const world = await openWorld();
  await expect(world.client.approval("none")).rejects.toMatchObject({ code: "approval.unknown" });
  await expect(world.client.respond("none", { decision: "approve" })).rejects.toMatchObject({
    code: "approval.unknown",
  });
});
