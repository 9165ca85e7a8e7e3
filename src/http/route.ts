import type { HttpBindings } from "@hono/node-server";
import { type OpenAPIHono, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { Fault, type Problem } from "../domain/fault.ts";
import { readJson, readYaml, YAML_TYPES } from "./body.ts";
import { errorSchema } from "./schemas.ts";

/** What may be read without an identity, by exact path. Everything else is refused before it is looked up. */
export const PUBLIC: ReadonlySet<string> = new Set([
  "/",
  "/livez",
  "/readyz",
  "/openapi.json",
  "/schema/workflow.json",
]);

/** What every handler can rely on: Node's own request and response, and who asks. */
export interface Env {
  Bindings: HttpBindings;
  Variables: { by: string };
}
export type App = OpenAPIHono<Env>;

/** One route, said once: what is documented is what is checked. */
interface Declared<Query extends z.ZodType, Body extends z.ZodType> {
  readonly method: "get" | "post" | "put" | "delete";
  /** In OpenAPI's form; at most one `{name}`. */
  readonly path: string;
  readonly summary: string;
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
  app.on(method, path.replace(/\{(\w+)\}/, ":$1"), async (c) => {
    const id = parameter === undefined ? "" : (c.req.param(parameter) as string);
    if (of && !NAME.test(id)) throw new Fault(`${of}.unknown`, `There is no ${of} of that name`);
    return handle({
      c,
      id,
      by: c.get("by"),
      query: query && read(query, fields(new URL(c.req.url).searchParams), "query"),
      body: body && body !== "yaml" && read(body, await readJson(c.env), "body"),
      bytes: body === "yaml" ? await readYaml(c.env) : NOTHING,
    } as Asked<Query, Body>);
  });
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
  const { method, path, summary, query, body, answers } = declared;
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
    ...(PUBLIC.has(path) && { security: [] }),
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
