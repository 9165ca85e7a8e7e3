import { BlockList, isIPv4, isIPv6, SocketAddress } from "node:net";
import { networkInterfaces } from "node:os";

/** What IANA's special-purpose registries keep from the open Internet (RFC 6890 and its additions). */
const SPECIAL_V4 = (
  "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24 " +
  "192.31.196.0/24 192.52.193.0/24 192.88.99.0/24 192.168.0.0/16 192.175.48.0/24 198.18.0.0/15 198.51.100.0/24 " +
  "203.0.113.0/24 224.0.0.0/4 240.0.0.0/4"
).split(" ");

/** Teredo, ORCHID and the like; documentation; 6to4, which carries any IPv4 address within. */
const SPECIAL_V6 = "2001::/23 2001:db8::/32 2002::/16 2620:4f:8000::/48 3fff::/20".split(" ");

const special = new BlockList();
for (const each of SPECIAL_V4) special.addSubnet(...split(each), "ipv4");
for (const each of SPECIAL_V6) special.addSubnet(...split(each), "ipv6");
/** Global unicast. Everything else is something's inside: mapped IPv4, NAT64, unique local, link-local, multicast. */
const open = new BlockList();
open.addSubnet("2000::", 3, "ipv6");

function split(subnet: string): [string, number] {
  const [address, bits] = subnet.split("/");
  return [address as string, Number(bits)];
}

/** Whether an address is anyone's on the open Internet, and not this machine's own. */
export function isPublic(address: string): boolean {
  if (isIPv4(address)) return !special.check(address, "ipv4") && !isOwn(address);
  if (!isIPv6(address)) return false;
  return open.check(address, "ipv6") && !special.check(address, "ipv6") && !isOwn(address);
}

function isOwn(address: string): boolean {
  const canonical = canonicalAddress(address);
  return Object.values(networkInterfaces()).some((each) =>
    each?.some((own) => canonicalAddress(own.address) === canonical),
  );
}

/** The one spelling of an address, or null for what is none: four decimal numbers, or IPv6 without a zone. */
export function canonicalAddress(text: string): string | null {
  if (isIPv4(text)) return text;
  // A zone names an interface of this machine.
  if (!isIPv6(text) || text.includes("%")) return null;
  return new SocketAddress({ address: text, family: "ipv6" }).address;
}
