import { Ajv2020, type ErrorObject, type ValidateFunction } from "ajv/dist/2020.js";
import type { Problem } from "../domain/fault.ts";
import { type Json, utf8Length } from "../domain/json.ts";
import type { Workflow, WorkflowVersion } from "../domain/workflow.ts";
import type { Path } from "./source.ts";
import { didYouMean } from "./suggest.ts";

type Inputs = Workflow["inputs"];

export type InputsRead =
  | { readonly ok: true; readonly inputs: { readonly [name: string]: Json } }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/**
 * The inputs a run starts with: what was handed in, checked against the declaration, defaults filled in, nothing
 * converted. An input without a default is required. Each problem names its JSON Pointer path.
 */
export function readInputs(version: WorkflowVersion, raw: unknown): InputsRead {
  if (raw !== undefined && raw !== null && (typeof raw !== "object" || Array.isArray(raw)))
    return refused({ path: "", message: "must be an object of inputs by name" });
  const given = (raw ?? {}) as Record<string, unknown>;
  const unfit = unfitPart(given, "", DEPTH);
  if (unfit) return refused(unfit);

  const declared = version.workflow.inputs;
  const problems: Problem[] = [];
  for (const name of Object.keys(given)) {
    if (Object.hasOwn(declared, name)) continue;
    problems.push({
      path: pointer(name),
      message: `unknown input "${name}"${didYouMean(name, Object.keys(declared))}`,
    });
  }
  const inputs: [string, Json][] = [];
  for (const [name, validate] of validatorsOf(version)) {
    if (Object.hasOwn(given, name)) {
      const value = given[name] as Json;
      if (validate(value)) inputs.push([name, value]);
      else problems.push(...(validate.errors ?? []).map((each) => problemOf(name, each)));
    } else {
      const fallback = defaultOf(declared[name]);
      if (fallback === undefined) problems.push({ path: pointer(name), message: "is required" });
      else inputs.push([name, fallback]);
    }
  }
  if (problems.length > 0) return refused(...problems.slice(0, PROBLEMS));
  const result = Object.fromEntries(inputs);
  if (utf8Length(JSON.stringify(result)) > LARGEST)
    return refused({ path: "", message: "larger than 64 KiB. Put large values in a file and pass its path" });
  return { ok: true, inputs: result };
}

/** What is wrong with a declaration whose keywords are all known: contradictions, and defaults that break their rule. */
export function flawsOfInputs(inputs: Inputs): { readonly path: Path; readonly message: string }[] {
  const flaws: { path: Path; message: string }[] = [];
  const ajv = newAjv();
  const upper = new Map<string, string>();
  for (const [name, schema] of Object.entries(inputs)) {
    const twin = upper.get(name.toUpperCase());
    if (twin) flaws.push({ path: [name], message: `"${twin}" and "${name}" would share one environment variable` });
    upper.set(name.toUpperCase(), name);
    const slow = slowPart(schema, [name]);
    if (slow) {
      flaws.push(slow);
      continue;
    }
    try {
      const validate = ajv.compile(schema as object);
      const fallback = defaultOf(schema);
      if (fallback === undefined || validate(fallback)) continue;
      const { path, message } = problemOf("", validate.errors![0]!);
      flaws.push({
        path: [name, "default"],
        message: `the default ${path === "/" ? "" : `${path.slice(1)} `}${message}`,
      });
    } catch (thrown) {
      flaws.push({ path: [name], message: (thrown as Error).message.replace(/^strict mode: | at "#.*$/g, "") });
    }
  }
  return flaws;
}

const LARGEST = 64 * 1024;
const DEPTH = 32;
const PROBLEMS = 50;
const KEPT = 100;

/** By version hash, the oldest dropped first: a validator is generated code, and a version never changes. */
const compiled = new Map<string, ReadonlyMap<string, ValidateFunction>>();

function validatorsOf({ hash, workflow }: WorkflowVersion): ReadonlyMap<string, ValidateFunction> {
  let validators = compiled.get(hash);
  if (!validators) {
    const ajv = newAjv();
    const made = Object.entries(workflow.inputs).map(
      ([name, schema]) => [name, ajv.compile(schema as object)] as const,
    );
    validators = new Map(made);
    if (compiled.size >= KEPT) compiled.delete(compiled.keys().next().value!);
    compiled.set(hash, validators);
  }
  return validators;
}

/** One for each version, since an instance keeps every schema it ever compiled. */
function newAjv(): Ajv2020 {
  return new Ajv2020({
    allErrors: true,
    strict: true,
    allowUnionTypes: true,
    strictTuples: false,
    ownProperties: true,
    // The grammar's own definition has already judged the schema, keyword by keyword.
    // What lies there is looked at when a program is to read it: a path is checked for nothing else.
    formats: { path: true },
    meta: false,
    validateSchema: false,
    logger: false,
  });
}

function defaultOf(schema: Json | undefined): Json | undefined {
  return (schema as { readonly default?: Json } | undefined)?.default;
}

/** What would take quadratic time, or would be read by nobody. */
function slowPart(schema: Json, path: Path): { path: Path; message: string } | null {
  const { items, properties, uniqueItems, ...rest } = schema as Record<string, Json | undefined>;
  if (path.length > 1 && "default" in rest)
    return { path: [...path, "default"], message: "a default belongs to the input itself, not to a part of it" };
  if (uniqueItems === true) {
    const type = (items as { type?: Json } | undefined)?.type;
    const scalar = type !== undefined && [type].flat().every((each) => each !== "object" && each !== "array");
    if (!scalar) return { path: [...path, "uniqueItems"], message: "uniqueItems needs items with a plain type" };
  }
  const inner: [Path, Json][] = Object.entries(properties ?? {}).map(([name, each]) => [
    [...path, "properties", name],
    each as Json,
  ]);
  if (items !== undefined) inner.push([[...path, "items"], items]);
  for (const [where, each] of inner) {
    const slow = slowPart(each, where);
    if (slow) return slow;
  }
  return null;
}

/** The first part of a value that could not be kept: too deep, or a name that means something to JavaScript. */
function unfitPart(value: unknown, path: string, levels: number): Problem | null {
  if (value === null || typeof value !== "object") return null;
  if (levels === 0) return { path, message: `nested more than ${DEPTH} levels deep` };
  for (const [key, each] of Object.entries(value)) {
    const at = path + pointer(key);
    if (key === "__proto__") return { path: at, message: "cannot be a name" };
    const unfit = unfitPart(each, at, levels - 1);
    if (unfit) return unfit;
  }
  return null;
}

function problemOf(name: string, { instancePath, keyword, params, message }: ErrorObject): Problem {
  const path = `${pointer(name)}${instancePath}`;
  switch (keyword) {
    case "enum":
      return {
        path,
        message: `must be one of ${params.allowedValues
          .map((each: Json) => JSON.stringify(each))
          .join(", ")
          .slice(0, 500)}`,
      };
    case "const":
      return { path, message: `must be ${JSON.stringify(params.allowedValue).slice(0, 500)}` };
    case "required":
      return { path: path + pointer(params.missingProperty), message: "is required" };
    case "additionalProperties":
      return { path: path + pointer(params.additionalProperty), message: "is not declared" };
    default:
      return { path, message: message ?? keyword };
  }
}

/** One segment of a JSON Pointer (RFC 6901). */
function pointer(name: string): string {
  return `/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`;
}

function refused(...problems: Problem[]): InputsRead {
  return { ok: false, problems };
}
