import { Fault } from "../../domain/fault.ts";
import type { Store } from "../../store/store.ts";
import type { Complaint } from "../../workflow/complaint.ts";
import type { Library, LibraryEntry } from "../../workflow/library.ts";
import type { CheckResult, WorkflowBody, WorkflowItem, WorkflowList } from "../api.ts";
import { type App, route } from "../route.ts";
import * as schemas from "../schemas.ts";

/** What a text would come to as a workflow file. */
export type Check = (asked: {
  readonly file: string;
  readonly bytes: Uint8Array;
}) => Promise<{ readonly complaints: readonly Complaint[] }>;

export function workflowRoutes(
  app: App,
  { library, store, check }: { library: Pick<Library, "get" | "list">; store: Store; check: Check },
): void {
  const find = (name: string): LibraryEntry => {
    const entry = library.list().find((each) => each.name === name);
    if (entry) return entry;
    // Its fault says which name was meant.
    library.get(name);
    throw new Fault("workflow.unknown", `There is no workflow "${name}"`);
  };
  const item = async (name: string): Promise<WorkflowItem> => toItem(find(name), await switchedOff(store));

  route(
    app,
    {
      method: "get",
      path: "/api/v1/workflows",
      needs: "viewer",
      summary: "The library, files in need of work too",
      answers: { 200: schemas.workflowList },
    },
    async ({ c }) => {
      const off = await switchedOff(store);
      return c.json({ items: library.list().map((entry) => toItem(entry, off)) } satisfies WorkflowList);
    },
  );

  route(
    app,
    {
      method: "get",
      path: "/api/v1/workflows/{name}",
      needs: "viewer",
      of: "workflow",
      summary: "One workflow with its YAML",
      answers: { 200: schemas.workflowBody },
    },
    async ({ c, id: name }) =>
      c.json({ ...(await item(name)), yaml: find(name).version?.yaml ?? null } satisfies WorkflowBody),
  );

  route(
    app,
    {
      method: "post",
      path: "/api/v1/workflows/{name}/check",
      needs: "viewer",
      of: "workflow",
      summary: "What a text would come to as this workflow's file; nothing is kept",
      keepsNothing: true,
      body: "yaml",
      answers: { 200: schemas.checkResult },
    },
    async ({ c, id: name, bytes }) => {
      const { complaints } = await check({ file: `${name}.yaml`, bytes });
      return c.json({ ok: complaints.every((each) => each.severity !== "error"), complaints } satisfies CheckResult);
    },
  );

  route(
    app,
    {
      method: "put",
      path: "/api/v1/workflows/{name}/override",
      needs: "admin",
      of: "workflow",
      summary: "Switch a workflow off or on; runs under way are not touched",
      body: schemas.overrideWorkflow,
      answers: { 200: schemas.workflowItem },
    },
    async ({ c, id: name, by, body }) => {
      find(name);
      await store.override(name, body.enabled, by);
      return c.json(await item(name));
    },
  );

  route(
    app,
    {
      method: "delete",
      path: "/api/v1/workflows/{name}/override",
      needs: "admin",
      of: "workflow",
      summary: "Go back to what the YAML says",
      answers: { 200: schemas.workflowItem },
    },
    async ({ c, id: name, by }) => {
      find(name);
      await store.override(name, null, by);
      return c.json(await item(name));
    },
  );
}

async function switchedOff(store: Store): Promise<ReadonlySet<string>> {
  return new Set((await store.overrides()).filter((each) => !each.enabled).map((each) => each.name));
}

function toItem({ file, name, kind, version, complaints }: LibraryEntry, off: ReadonlySet<string>): WorkflowItem {
  const workflow = version?.workflow;
  return {
    name,
    file,
    kind,
    description: workflow?.description ?? null,
    hash: version?.hash ?? null,
    enabled: name === null || !off.has(name),
    unavailable: workflow?.unavailable ?? [],
    phases: (workflow?.phases ?? []).map((phase) => ({
      name: phase.name,
      type: phase.type,
      depends_on: phase.dependsOn,
    })),
    inputs: workflow?.inputs ?? {},
    complaints,
  };
}
