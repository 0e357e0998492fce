import { spanOf } from "../clock.ts";
import { keys } from "../storage/keys.ts";
import type { BlockRef, RollupRef } from "./checkpoint.ts";
import type { CompactionOptions, CompactionPlan } from "./compaction.ts";
import type { Hidden } from "./erased.ts";
import type { Traces } from "./purge.ts";
import { readPart } from "./rebuild.ts";
import { encodeDay } from "./rollup-codec.ts";
import { cellsOf, createDay, type DayRollup, mergeRow } from "./rollup.ts";
import { createSlicer } from "./slicer.ts";
import { type LiveRows, siteDay } from "./view.ts";

/** Parts of one day that a report has to merge, at most. */
const MAX_PARTS = 8;
/** A part is merged with new rows when it is at most this many times their size: each row is rewritten rarely. */
const TIER = 2;
/** A part with more is merged no further, so that none is ever large: a day of very many visitors has many parts. */
export const MAX_PART_CELLS = 100_000;

/** What is known of one site's day: its parts in storage, and rows that are in none yet. */
interface SiteDay {
  siteId: string;
  day: string;
  refs: RollupRef[];
  live: DayRollup[];
}

/** What one compaction has to work with. */
interface Work {
  plan: CompactionPlan;
  options: CompactionOptions;
  /** Of all writers in the plan. */
  blocks: BlockRef[];
  traces: Traces;
  /** Keys that nothing refers to any more. */
  garbage: string[];
}

/** The live rows as new parts under fresh keys; days that are touched are kept to few parts. Adds to `traces` when the erased were there. */
export async function writeRollups(plan: CompactionPlan, traces: Traces, options: CompactionOptions, garbage: string[]): Promise<RollupRef[]> {
  const { own, adopt, erasures, expireBefore } = plan;
  const days = new Map<string, SiteDay>();
  const dayOf = (siteId: string, day: string): SiteDay => {
    const key = siteDay(siteId, day);
    const known = days.get(key) ?? { siteId, day, refs: [], live: [] };
    days.set(key, known);
    return known;
  };
  const addLive = (live: LiveRows) => {
    for (const { siteId, day, rollup } of live.values()) dayOf(siteId, day).live.push(rollup);
  };
  addLive(own.sealed ?? new Map());
  for (const view of adopt) addLive(view.live);
  const seen = new Set<string>();
  for (const view of [own, ...adopt]) {
    for (const ref of view.checkpoint.rollups) {
      if (!seen.has(ref.key)) dayOf(ref.siteId, ref.day).refs.push(ref);
      seen.add(ref.key);
    }
  }
  const blocks = [own, ...adopt].flatMap((view) => view.checkpoint.blocks);
  const work: Work = { plan, options, blocks, traces, garbage };
  const left: RollupRef[] = [];
  for (const known of days.values()) {
    if (isExpired(known, expireBefore)) {
      garbage.push(...known.refs.map((ref) => ref.key));
      continue;
    }
    const erased = erasures.toRemoveIn(known.siteId);
    if (erased) await purgeParts(known, erased, work);
    const isMended = known.refs.some(({ key }) => options.cache.isMended(key));
    if (known.live.length === 0 && !isMended && known.refs.filter(isSmall).length <= MAX_PARTS) {
      left.push(...known.refs);
      continue;
    }
    const { merged, kept } = chooseParts(known, options);
    left.push(...kept);
    garbage.push(...merged.map((ref) => ref.key));
    const rollup = await mergeParts(merged, known.live, work);
    if (rollup.rows.size > 0) left.push(await writePart(known, rollup, 0, work));
  }
  return left;
}

/** Another part for each day on which an erased visitor went on after the request: the row that went held that, too. */
export async function writeLater(plan: CompactionPlan, later: LiveRows, options: CompactionOptions): Promise<RollupRef[]> {
  const next = { ...plan, generation: plan.generation + 1 };
  const made: RollupRef[] = [];
  for (const { siteId, day, rollup } of later.values()) made.push(await writePart({ siteId, day }, rollup, 0, { plan: next, options }));
  return made;
}

/** Parts without rows of the erased stay as they are; of most, one line is parsed to see it. */
async function purgeParts(known: SiteDay, erased: Hidden, work: Work): Promise<void> {
  const { options, blocks, traces, garbage } = work;
  const clean: RollupRef[] = [];
  for (const ref of known.refs) {
    const held = await options.cache.readVisitors(ref.key, ref.day, erased.hashes);
    if (typeof held === "object" && removeErased(held, erased, known.siteId, traces) === held) {
      clean.push(ref);
      continue;
    }
    const rollup = held === "missing" ? held : await readPart(ref, blocks, options);
    garbage.push(ref.key);
    if (rollup === "missing") {
      traces.addDay(ref);
      continue;
    }
    const purged = held === "torn" ? removeErased(rollup, erased, known.siteId, traces) : erased.shown(rollup);
    if (purged.rows.size > 0) clean.push(await writePart(known, purged, clean.length + 1, work));
  }
  known.refs = clean;
  known.live = known.live.map((rollup) => removeErased(rollup, erased, known.siteId, traces)).filter(({ rows }) => rows.size > 0);
}

/** The rows without the erased visitors', or the same ones; notes when those were there. */
function removeErased(rollup: DayRollup, erased: Hidden, siteId: string, traces: Traces): DayRollup {
  const left = erased.shown(rollup);
  if (left !== rollup) for (const [key, row] of rollup.rows) if (!left.rows.has(key)) traces.add(siteId, row);
  return left;
}

const isSmall = (ref: RollupRef) => ref.cells <= MAX_PART_CELLS;

/** Whether a day is over everywhere before the moment. */
export function isExpired({ day }: { day: string }, before: number): boolean {
  return spanOf(day).end <= before;
}

/** A damaged part whose rows were folded anew is merged in any case, so that it is written again. */
function chooseParts({ refs, live }: SiteDay, { cache }: CompactionOptions): { merged: RollupRef[]; kept: RollupRef[] } {
  const bySize = refs.filter(isSmall).sort((a, b) => a.cells - b.cells);
  let size = live.reduce((sum, rollup) => sum + cellsOf(rollup), 0);
  let count = 0;
  for (const ref of bySize) {
    if (ref.cells > size * TIER && bySize.length - count < MAX_PARTS) break;
    if (count > 1 && size + ref.cells > MAX_PART_CELLS) break;
    size += ref.cells;
    count++;
  }
  const merged = refs.filter((ref) => cache.isMended(ref.key));
  for (const ref of bySize.slice(0, count)) if (!merged.includes(ref)) merged.push(ref);
  return { merged, kept: refs.filter((ref) => !merged.includes(ref)) };
}

/**
 * The first one is added to in place: it is about to be superseded, and whoever reads it meanwhile sees rows that
 * are elsewhere anyway. A missing one was taken over by another process, which has its rows.
 */
async function mergeParts(refs: RollupRef[], live: DayRollup[], { blocks, options }: Work): Promise<DayRollup> {
  const slice = createSlicer();
  let merged: DayRollup | undefined;
  async function add(rollup: DayRollup) {
    if (!merged) return void (merged = rollup);
    for (const [key, row] of rollup.rows) {
      if (slice.due()) await slice.pause();
      mergeRow(merged, key, row);
    }
  }
  for (const ref of refs.toReversed()) {
    const rollup = await readPart(ref, blocks, options);
    if (rollup !== "missing") await add(rollup);
  }
  for (const rollup of live) await add(rollup);
  return merged ?? createDay();
}

async function writePart({ siteId, day }: Pick<SiteDay, "siteId" | "day">, rollup: DayRollup, i: number, { plan, options: { guard, cache } }: Pick<Work, "plan" | "options">): Promise<RollupRef> {
  const key = keys.rollup(siteId, day, plan.own.writer, plan.generation, i);
  await guard.write(key, await encodeDay(rollup));
  cache.put(key, rollup);
  return { siteId, day, key, cells: cellsOf(rollup) };
}
