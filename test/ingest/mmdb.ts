import { isIPv4 } from "node:net";

/** Writes a tiny country database in MMDB format 2.0 (24-bit records), as a file in the field has it. */
export function buildMmdb(ipVersion: 4 | 6, networks: { prefix: string; bits: number; record: unknown }[]): Uint8Array {
  type Node = [Node | number | undefined, Node | number | undefined];
  const root: Node = [undefined, undefined];
  const data: Buffer[] = [];
  let dataSize = 0;
  for (const { prefix, bits, record } of networks) {
    const path = bitsOf(prefix, ipVersion);
    const depth = isIPv4(prefix) && ipVersion === 6 ? bits + 96 : bits;
    let node = root;
    for (let i = 0; i < depth - 1; i++) {
      const side = path[i] as 0 | 1;
      const next = node[side];
      if (Array.isArray(next)) node = next;
      else node = node[side] = [undefined, undefined];
    }
    node[path[depth - 1] as 0 | 1] = dataSize;
    const encoded = encode(record);
    data.push(encoded);
    dataSize += encoded.length;
  }
  const nodes: Node[] = [];
  const number = (node: Node): void => {
    nodes.push(node);
    for (const child of node) if (Array.isArray(child)) number(child);
  };
  number(root);
  const tree = Buffer.alloc(nodes.length * 6);
  nodes.forEach((node, i) => {
    node.forEach((child, side) => {
      const value = child === undefined ? nodes.length : Array.isArray(child) ? nodes.indexOf(child) : nodes.length + 16 + child;
      tree.writeUIntBE(value, i * 6 + side * 3, 3);
    });
  });
  const metadata = encode({
    binary_format_major_version: 2, binary_format_minor_version: 0, build_epoch: 1_736_937_000, database_type: "Test-Country",
    description: { en: "test" }, ip_version: ipVersion, languages: ["en"], node_count: nodes.length, record_size: 24,
  });
  return new Uint8Array(Buffer.concat([tree, Buffer.alloc(16), ...data, Buffer.from("\xab\xcd\xefMaxMind.com", "latin1"), metadata]));
}

function bitsOf(address: string, ipVersion: 4 | 6): number[] {
  const bytes = isIPv4(address) ? address.split(".").map(Number) : [];
  if (isIPv4(address) && ipVersion === 6) bytes.unshift(...Array.from({ length: 12 }, () => 0));
  if (!isIPv4(address)) {
    const groups = address.replace("::", ":").split(":").filter(Boolean);
    for (let i = 0; i < 8; i++) {
      const group = Number.parseInt(groups[i] ?? "0", 16);
      bytes.push(group >> 8, group & 255);
    }
  }
  return bytes.flatMap((byte) => Array.from({ length: 8 }, (_, i) => (byte >> (7 - i)) & 1));
}

function encode(value: unknown): Buffer {
  if (typeof value === "string") {
    const text = Buffer.from(value);
    return Buffer.concat([Buffer.from([(2 << 5) | text.length]), text]);
  }
  if (typeof value === "number") {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(value);
    return Buffer.concat([Buffer.from([(6 << 5) | 4]), bytes]);
  }
  if (Array.isArray(value)) return Buffer.concat([Buffer.from([value.length, 4]), ...value.map(encode)]);
  const entries = Object.entries(value as object);
  return Buffer.concat([Buffer.from([(7 << 5) | entries.length]), ...entries.flatMap(([key, one]) => [encode(key), encode(one)])]);
}
