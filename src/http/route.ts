import type { HttpBindings } from "@hono/node-server";
import { type OpenAPIHono, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { matchedRoutes } from "hono/route";
import { Fault, type Problem } from "../domain/fault.ts";
import { byOf, type Identity, type Needs, reaches } from "../domain/identity.ts";
import { readJson, readYaml, YAML_TYPES } from "./body.ts";
import type { Arrival } from "./door.ts";
import { errorSchema } from "./schemas.ts";

/** What every handler can rely on: Node's own request and response, who asks and how they came. */
export interface Env {
  Bindings: HttpBindings;
  Variables: {
    /** As it is recorded; `nobody` on public routes, unless someone said who they are. */
    by: string;
    identity: Identity | null;
    arrival: Arrival;
    workflowOf: WorkflowOf;
    /** What the audit is to name, where the path does not. */
    subject: string | undefined;
  };
}
/** The workflow that a run, a gate or a name in the library belongs to; null for what is not there. */
export type WorkflowOf = (of: Named, id: string) => Promise<string | null>;
export type App = OpenAPIHono<Env>;

/** One route, said once: what is documented is what is checked. */
interface Declared<Query extends z.ZodType, Body extends z.ZodType> {
  readonly method: "get" | "post" | "put" | "delete";
  /** In OpenAPI's form; at most one `{name}`. */
  readonly path: string;
  readonly summary: string;
  /** Who may: the least role, or `public`, where the handler itself looks at who sends. */
  readonly needs: Needs;
  /** An execution may ask this of the run it belongs to, which `{id}` names. */
  readonly ownRun?: true;
  /** It keeps nothing, though it is no GET: nobody needs a record of it. */
  readonly keepsNothing?: true;
  /**
   * The workflow it is about beside the one that `of` leads to; null for none in particular, undefined for no other. A
   * token for certain workflows gets no further than these two let it.
   */
  readonly workflow?: (asked: { query: z.output<Query>; body: z.output<Body> }) => string | null | undefined;
  /** What the `{name}` in the path names. */
  readonly of?: Named;
  readonly query?: Query;
  /** The JSON body's schema, or `yaml` for the bytes of a file. */
  readonly body?: Body | "yaml";
  readonly answers: { readonly [status: number]: z.ZodType | string };
}
type Named = "run" | "approval" | "workflow";

interface Asked<Query extends z.ZodType, Body extends z.ZodType> {
  readonly c: Context<Env>;
  readonly id: string;
  readonly by: string;
  readonly query: z.output<Query>;
  readonly body: z.output<Body>;
  readonly bytes: Uint8Array;
}

export function route<Query extends z.ZodType = z.ZodUndefined, Body extends z.ZodType = z.ZodUndefined>(
  app: App,
  declared: Declared<Query, Body>,
  handle: (asked: Asked<Query, Body>) => Response | Promise<Response>,
): void {
  const { method, path, of, query, body } = declared;
  document(app, declared);
  const parameter = /\{(\w+)\}/.exec(path)?.[1];
  rulesOf(app).set(`${method.toUpperCase()} ${pattern(path)}`, declared);
  app.on(method, pattern(path), async (c) => {
    const id = parameter === undefined ? "" : (c.req.param(parameter) as string);
    if (of && !NAME.test(id)) throw new Fault(`${of}.unknown`, `There is no ${of} of that name`);
    const asked = {
      c,
      id,
      by: c.get("by"),
      query: query && read(query, fields(new URL(c.req.url).searchParams), "query"),
      body: body && body !== "yaml" && read(body, await readJson(c.env), "body"),
      bytes: body === "yaml" ? await readYaml(c.env) : NOTHING,
    } as Asked<Query, Body>;
    await keepToScope(declared, asked);
    return handle(asked);
  });
}

/** What is said of a route before anyone's request is looked at. */
export type Rule = Pick<Declared<z.ZodType, z.ZodType>, "method" | "path" | "needs" | "ownRun" | "keepsNothing">;

const RULES = new WeakMap<App, Map<string, Rule>>();

/** The rule of every route of an app, by method and pattern. */
export function rulesOf(app: App): Map<string, Rule> {
  const found = RULES.get(app) ?? new Map<string, Rule>();
  RULES.set(app, found);
  return found;
}

/** What a request asks for. */
export interface Ruled {
  /** Something is at the path, whether or not it has a rule. */
  readonly known: boolean;
  readonly rule: Rule | null;
  /** What stands in the place of `{name}`, as it was sent. */
  readonly id: string | null;
}

/** The rule of the route that is going to answer. */
export function ruled(app: App, c: Context<Env>): Ruled {
  const to = matchedRoutes(c).find(({ method }) => method !== "ALL");
  if (!to) return { known: false, rule: null, id: null };
  const place = to.path.split("/").findIndex((part) => part.startsWith(":"));
  return {
    known: true,
    rule: rulesOf(app).get(`${to.method} ${to.path}`) ?? null,
    id: place < 0 ? null : (c.req.path.split("/")[place]?.slice(0, ID_LENGTH) ?? null),
  };
}

const ID_LENGTH = 128;

/** A token for certain workflows reaches what belongs to them, and nothing of which that cannot be said. */
async function keepToScope<Query extends z.ZodType, Body extends z.ZodType>(
  { of, workflow, needs }: Pick<Declared<Query, Body>, "of" | "workflow" | "needs">,
  { c, id, query, body }: Asked<Query, Body>,
): Promise<void> {
  const identity = c.get("identity");
  if (needs === "public" || !identity || identity.scopes.workflows === null) return;
  const about = of ? [await c.get("workflowOf")(of, id)] : [];
  const beside = workflow?.({ query, body });
  if (beside !== undefined) about.push(beside);
  if (about.length > 0 && about.every((each) => reaches(identity, each))) return;
  throw new Fault("identity.forbidden", `${byOf(identity)} is for ${identity.scopes.workflows.join(", ")} alone`);
}

/** A path as the router writes it. */
function pattern(path: string): string {
  return path.replace(/\{(\w+)\}/, ":$1");
}

const NAME = /^[A-Za-z0-9._:-]{1,128}$/;
const NOTHING = new Uint8Array();

/** A parameter given more than once is a list, so that a schema which expects one text refuses it. */
function fields(search: URLSearchParams): Record<string, string | string[]> {
  return Object.fromEntries(
    [...new Set(search.keys())].map((name) => {
      const values = search.getAll(name);
      return [name, values.length === 1 ? (values[0] as string) : values];
    }),
  );
}

function read<Schema extends z.ZodType>(schema: Schema, value: unknown, part: string): z.output<Schema> {
  const result = schema.safeParse(value, { reportInput: true });
  if (result.success) return result.data;
  const details = result.error.issues.flatMap(problemsOf);
  const first = details[0] as Problem;
  throw new Fault("request.invalid", `The ${part} does not fit: ${first.path} ${first.message}`.replaceAll("  ", " "), {
    details,
  });
}

function problemsOf(issue: z.core.$ZodIssue): Problem[] {
  const path = issue.path.map((each) => `/${String(each).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
  if (issue.code === "unrecognized_keys") {
    return issue.keys
      .slice(0, 20)
      .map((key) => ({ path: `${path}/${key.slice(0, 64)}`, message: "is not known here" }));
  }
  if (issue.code === "invalid_value") {
    return [{ path, message: `must be ${issue.values.map((each) => JSON.stringify(each)).join(" or ")}` }];
  }
  if (issue.code === "invalid_type" && issue.input === undefined) return [{ path, message: "is required" }];
  return [{ path, message: issue.message.replace(/^Invalid input: /, "") }];
}

function document<Query extends z.ZodType, Body extends z.ZodType>(app: App, declared: Declared<Query, Body>): void {
  const { method, path, summary, needs, query, body, answers } = declared;
  const parameter = /\{(\w+)\}/.exec(path)?.[1];
  const content = body === "yaml" ? mediaTypes(YAML_TYPES, z.string()) : body && mediaTypes(["application/json"], body);
  const documented = Object.entries(answers).map(([status, what]) => [
    status,
    typeof what === "string"
      ? { description: what }
      : { description: "As described", content: mediaTypes(["application/json"], what) },
  ]);
  app.openAPIRegistry.registerPath({
    method,
    path,
    summary,
    ...(needs === "public" && { security: [] }),
    request: {
      ...(parameter && { params: z.object({ [parameter]: z.string().regex(NAME) }) }),
      ...(query instanceof z.ZodObject && { query }),
      ...(content && { body: { required: true, content } }),
    },
    responses: {
      ...Object.fromEntries(documented),
      default: { description: "Refused, and why", content: mediaTypes(["application/json"], errorSchema) },
    },
  });
}

function mediaTypes(types: readonly string[], schema: z.ZodType): { [type: string]: { schema: z.ZodType } } {
  return Object.fromEntries(types.map((type) => [type, { schema }]));
}

/** Which methods a path has, for the answer to a wrong one. */
export function methodsAt(app: App, path: string): string[] {
  const here = app.routes.filter(
    ({ method, path: pattern }) =>
      method !== "ALL" && new RegExp(`^${pattern.replaceAll(".", "\\.").replace(/:\w+/g, "[^/]+")}$`).test(path),
  );
  return [...new Set(here.map((each) => each.method))];
}
