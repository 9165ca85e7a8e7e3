import { readFileSync } from "node:fs";
import { Fault } from "../domain/fault.ts";
import type { DeliverySource, Place } from "../domain/source.ts";
import { complaintsOf, printComplaint, type Remark } from "./complaint.ts";
import { decode } from "./decode.ts";
import { mistakes } from "./mistakes.ts";
import { parse } from "./parse.ts";
import { type DeclaredSource, sources as schema } from "./schema/sources.ts";
import { milliseconds } from "./schema/text.ts";
import type { Source } from "./source.ts";
import { didYouMean } from "./suggest.ts";

/**
 * Reads what else than GitHub may deliver; null of secrets says nothing about whether they are set. A file that nobody
 * named need not be there. Throws `config.invalid` with a
 * problem per line.
 */
export function readSources(
  file: string,
  isNamed: boolean,
  secrets: readonly string[] | null,
): readonly DeliverySource[] {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(file);
  } catch (cause) {
    if (!isNamed && (cause as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw new Fault("config.invalid", `LASTLIGHT_SOURCES: ${file} cannot be read`, { cause });
  }
  const { sources, remarks } = read(bytes, secrets);
  if (sources) return sources;
  const details = complaintsOf(file, remarks).map((each) => ({
    path: "LASTLIGHT_SOURCES",
    message: printComplaint(each),
  }));
  throw new Fault(
    "config.invalid",
    `${file} cannot serve as LASTLIGHT_SOURCES: ${details
      .slice(0, 3)
      .map(({ message }) => message)
      .join("; ")}`,
    {
      details,
    },
  );
}

function read(
  bytes: Uint8Array,
  secrets: readonly string[] | null,
): { sources: readonly DeliverySource[] | null; remarks: readonly Remark[] } {
  const text = decode(bytes);
  if (typeof text !== "string") return { sources: null, remarks: [text] };
  const { source, remarks } = parse(text);
  if (!source) return { sources: null, remarks };
  const wrong = mistakes(schema, source, {});
  if (wrong.length > 0) return { sources: null, remarks: wrong };
  const declared = schema.parse(source.value).sources;
  const unset = secrets === null ? [] : unknownSecrets(declared, secrets, source);
  const all = [...twice(declared, source), ...unset, ...unsigned(declared, source)];
  return all.length > 0 ? { sources: null, remarks: all } : { sources: declared.map(sourceOf), remarks };
}

function twice(declared: readonly DeclaredSource[], source: Source): Remark[] {
  return declared.flatMap(({ name }, at) =>
    declared.findIndex((each) => each.name === name) === at
      ? []
      : [error(source, ["sources", at, "name"], `the name "${name}" is taken by a source above`)],
  );
}

function unknownSecrets(declared: readonly DeclaredSource[], secrets: readonly string[], source: Source): Remark[] {
  return declared.flatMap(({ secret }, at) =>
    [secret].flat().flatMap((name) => {
      if (secrets.includes(name)) return [];
      const message = `LASTLIGHT_SECRET_${name} is not set${didYouMean(name, secrets)}`;
      return [error(source, ["sources", at, "secret"], message)];
    }),
  );
}

/** A time that is not part of what is signed can be any. */
function unsigned(declared: readonly DeclaredSource[], source: Source): Remark[] {
  return declared.flatMap((each, at) => {
    if (each.scheme !== "hmac" || each.signs === undefined) return [];
    const asks = each.signs.includes("{timestamp}");
    if (asks === (each.timestamp !== undefined)) return [];
    const message = asks ? "{timestamp} needs timestamp, with its header" : "signs must hold {timestamp} too";
    return [error(source, ["sources", at, "signs"], message)];
  });
}

function error(source: Source, path: readonly (string | number)[], message: string): Remark {
  return { ...source.valueAt(path), severity: "error", message };
}

const TOLERANCE_MS = 300_000;

function sourceOf(declared: DeclaredSource): DeliverySource {
  const { name, secret, id, type, actor, repo, issue_number } = declared;
  const places: [keyof DeliverySource["places"], Place | undefined][] = [
    ["id", id],
    ["type", type],
    ["actor", actor],
    ["repo", repo],
    ["issueNumber", issue_number],
  ];
  const base = {
    name,
    secrets: [secret].flat(),
    places: Object.fromEntries(places.filter(([, where]) => where !== undefined)) as DeliverySource["places"],
  };
  if (declared.scheme === "standard-webhooks") return { ...base, scheme: "standard-webhooks" };
  const { header, algorithm = "sha256", encoding = "hex", prefix = "", timestamp, signs } = declared;
  return {
    ...base,
    scheme: "hmac",
    header,
    algorithm,
    encoding,
    prefix,
    timestamp: timestamp
      ? {
          header: timestamp.header,
          toleranceMs: timestamp.tolerance ? milliseconds(timestamp.tolerance) : TOLERANCE_MS,
        }
      : null,
    signs: signs ?? (timestamp ? "{timestamp}.{body}" : "{body}"),
  };
}
