import { expect, test } from "vitest";
import type { DeliveryReceipt } from "../../src/http/api.ts";
import { examples, githubHead } from "../support/intake.ts";
import { workflow } from "../support/workflow.ts";
import { SECRETS, SOURCES } from "./delivering.ts";
import { openWorld, type World } from "./world.ts";

const triage = workflow("triage", [{ name: "look" }], {
  on: { github: [{ events: ["issues.opened"] }], webhook: [{ source: "standard" }] },
});
const open = () => openWorld({}, { workflows: [triage], sources: SOURCES, secrets: SECRETS });
const opened = examples().find(({ event, payload }) => event === "issues" && payload.action === "opened")?.body ?? "";

async function deliver({ server }: World, id: string, body = opened, event = "issues"): Promise<DeliveryReceipt> {
  const init = { method: "POST", body, headers: githubHead({ event, id, body }) };
  const response = await fetch(`${server.url}/hooks/github`, init);
  expect(response.status).toBe(202);
  return (await response.json()) as DeliveryReceipt;
}

test("what came is listed newest first, page by page, and by source, outcome and time", async () => {
  const world = await open();
  const ids: string[] = [];
  for (let at = 0; at < 5; at++) {
    ids.unshift((await deliver(world, `d-${at}`, at % 2 === 0 ? opened : "{}", at % 2 === 0 ? "issues" : "push")).id);
  }
  const idsOf = async (filter: Parameters<World["client"]["deliveries"]>[0]) =>
    (await world.client.deliveries(filter)).items.map(({ id }) => id);
  expect(await idsOf({})).toEqual(ids);
  expect(await idsOf({ source: "github" })).toEqual(ids);
  expect(await idsOf({ source: "standard" })).toEqual([]);
  expect(await idsOf({ outcome: "started" })).toEqual([ids[0], ids[2], ids[4]]);
  expect(await idsOf({ source: "github", outcome: "nothing_matched" })).toEqual([ids[1], ids[3]]);
  expect(await idsOf({ since: "2000-01-01" })).toEqual(ids);
  expect(await idsOf({ since: "2999-01-01" })).toEqual([]);

  for (const filter of [{}, { source: "github" }, { outcome: "started" as const }]) {
    const all = await idsOf(filter);
    const paged: string[] = [];
    for (let cursor: string | null | undefined; cursor !== null; ) {
      const page = await world.client.deliveries({ ...filter, limit: 2, ...(cursor && { cursor }) });
      paged.push(...page.items.map(({ id }) => id));
      cursor = page.next_cursor;
    }
    expect(paged).toEqual(all);
  }
});

test("one delivery says what each workflow that waits for its source made of it, and holds what came", async () => {
  const world = await open();
  const { id, runs } = await deliver(world, "d-1");
  expect(await world.client.delivery(id)).toMatchObject({
    id,
    source: "github",
    delivery_id: "d-1",
    via: "webhook",
    type: "issues.opened",
    repo: "Codertocat/Hello-World",
    issue_number: 1,
    actor: "Codertocat",
    outcome: "started",
    reason: null,
    replay_of: null,
    verdicts: [{ workflow: "triage", why: "issues.opened", run: runs[0] }],
    payload: JSON.parse(opened),
  });
  expect((await world.client.runs({ trigger: id })).items.map((run) => run.id)).toEqual(runs);
});

test("a delivery that started something can be taken in once more, as often as someone asks, and each is a delivery", async () => {
  const world = await open();
  const first = await deliver(world, "d-1");
  const again = await world.client.replay(first.id);
  const third = await world.client.replay(again.id);
  expect(new Set([first, again, third].flatMap(({ runs }) => runs)).size).toBe(3);
  expect(await world.client.delivery(again.id)).toMatchObject({
    replay_of: first.id,
    type: "issues.opened",
    issue_number: 1,
  });
  const run = await world.client.run(again.runs[0] as string);
  const before = await world.client.run(first.runs[0] as string);
  expect(run.context).toEqual({
    ...(before.context as object),
    trigger: { ...(before.context as { trigger: object }).trigger, id: again.id },
  });
});

test("what started nothing cannot be replayed, and what is not there is not found", async () => {
  const world = await open();
  const { id } = await deliver(world, "d-1", "{}", "push");
  await expect(world.client.replay(id)).rejects.toMatchObject({ code: "delivery.empty" });
  await expect(world.client.replay("nobody")).rejects.toMatchObject({ code: "delivery.unknown" });
  await expect(world.client.delivery("nobody")).rejects.toMatchObject({ code: "delivery.unknown" });
  for (const query of ["?outcome=perhaps", "?since=soon", "?limit=0", "?cursor=nonsense"])
    expect((await world.ask("GET", `/api/v1/deliveries${query}`)).status).toBe(400);
});
