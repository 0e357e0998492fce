import type { Clock } from "../clock.ts";
import { toTimestamp } from "../clock.ts";
import type { AccuracyMetrics, Device } from "../event.ts";
import type { EventStore, Report, VisitorRow } from "../events/event-store.ts";
import { measureAccuracy } from "../identity/accuracy.ts";
import type { ProfileStore } from "../profile-store.ts";
import type { IntentLevel, IntentOptions } from "../intent/score.ts";
import { scoreIntent } from "../intent/score.ts";
import type { Site } from "../site.ts";
import { countryName } from "./geo.ts";
import type { VisitorKnowledge } from "./knowledge.ts";
import type { PublicEvent } from "./public-event.ts";
import { toPublicEvent, withoutAbsent } from "./public-event.ts";
import { isPromise } from "./steps.ts";

export interface IntentAnswer {
  level: IntentLevel;
  /** 0–100, as of now: it fades with absence. */
  score: number;
  /** What speaks for the visitor, strongest first. */
  factors: string[];
}

/** One visitor in a list. Fields of the public reference first, in its order. */
export interface VisitorAnswer {
  visitorId: string;
  /** `2025-01-15T10:30:00Z` */
  lastVisit: string;
  visitCount: number;
  /** English name; `Unknown` without one. */
  country: string;
  /** `Unknown` without one. */
  browser: string;
  intentScore: IntentAnswer;
  accuracyMetrics: AccuracyMetrics;
  /** ISO 3166-1 alpha-2. */
  countryCode?: string;
  os?: string;
  device?: string;
  /** The site's own signed-in user, as last said. */
  userId?: string;
  /** Why it was labelled as a bot. */
  bot?: string[];
}

/** What `GET /visitors/{siteId}` answers. Rates are 0–1, times on page seconds. */
export interface VisitorsAnswer {
  site: {
    totalPageviews: number;
    totalEvents: number;
    avgTimeOnPage: number;
    bounceRate: number;
    pageviewsByDay: { date: string; views: number }[];
    topPages: { path: string; views: number; avgTimeOnPage: number }[];
    totalSessions: number;
    medianTimeOnPage: number;
    /** Share of the pageviews (0–1) that the times on page rest on. */
    timeOnPageCoverage: number;
    /** Share of sessions with one pageview, for comparison with other tools. */
    singlePageRate: number;
  };
  visitors: VisitorAnswer[];
  uniqueVisitors: number;
  activeVisitors: number;
  totalCountries: number;
  patterns: { returningVisitorRate: number };
  /** Hits left out of every number above, by reason. */
  excluded: { bot: number };
  /** Set when distinct counts are estimates: the relative standard error. */
  distinctError?: number;
}

/** What `GET /visitors/{siteId}/{visitorId}` answers. */
export interface VisitorDetail {
  visitorId: string;
  firstVisit: string;
  lastVisit: string;
  visitCount: number;
  country: string;
  browser: string;
  /** `contributions` are signed points that add up to the score. */
  intentScore: IntentAnswer & { contributions: { factor: string; points: number }[] };
  accuracyMetrics: AccuracyMetrics;
  countryCode?: string;
  os?: string;
  device?: Device["device"];
  language?: string;
  userId?: string;
  bot?: string[];
  pageviews: number;
  events: number;
  engagedSeconds: number;
  /** Newest first; pass `cursor` to get the next page. */
  timeline: { events: PublicEvent[]; cursor?: string };
}

export interface VisitorsQuery {
  /** Most recent visitors to list. @default 50 */
  limit?: number;
  /** Calendar days to look back, today included. @default 30 */
  days?: number;
  /** ISO 3166-1 alpha-2. @default every country */
  country?: string;
}

/** Which part of a visitor's timeline. */
export interface TimelineQuery {
  /** Events, newest first, 1–1,000. @default 100 */
  limit?: number;
  /** From the page before. */
  cursor?: string;
}

export interface VisitorReports {
  getVisitors(site: Site, query?: VisitorsQuery): Promise<VisitorsAnswer>;
  /** A visitor's profile, score and a page of the timeline; undefined when nothing is known of them. */
  getVisitor(site: Site, visitorId: string, timeline?: TimelineQuery): Promise<VisitorDetail | undefined>;
  /** What is being computed is not given to whoever asks from here on: somebody was erased. */
  forget(): void;
}

export interface VisitorReportParts {
  events: Pick<EventStore, "report" | "timeline">;
  profiles: Pick<ProfileStore<VisitorKnowledge>, "load">;
  now: Clock;
  options?: { bots?: "exclude" | "count"; intent?: IntentOptions };
}

const DEFAULT_LIMIT = 50;
const DEFAULT_DAYS = 30;
/** Profiles read from storage at a time. */
const MAX_READS = 16;
const UNKNOWN = "Unknown";
/** Whoever asks later would miss what was stored since. */
const SHARED_MS = 1_000;

const rate = (value: number) => Math.round(value * 10_000) / 10_000;
const seconds = (value: number) => Math.round(value * 10) / 10;

/** Composes the public answers of what the event store counted and what the profiles know. */
export function createVisitorReports(parts: VisitorReportParts): VisitorReports {
  const { events, profiles, now, options = {} } = parts;
  const includeBots = options.bots === "count";
  /** Answers being computed: callers who ask the same within a moment share one. */
  const running = new Map<string, { answer: Promise<VisitorsAnswer>; begunAt: number }>();

  function intentOf(knowledge: VisitorKnowledge | undefined) {
    if (!knowledge) return { level: "low" as const, score: 0, factors: [], contributions: [] };
    return scoreIntent(knowledge.signals, now(), options.intent);
  }

  function toVisitor(row: VisitorRow, knowledge: VisitorKnowledge | undefined): VisitorAnswer {
    const { level, score, factors } = intentOf(knowledge);
    const visitor = knowledge?.visitor;
    const country = row.country ?? visitor?.country;
    return withoutAbsent({
      visitorId: row.visitorId,
      lastVisit: toTimestamp(row.lastSeen),
      visitCount: row.visitCount,
      country: countryName(country),
      browser: row.browser ?? visitor?.browser ?? UNKNOWN,
      intentScore: { level, score, factors },
      accuracyMetrics: accuracyOf(knowledge, row.visitCount),
      countryCode: country,
      os: row.os ?? visitor?.os,
      device: row.device ?? visitor?.device,
      userId: visitor?.userId,
      bot: row.bot ?? visitor?.bot,
    });
  }

  async function toVisitors(siteId: string, rows: VisitorRow[]): Promise<VisitorAnswer[]> {
    const answers: VisitorAnswer[] = [];
    let next = 0;
    async function work(): Promise<void> {
      for (let i = next++; i < rows.length; i = next++) {
        const row = rows[i] as VisitorRow;
        const found = profiles.load(siteId, row.visitorId);
        answers[i] = toVisitor(row, isPromise(found) ? await found : found);
      }
    }
    await Promise.all(Array.from({ length: Math.min(MAX_READS, rows.length) }, work));
    return answers;
  }

  async function compute(site: Site, limit: number, days: number, country: string | undefined): Promise<VisitorsAnswer> {
    const timeZone = site.timeZone ?? "UTC";
    const report = await events.report({ siteId: site.id, timeZone, days, country, limit, includeBots, now: now() });
    return toAnswer(report, await toVisitors(site.id, report.visitors));
  }

  return {
    getVisitors(site, { limit = DEFAULT_LIMIT, days = DEFAULT_DAYS, country } = {}) {
      const key = JSON.stringify([site.id, limit, days, country]);
      const shared = running.get(key);
      if (shared && performance.now() - shared.begunAt < SHARED_MS) return shared.answer;
      const begun = { answer: compute(site, limit, days, country), begunAt: performance.now() };
      running.set(key, begun);
      const forget = () => running.get(key) === begun && running.delete(key);
      begun.answer.then(forget, forget);
      return begun.answer;
    },

    forget: () => running.clear(),

    async getVisitor(site, visitorId, page) {
      const [knowledge, timeline] = await Promise.all([
        profiles.load(site.id, visitorId),
        events.timeline(site.id, visitorId, page),
      ]);
      const newest = timeline.events[0];
      if (!knowledge && !newest) return undefined;
      const visitor = knowledge?.visitor;
      const { level, score, factors, contributions } = intentOf(knowledge);
      const visitCount = visitor?.visits ?? newest?.visit ?? 1;
      const oldest = timeline.events.at(-1);
      const country = visitor?.country ?? newest?.country;
      return withoutAbsent<VisitorDetail>({
        visitorId,
        firstVisit: toTimestamp(visitor?.firstSeen ?? oldest?.at ?? 0),
        lastVisit: toTimestamp(visitor?.lastSeen ?? newest?.at ?? 0),
        visitCount,
        country: countryName(country),
        browser: visitor?.browser ?? newest?.browser ?? UNKNOWN,
        intentScore: { level, score, factors, contributions },
        accuracyMetrics: accuracyOf(knowledge, visitCount),
        countryCode: country,
        os: visitor?.os ?? newest?.os,
        device: visitor?.device ?? newest?.device,
        language: visitor?.language ?? newest?.language,
        userId: visitor?.userId ?? newest?.userId,
        bot: visitor?.bot ?? newest?.bot,
        pageviews: visitor?.pageviews ?? 0,
        events: visitor?.events ?? 0,
        engagedSeconds: seconds(visitor?.engagedSeconds ?? 0),
        timeline: withoutAbsent({ events: timeline.events.map(toPublicEvent), cursor: timeline.cursor }),
      });
    },
  };
}

export function accuracyOf(knowledge: VisitorKnowledge | undefined, visits: number): AccuracyMetrics {
  const visitor = knowledge?.visitor;
  return measureAccuracy({ tier: visitor?.tier, quality: visitor?.quality, visits, clients: visitor?.clients.length ?? 0 });
}

/** The reference's fields in the reference's order; ours after them. */
function toAnswer(report: Report, visitors: VisitorAnswer[]): VisitorsAnswer {
  return withoutAbsent({
    site: {
      totalPageviews: report.totalPageviews,
      totalEvents: report.totalEvents,
      avgTimeOnPage: seconds(report.avgTimeOnPage),
      bounceRate: rate(report.bounceRate),
      pageviewsByDay: report.pageviewsByDay.map(({ date, views }) => ({ date, views })),
      topPages: report.topPages.map(({ path, views, avgTimeOnPage }) => ({
        path,
        views,
        avgTimeOnPage: seconds(avgTimeOnPage),
      })),
      totalSessions: report.totalSessions,
      medianTimeOnPage: seconds(report.medianTimeOnPage),
      timeOnPageCoverage: rate(report.timeOnPageCoverage),
      singlePageRate: rate(report.singlePageRate),
    },
    visitors,
    uniqueVisitors: report.uniqueVisitors,
    activeVisitors: report.activeVisitors,
    totalCountries: report.totalCountries,
    patterns: { returningVisitorRate: rate(report.returningVisitorRate) },
    excluded: report.excluded,
    distinctError: report.distinctError === undefined ? undefined : rate(report.distinctError),
  });
}
