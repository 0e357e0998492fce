import { BlockList, isIP, isIPv4 } from "node:net";

/** Networks that a webhook must not reach: private, local, reserved and metadata ranges (IANA special registries). */
export const BLOCKED_NETWORKS = [
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "168.63.129.16/32", // Azure's wire server
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.0.2.0/24",
  "192.88.99.0/24",
  "192.168.0.0/16",
  "198.18.0.0/15",
  "198.51.100.0/24",
  "203.0.113.0/24",
  "224.0.0.0/4",
  "240.0.0.0/4",
  "::/96", // ::, ::1 and the IPv4-compatible forms: [::127.0.0.1] reaches loopback
  "64:ff9b::/96",
  "64:ff9b:1::/48",
  "100::/64",
  "2001::/23",
  "2001:db8::/32",
  "2002::/16",
  "3fff::/20",
  "5f00::/16",
  "fc00::/7",
  "fe80::/10",
  "fec0::/10",
  "ff00::/8",
] as const;

const LOOPBACK_NETWORKS = ["127.0.0.0/8", "::1/128"];
const MAPPED_NETWORK = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/;
const MAX_URL_CHARS = 2_048;
const FIRST_FREE_PORT = 1_024;

export interface AddressOptions {
  /** Also reach these: `true` for every address, or CIDR ranges. @default none */
  allowPrivateNetwork?: boolean | string[];
  /** Also deliver over http. @default false; loopback addresses that are allowed may always be http */
  allowInsecure?: boolean;
}

/** What `allowPrivateNetwork` opens, ready to be asked. */
export type Allowed = boolean | BlockList;

const blocked = toBlockList(BLOCKED_NETWORKS);
const loopback = toBlockList(LOOPBACK_NETWORKS);

/** Throws a RangeError that names the range when one is not CIDR. */
export function toAllowed(allow: boolean | string[] | undefined): Allowed {
  return Array.isArray(allow) ? toBlockList(allow) : allow === true;
}

/** Whether `ip` must not be connected to. What is no address at all is blocked too. */
export function blockedAddress(ip: string, allowed: Allowed = false): boolean {
  const address = canonical(ip);
  if (!address) return true;
  if (typeof allowed === "boolean" ? allowed : isIn(allowed, address)) return false;
  return isIn(blocked, address);
}

export function isLoopback(ip: string): boolean {
  const address = canonical(ip);
  return address !== undefined && isIn(loopback, address);
}

/**
 * Whether an endpoint's URL may be configured and connected to, as far as can be told without asking DNS: either the
 * parsed URL, or why not, in words that go on from "sites[0].webhooks[0].url".
 */
export function checkEndpointUrl(
  url: string,
  options: AddressOptions = {},
  allowed = toAllowed(options.allowPrivateNetwork),
): { url: URL } | { refused: string } {
  if (typeof url !== "string" || url.length > MAX_URL_CHARS) return { refused: `is not a URL of at most ${MAX_URL_CHARS} characters` };
  let parsed: URL;
  try {
    // WHATWG turns 2130706433, 0x7f.1, 0177.0.0.1 and full-width digits into 127.0.0.1
    parsed = new URL(url);
  } catch {
    return { refused: "is not a URL" };
  }
  const { protocol, port } = parsed;
  if (protocol !== "https:" && protocol !== "http:") return { refused: "must begin with https://" };
  if (parsed.username || parsed.password) return { refused: "must not hold a user name or password" };
  if (port !== "" && port !== "80" && port !== "443" && Number(port) < FIRST_FREE_PORT) {
    return { refused: `must use port 443, 80 or one from ${FIRST_FREE_PORT}; it says ${port}` };
  }
  const host = hostOf(parsed);
  if (isIP(host)) {
    if (blockedAddress(host, allowed)) {
      return { refused: `points to ${host}, a private or reserved address (see webhooks.allowPrivateNetwork)` };
    }
  } else if (allowed === false && isLocalName(host)) {
    return { refused: `points to ${host}, a local name (see webhooks.allowPrivateNetwork)` };
  }
  if (protocol === "http:" && !options.allowInsecure && !mayBeLoopback(host, allowed)) {
    return { refused: "must begin with https:// (see webhooks.allowInsecure)" };
  }
  return { url: parsed };
}

/** The host as DNS and sockets take it: no brackets around IPv6. */
export function hostOf(url: URL): string {
  return url.hostname.startsWith("[") ? url.hostname.slice(1, -1) : url.hostname;
}

function mayBeLoopback(host: string, allowed: Allowed): boolean {
  return isIP(host) ? isLoopback(host) : allowed !== false && /^(.+\.)?localhost\.?$/.test(host);
}

function isLocalName(host: string): boolean {
  const name = host.replace(/\.+$/, "").toLowerCase();
  return !name.includes(".") || /\.(localhost|local|internal)$/.test(name);
}

/** One spelling an address; an IPv4 address inside `::ffff:0:0/96` is judged as IPv4. */
function canonical(ip: string): string | undefined {
  const [address = ""] = ip.split("%", 1); // a zone says which cable, not which network
  if (isIPv4(address)) return address;
  if (isIP(address) === 0) return undefined;
  const written = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const mapped = MAPPED_NETWORK.exec(written);
  if (!mapped) return written;
  const high = Number.parseInt(mapped[1] ?? "", 16);
  const low = Number.parseInt(mapped[2] ?? "", 16);
  return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
}

function isIn(list: BlockList, address: string): boolean {
  return list.check(address, isIPv4(address) ? "ipv4" : "ipv6");
}

function toBlockList(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [address = "", bits = "", ...rest] = network.split("/");
    const family = isIP(address);
    const prefix = bits === "" && !network.includes("/") ? (family === 4 ? 32 : 128) : /^\d{1,3}$/.test(bits) ? Number(bits) : Number.NaN;
    if (family === 0 || rest.length > 0 || !(prefix <= (family === 4 ? 32 : 128))) {
      throw new RangeError(`"${network}" is not a CIDR range like 10.0.0.0/8 or fd00::/8`);
    }
    list.addSubnet(address, prefix, family === 4 ? "ipv4" : "ipv6");
  }
  return list;
}
