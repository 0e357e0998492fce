import { isIPv4, isIPv6 } from "node:net";

const MAPPED = "::ffff:";

/** The plain address: `::ffff:8.8.8.8` is `8.8.8.8`; a zone (`fe80::1%eth0`) is cut off. */
export function unmapAddress(ip: string): string {
  const zone = ip.indexOf("%");
  const plain = zone === -1 ? ip : ip.slice(0, zone);
  if (plain.length > MAPPED.length && plain.slice(0, MAPPED.length).toLowerCase() === MAPPED) {
    const rest = plain.slice(MAPPED.length);
    if (isIPv4(rest)) return rest;
  }
  return plain;
}

/** The client's network: the /24 of an IPv4, the /48 of an IPv6 address; undefined when it is no address. */
export function networkOf(address: string): string | undefined {
  const ip = unmapAddress(address);
  if (isIPv4(ip)) return ip.slice(0, ip.lastIndexOf("."));
  if (!isIPv6(ip)) return undefined;
  const gap = ip.indexOf("::");
  const head = (gap === -1 ? ip : ip.slice(0, gap)).split(":").filter(Boolean);
  const tail = gap === -1 ? [] : ip.slice(gap + 2).split(":").filter(Boolean);
  // an embedded IPv4 stands for two groups
  const groups = (list: string[]) => list.length + (list.at(-1)?.includes(".") ? 1 : 0);
  const zeros = gap === -1 ? 0 : 8 - groups(head) - groups(tail);
  const all = [...head, ...Array.from({ length: zeros }, () => "0"), ...tail];
  return all.slice(0, 3).map((group) => Number.parseInt(group, 16).toString(16)).join(":");
}
