import { expect, test } from "vitest";
import { openWorld, WORKFLOWS } from "./world.ts";

test("the library is listed with phases, inputs and what is not carried out yet", async () => {
  const { client } = await openWorld();
  const { items } = await client.workflows();
  expect(items.map((each) => each.name)).toEqual(WORKFLOWS.map((each) => each.name));
  expect(items[1]?.phases).toContainEqual({ name: "confirm", type: "approval", depends_on: ["prepare"] });
  expect(items[3]?.unavailable).toEqual(["phases.hello.if"]);
  expect(await client.workflow("typed")).toMatchObject({
    inputs: { repo: { type: "string" } },
    yaml: expect.any(String),
  });
  await expect(client.workflow("gret")).rejects.toMatchObject({ code: "workflow.unknown" });
});

test("a workflow switched off starts nothing until it is switched on or the switch is taken away", async () => {
  const { client, store } = await openWorld();
  expect(await client.override("greet", false)).toMatchObject({ name: "greet", enabled: false });
  expect(await store.overrides()).toMatchObject([{ name: "greet", updated_by: "local:ada" }]);
  await expect(client.startRun({ workflow: "greet" })).rejects.toMatchObject({ code: "workflow.disabled" });
  expect(await client.override("greet", true)).toMatchObject({ enabled: true });
  await client.override("greet", false);
  expect(await client.override("greet", null)).toMatchObject({ enabled: true });
  expect(await store.overrides()).toEqual([]);
  await client.startRun({ workflow: "greet" });
  await expect(client.override("gret", false)).rejects.toMatchObject({ code: "workflow.unknown" });
});

test("a text is checked without becoming a workflow", async () => {
  const { client, ask } = await openWorld();
  const good = "name: fresh\nphases:\n  - name: hello\n    type: context\n";
  expect(await client.check("fresh", good)).toEqual({ ok: true, complaints: [] });
  const bad = await client.check("fresh", `${good}fases: []\n`);
  expect(bad).toMatchObject({ ok: false, complaints: [{ file: "fresh.yaml", line: 5, severity: "error" }] });
  expect((await ask("GET", "/api/v1/workflows/fresh")).status).toBe(404);
  expect((await ask("POST", "/api/v1/workflows/fresh/check", { json: {} })).status).toBe(415);
});
