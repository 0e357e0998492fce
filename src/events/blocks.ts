import { promisify } from "node:util";
import { deflateRaw, inflateRaw } from "node:zlib";
import { DAY_MS } from "../clock.ts";
import { keys } from "../storage/keys.ts";
import type { BlockRef } from "./checkpoint.ts";
import type { CompactionOptions, CompactionPlan } from "./compaction.ts";
import { parseSlices } from "./segment.ts";
import { readSegment, reportTorn, type WriterView } from "./view.ts";

/** Raw bytes of one block: large enough to compress well, small enough to inflate at ease. */
const BLOCK_BYTES = 4 * 1024 * 1024;
/** Blocks smaller than this are merged once there are `MERGE_COUNT` of them. */
const SMALL_BLOCK_BYTES = 256 * 1024;
const MERGE_COUNT = 16;
const LEVEL = 6;

const deflate = promisify(deflateRaw);
const inflate = promisify(inflateRaw);

/** The NDJSON in a block. */
export function decodeBlock(body: Buffer): Promise<Buffer> {
  return inflate(body);
}

/** Blocks of the segments that the plan covers, and those there are already: purged and merged where needed. */
export async function writeBlocks(plan: CompactionPlan, options: CompactionOptions, garbage: string[]): Promise<BlockRef[]> {
  let made = 0;
  const write = async (siteId: string, lines: Buffer): Promise<BlockRef | undefined> => {
    let minAt = Infinity;
    let maxAt = -Infinity;
    let count = 0;
    for await (const events of parseSlices(lines)) {
      count += events.length;
      for (const { at } of events) {
        if (at < minAt) minAt = at;
        if (at > maxAt) maxAt = at;
      }
    }
    if (count === 0) return undefined;
    const key = keys.block(siteId, plan.own.writer, plan.generation, made++);
    const body = await deflate(lines, { level: LEVEL });
    await options.guard.write(key, body);
    return { siteId, key, minAt, maxAt, count, bytes: body.length };
  };

  const known = new Map<string, BlockRef>();
  for (const view of [plan.own, ...plan.adopt]) for (const ref of view.checkpoint.blocks) known.set(ref.key, ref);
  const refs: BlockRef[] = [];
  for (const ref of known.values()) {
    // a block that is only partly too old waits until that part is a day's worth
    const stale = plan.erasures.concerns(ref.siteId) || ref.minAt < plan.expireBefore - DAY_MS || ref.maxAt < plan.expireBefore;
    const lines = stale ? await readLines(ref, options) : undefined;
    const left = lines && (await purgeLines(ref.siteId, lines, plan));
    if (!lines || !left || left.length === lines.length) {
      refs.push(ref);
      continue;
    }
    garbage.push(ref.key);
    const rewritten = await write(ref.siteId, left);
    if (rewritten) refs.push(rewritten);
  }
  for (const view of [plan.own, ...plan.adopt]) {
    const to = view === plan.own ? plan.storedUpTo : view.next;
    for await (const { siteId, lines } of foldSegments(view, to, options, garbage)) {
      const ref = await write(siteId, plan.erasures.concerns(siteId) ? await purgeLines(siteId, lines, plan) : lines);
      if (ref) refs.push(ref);
    }
  }
  return mergeSmall(refs, write, options, garbage);
}

async function readLines(ref: BlockRef, options: CompactionOptions): Promise<Buffer | undefined> {
  const held = await options.guard.read(ref.key);
  if (held.state === "torn") reportTorn(options, ref.key);
  return held.state === "found" ? decodeBlock(held.body) : undefined;
}

/** The lines of a writer's segments up to `to`, gathered per site up to a block's size. */
async function* foldSegments(
  view: WriterView,
  to: number,
  options: CompactionOptions,
  garbage: string[],
): AsyncGenerator<{ siteId: string; lines: Buffer }> {
  const open = new Map<string, { bytes: number; lines: Buffer[] }>();
  for (let n = view.checkpoint.covered; n < to; n++) {
    const segment = await readSegment(options.guard, view.writer, n);
    if (segment === "torn") reportTorn(options, keys.segment(view.writer, n));
    if (typeof segment !== "object") continue;
    garbage.push(keys.segment(view.writer, n));
    for (const { siteId, lines } of segment.sites) {
      const block = open.get(siteId) ?? { bytes: 0, lines: [] };
      open.set(siteId, block);
      block.lines.push(lines);
      block.bytes += lines.length;
      if (block.bytes < BLOCK_BYTES) continue;
      open.delete(siteId);
      yield { siteId, lines: Buffer.concat(block.lines) };
    }
  }
  for (const [siteId, block] of open) yield { siteId, lines: Buffer.concat(block.lines) };
}

/** NDJSON without the lines of erased visitors and what is kept no longer. */
async function purgeLines(siteId: string, lines: Buffer, { erasures, expireBefore }: CompactionPlan): Promise<Buffer> {
  const parts: string[] = [];
  for await (const events of parseSlices(lines)) {
    for (const event of events) {
      if (event.at >= expireBefore && !erasures.isErased(siteId, event.visitorId, event.at)) parts.push(`${JSON.stringify(event)}\n`);
    }
  }
  return Buffer.from(parts.join(""));
}

/** Small blocks of a site become one, so that a quiet site does not gather files. */
async function mergeSmall(
  refs: BlockRef[],
  write: (siteId: string, lines: Buffer) => Promise<BlockRef | undefined>,
  options: CompactionOptions,
  garbage: string[],
): Promise<BlockRef[]> {
  const small = new Map<string, BlockRef[]>();
  for (const ref of refs) {
    if (ref.bytes >= SMALL_BLOCK_BYTES) continue;
    const run = small.get(ref.siteId);
    if (run) run.push(ref);
    else small.set(ref.siteId, [ref]);
  }
  const merged = new Set<BlockRef>();
  const made: BlockRef[] = [];
  for (const [siteId, run] of small) {
    if (run.length < MERGE_COUNT) continue;
    const parts: Buffer[] = [];
    for (const ref of run) {
      const lines = await readLines(ref, options);
      if (!lines) continue;
      parts.push(lines);
      merged.add(ref);
      garbage.push(ref.key);
    }
    const ref = await write(siteId, Buffer.concat(parts));
    if (ref) made.push(ref);
  }
  return [...refs.filter((ref) => !merged.has(ref)), ...made];
}
