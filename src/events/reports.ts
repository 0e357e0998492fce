import { addDays } from "../clock.ts";
import { type ColdDays, NO_DAYS, sumUp } from "./cold-days.ts";
import { isSettled, partsOf, portionsOf, readRows, type SiteParts } from "./day-parts.ts";
import type { DaySummary } from "./day-summary.ts";
import type { Erasures } from "./erasure.ts";
import type { Report, ReportQuery } from "./event-store.ts";
import { activeSince, computeReport, daysOf } from "./report.ts";
import { createOpenedParts, type RollupCache } from "./rollup-cache.ts";
import type { Summaries } from "./summaries.ts";
import type { FollowOptions, WriterView } from "./view.ts";
import type { Views } from "./views.ts";

/** Sums of days that are over, kept by query: the least recently used goes first. */
const MAX_SUMS = 8;
const MAX_SUM_VISITORS = 2_000_000;
/** An answer that took more rows than this is given again for a second: others are always fresh. */
const MANY_ROWS = 5_000;
const REUSE_MS = 1_000;
const MAX_ANSWERS = 16;

/** A day that is over: `id` stands for what it is made of. */
interface ColdDay {
  day: string;
  id: string;
  read(): Promise<DaySummary>;
}

export interface ReportsParts {
  own: WriterView;
  views: Views;
  cache: RollupCache;
  summaries: Summaries;
  erasures: Erasures;
  follow: FollowOptions;
}

export interface Reports {
  /** Throws MovedError when another process made a checkpoint meanwhile. */
  report(query: ReportQuery): Promise<Report>;
  /** What was kept may tell of somebody who is to be forgotten. */
  forget(): void;
}

/** Answers from days that are over, summed up once, and from the rows of the others. */
export function createReports(parts: ReportsParts): Reports {
  const { own, views, cache, summaries, erasures, follow } = parts;
  const sums = new Map<string, ColdDays>();
  const answers = new Map<string, { report: Report; at: number; now: number }>();

  /** The days that are over, and those to be counted by their rows. */
  async function sortDays(query: ReportQuery, known: SiteParts): Promise<{ cold: ColdDay[]; hot: string[] }> {
    const from = { views: views.all(), hidden: erasures.hiddenIn(query.siteId) };
    const cold: ColdDay[] = [];
    const hot: string[] = [];
    for (const [index, day] of daysOf(query).entries()) {
      if (!known.has(day)) continue;
      const isToday = index === query.days - 1;
      if (isToday || !isSettled(known, day)) {
        hot.push(day);
        continue;
      }
      const one: ColdDay = { day, id: summaries.idOf(query.siteId, day, known, from), read: () => summaries.get(query.siteId, day, known, from) };
      const isYesterday = index === query.days - 2;
      const summary = isYesterday ? await one.read() : undefined;
      if (summary && summary.latest > activeSince(query)) hot.push(day);
      else cold.push(summary ? { ...one, read: () => Promise.resolve(summary) } : one);
    }
    return { cold, hot };
  }

  /** The summaries are read only when their sum is not there yet: those of very many visitors are not all kept. */
  async function sumOf(query: ReportQuery, cold: ColdDay[], hot: string[]): Promise<ColdDays> {
    if (cold.length === 0) return NO_DAYS;
    const near = new Set(hot.flatMap((day) => [addDays(day, -1), addDays(day, 1)]));
    const edges = cold.map(({ day }) => day).filter((day) => near.has(day));
    const key = JSON.stringify([query.country, query.includeBots, edges, cold.map(({ id }) => id)]);
    const known = sums.get(key);
    const read: DaySummary[] = [];
    if (!known) for (const one of cold) read.push(await one.read());
    const sum = known ?? (await sumUp(query, read, new Set(edges)));
    if (read.some(({ isPartial }) => isPartial)) return sum;
    sums.delete(key);
    sums.set(key, sum);
    let visitors = [...sums.values()].reduce((count, one) => count + one.visitors.hashes.length, 0);
    for (const [oldest, { visitors: { hashes } }] of sums) {
      if (sums.size <= MAX_SUMS && visitors <= MAX_SUM_VISITORS) break;
      sums.delete(oldest);
      visitors -= hashes.length;
    }
    return sum;
  }

  async function compute(query: ReportQuery): Promise<{ report: Report; isCostly: boolean }> {
    const known = partsOf(query.siteId, views.all(), own);
    const { cold, hot } = await sortDays(query, known);
    const sum = await sumOf(query, cold, hot);
    const portions = portionsOf(known, hot);
    const opened = createOpenedParts();
    const hidden = erasures.hiddenIn(query.siteId);
    let rows = 0;
    const read = async (portion: number) => {
      const found = [];
      for (const day of hot) found.push(...(await readRows(known.get(day), { portion, portions }, { ...follow, cache, opened })).rows);
      for (const rollup of found) rows += rollup.rows.size;
      return hidden ? found.map(hidden.shown) : found;
    };
    const report = await computeReport(query, { portions, read }, sum);
    return { report, isCostly: rows > MANY_ROWS };
  }

  return {
    async report(query) {
      const { now, ...question } = query;
      const key = JSON.stringify(question);
      const last = answers.get(key);
      if (last && performance.now() - last.at < REUSE_MS && Math.abs(now - last.now) < REUSE_MS) return last.report;
      answers.delete(key);
      const { report, isCostly } = await compute(query);
      if (isCostly) answers.set(key, { report, at: performance.now(), now });
      for (const oldest of answers.keys()) if (answers.size > MAX_ANSWERS) answers.delete(oldest);
      return report;
    },
    forget() {
      answers.clear();
      sums.clear();
    },
  };
}
