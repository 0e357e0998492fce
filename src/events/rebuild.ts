import { spanOf } from "../clock.ts";
import { digestOf, type PartKey, parsePartKey, parseSequenceKey } from "../storage/keys.ts";
import { decodeBlock } from "./blocks.ts";
import type { BlockRef, Checkpoint, RollupRef } from "./checkpoint.ts";
import type { RunRef } from "./profile-runs.ts";
import type { RollupCache } from "./rollup-cache.ts";
import { createDay, type DayRollup, foldEvent } from "./rollup.ts";
import { parseSlices } from "./segment.ts";
import { type FollowOptions, reportTorn, type WriterView } from "./view.ts";

/**
 * The rows under a key. Those of a damaged value are folded anew from the blocks of the same checkpoint, kept in the
 * cache, and written again by the next checkpoint. "missing": the rows, or blocks to fold them from, were moved.
 */
export async function readPart(
  ref: RollupRef,
  blocks: BlockRef[],
  options: FollowOptions & { cache: RollupCache },
): Promise<DayRollup | "missing"> {
  const found = await options.cache.read(ref.key, ref.day);
  if (found !== "torn") return found;
  reportTorn(options, ref.key);
  const day = createDay();
  for (const block of blocks) {
    if (block.siteId !== ref.siteId || !mayHold(block, ref.day)) continue;
    const held = await options.guard.read(block.key);
    if (held.state === "missing") return "missing";
    if (held.state === "torn") {
      reportTorn(options, block.key);
      continue;
    }
    for await (const events of parseSlices(await decodeBlock(held.body))) {
      for (const event of events) if (event.day === ref.day) foldEvent(day, event);
    }
  }
  options.cache.mend(ref.key, day);
  return day;
}

function mayHold(block: BlockRef, day: string): boolean {
  const { start, end } = spanOf(day);
  return block.maxAt >= start && block.minAt < end;
}

/**
 * Stands in for a checkpoint that cannot be read any more: names again what of its writer, and of those it had taken
 * over, is in storage and named by nobody else. Something that had been superseded may be among it: it is counted
 * once all the same, since rows merge and events have ids.
 */
export async function rebuildCheckpoint(
  lost: { writer: string; n: number; before: Checkpoint },
  stored: string[],
  others: WriterView[],
  options: FollowOptions,
): Promise<Checkpoint> {
  const { writer, n, before } = lost;
  const parts = partsOf(writer, stored, others);
  const siteIds = new Map<string, string>();
  for (const { checkpoint } of others) for (const { siteId } of [...checkpoint.blocks, ...checkpoint.rollups]) siteIds.set(digestOf(siteId), siteId);
  const blocks: BlockRef[] = [];
  for (const { key, site, day } of parts) {
    if (day !== undefined) continue;
    const ref = await readBlockRef(key, options);
    if (!ref) continue;
    blocks.push(ref);
    siteIds.set(site, ref.siteId);
  }
  const rollups: RollupRef[] = [];
  for (const { key, site, day } of parts) {
    if (day === undefined) continue;
    const siteId = siteIds.get(site);
    // no size is known, so it is taken for small: the next checkpoint that touches the day merges it
    if (siteId !== undefined) rollups.push({ siteId, day, key, cells: 0 });
    else reportTorn(options, key);
  }
  const adopted = new Map(before.adopted.map((adoption) => [adoption[0], adoption]));
  for (const part of parts) if (part.writer !== writer && !adopted.has(part.writer)) adopted.set(part.writer, [part.writer, 0, -1]);
  const covered = firstSegment(writer, stored, before.covered) ?? before.covered;
  const profiles: RunRef[] = [{ writer, n: -1, pages: 0, count: 0, torn: [["", "g"]] }]; // made anew from the blocks
  return { ...before, n, covered, rollups, blocks, summaries: [], profiles, adopted: [...adopted.values()], purged: [] };
}

/** Keys of the writer, and of those whom nobody speaks for: it had taken them over. */
function partsOf(writer: string, stored: string[], others: WriterView[]): PartKey[] {
  const checkpoints = others.map(({ checkpoint }) => checkpoint);
  const named = new Set(checkpoints.flatMap(({ blocks, rollups }) => [...blocks, ...rollups].map(({ key }) => key)));
  const spokenFor = new Set(others.map((view) => view.writer));
  for (const { adopted } of checkpoints) for (const [one] of adopted) spokenFor.add(one);
  spokenFor.delete(writer);
  return stored
    .map(parsePartKey)
    .filter((part): part is PartKey => part !== undefined && !named.has(part.key) && !spokenFor.has(part.writer));
}

function firstSegment(writer: string, stored: string[], from: number): number | undefined {
  let first: number | undefined;
  for (const key of stored) {
    const found = key.startsWith("journal:") ? parseSequenceKey(key) : undefined;
    if (found?.writer === writer && found.n >= from && found.n < (first ?? Infinity)) first = found.n;
  }
  return first;
}

async function readBlockRef(key: string, options: FollowOptions): Promise<BlockRef | undefined> {
  const held = await options.guard.read(key);
  if (held.state === "torn") reportTorn(options, key);
  if (held.state !== "found") return undefined;
  const ref: BlockRef = { siteId: "", key, minAt: Infinity, maxAt: -Infinity, count: 0, bytes: held.body.length };
  for await (const events of parseSlices(await decodeBlock(held.body))) {
    for (const event of events) {
      ref.siteId = event.siteId;
      ref.count++;
      if (event.at < ref.minAt) ref.minAt = event.at;
      if (event.at > ref.maxAt) ref.maxAt = event.at;
    }
  }
  return ref;
}
