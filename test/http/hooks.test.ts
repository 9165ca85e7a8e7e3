import { Webhook } from "standardwebhooks";
import { expect, test } from "vitest";
import type { Workflow } from "../../src/domain/workflow.ts";
import type { DeliveryReceipt } from "../../src/http/api.ts";
import { type Example, examples, githubHead, signatureOf, WEBHOOK_SECRET } from "../support/intake.ts";
import { workflow } from "../support/workflow.ts";
import { eachOnce, noneMutated, openHookWorld, SECRETS, SOURCES } from "./delivering.ts";
import { openWorld, type World } from "./world.ts";

/** Twenty payloads from all over the package; the long suite takes all 329. */
const SAMPLE = examples().filter((_, at) => at % 17 === 3);

test("a delivery of GitHub's starts what waits for it once, though it comes five times at the same time", async () => {
  expect(SAMPLE.length).toBeGreaterThanOrEqual(19);
  await eachOnce(await openHookWorld(), SAMPLE);
});

test("a delivery that is not as it was signed, or not as it must be sent, is refused and leaves nothing", async () => {
  const world = await openHookWorld();
  await eachOnce(world, SAMPLE.slice(0, 5));
  await noneMutated(world, SAMPLE.slice(0, 5));
});

const [opened] = examples().filter(({ event, payload }) => event === "issues" && payload.action === "opened");
const issueOpened = opened as Example;
const listener = (name: string, more: Partial<Workflow> = {}): Workflow =>
  workflow(name, [{ name: "look" }], { on: { github: [{ events: ["issues.opened"] }] }, ...more });

function post({ server }: World, path: string, body: string, headers: Record<string, string>) {
  return fetch(server.url + path, {
    method: "POST",
    body,
    headers: { "content-type": "application/json", ...headers },
  });
}
const github = (world: World, body: string, id = "d-1", event = "issues") =>
  post(world, "/hooks/github", body, githubHead({ event, id, body }));

test("a run that a delivery started knows where it came from, and is durable when the answer is given", async () => {
  const world = await openWorld({}, { workflows: [listener("triage")] });
  const response = await github(world, issueOpened.body);
  expect(response.status).toBe(202);
  const receipt = (await response.json()) as DeliveryReceipt;
  const run = await world.store.run(receipt.runs[0] as string);
  expect(run).toMatchObject({
    workflow_name: "triage",
    trigger_type: "webhook",
    trigger_id: receipt.id,
    repo: "Codertocat/Hello-World",
    issue_number: 1,
    context: {
      owner: "Codertocat",
      repo: "Hello-World",
      issueNumber: 1,
      issueTitle: "Spelling error in the README file",
      sender: "Codertocat",
      trigger: {
        type: "webhook",
        id: receipt.id,
        by: "github:Codertocat",
        event: "issues.opened",
        actor: "Codertocat",
      },
    },
  });
});

test("a workflow that cannot start now says why, and hinders no other", async () => {
  const off = listener("off");
  const needy = listener("needy", {
    secrets: ["NOBODY_SET"],
    phases: listener("x").phases.map((each) => ({ ...each, secrets: ["NOBODY_SET"] })),
  });
  const world = await openWorld({}, { workflows: [listener("fine"), needy, off] });
  await world.store.override("off", false, "ada");
  const first = (await (await github(world, issueOpened.body)).json()) as DeliveryReceipt;
  expect(first).toMatchObject({ outcome: "started", reason: null });
  const { verdicts } = await world.client.delivery(first.id);
  expect(verdicts.map(({ workflow: name, run }) => [name, run !== null])).toEqual([
    ["fine", true],
    ["needy", false],
    ["off", false],
  ]);
  expect(verdicts[1]?.why).toContain("secret.missing");
  expect(verdicts[2]?.why).toContain("switched off by ada");

  await world.store.override("fine", false, "ada");
  const second = (await (await github(world, issueOpened.body, "d-2")).json()) as DeliveryReceipt;
  expect(second).toMatchObject({ outcome: "refused", reason: "workflow.disabled", runs: [] });
});

test("a delivery that starts nothing keeps its id and its outcome, and nothing of what it held", async () => {
  const world = await openWorld({}, { workflows: [listener("triage")] });
  const body = JSON.stringify({ ...issueOpened.payload, sender: { login: "a[bot]", type: "Bot" } });
  const bot = (await (await github(world, body)).json()) as DeliveryReceipt;
  const ping = (await (await github(world, '{"zen":"Keep it simple."}', "d-2", "ping")).json()) as DeliveryReceipt;
  const other = (await (await github(world, '{"ref":"main"}', "d-3", "push")).json()) as DeliveryReceipt;
  expect([bot, ping, other].map(({ outcome, reason }) => [outcome, reason])).toEqual([
    ["ignored", "bot"],
    ["ignored", "ping"],
    ["nothing_matched", null],
  ]);
  const nothing = { repo: null, issue_number: null, actor: null, payload: null, verdicts: [] };
  for (const { id } of [bot, ping, other]) expect(await world.client.delivery(id)).toMatchObject(nothing);
});

test("a secret that is changed goes on being taken until the old one is gone", async () => {
  const world = await openWorld({}, { workflows: [], github: ["the new one", WEBHOOK_SECRET] });
  const body = "{}";
  const signedBy = (secret: string, id: string) =>
    post(world, "/hooks/github", body, {
      ...githubHead({ event: "push", id, body }),
      "x-hub-signature-256": signatureOf(body, secret),
    });
  expect((await signedBy(WEBHOOK_SECRET, "d-1")).status).toBe(202);
  expect((await signedBy("the new one", "d-2")).status).toBe(202);
  expect((await signedBy("the new one", "d-1")).status).toBe(200);
  expect((await signedBy("another", "d-3")).status).toBe(401);
});

test("a source that nobody configured answers as one whose signature does not hold", async () => {
  const world = await openWorld({}, { workflows: [], sources: SOURCES, secrets: SECRETS });
  const head = {
    "webhook-id": "m-1",
    "webhook-timestamp": String(Math.floor(Date.now() / 1000)),
    "webhook-signature": `v1,${"A".repeat(43)}=`,
  };
  const cases = [head, {}, { ...head, "content-type": "text/plain" }, { ...head, "content-encoding": "gzip" }];
  for (const headers of cases) {
    const known = await post(world, "/hooks/standard", "{}", headers);
    const unknown = await post(world, "/hooks/nobody", "{}", headers);
    expect(known.status).toBeGreaterThanOrEqual(400);
    expect(unknown.status).toBe(known.status);
    expect(await unknown.text()).toBe(await known.text());
  }
});

test("a source of Standard Webhooks delivers with an id, a time and a signature", async () => {
  const hears = workflow("hears", [{ name: "a" }], { on: { webhook: [{ source: "standard", if: "payload.n == 1" }] } });
  const world = await openWorld({}, { workflows: [hears], sources: SOURCES, secrets: SECRETS });
  const send = (id: string, body: string, shift = 0) => {
    const at = new Date(Date.now() + shift);
    return post(world, "/hooks/standard", body, {
      "webhook-id": id,
      "webhook-timestamp": String(Math.floor(at.getTime() / 1000)),
      "webhook-signature": `v1,x ${new Webhook(SECRETS.STANDARD).sign(id, at, body)}`,
    });
  };
  const answers = await Promise.all([send("m-1", '{"n":1}'), send("m-1", '{"n":1}', -60_000), send("m-1", '{"n":1}')]);
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 202]);
  expect(await (await send("m-2", '{"n":2}')).json()).toMatchObject({ outcome: "nothing_matched" });
  expect((await send("m-3", '{"n":1}', -360_000)).status).toBe(401);
  expect((await send("m-3", '{"n":1}', 360_000)).status).toBe(401);
  expect((await world.store.runs({}, { limit: 10 })).rows).toHaveLength(1);
});

test("a signed body that is no harmless JSON object is refused like any other body", async () => {
  const world = await openWorld({}, { workflows: [] });
  const refused: [string, number][] = [
    ["[".repeat(65) + "]".repeat(65), 400],
    ['{"__proto__":{"a":1}}', 400],
    ['{"\\u005f\\u005fproto__":{"a":1}}', 400],
    ['{"title":"\\ud800"}', 400],
    ["{", 400],
    ["[]", 422],
    ["null", 422],
  ];
  for (const [body, status] of refused) expect([body, (await github(world, body)).status]).toEqual([body, status]);
  const taken = await github(world, '{"title":"\\ud83d\\ude00 and \\u0041"}');
  expect(taken.status).toBe(202);
  const head = (body: string, more: object) => ({ ...githubHead({ event: "push", id: "d-9", body }), ...more });
  const at = (more: object) => post(world, "/hooks/github", "{}", head("{}", more) as Record<string, string>);
  expect((await at({ "x-github-event": "nonsense" })).status).toBe(422);
  expect((await at({ "x-github-delivery": "a b" })).status).toBe(422);
  expect((await world.client.deliveries()).items).toHaveLength(1);
});

test("a source, or one of its actors, that sends too much is told when to come again, and nothing is kept", async () => {
  const world = await openWorld({}, { workflows: [listener("triage")], rates: { perSource: 3, perActor: 1 } });
  const first = await github(world, issueOpened.body, "d-1");
  const again = await github(world, issueOpened.body, "d-1");
  const actor = await github(world, issueOpened.body, "d-2");
  const source = await github(world, '{"ref":"main"}', "d-3", "push");
  expect([first, again, actor, source].map(({ status }) => status)).toEqual([202, 200, 429, 429]);
  for (const late of [actor, source]) expect(Number(late.headers.get("retry-after"))).toBeGreaterThan(0);
  expect((await world.client.deliveries()).items).toHaveLength(1);
  expect((await world.client.deliveries()).refused).toEqual({ "rate.exceeded": 2 });
});

test("what is secret is taken out of a payload before anything keeps it", async () => {
  const secrets = { KEY: "correct-horse-battery" };
  const speaks = listener("speaks", { description: "it reads {{payload}}" });
  const world = await openWorld({}, { workflows: [speaks], secrets });
  const body = JSON.stringify({ ...issueOpened.payload, note: "my key is correct-horse-battery" });
  const { id, runs } = (await (await github(world, body)).json()) as DeliveryReceipt;
  const kept = JSON.stringify([await world.store.deliveries.one(id), await world.store.run(runs[0] as string)]);
  expect(kept).toContain("[secret KEY]");
  expect(kept).not.toContain("correct-horse");
});

test("a signed delivery whose every name is far too long starts its run all the same, cut", async () => {
  const world = await openWorld(
    {},
    { workflows: [workflow("any", [{ name: "a" }], { on: { github: [{ events: ["repository_dispatch"] }] } })] },
  );
  const long = "\u0001".repeat(20_000);
  const repository = { full_name: long, html_url: long, owner: { login: long } };
  const body = JSON.stringify({ action: long, repository, sender: { login: long, type: "User" }, branch: long });
  const receipt = (await (await github(world, body, "d-1", "repository_dispatch")).json()) as DeliveryReceipt;
  expect(receipt).toMatchObject({ outcome: "started" });
  const run = await world.store.run(receipt.runs[0] as string);
  expect(run?.repo?.length).toBeLessThanOrEqual(200);
});

test("a source whose file names no id is known by its bytes and its time, and one that names it must have it", async () => {
  const base = {
    scheme: "hmac",
    secrets: ["K"],
    header: "x-sign",
    algorithm: "sha256",
    encoding: "hex",
    prefix: "sha256=",
  } as const;
  const timed = {
    ...base,
    name: "timed",
    places: {},
    timestamp: { header: "x-time", toleranceMs: 300_000 },
    signs: "{timestamp}.{body}",
  };
  const named = { ...base, name: "named", places: { id: "/id" }, timestamp: null, signs: "{body}" };
  const world = await openWorld({}, { workflows: [], sources: [timed, named], secrets: { K: "k-secret" } });
  const now = Math.floor(Date.now() / 1000);
  const beat = (stamp: number) =>
    post(world, "/hooks/timed", "{}", { "x-time": String(stamp), "x-sign": signatureOf(`${stamp}.{}`, "k-secret") });
  expect([(await beat(now)).status, (await beat(now)).status, (await beat(now - 1)).status]).toEqual([202, 200, 202]);
  const send = (body: string) => post(world, "/hooks/named", body, { "x-sign": signatureOf(body, "k-secret") });
  expect((await send("{}")).status).toBe(422);
  expect((await send(`{"id":"${"x".repeat(300)}a"}`)).status).toBe(202);
  expect((await send(`{"id":"${"x".repeat(300)}b"}`)).status).toBe(202);
  expect((await send(`{"id":"${"x".repeat(300)}b","n":1}`)).status).toBe(409);
});
