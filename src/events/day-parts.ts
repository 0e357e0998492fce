import { createHash } from "node:crypto";
import { addDays } from "../clock.ts";
import type { BlockRef, RollupRef } from "./checkpoint.ts";
import { readPart } from "./rebuild.ts";
import type { OpenedParts, RollupCache } from "./rollup-cache.ts";
import { createDay, type DayRollup, type Portion, portionOf } from "./rollup.ts";
import { MovedError } from "./sources.ts";
import type { FollowOptions, WriterView } from "./view.ts";

/**
 * Rows (with their pageviews and events) that are decoded as a whole. What has more is taken visitor by visitor in
 * portions of fewer, so that a day of a million visitors never is in memory as a whole.
 */
const WHOLE_CELLS = 200_000;
const PORTION_CELLS = 50_000;

export interface PartRef extends RollupRef {
  isOwn: boolean;
  /** Of the same checkpoint: what a damaged part is made of anew. */
  blocks: BlockRef[];
  /** Whether its writer may have made another checkpoint since. */
  isOutdated(): boolean;
}

/** What is known of one day of a site: its parts in storage, and rows that are in none yet. */
export interface DayParts {
  refs: Map<string, PartRef>;
  live: DayRollup[];
}

export type SiteParts = Map<string, DayParts>;

export function partsOf(siteId: string, views: Iterable<WriterView>, own: WriterView): SiteParts {
  const parts: SiteParts = new Map();
  const dayOf = (day: string): DayParts => {
    const known = parts.get(day) ?? { refs: new Map(), live: [] };
    parts.set(day, known);
    return known;
  };
  for (const view of views) {
    for (const live of [view.sealed, view.live]) {
      for (const entry of live?.values() ?? []) if (entry.siteId === siteId) dayOf(entry.day).live.push(entry.rollup);
    }
    const { checkpoint } = view;
    const isOwn = view === own;
    const isOutdated = () => !isOwn || view.checkpoint !== checkpoint;
    for (const ref of checkpoint.rollups) {
      if (ref.siteId === siteId) dayOf(ref.day).refs.set(ref.key, { ...ref, isOwn, isOutdated, blocks: checkpoint.blocks });
    }
  }
  return parts;
}

/** The day itself and those next to it: what a summary is made of. */
export const around = (day: string) => [addDays(day, -1), day, addDays(day, 1)];

/** Whether all that is known of the day and those next to it is in parts. */
export const isSettled = (parts: SiteParts, day: string) => around(day).every((one) => !parts.get(one)?.live.length);

/** Stands for the parts that a day's summary is made of: other parts, another digest. */
export function digestOfParts(parts: SiteParts, day: string): string {
  const keys = around(day).flatMap((one) => [...(parts.get(one)?.refs.keys() ?? [])]);
  return createHash("sha256").update(keys.sort().join("\n")).digest("hex").slice(0, 20);
}

export function portionsOf(parts: SiteParts, days: string[]): number {
  let cells = 0;
  for (const day of days) for (const ref of parts.get(day)?.refs.values() ?? []) cells += ref.cells;
  return cells <= WHOLE_CELLS ? 1 : Math.ceil(cells / PORTION_CELLS);
}

type ReadOptions = FollowOptions & { cache: RollupCache; opened: OpenedParts };

/** One portion of a day's rows. `whole` is false when a part of it is gone. Throws MovedError when it is elsewhere now. */
export async function readRows(
  parts: DayParts | undefined,
  { portion, portions }: Portion,
  options: ReadOptions,
): Promise<{ rows: DayRollup[]; whole: boolean }> {
  const rows = (parts?.live ?? []).map((rollup) => rowsOfPortion(rollup, portion, portions));
  let whole = true;
  for (const ref of parts?.refs.values() ?? []) {
    const rollup = await readPortion(ref, { portion, portions }, options);
    if (rollup !== "missing") rows.push(rollup);
    else if (ref.isOutdated()) throw new MovedError();
    else whole = false;
  }
  return { rows, whole };
}

async function readPortion(ref: PartRef, { portion, portions }: Portion, options: ReadOptions): Promise<DayRollup | "missing"> {
  if (portions > 1) {
    const some = await options.cache.readPortion(ref.key, ref.day, { portion, portions }, options.opened);
    if (some !== "torn") return some;
  }
  const part = await readPart(ref, ref.blocks, options);
  return part === "missing" ? part : rowsOfPortion(part, portion, portions);
}

function rowsOfPortion(rollup: DayRollup, portion: number, portions: number): DayRollup {
  if (portions === 1) return rollup;
  const some = createDay();
  for (const [key, row] of rollup.rows) if (portionOf(row.visitorId, portions) === portion) some.rows.set(key, row);
  return some;
}
