import { addDays, dayOf, MINUTE_MS } from "../clock.ts";
import { type ColdDays, NO_DAYS } from "./cold-days.ts";
import { visitsIn } from "./distinct.ts";
import type { Report, ReportQuery, VisitorRow } from "./event-store.ts";
import { byRecency, MAX_RECENT, mergeVisitorRows, mostRecent } from "./recent-visitors.ts";
import { type DayRollup, hashOf, portionOf, type SessionRow } from "./rollup.ts";
import { addRow, type VisitorGroup } from "./sessions.ts";
import { addToSketch, estimate, SKETCH_ERROR } from "./sketch.ts";
import { createSlicer } from "./slicer.ts";
import { addTotals, addVisitor, createTotals, medianTime, topPages } from "./totals.ts";

const ACTIVE_MS = 5 * MINUTE_MS;

/** The calendar days that a query asks for, oldest first. */
export function daysOf(query: Pick<ReportQuery, "now" | "timeZone" | "days">): string[] {
  const today = dayOf(query.now, query.timeZone);
  return Array.from({ length: query.days }, (_, index) => addDays(today, index + 1 - query.days));
}

/** Signals after this make a visitor active. */
export const activeSince = (query: Pick<ReportQuery, "now">) => query.now - ACTIVE_MS;

/** Rows in portions, so that few are in memory at a time; all of one visitor's are in the same. */
export interface RowSource {
  portions: number;
  read(portion: number): Promise<DayRollup[]> | DayRollup[];
}

export const inOnePortion = (rollups: DayRollup[]): RowSource => ({ portions: 1, read: () => rollups });

/**
 * The report over the range: what happened outside it plays no part. A row may come in several parts (of several
 * writers, or twice): they are joined by id. Yields to the host's event loop every few milliseconds.
 */
export async function computeReport(query: ReportQuery, source: RowSource, cold: ColdDays = NO_DAYS): Promise<Report> {
  const slice = createSlicer();
  const totals = createTotals(daysOf(query));
  const excluded = createTotals();
  addTotals(totals, cold.totals);
  addTotals(excluded, cold.excluded);
  const countries = new Set(cold.countries);
  const crowd = createCrowd(query, cold);

  for (let portion = 0; portion < source.portions; portion++) {
    const visitors = new Map<string, VisitorGroup>();
    const bots = new Map<string, VisitorGroup>();
    const add = (row: SessionRow) => {
      if (query.country && row.country !== query.country) return;
      addRow(row.bot && !query.includeBots ? bots : visitors, row);
    };
    for (const row of cold.open) if (portionOf(row.visitorId, source.portions) === portion) add(row);
    for (const rollup of await source.read(portion)) {
      for (const row of rollup.rows.values()) {
        if (slice.due()) await slice.pause();
        add(row);
      }
    }
    for (const { rows } of bots.values()) addVisitor(excluded, rows);
    for (const visitor of visitors.values()) {
      if (slice.due()) await slice.pause();
      for (const { country } of visitor.rows) if (country) countries.add(country);
      crowd.add(visitor);
      addVisitor(totals, visitor.rows);
    }
    crowd.list(visitors.values());
  }
  const { unique, returning, active, isEstimate } = crowd.count();
  return {
    totalPageviews: totals.pageviews,
    totalEvents: totals.events,
    totalSessions: totals.sessions,
    avgTimeOnPage: totals.timed ? totals.timedTenths / totals.timed / 10 : 0,
    medianTimeOnPage: medianTime(totals),
    timeOnPageCoverage: totals.pageviews ? totals.timed / totals.pageviews : 0,
    bounceRate: totals.viewedSessions ? totals.bounces / totals.viewedSessions : 0,
    singlePageRate: totals.viewedSessions ? totals.singlePages / totals.viewedSessions : 0,
    pageviewsByDay: [...totals.days].map(([date, views]) => ({ date, views })),
    topPages: topPages(totals),
    visitors: crowd.recent(),
    uniqueVisitors: unique,
    activeVisitors: active,
    totalCountries: countries.size,
    returningVisitorRate: unique ? Math.min(1, returning / unique) : 0,
    excluded: { bot: excluded.pageviews + excluded.events },
    ...(isEstimate && { distinctError: SKETCH_ERROR }),
  };
}

/** The visitors of cold days, and those that rows tell of: how many, and the most recent. */
function createCrowd(query: ReportQuery, cold: ColdDays) {
  const since = activeSince(query);
  const sketches = cold.sketches && { all: cold.sketches.all.slice(), returning: cold.sketches.returning.slice() };
  const visitsOf = (visitorId: string) => visitsIn(cold.visitors, hashOf(visitorId));
  const listed = new Map<string, VisitorRow>();
  let unique = cold.visitors.hashes.length;
  let { returning } = cold;
  let active = 0;

  function list(row: VisitorRow) {
    const known = listed.get(row.visitorId);
    listed.set(row.visitorId, known ? mergeVisitorRows(known, row) : row);
  }
  if (query.limit > 0) for (const row of cold.recent) list(row);

  return {
    add({ rows, lastSeen, visitCount }: VisitorGroup) {
      if (lastSeen > since) active++;
      const hash = hashOf(rows[0]!.visitorId);
      if (sketches) {
        addToSketch(sketches.all, hash);
        if (visitCount >= 2) addToSketch(sketches.returning, hash);
        return;
      }
      const known = visitsIn(cold.visitors, hash);
      if (known === 0) unique++;
      if (known < 2 && visitCount >= 2) returning++;
    },
    list(visitors: Iterable<VisitorGroup>) {
      for (const row of mostRecent(visitors, Math.min(query.limit, MAX_RECENT))) list(row);
    },
    count: () =>
      sketches
        ? { unique: estimate(sketches.all), returning: estimate(sketches.returning), active, isEstimate: true }
        : { unique, returning, active, isEstimate: false },
    recent: () =>
      [...listed.values()]
        .sort(byRecency)
        .slice(0, query.limit)
        .map((row) => {
          const bot = row.bot ?? cold.botOf(row.visitorId);
          return { ...row, visitCount: Math.max(row.visitCount, visitsOf(row.visitorId)), ...(bot && { bot }) };
        }),
  };
}
