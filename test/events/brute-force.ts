import type { PathRow, Report, ReportQuery, VisitorRow } from "../../src/events/event-store.ts";
import type { StoredEvent } from "../../src/event.ts";

/**
 * The report as the definitions in the docs have it, counted from raw events the slow way: no rows, no rollups, no
 * merging. What the store answers is compared with this.
 */

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const CAP_TENTHS = 30 * 60 * 10;

/** One pageview of one visitor, however many hits told of it. */
interface View {
  id: string;
  visitorId: string;
  sessionId: string;
  at: number;
  day: string;
  path: string;
  /** Tenths of a second; undefined without any engagement report. */
  engaged: number | undefined;
}

interface Session {
  visitorId: string;
  events: StoredEvent[];
  /** Ids of the sessions it is made of. */
  ids: Set<string>;
}

export function recount(stored: StoredEvent[], query: ReportQuery): Report {
  const days = calendar(query);
  const events = onceEach(stored).filter(
    (event) => event.siteId === query.siteId && days.includes(event.day) && (!query.country || event.country === query.country),
  );
  const counted = splitAtSilentDays(query.includeBots ? events : events.filter((event) => !event.bot));
  const bots = splitAtSilentDays(query.includeBots ? [] : events.filter((event) => event.bot));

  const sessions = sessionsOf(counted);
  const views = viewsOf(counted, sessions);
  const actions = counted.filter((event) => event.type === "event");
  const times = new Map<View, number>();
  let viewed = 0;
  let single = 0;
  let bounced = 0;
  for (const session of sessions) {
    const inside = views.filter((view) => view.visitorId === session.visitorId && session.ids.has(view.sessionId));
    inside.sort((a, b) => a.at - b.at || compare(a.path, b.path) || (a.engaged ?? -1) - (b.engaged ?? -1));
    inside.forEach((view, index) => {
      const next = inside[index + 1];
      if (view.engaged !== undefined) times.set(view, view.engaged);
      else if (next) times.set(view, Math.min(Math.round((next.at - view.at) / 100), CAP_TENTHS));
    });
    if (inside.length === 0) continue;
    viewed++;
    if (inside.length > 1) continue;
    single++;
    const acted = session.events.some((event) => event.type === "event");
    if (!acted && (inside[0]!.engaged ?? 0) < 100) bounced++;
  }

  const all = [...times.values()].sort((a, b) => a - b);
  const people = group(counted, (event) => event.visitorId);
  return {
    totalPageviews: views.length,
    totalEvents: actions.length,
    totalSessions: sessions.length,
    avgTimeOnPage: mean(all) / 10,
    medianTimeOnPage: all.length === 0 ? 0 : (all[Math.ceil(all.length / 2) - 1]! + all[Math.floor(all.length / 2)]!) / 20,
    timeOnPageCoverage: share(all.length, views.length),
    bounceRate: share(bounced, viewed),
    singlePageRate: share(single, viewed),
    pageviewsByDay: days.map((date) => ({ date, views: views.filter((view) => view.day === date).length })),
    topPages: pathsOf(views, times),
    visitors: [...people.values()].map(visitorOf).sort((a, b) => b.lastSeen - a.lastSeen || compare(a.visitorId, b.visitorId)).slice(0, query.limit),
    uniqueVisitors: people.size,
    activeVisitors: [...people.values()].filter((own) => own.some((event) => event.at > query.now - 5 * MINUTE)).length,
    totalCountries: new Set(counted.flatMap((event) => event.country ?? [])).size,
    returningVisitorRate: share([...people.values()].filter((own) => own.some((event) => event.visit >= 2)).length, people.size),
    excluded: { bot: viewsOf(bots, []).length + bots.filter((event) => event.type === "event").length },
  };
}

/** The last `days` calendar days of the zone, oldest first. */
function calendar({ now, days, timeZone }: ReportQuery): string[] {
  const parts = new Intl.DateTimeFormat("en-US", { timeZone, year: "numeric", month: "numeric", day: "numeric" }).formatToParts(now);
  const part = (type: string) => Number(parts.find((one) => one.type === type)!.value);
  const found: string[] = [];
  for (let back = days - 1; back >= 0; back--) {
    found.push(new Date(Date.UTC(part("year"), part("month") - 1, part("day") - back)).toISOString().slice(0, 10));
  }
  return found;
}

function onceEach(events: StoredEvent[]): StoredEvent[] {
  return [...group(events, (event) => `${event.siteId} ${event.id}`).values()].map((same) => same[0]!);
}

/** A session id that is silent for a whole calendar day is another one when it comes back. */
function splitAtSilentDays(events: StoredEvent[]): StoredEvent[] {
  return [...group(events, (event) => `${event.visitorId} ${event.sessionId}`).values()].flatMap((own) => {
    const days = new Set(own.map((event) => event.day));
    const begunOn = (day: string): string => {
      const before = new Date(Date.parse(day) - DAY).toISOString().slice(0, 10);
      return days.has(before) ? begunOn(before) : day;
    };
    return own.map((event) => ({ ...event, sessionId: `${event.sessionId} of ${begunOn(event.day)}` }));
  });
}

/**
 * A pageview id of a visitor is one pageview: its earliest hit says when and where, its largest engagement how long.
 * What another session reports of it counts up to the end of the next day.
 */
function viewsOf(events: StoredEvent[], sessions: Session[]): View[] {
  const found: View[] = [];
  const hits = events.filter((event) => event.type !== "event");
  for (const [, own] of group(hits, (event) => `${event.visitorId} ${event.pageviewId ?? event.id}`)) {
    const first = own.filter((event) => event.type === "pageview").sort((a, b) => a.at - b.at)[0];
    if (!first) continue;
    const session = sessions.find(({ visitorId, ids }) => visitorId === first.visitorId && ids.has(first.sessionId));
    const counts = (event: StoredEvent) =>
      event.type === "engagement" && (session?.ids.has(event.sessionId) || Math.abs(Date.parse(event.day) - Date.parse(first.day)) <= DAY);
    const reports = own.filter(counts).map((event) => Math.round((event.engagedSeconds ?? 0) * 10));
    found.push({
      id: first.pageviewId ?? first.id,
      visitorId: first.visitorId,
      sessionId: first.sessionId,
      at: first.at,
      day: first.day,
      path: first.path ?? "/",
      engaged: reports.length === 0 ? undefined : Math.min(Math.max(...reports), CAP_TENTHS),
    });
  }
  return found;
}

/** Session ids as sent; those that were all made here, of one visitor, within 30 minutes of each other are one. */
function sessionsOf(events: StoredEvent[]): Session[] {
  const done: Session[] = [];
  for (const own of group(events, (event) => event.visitorId).values()) {
    const made: Session[] = [];
    for (const [id, of] of group(own, (event) => event.sessionId)) {
      const session = { visitorId: of[0]!.visitorId, events: of, ids: new Set([id]) };
      (of.every((event) => event.assigned) ? made : done).push(session);
    }
    made.sort((a, b) => startOf(a) - startOf(b) || endOf(a) - endOf(b));
    while (made.length > 0) {
      const session = made.shift()!;
      while (made.length > 0 && startOf(made[0]!) - endOf(session) <= 30 * MINUTE && startOf(made[0]!) - startOf(session) < 24 * HOUR) {
        const { events: more, ids } = made.shift()!;
        session.events = [...session.events, ...more];
        for (const id of ids) session.ids.add(id);
      }
      done.push(session);
    }
  }
  return done;
}

const startOf = (session: Session) => Math.min(...session.events.map((event) => event.at));
const endOf = (session: Session) => Math.max(...session.events.map((event) => event.at));

function visitorOf(own: StoredEvent[]): VisitorRow {
  const latest = own.reduce((best, event) => (event.at > best.at ? event : best));
  const bot = own.find((event) => event.bot)?.bot;
  return {
    visitorId: latest.visitorId,
    lastSeen: latest.at,
    visitCount: Math.max(...own.map((event) => event.visit)),
    ...(latest.country && { country: latest.country }),
    ...(latest.browser && { browser: latest.browser }),
    ...(latest.os && { os: latest.os }),
    ...(latest.device && { device: latest.device }),
    ...(bot && { bot }),
  };
}

function pathsOf(views: View[], times: Map<View, number>): PathRow[] {
  return [...group(views, (view) => view.path)]
    .map(([path, own]) => ({ path, views: own.length, avgTimeOnPage: mean(own.flatMap((view) => times.get(view) ?? [])) / 10 }))
    .sort((a, b) => b.views - a.views || compare(a.path, b.path))
    .slice(0, 100);
}

function group<T>(items: T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const own = groups.get(keyOf(item));
    if (own) own.push(item);
    else groups.set(keyOf(item), [item]);
  }
  return groups;
}

const mean = (numbers: number[]) => (numbers.length === 0 ? 0 : numbers.reduce((sum, one) => sum + one, 0) / numbers.length);
const share = (part: number, whole: number) => (whole === 0 ? 0 : part / whole);
const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
