import { keys } from "../storage/keys.ts";
import { createByteCache } from "./byte-cache.ts";
import type { SummaryRef } from "./checkpoint.ts";
import { around, digestOfParts, portionsOf, readRows, type SiteParts } from "./day-parts.ts";
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
  write(siteId: string, day: string, parts: SiteParts, writer: string, generation: number): Promise<SummaryRef | undefined>;
}

export function createSummaries({ cache, follow, maxBytes = MAX_SUMMARY_BYTES }: { cache: RollupCache; follow: FollowOptions; maxBytes?: number }): Summaries {
  const { guard } = follow;
  /** By site, day and what it is made of. */
  const kept = createByteCache(maxBytes, weighSummary);
  const making = new Map<string, Promise<DaySummary>>();

  async function build(day: string, parts: SiteParts, shown = (rollup: DayRollup) => rollup) {
    const builder = createSummaryBuilder(day);
    const days = around(day);
    const portions = portionsOf(parts, days);
    let whole = true;
    for (let portion = 0; portion < portions; portion++) {
      const read: DayRollup[][] = [];
      for (const one of days) {
        const found = await readRows(parts.get(one), { portion, portions }, { ...follow, cache });
        read.push(found.rows.map(shown));
        whole &&= found.whole;
      }
      await builder.add(read[1]!, read[0]!, read[2]!);
    }
    return { summary: builder.finish(), whole };
  }

  async function make(id: string, siteId: string, day: string, of: string, parts: SiteParts, from: WriterView[] | Shown): Promise<DaySummary> {
    for (const view of Array.isArray(from) ? from : []) {
      const ref = view.checkpoint.summaries.find((one) => one.siteId === siteId && one.day === day && one.of === of);
      const held = ref && (await guard.read(ref.key));
      if (held?.state !== "found") continue;
      const summary = await decodeSummary(held.body, day);
      kept.put(id, summary);
      return summary;
    }
    const { summary, whole } = await build(day, parts, Array.isArray(from) ? undefined : from.shown);
    if (whole) kept.put(id, summary);
    return summary;
  }

  return {
    get(siteId, day, parts, from) {
      const of = digestOfParts(parts, day);
      const id = `${siteId}\n${day}\n${of}${Array.isArray(from) ? "" : `\n${from.version}`}`;
      const known = kept.get(id);
      if (known) return Promise.resolve(known);
      let pending = making.get(id);
      if (!pending) {
        pending = make(id, siteId, day, of, parts, from).finally(() => making.delete(id));
        making.set(id, pending);
      }
      return pending;
    },
    async write(siteId, day, parts, writer, generation) {
      const of = digestOfParts(parts, day);
      const known = kept.get(`${siteId}\n${day}\n${of}`);
      const { summary, whole } = known ? { summary: known, whole: true } : await build(day, parts);
      if (!whole) return undefined;
      const key = keys.summary(siteId, day, writer, generation);
      await guard.write(key, await encodeSummary(summary));
      return { siteId, day, key, of };
    },
  };
}
