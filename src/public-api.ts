import type { EngagementInput, EventInput, PageviewInput, StoredEvent } from "./event.ts";
import type { FetchContext } from "./http/api.ts";
import type { Listener } from "./ingest/listeners.ts";
import type { Receipt } from "./ingest/pipeline.ts";
import type { TimelineQuery, VisitorDetail, VisitorsAnswer, VisitorsQuery } from "./ingest/visitors.ts";
import type { WebhooksApi } from "./ingest/webhook-admin.ts";
import type { ReplaysAnswer, ReplaysQuery } from "./ingest/replays.ts";
import type { WebhookEventName } from "./site.ts";

/** What an in-process call knows of the visitor's request. */
export interface TrackContext {
  /** The visitor's address: for the country and the daily id; never stored. */
  ip?: string;
  userAgent?: string;
  /** The visitor's request headers, by any case: `Sec-GPC`, the CDN's country header, `Accept-Language` are read. */
  headers?: Record<string, string | string[] | undefined> | Headers;
  /** When it happened (ISO 8601 or epoch milliseconds), of any age: for imports. @default now */
  timestamp?: string | number;
}

/** What a tracked hit got. */
export interface Tracked {
  visitorId: string;
  sessionId: string;
  eventId: string;
  pageviewId?: string;
  /** `2025-01-15T10:30:00Z` */
  timestamp: string;
  /** Why it is not counted; absent when it is. */
  dropped?: Receipt["dropped"];
}

/** Visitor intelligence inside this process. Made by `createAnalytics`. */
export interface Analytics {
  /**
   * Answers a request for one of the library's routes, relative to its mount point. Never rejects. A path that is not
   * one of them is answered 404 with `X-WysLeap-Route: none`, its body unread; what is no `Request` (a URL) is answered 400.
   */
  fetch(request: Request, context?: FetchContext): Promise<Response>;
  /** What `fetch` answers, as patterns relative to the mount (`/health`, `/visitors/**`), for hosts with a router. */
  readonly paths: readonly string[];
  /** Like `POST /telemetry/pageview`. Rejects with `AnalyticsError` only: bad input, unknown site, storage down. */
  trackPageview(input: PageviewInput, context?: TrackContext): Promise<Tracked>;
  /** Like `POST /telemetry/event`. */
  trackEvent(input: EventInput, context?: TrackContext): Promise<Tracked>;
  /** Engaged time and scroll depth of a pageview, cumulative: the largest value counts. */
  trackEngagement(input: EngagementInput, context?: TrackContext): Promise<Tracked>;
  /** The same object as `GET /visitors/{siteId}`. `limit` 1–1,000 (50), `days` 1–395 (30), `country` alpha-2. */
  getVisitors(siteId: string, query?: VisitorsQuery): Promise<VisitorsAnswer>;
  /**
   * Profile, intent with contributions, timeline; undefined when nothing is known of the visitor. Of the timeline
   * `limit` events (100), newest first; its `cursor` asks for the next.
   */
  getVisitor(siteId: string, visitorId: string, timeline?: TimelineQuery): Promise<VisitorDetail | undefined>;
  /** The same object as `GET /replays/{siteId}`: recordings, newest first. */
  getReplays(siteId: string, query?: ReplaysQuery): Promise<ReplaysAnswer>;
  /** The rrweb events of a recording, each as JSON; `tab` is one of its tabs (default: the first). Undefined when there is none. */
  readReplay(siteId: string, sessionId: string, tab?: string): Promise<AsyncIterable<string> | undefined>;
  /** Removes everything kept of a visitor; resolves when storage no longer holds it. */
  eraseVisitor(siteId: string, visitorId: string): Promise<void>;
  /**
   * Every stored event of `from <= at < to` (a Date, ISO 8601 or epoch milliseconds), each once, ordered by `at`, then by `id`. A reader
   * that was interrupted goes on behind the last event it has: `after: { at: last.at, id: last.id }`.
   */
  exportEvents(siteId: string, range?: { from?: Date | string | number; to?: Date | string | number; after?: { at: number; id: string } }): AsyncIterable<StoredEvent>;
  /** The site's webhooks: what became of them, and how to send them again. */
  readonly webhooks: WebhooksApi;
  /**
   * Calls `listener` with the payload of every such webhook as soon as its event is stored, for the events that this
   * process took, whether or not a site has endpoints. The returned function ends it.
   * @example
   * analytics.on("high_intent_visitor", ({ siteId, data }) => notifySales(siteId, data.visitorId, data.intentScore.score));
   */
  on<Name extends WebhookEventName>(name: Name, listener: Listener<Name>): () => void;
  /** Stops taking hits, stores what was acknowledged, sends what is due; within 10 s. Idempotent. */
  close(): Promise<void>;
}
