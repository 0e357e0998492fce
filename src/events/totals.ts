import type { PathRow } from "./event-store.ts";
import { MAX_ENGAGED_TENTHS, mergePage, type PageRow, type SessionRow } from "./rollup.ts";
import { areNextTo, joinSessions } from "./sessions.ts";

/** A session with this much engagement is no bounce, whatever else it did not do. */
const ENGAGED_TENTHS = 100;
const MAX_PATH_ROWS = 100;

/** What is counted of sessions; adds up over any visitors whose sessions have nothing to do with each other. */
export interface Totals {
  days: Map<string, number>;
  pageviews: number;
  events: number;
  sessions: number;
  viewedSessions: number;
  bounces: number;
  singlePages: number;
  timed: number;
  timedTenths: number;
  /** Pageviews by their time, in tenths of a second. */
  histogram: Map<number, number>;
  paths: Map<string, { views: number; timed: number; tenths: number }>;
}

const COUNTS = ["pageviews", "events", "sessions", "viewedSessions", "bounces", "singlePages", "timed", "timedTenths"] as const;

export function createTotals(days: string[] = []): Totals {
  return {
    days: new Map(days.map((day) => [day, 0])),
    pageviews: 0, events: 0, sessions: 0, viewedSessions: 0, bounces: 0, singlePages: 0, timed: 0, timedTenths: 0,
    histogram: new Map(), paths: new Map(),
  };
}

export function addTotals(into: Totals, from: Totals): void {
  for (const count of COUNTS) into[count] += from[count];
  for (const [day, views] of from.days) into.days.set(day, (into.days.get(day) ?? 0) + views);
  for (const [tenths, times] of from.histogram) into.histogram.set(tenths, (into.histogram.get(tenths) ?? 0) + times);
  for (const [path, { views, timed, tenths }] of from.paths) addPath(into, path, views, timed, tenths);
}

/** Takes back what was added; nothing is left of what comes to nought. */
export function subtractTotals(from: Totals, what: Totals): void {
  for (const count of COUNTS) from[count] -= what[count];
  const lower = <K>(counts: Map<K, number>, key: K, by: number) => {
    const left = (counts.get(key) ?? 0) - by;
    if (left === 0) counts.delete(key);
    else counts.set(key, left);
  };
  for (const [day, views] of what.days) lower(from.days, day, views);
  for (const [tenths, times] of what.histogram) lower(from.histogram, tenths, times);
  for (const [path, { views, timed, tenths }] of what.paths) {
    addPath(from, path, -views, -timed, -tenths);
    if (from.paths.get(path)!.views === 0) from.paths.delete(path);
  }
}

function addPath(totals: Totals, path: string, views: number, timed: number, tenths: number): void {
  const known = totals.paths.get(path);
  if (!known) {
    totals.paths.set(path, { views, timed, tenths });
    return;
  }
  known.views += views;
  known.timed += timed;
  known.tenths += tenths;
}

/** All that one visitor did. */
export function addVisitor(totals: Totals, rows: SessionRow[]): void {
  const sessions = joinSessions(rows);
  const strays = sessions.length > 1 ? straysOf(sessions) : undefined;
  for (const session of sessions) addSession(totals, session, strays);
}

/** Engagement that a row has without its pageview: by pageview. */
type Strays = Map<number, { day: string; engaged: number }[]>;

function straysOf(sessions: SessionRow[][]): Strays | undefined {
  let strays: Strays | undefined;
  for (const session of sessions) {
    for (const row of session) {
      for (const [id, page] of row.pages) {
        if (page.at !== 0) continue;
        strays ??= new Map();
        const known = strays.get(id);
        if (known) known.push({ day: row.day, engaged: page.engaged });
        else strays.set(id, [{ day: row.day, engaged: page.engaged }]);
      }
    }
  }
  return strays;
}

/** Engagement that another session reported counts when it did by the end of the day after the pageview's. */
function withStrays(page: PageRow, day: string, strays: { day: string; engaged: number }[] | undefined): PageRow {
  let engaged = page.engaged;
  for (const stray of strays ?? []) if (stray.engaged > engaged && areNextTo(stray.day, day)) engaged = stray.engaged;
  return engaged > page.engaged ? { ...page, engaged } : page;
}

/** A session's pageviews in order. One that several rows know of lies on the day of its earliest. */
function pagesOf(session: SessionRow[], days: Map<string, number>, strays?: Strays): PageRow[] {
  const pages: PageRow[] = [];
  const add = (id: number, page: PageRow, day: string) => {
    if (page.at === 0) return;
    pages.push(strays ? withStrays(page, day, strays.get(id)) : page);
    days.set(day, (days.get(day) ?? 0) + 1);
  };
  if (session.length === 1) {
    const row = session[0]!;
    for (const [id, page] of row.pages) add(id, page, row.day);
  } else {
    for (const [id, { page, day }] of mergedPages(session)) add(id, page, day);
  }
  return pages.length < 2 ? pages : pages.sort((a, b) => a.at - b.at || (a.path < b.path ? -1 : a.path > b.path ? 1 : a.engaged - b.engaged));
}

function mergedPages(session: SessionRow[]): Map<number, { page: PageRow; day: string }> {
  const seen = new Map<number, { page: PageRow; day: string }>();
  for (const row of session) {
    for (const [id, page] of row.pages) {
      const known = seen.get(id);
      if (!known) {
        seen.set(id, { page: { ...page }, day: row.day });
        continue;
      }
      if (page.at !== 0 && (known.page.at === 0 || page.at < known.page.at)) known.day = row.day;
      mergePage(known.page, page);
    }
  }
  return seen;
}

function addSession(totals: Totals, session: SessionRow[], strays?: Strays): void {
  const pages = pagesOf(session, totals.days, strays);
  let engaged = 0;
  for (let i = 0; i < pages.length; i++) {
    const page = pages[i]!;
    const tenths = timeOnPage(page, pages[i + 1]);
    if (page.engaged > 0) engaged += page.engaged;
    addPath(totals, page.path, 1, tenths >= 0 ? 1 : 0, tenths >= 0 ? tenths : 0);
    if (tenths < 0) continue;
    totals.timed++;
    totals.timedTenths += tenths;
    totals.histogram.set(tenths, (totals.histogram.get(tenths) ?? 0) + 1);
  }
  const events = session.length === 1 ? session[0]!.events.size : new Set(session.flatMap((row) => [...row.events])).size;
  totals.pageviews += pages.length;
  totals.events += events;
  totals.sessions++;
  if (pages.length === 0) return;
  totals.viewedSessions++;
  if (pages.length > 1) return;
  totals.singlePages++;
  if (events === 0 && engaged < ENGAGED_TENTHS) totals.bounces++;
}

/** Tenths of a second: as reported, else the gap to the session's next pageview, else unknown (-1). */
function timeOnPage(page: PageRow, next: PageRow | undefined): number {
  if (page.engaged >= 0) return page.engaged;
  if (!next) return -1;
  return Math.min(Math.round((next.at - page.at) / 100), MAX_ENGAGED_TENTHS);
}

/** Seconds. */
export function medianTime({ histogram, timed: count }: Totals): number {
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

export function topPages(totals: Totals): PathRow[] {
  return [...totals.paths]
    .map(([path, { views, timed, tenths }]) => ({ path, views, avgTimeOnPage: timed ? tenths / timed / 10 : 0 }))
    .sort((a, b) => b.views - a.views || (a.path < b.path ? -1 : 1))
    .slice(0, MAX_PATH_ROWS);
}
