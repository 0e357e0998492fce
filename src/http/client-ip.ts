import { BlockList, isIP, isIPv4 } from "node:net";
import type { Call, HostRequest } from "./call.ts";

/** The client's address as far as it can be trusted. */
export type ClientIp = (call: Call) => string | undefined;

/** Entries of one X-Forwarded-For that are looked at, from the right. */
const MAX_HOPS = 32;

/**
 * Without `trustProxy`: the host's word, else the socket's address. With it X-Forwarded-For is walked from the
 * right: past so many proxies, or past the proxies in the CIDR ranges. Anything malformed: the socket's address.
 */
export function createClientIp(trustProxy?: number | string[]): ClientIp {
  const hops = typeof trustProxy === "number" ? Math.min(trustProxy, MAX_HOPS) : 0;
  const proxies = Array.isArray(trustProxy) ? toBlockList(trustProxy) : undefined;
  return (call) => {
    if (call.context?.ip !== undefined) return parseAddress(call.context.ip);
    const direct = (call.request as HostRequest).ip ?? call.node?.socket?.remoteAddress;
    const socket = direct === undefined ? undefined : parseAddress(direct);
    if (hops === 0 && !proxies) return socket;
    const forwarded = call.header("x-forwarded-for");
    if (forwarded === undefined) return socket;
    return (proxies ? pastProxies(forwarded, socket, proxies) : pastHops(forwarded, hops)) ?? socket;
  };
}

function pastHops(forwarded: string, hops: number): string | undefined {
  const entries = forwarded.split(",");
  return parseAddress(entries[Math.max(0, entries.length - hops)]!);
}

function pastProxies(forwarded: string, socket: string | undefined, proxies: BlockList): string | undefined {
  if (socket === undefined || !isIn(proxies, socket)) return socket;
  const entries = forwarded.split(",");
  let last: string | undefined;
  for (let at = entries.length - 1; at >= Math.max(0, entries.length - MAX_HOPS); at--) {
    last = parseAddress(entries[at]!);
    if (last === undefined || !isIn(proxies, last)) return last;
  }
  return last;
}

/** `1.2.3.4`, `1.2.3.4:80`, `[::1]:80`, `::1`, `::ffff:1.2.3.4` (as IPv4), in quotes or not; else undefined. */
export function parseAddress(text: string): string | undefined {
  // how a dual-stack socket writes IPv4: the usual case, so before anything that costs
  if (text.startsWith("::ffff:") && isIPv4(text.slice(7))) return text.slice(7);
  if (isIPv4(text)) return text;
  let address = text.trim();
  if (address.startsWith('"') && address.endsWith('"')) address = address.slice(1, -1);
  if (address.startsWith("[")) {
    const end = address.indexOf("]");
    if (!/^(:\d{1,5})?$/.test(address.slice(end + 1))) return undefined;
    address = address.slice(1, end);
  } else if (address.includes(".") && !address.includes("::")) {
    const port = address.lastIndexOf(":");
    if (port !== -1 && /^:\d{1,5}$/.test(address.slice(port))) address = address.slice(0, port);
  }
  const zone = address.indexOf("%");
  if (zone !== -1) address = address.slice(0, zone);
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1] ?? address;
  return isIP(mapped) ? mapped : undefined;
}

/** The network that shares limits: an IPv4 address itself, the /56 of an IPv6 one. */
export function networkOf(address: string): string {
  if (!address.includes(":")) return address;
  const [head = "", tail = ""] = address.split("::");
  const before = head === "" ? [] : head.split(":");
  const after = tail === "" ? [] : tail.split(":");
  // dotted IPv4 at the end stands for two groups; it lies behind the first 56 bits
  const missing = address.includes("::") ? 8 - before.length - after.length - (tail.includes(".") ? 1 : 0) : 0;
  const groups = [...before, ...Array.from({ length: missing }, () => "0"), ...after];
  const [a, b, c, d] = groups.map((group) => group.toLowerCase().padStart(4, "0"));
  return `${a}:${b}:${c}:${(d ?? "0000").slice(0, 2)}00::/56`;
}

function toBlockList(ranges: string[]): BlockList {
  const list = new BlockList();
  for (const range of ranges) {
    const [address = "", prefix] = range.split("/");
    const family = isIP(address) === 6 ? "ipv6" : "ipv4";
    if (prefix === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(prefix), family);
  }
  return list;
}

function isIn(list: BlockList, address: string): boolean {
  return list.check(address, address.includes(":") ? "ipv6" : "ipv4");
}
