import { Fault } from "../../domain/fault.ts";
import { canonicalAddress } from "./addresses.ts";

/** A host that a phase or the configuration opens. */
export interface Opened {
  /** In lower case, without a trailing dot; of an address its one spelling. */
  readonly host: string;
  readonly kind: "name" | "below" | "address" | "any";
  readonly ports: readonly number[];
  /** Whether the name may lead into this machine's own networks. */
  readonly inside: boolean;
}

const USUAL_PORTS = [80, 443];
const MOST = 256;
const INSIDE = "private:";
/** Every public name, for phases that are to search the web. */
export const ANY = "*";

/** Reads an allow-list; throws `config.invalid` with what is wrong with which entry. */
export function readHosts(hosts: readonly string[]): Opened[] {
  if (hosts.length > MOST) throw new Fault("config.invalid", `${hosts.length} hosts are opened; ${MOST} at most`);
  return hosts.map((text) => {
    const opened = readHost(text);
    if (typeof opened === "string")
      throw new Fault("config.invalid", `The opened host ${JSON.stringify(text.slice(0, 100))} ${opened}`);
    return opened;
  });
}

function readHost(text: string): Opened | string {
  if (text === ANY) return { host: ANY, kind: "any", ports: USUAL_PORTS, inside: false };
  const inside = text.startsWith(INSIDE);
  const below = text.startsWith("*.", inside ? INSIDE.length : 0);
  const rest = text.slice((inside ? INSIDE.length : 0) + (below ? 2 : 0));
  const place = readPlace(rest);
  if (place === null) return "is not a name or an address, with or without a port";
  const ports = place.port === null ? USUAL_PORTS : [place.port];
  if (place.kind === "address")
    return below ? "is an address: nothing lies below one" : { host: place.host, kind: "address", ports, inside: true };
  if (below && !place.host.includes(".")) return "opens a whole top-level domain";
  return { host: place.host, kind: below ? "below" : "name", ports, inside };
}

interface Place {
  readonly host: string;
  readonly kind: "name" | "address";
  readonly port: number | null;
}

/**
 * Reads `host` or `host:port` by one spelling each. What other readers would take for an address in another coat
 * (decimal, octal, hexadecimal, short, dotted at the end) is no name either: null.
 */
export function readPlace(text: string): Place | null {
  const match = /^(?:\[([0-9a-f:.]{2,45})\]|([a-z0-9._-]{1,254}))(?::([1-9][0-9]{0,4}))?$/i.exec(text);
  if (!match) return null;
  const port = match[3] === undefined ? null : Number(match[3]);
  if (port !== null && port > 65_535) return null;
  const address = canonicalAddress(match[1] ?? match[2] ?? "");
  if (address !== null) return { host: address, kind: "address", port };
  if (match[2] === undefined) return null;
  const name = match[2].toLowerCase().replace(/\.$/, "");
  return isName(name) ? { host: name, kind: "name", port } : null;
}

function isName(name: string): boolean {
  const labels = name.split(".");
  const last = labels.at(-1) ?? "";
  return (
    name.length <= 253 &&
    labels.every((label) => /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/.test(label)) &&
    // Where the last label is a number, readers of URLs see an address (WHATWG URL, "ends in a number").
    !/^(?:\d+|0x[0-9a-f]*)$/.test(last)
  );
}

/** The entry that opens a place, or null. */
export function openedBy(opened: readonly Opened[], { host, kind }: Place, port: number): Opened | null {
  const fits = (each: Opened): boolean => {
    if (!each.ports.includes(port)) return false;
    if (each.kind === "any") return kind === "name";
    if (each.kind === "below") return kind === "name" && host.endsWith(`.${each.host}`);
    return each.kind === kind && each.host === host;
  };
  // The entry that trusts a name most: two may open it.
  return opened.find((each) => fits(each) && each.inside) ?? opened.find(fits) ?? null;
}
