import { addDays } from "../clock.ts";
import { keys } from "../storage/keys.ts";
import { createByteCache } from "./byte-cache.ts";
import type { SummaryRef } from "./checkpoint.ts";
import { digestOfParts, isSettled, portionsOf, readRows, type SiteParts } from "./day-parts.ts";
import { createSummaryBuilder, type DaySummary, weighSummary } from "./day-summary.ts";
import type { Hidden } from "./erased.ts";
import { createOpenedParts, type RollupCache } from "./rollup-cache.ts";
import type { DayRollup } from "./rollup.ts";
import { decodeSummary, encodeSummary } from "./summary-codec.ts";
import { mayHold, withoutErased } from "./summary-purge.ts";
import type { FollowOptions, WriterView } from "./view.ts";

/** Summaries kept in memory, of either kind; an estimate, see `weighSummary`. */
export const MAX_SUMMARY_BYTES = 24 * 1024 * 1024;

/** Where a summary may be named already, and who is to be left out. */
export interface SummarySource {
  views: WriterView[];
  hidden?: Hidden;
}

export interface Summaries {
  /** Stands for a day's summary: another one when it is made of anything else. */
  idOf(siteId: string, day: string, parts: SiteParts, from: SummarySource): string;
  /** A day that is over, summed up: from memory, from storage if a view names it, else from its rows. */
  get(siteId: string, day: string, parts: SiteParts, from: SummarySource): Promise<DaySummary>;
  /** Stores it under a fresh key; undefined when some of its rows cannot be read. */
  write(siteId: string, day: string, parts: SiteParts, by: SummarySource & { writer: string; generation: number }): Promise<SummaryRef | undefined>;
  /** Stores one anew, for the parts that there are now, without those who are erased; `parts`: what it was made of. */
  rewrite(ref: SummaryRef, parts: SiteParts, by: { hidden: Hidden; of: string; writer: string; generation: number }): Promise<SummaryRef | undefined>;
  /** Whether nobody of those is in a stored one, as far as it tells. */
  isFree(ref: SummaryRef, hidden: Hidden): Promise<boolean>;
}

export function createSummaries({ cache, follow, maxBytes = MAX_SUMMARY_BYTES }: { cache: RollupCache; follow: FollowOptions; maxBytes?: number }): Summaries {
  const { guard } = follow;
  /** By site, day and what it is made of: those that storage has too, and those that would have to be made again. */
  const read = createByteCache(maxBytes, weighSummary);
  const built = createByteCache(maxBytes, weighSummary);
  const keptOf = (id: string) => built.get(id) ?? read.get(id);
  const making = new Map<string, Promise<DaySummary>>();

  const idOf = (siteId: string, day: string, of: string, version = 0) => `${siteId}\n${day}\n${of}\n${version}`;

  async function load({ siteId, day, key, of }: SummaryRef): Promise<DaySummary | undefined> {
    const id = idOf(siteId, day, of);
    const known = keptOf(id);
    if (known) return known;
    const held = await guard.read(key);
    if (held.state !== "found") return undefined;
    const summary = await decodeSummary(held.body, day);
    read.put(id, summary);
    return summary;
  }

  async function store(siteId: string, summary: DaySummary, of: string, writer: string, generation: number): Promise<SummaryRef> {
    const key = keys.summary(siteId, summary.day, writer, generation);
    await guard.write(key, await encodeSummary(summary));
    return { siteId, day: summary.day, key, of };
  }

  /** As it was summed up before, of the same parts. */
  async function find(siteId: string, day: string, of: string, views: WriterView[]): Promise<DaySummary | undefined> {
    const known = keptOf(idOf(siteId, day, of));
    if (known) return known;
    for (const view of views) {
      const ref = view.checkpoint.summaries.find((one) => one.siteId === siteId && one.day === day && one.of === of);
      const summary = ref && (await load(ref));
      if (summary) return summary;
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

  async function build(siteId: string, day: string, parts: SiteParts, { views, hidden }: SummarySource): Promise<DaySummary> {
    const builder = createSummaryBuilder(day);
    const shown = hidden?.shown ?? ((rollup: DayRollup) => rollup);
    const days: { day: string; loose?: DayRollup }[] = [{ day }];
    for (const next of [addDays(day, -1), addDays(day, 1)]) days.push({ day: next, loose: await neighbour(siteId, next, parts, views) });
    const portions = portionsOf(parts, days.filter(({ loose }) => !loose).map((one) => one.day));
    const opened = createOpenedParts();
    let whole = true;
    for (let portion = 0; portion < portions; portion++) {
      const found: DayRollup[][] = [];
      for (const one of days) {
        const some = one.loose ? { rows: [one.loose], whole: true } : await readRows(parts.get(one.day), { portion, portions }, { ...follow, cache, opened });
        found.push(some.rows.map(shown));
        whole &&= some.whole;
      }
      await builder.add(found[0]!, found[1]!, found[2]!);
    }
    return { ...builder.finish(), ...(!whole && { isPartial: true }) };
  }

  async function purge(summary: DaySummary, parts: SiteParts, hidden: Hidden): Promise<DaySummary | undefined> {
    const rows: DayRollup[] = [];
    for (const ref of parts.get(summary.day)?.refs.values() ?? []) {
      const found = await cache.readVisitors(ref.key, ref.day, hidden.hashes);
      if (typeof found === "string") return undefined;
      rows.push(found);
    }
    return withoutErased(summary, rows, hidden);
  }

  async function make(id: string, siteId: string, day: string, of: string, parts: SiteParts, from: SummarySource): Promise<DaySummary> {
    const stored = await find(siteId, day, of, from.views);
    if (stored && !(from.hidden && mayHold(stored, from.hidden))) return stored;
    const left = stored && from.hidden && (await purge(stored, parts, from.hidden));
    const summary = left ?? (await build(siteId, day, parts, from));
    if (!summary.isPartial) built.put(id, summary);
    return summary;
  }

  function get(siteId: string, day: string, parts: SiteParts, from: SummarySource): Promise<DaySummary> {
    const of = digestOfParts(parts, day);
    const id = idOf(siteId, day, of, from.hidden?.version);
    const known = keptOf(id);
    if (known) return Promise.resolve(known);
    let pending = making.get(id);
    if (!pending) {
      pending = make(id, siteId, day, of, parts, from).finally(() => making.delete(id));
      making.set(id, pending);
    }
    return pending;
  }

  return {
    idOf: (siteId, day, parts, { hidden }) => idOf(siteId, day, digestOfParts(parts, day), hidden?.version),
    get,
    async rewrite(ref, parts, { hidden, of, writer, generation }) {
      const summary = await load(ref);
      const left = summary && (await purge(summary, parts, hidden));
      if (!left) return undefined;
      return store(ref.siteId, left, of, writer, generation);
    },
    async isFree(ref, hidden) {
      const summary = await load(ref);
      return summary !== undefined && !mayHold(summary, hidden);
    },
    async write(siteId, day, parts, { writer, generation, ...from }) {
      const summary = await get(siteId, day, parts, from);
      if (summary.isPartial) return undefined;
      return store(siteId, summary, digestOfParts(parts, day), writer, generation);
    },
  };
}
