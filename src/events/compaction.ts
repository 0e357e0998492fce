import { DAY_MS } from "../clock.ts";
import type { Reporter } from "../logger.ts";
import type { Guard } from "../storage/guard.ts";
import { keys } from "../storage/keys.ts";
import { writeBlocks } from "./blocks.ts";
import type { Checkpoint, RollupRef } from "./checkpoint.ts";
import type { Erasures } from "./erasure.ts";
import type { RollupCache } from "./rollup-cache.ts";
import { encodeDay } from "./rollup-codec.ts";
import { createDay, type DayRollup, mergeDays } from "./rollup.ts";
import { type FollowOptions, type LiveRows, reportTorn, siteDay, type WriterView } from "./view.ts";

export interface CompactionOptions extends FollowOptions {
  guard: Guard;
  reporter: Reporter;
  cache: RollupCache;
}

/** Taken-over writers that are remembered, in case one was only asleep. */
const MAX_ADOPTED = 256;

/** One compaction: whose data is folded, and the number that makes its keys new. */
export interface CompactionPlan {
  own: WriterView;
  /** Never used before by this writer, not even by a compaction that failed. */
  generation: number;
  /** Own segments below this number are stored. */
  storedUpTo: number;
  /** Dead writers whose data is taken over. */
  adopt: WriterView[];
  /** Whose rows and lines must go. */
  erasures: Erasures;
  /** Epoch milliseconds: what happened before is kept no longer. */
  expireBefore: number;
}

/**
 * Prepares the next checkpoint: live rows into rollups under fresh keys, segments into compressed blocks. Nothing
 * has changed for a reader until the checkpoint is written (by the caller); after that `garbage` may be removed.
 * The rows stay in `own.sealed` until then.
 */
export async function prepareCheckpoint(
  plan: CompactionPlan,
  options: CompactionOptions,
): Promise<{ checkpoint: Checkpoint; garbage: string[] }> {
  const { own, adopt } = plan;
  own.sealed = own.live;
  own.live = new Map();
  const garbage: string[] = [];
  const rollups = await writeRollups(plan, options, garbage);
  const blocks = await writeBlocks(plan, options, garbage);
  const adopted = adopt.map((view): [string, number] => [view.writer, view.next]);
  const checkpoint: Checkpoint = {
    writer: own.writer,
    n: own.checkpoint.n + 1,
    covered: plan.storedUpTo,
    rollups,
    blocks,
    adopted: [...own.checkpoint.adopted, ...adopted].slice(-MAX_ADOPTED),
  };
  if (own.checkpoint.n >= 0) garbage.push(keys.checkpoint(own.writer, own.checkpoint.n));
  return { checkpoint, garbage };
}

/** Whether a day is over everywhere before the moment. */
export function isExpired({ day }: { day: string }, before: number): boolean {
  return Date.parse(day) + 2 * DAY_MS <= before;
}

/** The checkpoint did not come about: its rows are live again. */
export function restoreLive(own: WriterView): void {
  for (const [key, entry] of own.sealed ?? []) {
    const since = own.live.get(key);
    if (since) mergeDays(since.rollup, entry.rollup);
    else own.live.set(key, entry);
  }
  own.sealed = undefined;
}

async function writeRollups(plan: CompactionPlan, options: CompactionOptions, garbage: string[]): Promise<RollupRef[]> {
  const { own, adopt, erasures } = plan;
  const { guard, cache } = options;
  const refs = new Map<string, RollupRef>(own.checkpoint.rollups.map((ref) => [siteDay(ref.siteId, ref.day), ref]));
  const parts = new Map<string, { siteId: string; day: string; live: DayRollup[]; keys: string[] }>();
  const partOf = (siteId: string, day: string) => {
    const key = siteDay(siteId, day);
    const part = parts.get(key) ?? { siteId, day, live: [], keys: [] };
    parts.set(key, part);
    return part;
  };
  const addLive = (live: LiveRows) => {
    for (const { siteId, day, rollup } of live.values()) partOf(siteId, day).live.push(rollup);
  };
  addLive(own.sealed ?? new Map());
  for (const view of adopt) {
    addLive(view.live);
    for (const ref of view.checkpoint.rollups) partOf(ref.siteId, ref.day).keys.push(ref.key);
  }
  for (const ref of refs.values()) if (erasures.concerns(ref.siteId) || isExpired(ref, plan.expireBefore)) partOf(ref.siteId, ref.day);
  for (const [key, part] of parts) {
    const base = refs.get(key);
    const old = base ? [base.key, ...part.keys] : part.keys;
    if (isExpired(part, plan.expireBefore)) {
      garbage.push(...old);
      refs.delete(key);
      continue;
    }
    const day = await readMerged(old, part.day, cache, options);
    for (const live of part.live) mergeDays(day, live);
    purgeRows(part.siteId, day, erasures);
    const ref = { siteId: part.siteId, day: part.day, key: keys.rollup(part.siteId, part.day, own.writer, plan.generation) };
    await guard.write(ref.key, await encodeDay(day));
    cache.put(ref.key, day);
    refs.set(key, ref);
    garbage.push(...old);
  }
  return [...refs.values()];
}

/**
 * The first rollup is added to in place: its key is about to be superseded, and whoever reads it meanwhile sees
 * rows early that are live anyway. A missing one was taken over by another process, which has its rows.
 */
async function readMerged(rollupKeys: string[], date: string, cache: RollupCache, options: FollowOptions): Promise<DayRollup> {
  let merged: DayRollup | undefined;
  for (const key of rollupKeys) {
    const day = await cache.read(key, date);
    if (day === "torn") reportTorn(options, key);
    if (typeof day !== "object") continue;
    if (merged) mergeDays(merged, day);
    else merged = day;
  }
  return merged ?? createDay();
}

function purgeRows(siteId: string, day: DayRollup, erasures: Erasures): void {
  if (!erasures.concerns(siteId)) return;
  for (const [key, row] of day.rows) if (erasures.isErased(siteId, row.visitorId, row.start)) day.rows.delete(key);
}
