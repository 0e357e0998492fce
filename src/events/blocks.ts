import { DAY_MS } from "../clock.ts";
import { deflate, inflate } from "../storage/deflate.ts";
import { keys } from "../storage/keys.ts";
import type { BlockRef } from "./checkpoint.ts";
import type { CompactionOptions, CompactionPlan } from "./compaction.ts";
import type { RecentSegments } from "./recent-segments.ts";
import { purgeLines, type Traces } from "./purge.ts";
import { decodeSegment, type Segment, type SitePart } from "./segment.ts";
import { createSlicer } from "./slicer.ts";
import { readSegment, reportTorn, type WriterView } from "./view.ts";

/** Raw bytes of one block: large enough to compress well, small enough to inflate at ease. */
const BLOCK_BYTES = 4 * 1024 * 1024;
/** Blocks smaller than this are merged once there are `MERGE_COUNT` of them. */
const SMALL_BLOCK_BYTES = 256 * 1024;
const MERGE_COUNT = 16;
/** Blocks are written once and seldom read; higher levels cost twice the time for a few percent. */
const LEVEL = 4;
/** Segments read at a time. */
const READS = 8;

type WriteBlock = (part: SitePart) => Promise<BlockRef | undefined>;

/** The NDJSON in a block. */
export function decodeBlock(body: Buffer): Promise<Buffer> {
  return inflate(body);
}

/**
 * Blocks of the segments that the plan covers, and those there are already: purged and merged where needed. `traces`: when
 * the erased were there; what they did since is added.
 */
export async function writeBlocks(plan: CompactionPlan, traces: Traces, options: CompactionOptions, garbage: string[]): Promise<BlockRef[]> {
  let made = 0;
  const write: WriteBlock = async ({ siteId, lines, count, minAt, maxAt }) => {
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
    const left = isStale(ref, plan, traces) ? await purgeBlock(ref, plan, traces, options) : undefined;
    if (!left || left.count === ref.count) {
      refs.push(ref);
      continue;
    }
    garbage.push(ref.key);
    const rewritten = await write(left);
    if (rewritten) refs.push(rewritten);
  }
  for (const view of [plan.own, ...plan.adopt]) {
    const to = view === plan.own ? plan.storedUpTo : view.next;
    for await (const part of foldSegments(view, to, view === plan.own ? plan.recent : undefined, options, garbage)) {
      const ref = await write(await purgeLines(part, plan, traces));
      if (ref) refs.push(ref);
    }
  }
  return mergeSmall(refs, write, options, garbage);
}

/** Whether something in a block may have to go. One that is only partly too old waits until that is a day's worth. */
function isStale(ref: BlockRef, { erasures, expireBefore }: CompactionPlan, traces: Traces): boolean {
  if (ref.minAt < expireBefore - DAY_MS || ref.maxAt < expireBefore) return true;
  // of what is too old the rows may be gone before the lines
  return traces.meets(ref) || (ref.minAt < expireBefore && erasures.toRemoveIn(ref.siteId) !== undefined);
}

async function purgeBlock(ref: BlockRef, plan: CompactionPlan, traces: Traces, options: CompactionOptions): Promise<SitePart | undefined> {
  const lines = await readLines(ref, options);
  return lines && purgeLines({ ...ref, lines }, plan, traces);
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
  recent: RecentSegments | undefined,
  options: CompactionOptions,
  garbage: string[],
): AsyncGenerator<SitePart> {
  const open = new Map<string, { parts: SitePart[]; bytes: number }>();
  const slice = createSlicer(1);
  const read = (n: number) => {
    const body = recent?.get(n);
    return body === undefined ? readSegment(options.guard, view.writer, n) : decodeSegment(Buffer.from(body));
  };
  let ahead: (Segment | "missing" | "torn")[] = [];
  for (let n = view.checkpoint.covered; n < to; n++) {
    if (slice.due()) await slice.pause();
    if (ahead.length === 0) ahead = await Promise.all(Array.from({ length: Math.min(READS, to - n) }, (_, i) => read(n + i)));
    const segment = ahead.shift()!;
    if (segment === "torn") reportTorn(options, keys.segment(view.writer, n));
    if (typeof segment !== "object") continue;
    garbage.push(keys.segment(view.writer, n));
    options.owed?.fold(view.writer, n, segment.owed);
    for (const part of segment.sites) {
      const block = open.get(part.siteId) ?? { parts: [], bytes: 0 };
      open.set(part.siteId, block);
      block.parts.push(part);
      block.bytes += part.lines.length;
      if (block.bytes < BLOCK_BYTES) continue;
      open.delete(part.siteId);
      yield join(block.parts);
    }
  }
  for (const { parts } of open.values()) yield join(parts);
}

function join(parts: SitePart[]): SitePart {
  return {
    siteId: parts[0]!.siteId,
    lines: Buffer.concat(parts.map(({ lines }) => lines)),
    count: parts.reduce((sum, { count }) => sum + count, 0),
    minAt: Math.min(...parts.map(({ minAt }) => minAt)),
    maxAt: Math.max(...parts.map(({ maxAt }) => maxAt)),
  };
}

/** Small blocks of a site become one, so that a quiet site does not gather files. */
async function mergeSmall(refs: BlockRef[], write: WriteBlock, options: CompactionOptions, garbage: string[]): Promise<BlockRef[]> {
  const small = groupSmall(refs);
  const merged = new Set<BlockRef>();
  const made: BlockRef[] = [];
  for (const run of small.values()) {
    if (run.length < MERGE_COUNT) continue;
    const parts: SitePart[] = [];
    for (const ref of run) {
      const lines = await readLines(ref, options);
      if (!lines) continue;
      parts.push({ ...ref, lines });
      merged.add(ref);
      garbage.push(ref.key);
    }
    const ref = parts.length > 0 ? await write(join(parts)) : undefined;
    if (ref) made.push(ref);
  }
  return [...refs.filter((ref) => !merged.has(ref)), ...made];
}

function groupSmall(refs: BlockRef[]): Map<string, BlockRef[]> {
  const small = new Map<string, BlockRef[]>();
  for (const ref of refs) {
    if (ref.bytes >= SMALL_BLOCK_BYTES) continue;
    const run = small.get(ref.siteId);
    if (run) run.push(ref);
    else small.set(ref.siteId, [ref]);
  }
  return small;
}
