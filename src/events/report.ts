import { addDays, dayOf, HOUR_MS, MINUTE_MS } from "../clock.ts";
import type { PathRow, Report, ReportQuery, VisitorRow } from "./event-store.ts";
import { type DayRollup, MAX_ENGAGED_TENTHS, mergePage, type PageRow, type SessionRow } from "./rollup.ts";

/** Sessions that were assigned to one visitor this close to each other are one. */
export const JOIN_MS = 30 * MINUTE_MS;
const MAX_SESSION_MS = 24 * HOUR_MS;
const ACTIVE_MS = 5 * MINUTE_MS;
/** A session with this much engagement is no bounce, whatever else it did not do. */
const ENGAGED_TENTHS = 100;
const MAX_PATH_ROWS = 100;
const ROWS_PER_SLICE = 2_000;
const SLICE_MS = 8;

/** The calendar days that a query asks for, oldest first. */
export function daysOf(query: ReportQuery): string[] {
  const today = dayOf(query.now, query.timeZone);
  return Array.from({ length: query.days }, (_, index) => addDays(today, index + 1 - query.days));
}

interface VisitorGroup {
  rows: SessionRow[];
  lastSeen: number;
  visitCount: number;
}

interface Totals {
  days: Map<string, number>;
  pageviews: number;
  events: number;
  sessions: number;
  viewedSessions: number;
  bounces: number;
  singlePages: number;
  timed: number;
  timedTenths: number;
  histogram: Map<number, number>;
  paths: Map<string, { views: number; timed: number; tenths: number }>;
}

/**
 * The report over the rows of the range: what happened outside it plays no part. A row may come in several parts
 * (of several writers, or twice): they are joined by id. Yields to the host's event loop every few milliseconds.
 */
export async function computeReport(query: ReportQuery, rollups: DayRollup[]): Promise<Report> {
  const slice = createSlicer();
  const visitors = new Map<string, VisitorGroup>();
  const bots = new Map<string, VisitorGroup>();
  const countries = new Set<string>();
  for (const rollup of rollups) {
    for (const row of rollup.rows.values()) {
      if (slice.due()) await slice.pause();
      if (query.country && row.country !== query.country) continue;
      if (row.bot && !query.includeBots) {
        addRow(bots, row);
        continue;
      }
      if (row.country) countries.add(row.country);
      addRow(visitors, row);
    }
  }

  const totals = createTotals(daysOf(query));
  const excluded = createTotals([]);
  for (const group of bots.values()) for (const session of joinSessions(group.rows)) addSession(excluded, session);
  let active = 0;
  let returning = 0;
  for (const group of visitors.values()) {
    if (slice.due()) await slice.pause();
    if (group.lastSeen > query.now - ACTIVE_MS) active++;
    if (group.visitCount >= 2) returning++;
    const sessions = joinSessions(group.rows);
    const strays = sessions.length > 1 ? straysOf(sessions) : undefined;
    for (const session of sessions) addSession(totals, session, strays);
  }
  return {
    totalPageviews: totals.pageviews,
    totalEvents: totals.events,
    totalSessions: totals.sessions,
    avgTimeOnPage: totals.timed ? totals.timedTenths / totals.timed / 10 : 0,
    medianTimeOnPage: median(totals.histogram, totals.timed),
    timeOnPageCoverage: totals.pageviews ? totals.timed / totals.pageviews : 0,
    bounceRate: totals.viewedSessions ? totals.bounces / totals.viewedSessions : 0,
    singlePageRate: totals.viewedSessions ? totals.singlePages / totals.viewedSessions : 0,
    pageviewsByDay: [...totals.days].map(([date, count]) => ({ date, views: count })),
    topPages: topPages(totals),
    visitors: recentVisitors(visitors, query.limit),
    uniqueVisitors: visitors.size,
    activeVisitors: active,
    totalCountries: countries.size,
    returningVisitorRate: visitors.size ? returning / visitors.size : 0,
    excluded: { bot: excluded.pageviews + excluded.events },
  };
}

function addRow(visitors: Map<string, VisitorGroup>, row: SessionRow): void {
  const group = visitors.get(row.visitorId);
  if (!group) {
    visitors.set(row.visitorId, { rows: [row], lastSeen: row.end, visitCount: row.visit });
    return;
  }
  group.rows.push(row);
  if (row.end > group.lastSeen) group.lastSeen = row.end;
  if (row.visit > group.visitCount) group.visitCount = row.visit;
}

/** One visitor's rows as sessions: rows of one id belong together, and so do assigned ones close in time. */
function joinSessions(rows: SessionRow[]): SessionRow[][] {
  if (rows.length === 1) return [rows];
  const byId = new Map<string, SessionRow[]>();
  for (const row of rows) {
    const known = byId.get(row.sessionId);
    if (known) known.push(row);
    else byId.set(row.sessionId, [row]);
  }
  if (byId.size === 1) return [...byId.values()];
  const sent: SessionRow[][] = [];
  const assigned: { rows: SessionRow[]; start: number; end: number }[] = [];
  for (const session of byId.values()) {
    if (session.some((row) => !row.assigned)) sent.push(session);
    else assigned.push({ rows: session, start: Math.min(...session.map((row) => row.start)), end: Math.max(...session.map((row) => row.end)) });
  }
  assigned.sort((a, b) => a.start - b.start || a.end - b.end);
  const joined: typeof assigned = [];
  for (const session of assigned) {
    const last = joined.at(-1);
    if (last && session.start - last.end <= JOIN_MS && session.start - last.start < MAX_SESSION_MS) {
      last.rows.push(...session.rows);
      last.end = Math.max(last.end, session.end);
    } else {
      joined.push({ ...session, rows: [...session.rows] });
    }
  }
  return [...sent, ...joined.map((session) => session.rows)];
}

/** A session's pageviews in order. One that several rows know of lies on the day of its earliest. */
function pagesOf(session: SessionRow[], days: Map<string, number>, strays?: Map<number, number>): PageRow[] {
  const seen = new Map<number, { page: PageRow; day: string }>();
  for (const row of session) {
    for (const [id, page] of row.pages) {
      const known = seen.get(id);
      if (!known) {
        seen.set(id, { page: session.length === 1 ? page : { ...page }, day: row.day });
        continue;
      }
      if (page.at !== 0 && (known.page.at === 0 || page.at < known.page.at)) known.day = row.day;
      mergePage(known.page, page);
    }
  }
  const pages: PageRow[] = [];
  for (const [id, { page, day }] of seen) {
    if (page.at === 0) continue;
    const stray = strays?.get(id) ?? -1;
    pages.push(stray > page.engaged ? { ...page, engaged: stray } : page);
    days.set(day, (days.get(day) ?? 0) + 1);
  }
  return pages.sort((a, b) => a.at - b.at || (a.path < b.path ? -1 : a.path > b.path ? 1 : a.engaged - b.engaged));
}

/** Engagement that was reported from a later session than its pageview's: by pageview, tenths of a second. */
function straysOf(sessions: SessionRow[][]): Map<number, number> {
  const strays = new Map<number, number>();
  for (const row of sessions.flat()) {
    for (const [id, page] of row.pages) {
      if (page.at === 0) strays.set(id, Math.max(strays.get(id) ?? -1, page.engaged));
    }
  }
  return strays;
}

function addSession(totals: Totals, session: SessionRow[], strays?: Map<number, number>): void {
  const pages = pagesOf(session, totals.days, strays);
  let engaged = 0;
  for (const [index, page] of pages.entries()) {
    const tenths = timeOnPage(page, pages[index + 1]);
    if (page.engaged > 0) engaged += page.engaged;
    const path = totals.paths.get(page.path) ?? { views: 0, timed: 0, tenths: 0 };
    path.views++;
    if (tenths >= 0) {
      path.timed++;
      path.tenths += tenths;
      totals.timed++;
      totals.timedTenths += tenths;
      totals.histogram.set(tenths, (totals.histogram.get(tenths) ?? 0) + 1);
    }
    totals.paths.set(page.path, path);
  }
  const ids = session.length === 1 ? session[0]!.events : new Set(session.flatMap((row) => [...row.events]));
  totals.pageviews += pages.length;
  totals.events += ids.size;
  totals.sessions++;
  if (pages.length === 0) return;
  totals.viewedSessions++;
  if (pages.length > 1) return;
  totals.singlePages++;
  if (ids.size === 0 && engaged < ENGAGED_TENTHS) totals.bounces++;
}

/** Tenths of a second: as reported, else the gap to the session's next pageview, else unknown (-1). */
function timeOnPage(page: PageRow, next: PageRow | undefined): number {
  if (page.engaged >= 0) return page.engaged;
  if (!next) return -1;
  return Math.min(Math.round((next.at - page.at) / 100), MAX_ENGAGED_TENTHS);
}

function median(histogram: Map<number, number>, count: number): number {
  if (count === 0) return 0;
  const values = [...histogram].sort((a, b) => a[0] - b[0]);
  const at = (index: number) => {
    let seen = 0;
    for (const [tenths, times] of values) {
      seen += times;
      if (index < seen) return tenths;
    }
    return 0;
  };
  return (at(Math.floor((count - 1) / 2)) + at(Math.floor(count / 2))) / 20;
}

function topPages(totals: Totals): PathRow[] {
  return [...totals.paths]
    .map(([path, { views, timed, tenths }]) => ({ path, views, avgTimeOnPage: timed ? tenths / timed / 10 : 0 }))
    .sort((a, b) => b.views - a.views || (a.path < b.path ? -1 : 1))
    .slice(0, MAX_PATH_ROWS);
}

function recentVisitors(visitors: Map<string, VisitorGroup>, limit: number): VisitorRow[] {
  return [...visitors]
    .sort((a, b) => b[1].lastSeen - a[1].lastSeen || (a[0] < b[0] ? -1 : 1))
    .slice(0, limit)
    .map(([visitorId, group]) => {
      const latest = group.rows.reduce((best, row) => (row.end > best.end ? row : best));
      const bot = group.rows.find((row) => row.bot)?.bot;
      return {
        visitorId,
        lastSeen: group.lastSeen,
        visitCount: group.visitCount,
        ...(latest.country && { country: latest.country }),
        ...(latest.browser && { browser: latest.browser }),
        ...(latest.os && { os: latest.os }),
        ...(latest.device && { device: latest.device }),
        ...(bot && { bot }),
      };
    });
}

function createTotals(days: string[]): Totals {
  return {
    days: new Map(days.map((day) => [day, 0])),
    pageviews: 0, events: 0, sessions: 0, viewedSessions: 0, bounces: 0, singlePages: 0, timed: 0, timedTenths: 0,
    histogram: new Map(), paths: new Map(),
  };
}

/** Hands the event loop back to the host between slices of work. */
function createSlicer() {
  let rows = 0;
  let since = performance.now();
  return {
    due: () => ++rows % ROWS_PER_SLICE === 0 && performance.now() - since > SLICE_MS,
    async pause() {
      await new Promise<void>((resolve) => setImmediate(resolve));
      since = performance.now();
    },
  };
}
