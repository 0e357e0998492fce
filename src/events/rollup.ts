import type { StoredEvent } from "../event.ts";

/**
 * A day of one site as rows, one a session. Folding an event in is a union (ids), a minimum or a maximum, so it
 * does no harm to fold the same event twice, in any order, through several processes: rows of the same key merge.
 */

/** One pageview. `at` is 0 while only its engagement was seen. Times on page are tenths of a second, -1: unknown. */
export interface PageRow {
  at: number;
  path: string;
  engaged: number;
  scroll: number;
}

/** What one session did on one day, from one country. */
export interface SessionRow {
  day: string;
  sessionId: string;
  visitorId: string;
  /** Ordinal of the session for its visitor. */
  visit: number;
  /** The id was made here, so sessions of two processes may be one. */
  assigned: boolean;
  country: string;
  bot: string[] | undefined;
  /** First and last signal, epoch milliseconds. */
  start: number;
  end: number;
  browser: string;
  os: string;
  device: string;
  /** By a hash of the pageview's id. */
  pages: Map<number, PageRow>;
  /** Hashes of the custom events' ids. */
  events: Set<number>;
}

export interface DayRollup {
  rows: Map<string, SessionRow>;
  /** Paths seen, at most `MAX_PATHS`; the rest is "(other)". */
  paths: Set<string>;
}

/** Distinct paths a day and site; more come from an attack or from ids in paths. */
export const MAX_PATHS = 10_000;
export const OTHER_PATH = "(other)";
/** Engaged time on one pageview counts up to 30 minutes. */
export const MAX_ENGAGED_TENTHS = 18_000;

export function createDay(): DayRollup {
  return { rows: new Map(), paths: new Set() };
}

/** The row an event belongs to. Country and label are part of it, so that filters need no second look. */
export function rowKeyOf(sessionId: string, visitorId: string, country: string, bot: boolean): string {
  return `${sessionId}\n${visitorId}\n${country}${bot ? "\nbot" : ""}`;
}

export function foldEvent(day: DayRollup, event: StoredEvent): void {
  const key = rowKeyOf(event.sessionId, event.visitorId, event.country ?? "", event.bot !== undefined);
  let row = day.rows.get(key);
  if (!row) {
    row = createRow(event);
    day.rows.set(key, row);
  }
  if (event.at < row.start) row.start = event.at;
  noteLatest(row, event.at, event);
  if (event.visit > row.visit) row.visit = event.visit;
  if (!event.assigned) row.assigned = false;
  if (event.automatic) return;
  if (event.type === "event") {
    row.events.add(hashOf(event.id));
  } else if (event.type === "pageview") {
    addPage(row, hashOf(event.pageviewId ?? event.id), {
      at: event.at,
      path: boundedPath(day, event.path ?? "/"),
      engaged: -1,
      scroll: -1,
    });
  } else {
    addPage(row, hashOf(event.pageviewId ?? event.id), {
      at: 0,
      path: boundedPath(day, event.path ?? "/"),
      engaged: Math.min(Math.round((event.engagedSeconds ?? 0) * 10), MAX_ENGAGED_TENTHS),
      scroll: event.scrollDepth ?? -1,
    });
  }
}

/** What the latest hit says of the browser counts; of two at the same moment the larger text, in whatever order they come. */
function noteLatest(row: SessionRow, at: number, hit: Partial<Pick<SessionRow, "browser" | "os" | "device">>): void {
  if (at < row.end) return;
  for (const name of ["browser", "os", "device"] as const) {
    const text = hit[name] ?? "";
    if (at > row.end || text > row[name]) row[name] = text;
  }
  row.end = at;
}

function createRow(event: StoredEvent): SessionRow {
  return {
    day: event.day,
    sessionId: event.sessionId,
    visitorId: event.visitorId,
    visit: event.visit,
    assigned: event.assigned === true,
    country: event.country ?? "",
    bot: event.bot,
    start: event.at,
    end: event.at,
    browser: event.browser ?? "",
    os: event.os ?? "",
    device: event.device ?? "",
    pages: new Map(),
    events: new Set(),
  };
}

function boundedPath(day: DayRollup, path: string): string {
  if (day.paths.has(path)) return path;
  if (day.paths.size >= MAX_PATHS) return OTHER_PATH;
  day.paths.add(path);
  return path;
}

function addPage(row: SessionRow, id: number, page: PageRow): void {
  const known = row.pages.get(id);
  if (known) mergePage(known, page);
  else row.pages.set(id, page);
}

/** The largest engagement counts; the pageview itself, once seen, gives time and path. */
export function mergePage(known: PageRow, page: PageRow): void {
  if (page.engaged > known.engaged) known.engaged = page.engaged;
  if (page.scroll > known.scroll) known.scroll = page.scroll;
  if (page.at !== 0 && (known.at === 0 || page.at < known.at)) {
    known.at = page.at;
    known.path = page.path;
  }
}

/** How much there is in a day: what it costs to merge, encode and keep. */
export function cellsOf(day: DayRollup): number {
  let cells = day.rows.size;
  for (const row of day.rows.values()) cells += row.pages.size + row.events.size;
  return cells;
}

/** Folds `from` into `into`; `from` stays as it is. */
export function mergeDays(into: DayRollup, from: DayRollup): void {
  for (const [key, row] of from.rows) mergeRow(into, key, row);
}

/** Folds a row of another day's rollup into the one under its key. */
export function mergeRow(into: DayRollup, key: string, row: SessionRow): void {
  const known = into.rows.get(key);
  if (known) mergeRows(into, known, row);
  else into.rows.set(key, copyRow(into, row));
}

function copyRow(day: DayRollup, row: SessionRow): SessionRow {
  const pages = new Map<number, PageRow>();
  for (const [id, page] of row.pages) pages.set(id, { ...page, path: boundedPath(day, page.path) });
  return { ...row, pages, events: new Set(row.events) };
}

function mergeRows(day: DayRollup, into: SessionRow, from: SessionRow): void {
  if (from.start < into.start) into.start = from.start;
  noteLatest(into, from.end, from);
  if (from.visit > into.visit) into.visit = from.visit;
  if (!from.assigned) into.assigned = false;
  for (const [id, page] of from.pages) addPage(into, id, { ...page, path: boundedPath(day, page.path) });
  for (const id of from.events) into.events.add(id);
}

/** One of a number of equal shares of all visitors. */
export interface Portion {
  portion: number;
  portions: number;
}

/** The share that a visitor falls into: by the order of the hashes. */
export const portionOf = (visitorId: string, portions: number) => (portions === 1 ? 0 : portionOfHash(hashOf(visitorId), portions));

export const portionOfHash = (hash: number, portions: number) => Math.floor((hash / 2 ** 52) * portions);

/**
 * 52 bits that stand for an id within one session: enough that two ids of a session never meet in practice
 * (10,000 of them: one chance in 90 million).
 */
export function hashOf(id: string): number {
  let high = 0x9e3779b9;
  let low = 0x85ebca6b;
  for (let i = 0; i < id.length; i++) {
    const code = id.charCodeAt(i);
    high = Math.imul(high ^ code, 0x01000193);
    low = Math.imul(low ^ code, 0x5bd1e995) ^ (low >>> 13);
  }
  high ^= high >>> 15;
  low ^= low >>> 15;
  return (high & 0xfffff) * 0x1_0000_0000 + (low >>> 0);
}
