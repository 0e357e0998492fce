import type { StoredEvent } from "../event.ts";

/** A webhook delivery that an event owes. It is stored with the event: one write makes both true. */
export interface OwedDelivery {
  /** The event it tells of, one of its batch. */
  eventId: string;
  /** What is to be known of it beside the event: items of a JSON array, on one line. */
  record: string;
}

/** An owed delivery as a segment holds it. */
export interface StoredOwed {
  record: string;
  /** The event's JSON. */
  line: string;
  /** As it was appended, when that was just now. */
  owed?: OwedDelivery;
}

export interface Batch {
  events: StoredEvent[];
  deliveries?: OwedDelivery[];
}

export interface ReportQuery {
  siteId: string;
  /** IANA time zone of the site's days. */
  timeZone: string;
  /** Calendar days to look back, today included (1–395). */
  days: number;
  /** ISO 3166-1 alpha-2: only events from there. */
  country?: string;
  /** Most recent visitors to list (0–1,000). */
  limit: number;
  /** Count events labelled as bots too. */
  includeBots: boolean;
  /** Epoch milliseconds of "now". */
  now: number;
}

export interface VisitorRow {
  visitorId: string;
  /** Epoch milliseconds of the last signal in the range. */
  lastSeen: number;
  /** The visitor's sessions so far: the highest ordinal of a session in the range. */
  visitCount: number;
  country?: string;
  browser?: string;
  os?: string;
  device?: string;
  /** Reasons, when the visitor's hits were labelled as a bot's. */
  bot?: string[];
}

export interface PathRow {
  path: string;
  views: number;
  /** Mean engaged seconds over the pageviews that have a figure; 0 without any. */
  avgTimeOnPage: number;
}

/** Everything a report needs, over the events of the range. */
export interface Report {
  totalPageviews: number;
  totalEvents: number;
  totalSessions: number;
  /** Mean and median seconds per pageview that has a figure; 0 without any. */
  avgTimeOnPage: number;
  medianTimeOnPage: number;
  /** Share of pageviews (0–1) that the two figures above rest on. */
  timeOnPageCoverage: number;
  bounceRate: number;
  singlePageRate: number;
  /** One row a day, oldest first, days without a view included. */
  pageviewsByDay: { date: string; views: number }[];
  /** Most viewed first. */
  topPages: PathRow[];
  /** Most recent first. */
  visitors: VisitorRow[];
  uniqueVisitors: number;
  /** Visitors with any signal in the last 5 minutes. */
  activeVisitors: number;
  totalCountries: number;
  returningVisitorRate: number;
  /** Hits left out of every number above, by reason. */
  excluded: { bot: number };
  /** Set when distinct counts come from a sketch: the relative standard error. */
  distinctError?: number;
}

export interface TimelinePage {
  /** Newest first. */
  events: StoredEvent[];
  /** Pass it to get the next page; absent on the last. */
  cursor?: string;
}

/**
 * Keeps events and answers questions about them. Six members, all required; the contract suite in
 * `wysleap/testing` says what each must do, whatever the database.
 */
export interface EventStore {
  /** Resolves only when the batch is durable. The same event id of a site counts once. Rejects with UNAVAILABLE. */
  append(batch: Batch): Promise<void>;
  report(query: ReportQuery): Promise<Report>;
  /** A visitor's events, newest first, `limit` (default 100) a page. */
  timeline(siteId: string, visitorId: string, page?: { limit?: number; cursor?: string }): Promise<TimelinePage>;
  /** Removes every event of the visitor; resolves when reads no longer show any and storage no longer holds any. */
  erase(siteId: string, visitorId: string): Promise<void>;
  /**
   * Every event of a site that happened in `from <= at < to` (epoch milliseconds), each once, ordered by `at`, then by
   * `id`. With `after` only what comes behind that place in the order: `at` and `id` of the last event a reader has.
   */
  read(siteId: string, range?: { from?: number; to?: number; after?: { at: number; id: string } }): AsyncIterable<StoredEvent>;
  /** Flushes what was acknowledged and releases everything. Idempotent. */
  close(): Promise<void>;
}
