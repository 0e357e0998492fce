import type { RequestFacts, StoredEvent, TelemetryInput } from "../event.ts";
import type { Receipt } from "../ingest/pipeline.ts";
import type { WebhookAdmin } from "../ingest/webhook-admin.ts";
import type { ReplayReceipt, ReplaysAnswer, ReplaysQuery } from "../ingest/replays.ts";
import type { TimelineQuery } from "../ingest/visitors.ts";
import type { Site } from "../site.ts";

export type { ReplaysQuery, TimelineQuery };

export interface VisitorsQuery {
  /** 1–1,000. */
  limit: number;
  /** 1–395. */
  days: number;
  /** ISO 3166-1 alpha-2, upper case. */
  country?: string;
}

export interface ExportRange {
  /** Epoch milliseconds, `from <= at < to`. */
  from?: number;
  to?: number;
  /** Only what comes behind this event in the order of time and id. */
  after?: { at: number; id: string };
}

/** What the endpoints do once a request is read, recognised and checked. */
export interface AnalyticsApi {
  track(site: Site, input: TelemetryInput, facts: RequestFacts): Promise<Receipt>;
  getVisitors(site: Site, query: VisitorsQuery): Promise<object>;
  getVisitor(site: Site, visitorId: string, timeline?: TimelineQuery): Promise<object | undefined>;
  eraseVisitor(site: Site, visitorId: string): Promise<unknown>;
  exportEvents(site: Site, range: ExportRange): AsyncIterable<StoredEvent>;
  webhooks: WebhookAdmin;
  addReplay(site: Site, body: Record<string, unknown>, facts: RequestFacts): Promise<ReplayReceipt>;
  getReplays(site: Site, query: ReplaysQuery): Promise<ReplaysAnswer>;
  /** The events as JSON, one each; undefined when there is no such recording. */
  readReplay(site: Site, sessionId: string, tab?: string): Promise<AsyncIterable<string> | undefined>;
  /** Counters without secrets: everybody may read them. */
  health(): object;
}

/** What a host knows of a request beyond the request itself. */
export interface FetchContext {
  /** The client's address as far as the host trusts it. @default the socket's, see `trustProxy` */
  ip?: string;
  /** The body when the host has parsed or read it already: an object, a string or a Buffer. */
  body?: unknown;
  /** Path and query relative to the mount, when `request.url` is not relative to it. */
  path?: string;
}
