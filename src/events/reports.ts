import { addDays } from "../clock.ts";
import { type ColdDays, NO_DAYS, sumUp } from "./cold-days.ts";
import { isSettled, partsOf, portionsOf, readRows, type SiteParts } from "./day-parts.ts";
import type { DaySummary } from "./day-summary.ts";
import type { Erasures } from "./erasure.ts";
import type { Report, ReportQuery } from "./event-store.ts";
import { activeSince, computeReport, daysOf } from "./report.ts";
import type { DayRollup } from "./rollup.ts";
import type { RollupCache } from "./rollup-cache.ts";
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
  const identities = new WeakMap<DaySummary, number>();
  const answers = new Map<string, { report: Report; at: number; now: number }>();
  let made = 0;

  const identityOf = (summary: DaySummary) => {
    if (!identities.has(summary)) identities.set(summary, made++);
    return identities.get(summary)!;
  };

  /** The days that are over, and those to be counted by their rows. */
  async function sortDays(query: ReportQuery, known: SiteParts): Promise<{ cold: DaySummary[]; hot: string[] }> {
    const version = erasures.versionOf(query.siteId);
    const erased = version === 0 ? undefined : { version, shown: (rollup: DayRollup) => erasures.withoutErased(query.siteId, rollup) };
    const cold: DaySummary[] = [];
    const hot: string[] = [];
    for (const [index, day] of daysOf(query).entries()) {
      if (!known.has(day)) continue;
      if (index === query.days - 1 || !isSettled(known, day)) {
        hot.push(day);
        continue;
      }
      const summary = await summaries.get(query.siteId, day, known, erased ?? views.all());
      if (summary.latest > activeSince(query)) hot.push(day);
      else cold.push(summary);
    }
    return { cold, hot };
  }

  async function sumOf(query: ReportQuery, cold: DaySummary[], hot: string[]): Promise<ColdDays> {
    if (cold.length === 0) return NO_DAYS;
    const near = new Set(hot.flatMap((day) => [addDays(day, -1), addDays(day, 1)]));
    const edges = cold.map(({ day }) => day).filter((day) => near.has(day));
    const key = JSON.stringify([query.country, query.includeBots, edges, cold.map(identityOf)]);
    const sum = sums.get(key) ?? (await sumUp(query, cold, new Set(edges)));
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
    let rows = 0;
    const read = async (portion: number) => {
      const found = [];
      for (const day of hot) found.push(...(await readRows(known.get(day), { portion, portions }, { ...follow, cache })).rows);
      for (const rollup of found) rows += rollup.rows.size;
      return found.map((rollup) => erasures.withoutErased(query.siteId, rollup));
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
