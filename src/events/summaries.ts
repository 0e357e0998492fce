import { addDays } from "../clock.ts";
import { keys } from "../storage/keys.ts";
import { createByteCache } from "./byte-cache.ts";
import type { SummaryRef } from "./checkpoint.ts";
import { digestOfParts, isSettled, portionsOf, readRows, type SiteParts } from "./day-parts.ts";
import { createSummaryBuilder, type DaySummary, weighSummary } from "./day-summary.ts";
import type { RollupCache } from "./rollup-cache.ts";
import type { DayRollup } from "./rollup.ts";
import { decodeSummary, encodeSummary } from "./summary-codec.ts";
import type { FollowOptions, WriterView } from "./view.ts";

/** Decoded summaries kept in memory; an estimate, see `weighSummary`. */
export const MAX_SUMMARY_BYTES = 24 * 1024 * 1024;

/** Rows without the erased visitors', and a number that changes with these. */
export interface Shown {
  version: number;
  shown(rollup: DayRollup): DayRollup;
}

export interface Summaries {
  /**
   * A day that is over, summed up: from memory, from storage if a view names it, else from its rows. While there are
   * visitors to be left out, only from the rows that are to be shown.
   */
  get(siteId: string, day: string, parts: SiteParts, from: WriterView[] | Shown): Promise<DaySummary>;
  /** Stores it under a fresh key; undefined when some of its rows cannot be read. */
  write(siteId: string, day: string, parts: SiteParts, by: { views: WriterView[]; writer: string; generation: number }): Promise<SummaryRef | undefined>;
}

export function createSummaries({ cache, follow, maxBytes = MAX_SUMMARY_BYTES }: { cache: RollupCache; follow: FollowOptions; maxBytes?: number }): Summaries {
  const { guard } = follow;
  /** By site, day and what it is made of. */
  const kept = createByteCache(maxBytes, weighSummary);
  const making = new Map<string, Promise<DaySummary>>();

  const idOf = (siteId: string, day: string, of: string) => `${siteId}\n${day}\n${of}`;

  /** As it was summed up before, of the same parts. */
  async function find(siteId: string, day: string, of: string, views: WriterView[]): Promise<DaySummary | undefined> {
    const known = kept.get(idOf(siteId, day, of));
    if (known) return known;
    for (const view of views) {
      const ref = view.checkpoint.summaries.find((one) => one.siteId === siteId && one.day === day && one.of === of);
      const held = ref && (await guard.read(ref.key));
      if (held?.state === "found") return decodeSummary(held.body, day);
    }
    return undefined;
  }

  /**
   * The rows of the day before or after are looked at for visitors who have something to do with this day's. Where that
   * day is summed up, they are among its loose rows; the others need not be read.
   */
  async function neighbour(siteId: string, day: string, parts: SiteParts, views: WriterView[]): Promise<DayRollup | undefined> {
    if (!isSettled(parts, day)) return undefined;
    return (await find(siteId, day, digestOfParts(parts, day), views))?.loose;
  }

  async function build(siteId: string, day: string, parts: SiteParts, from: WriterView[] | Shown) {
    const builder = createSummaryBuilder(day);
    const shown = Array.isArray(from) ? (rollup: DayRollup) => rollup : from.shown;
    const days: { day: string; loose?: DayRollup }[] = [{ day }];
    for (const next of [addDays(day, -1), addDays(day, 1)]) {
      days.push({ day: next, loose: Array.isArray(from) ? await neighbour(siteId, next, parts, from) : undefined });
    }
    const portions = portionsOf(parts, days.filter(({ loose }) => !loose).map((one) => one.day));
    let whole = true;
    for (let portion = 0; portion < portions; portion++) {
      const read: DayRollup[][] = [];
      for (const one of days) {
        const found = one.loose ? { rows: [one.loose], whole: true } : await readRows(parts.get(one.day), { portion, portions }, { ...follow, cache });
        read.push(found.rows.map(shown));
        whole &&= found.whole;
      }
      await builder.add(read[0]!, read[1]!, read[2]!);
    }
    return { summary: builder.finish(), whole };
  }

  async function make(id: string, siteId: string, day: string, of: string, parts: SiteParts, from: WriterView[] | Shown): Promise<DaySummary> {
    const stored = Array.isArray(from) ? await find(siteId, day, of, from) : undefined;
    const { summary, whole } = stored ? { summary: stored, whole: true } : await build(siteId, day, parts, from);
    if (whole) kept.put(id, summary);
    return summary;
  }

  return {
    get(siteId, day, parts, from) {
      const of = digestOfParts(parts, day);
      const id = idOf(siteId, day, of) + (Array.isArray(from) ? "" : `\n${from.version}`);
      const known = kept.get(id);
      if (known) return Promise.resolve(known);
      let pending = making.get(id);
      if (!pending) {
        pending = make(id, siteId, day, of, parts, from).finally(() => making.delete(id));
        making.set(id, pending);
      }
      return pending;
    },
    async write(siteId, day, parts, { views, writer, generation }) {
      const of = digestOfParts(parts, day);
      const known = kept.get(idOf(siteId, day, of));
      const { summary, whole } = known ? { summary: known, whole: true } : await build(siteId, day, parts, views);
      if (!whole) return undefined;
      const key = keys.summary(siteId, day, writer, generation);
      await guard.write(key, await encodeSummary(summary));
      return { siteId, day, key, of };
    },
  };
}
