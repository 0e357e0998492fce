/** An address, whether a webhook may go there, and why. */
export interface AddressRow {
  ip: string;
  verdict: "blocked" | "open";
  why: string;
}

/** Of each network: first, last, one below, one above; "-" where the neighbour is blocked by another row's network. */
const EDGES: [network: string, first: string, last: string, below: string, above: string][] = [
  ["0.0.0.0/8", "0.0.0.0", "0.255.255.255", "-", "1.0.0.0"],
  ["10.0.0.0/8", "10.0.0.0", "10.255.255.255", "9.255.255.255", "11.0.0.0"],
  ["100.64.0.0/10", "100.64.0.0", "100.127.255.255", "100.63.255.255", "100.128.0.0"],
  ["127.0.0.0/8", "127.0.0.0", "127.255.255.255", "126.255.255.255", "128.0.0.0"],
  ["168.63.129.16/32", "168.63.129.16", "168.63.129.16", "168.63.129.15", "168.63.129.17"],
  ["169.254.0.0/16", "169.254.0.0", "169.254.255.255", "169.253.255.255", "169.255.0.0"],
  ["172.16.0.0/12", "172.16.0.0", "172.31.255.255", "172.15.255.255", "172.32.0.0"],
  ["192.0.0.0/24", "192.0.0.0", "192.0.0.255", "191.255.255.255", "192.0.1.0"],
  ["192.0.2.0/24", "192.0.2.0", "192.0.2.255", "192.0.1.255", "192.0.3.0"],
  ["192.88.99.0/24", "192.88.99.0", "192.88.99.255", "192.88.98.255", "192.88.100.0"],
  ["192.168.0.0/16", "192.168.0.0", "192.168.255.255", "192.167.255.255", "192.169.0.0"],
  ["198.18.0.0/15", "198.18.0.0", "198.19.255.255", "198.17.255.255", "198.20.0.0"],
  ["198.51.100.0/24", "198.51.100.0", "198.51.100.255", "198.51.99.255", "198.51.101.0"],
  ["203.0.113.0/24", "203.0.113.0", "203.0.113.255", "203.0.112.255", "203.0.114.0"],
  ["224.0.0.0/4", "224.0.0.0", "239.255.255.255", "223.255.255.255", "-"],
  ["240.0.0.0/4", "240.0.0.0", "255.255.255.255", "-", "-"],
  ["::/96", "::", "::ffff:ffff", "-", "::1:0:0"],
  ["64:ff9b::/96", "64:ff9b::", "64:ff9b::ffff:ffff", "64:ff9a:ffff:ffff:ffff:ffff:ffff:ffff", "64:ff9b::1:0:0"],
  ["64:ff9b:1::/48", "64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff", "64:ff9b:0:ffff:ffff:ffff:ffff:ffff", "64:ff9b:2::"],
  ["100::/64", "100::", "100::ffff:ffff:ffff:ffff", "ff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "100:0:0:1::"],
  ["2001::/23", "2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", "2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2001:200::"],
  ["2001:db8::/32", "2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db9::"],
  ["2002::/16", "2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2001:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2003::"],
  ["3fff::/20", "3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", "3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "3fff:1000::"],
  ["5f00::/16", "5f00::", "5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "5eff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "5f01::"],
  ["fc00::/7", "fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "fbff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "fe00::"],
  ["fe80::/10", "fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "fe7f:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "-"],
  ["fec0::/10", "fec0::", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "-", "-"],
  ["ff00::/8", "ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "-", "-"],
];

const FORMS: AddressRow[] = [
  { ip: "169.254.169.254", verdict: "blocked", why: "metadata of the clouds" },
  { ip: "::1", verdict: "blocked", why: "loopback" },
  { ip: "0:0:0:0:0:0:0:1", verdict: "blocked", why: "loopback, written out" },
  { ip: "::127.0.0.1", verdict: "blocked", why: "IPv4-compatible loopback" },
  { ip: "::ffff:127.0.0.1", verdict: "blocked", why: "mapped loopback" },
  { ip: "::ffff:7f00:1", verdict: "blocked", why: "mapped loopback, hexadecimal" },
  { ip: "0:0:0:0:0:ffff:0a00:0001", verdict: "blocked", why: "mapped 10.0.0.1, written out" },
  { ip: "::FFFF:192.168.1.1", verdict: "blocked", why: "mapped, upper case" },
  { ip: "::ffff:169.254.169.254", verdict: "blocked", why: "mapped metadata" },
  { ip: "::ffff:8.8.8.8", verdict: "open", why: "mapped public address" },
  { ip: "64:ff9b::10.0.0.1", verdict: "blocked", why: "NAT64 of a private address" },
  { ip: "2002:7f00:1::", verdict: "blocked", why: "6to4 of loopback" },
  { ip: "fe80::1%eth0", verdict: "blocked", why: "link-local with a zone" },
  { ip: "fd00:ec2::254", verdict: "blocked", why: "metadata of AWS over IPv6" },
  { ip: "8.8.8.8", verdict: "open", why: "public" },
  { ip: "2606:4700:4700::1111", verdict: "open", why: "public" },
];

export const addressTable: AddressRow[] = [
  ...EDGES.flatMap(([network, first, last, below, above]): AddressRow[] => [
    { ip: first, verdict: "blocked", why: `first of ${network}` },
    { ip: last, verdict: "blocked", why: `last of ${network}` },
    ...(below === "-" ? [] : [{ ip: below, verdict: "open" as const, why: `below ${network}` }]),
    ...(above === "-" ? [] : [{ ip: above, verdict: "open" as const, why: `above ${network}` }]),
  ]),
  ...FORMS,
];

/** Hosts of a URL that all mean 127.0.0.1 or ::1. */
export const SPELLINGS_OF_LOOPBACK = [
  "127.0.0.1", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "017700000001", "①②⑦.⓪.⓪.①", "127。0。0。1", "127.0.0.1.",
  "%31%32%37.0.0.1", "[::1]", "[0:0:0:0:0:0:0:1]", "[::127.0.0.1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "0", "0.0.0.0", "[::]",
];

export const LOCAL_NAMES = [
  "localhost", "LOCALHOST", "localhost.", "a.localhost", "printer.local", "printer.local.", "db.internal", "metadata.google.internal", "metadata.google.internal.",
  "metadata", "intranet", "ｌｏｃａｌｈｏｓｔ",
];
