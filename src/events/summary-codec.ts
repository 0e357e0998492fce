import { deflate, inflate } from "../storage/deflate.ts";
import type { DaySummary, SummaryGroup } from "./day-summary.ts";
import { decodeDay, encodeDay } from "./rollup-codec.ts";
import { SKETCH_BYTES } from "./sketch.ts";
import type { Totals } from "./totals.ts";

const LEVEL = 3;
const LENGTH_BYTES = 4;

type PackedGroup = Omit<SummaryGroup, "totals" | "visitors" | "sketches"> & {
  totals: Omit<Totals, "days" | "histogram" | "paths"> & {
    days: [string, number][];
    histogram: [number, number][];
    paths: [string, { views: number; timed: number; tenths: number }][];
  };
  /** How many hashes of its are in the second part, then as many ordinals. */
  size: number;
  isSketched: boolean;
};

/** Three parts, each after its length: the groups as JSON, their typed arrays, and the loose rows as a rollup. */
export async function encodeSummary(summary: DaySummary): Promise<Buffer> {
  const arrays: Uint8Array[] = [];
  const groups = summary.groups.map(({ totals, visitors, sketches, ...group }): PackedGroup => {
    arrays.push(bytesOf(visitors.hashes), bytesOf(visitors.visits));
    if (sketches) arrays.push(sketches.all, sketches.returning);
    const packed = { ...totals, days: [...totals.days], histogram: [...totals.histogram], paths: [...totals.paths] };
    return { ...group, totals: packed, size: visitors.hashes.length, isSketched: sketches !== undefined };
  });
  const parts = [
    await deflate(JSON.stringify({ latest: summary.latest, groups }), { level: LEVEL }),
    await deflate(Buffer.concat(arrays), { level: LEVEL }),
    await encodeDay(summary.loose),
  ];
  return Buffer.concat(parts.flatMap((part) => [lengthOf(part), part]));
}

export async function decodeSummary(body: Buffer, day: string): Promise<DaySummary> {
  const parts: Buffer[] = [];
  for (let at = 0; at < body.length; ) {
    const length = body.readUInt32LE(at);
    parts.push(body.subarray(at + LENGTH_BYTES, at + LENGTH_BYTES + length));
    at += LENGTH_BYTES + length;
  }
  const [head, arrays, loose] = parts as [Buffer, Buffer, Buffer];
  const { latest, groups } = JSON.parse((await inflate(head)).toString("utf8")) as { latest: number; groups: PackedGroup[] };
  const raw = await inflate(arrays);
  let at = 0;
  // copied: a typed array must begin at a multiple of its elements' size
  const take = (bytes: number) => new Uint8Array(raw.subarray(at, (at += bytes)));
  const unpacked = groups.map(({ totals, size, isSketched, ...group }): SummaryGroup => ({
    ...group,
    totals: { ...totals, days: new Map(totals.days), histogram: new Map(totals.histogram), paths: new Map(totals.paths) },
    visitors: { hashes: new Float64Array(take(size * 8).buffer), visits: new Uint32Array(take(size * 4).buffer) },
    ...(isSketched && { sketches: { all: take(SKETCH_BYTES), returning: take(SKETCH_BYTES) } }),
  }));
  return { day, latest, groups: unpacked, loose: await decodeDay(loose, day) };
}

const bytesOf = (array: Float64Array | Uint32Array) => new Uint8Array(array.buffer, array.byteOffset, array.byteLength);

function lengthOf(part: Buffer): Buffer {
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt32LE(part.length);
  return length;
}
