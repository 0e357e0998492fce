// Making it
export { createAnalytics } from "./analytics.ts";
export type { Analytics, TrackContext, Tracked } from "./public-api.ts";
export type {
  AnalyticsOptions,
  GeoOptions,
  Hooks,
  IdentityOptions,
  PrivacyOptions,
  RateLimitOptions,
  ReplayOptions,
  WebhookOptions,
} from "./options.ts";
export type { IntentOptions } from "./intent/score.ts";
export type { PlanName, Site, SiteSource, WebhookEndpoint, WebhookEventName } from "./site.ts";
export type { Logger } from "./logger.ts";

// What goes in
export type { BrowserSignals, EngagementInput, EventInput, PageviewInput, TelemetryBase, TelemetryInput } from "./event.ts";
export type { FetchContext } from "./http/api.ts";

// What comes out
export type { AccuracyMetrics, DropReason, FingerprintQuality, IdentityTier, StoredEvent } from "./event.ts";
export type { IntentAnswer, TimelineQuery, VisitorAnswer, VisitorDetail, VisitorsAnswer, VisitorsQuery } from "./ingest/visitors.ts";
export type { ReplayAnswer, ReplaysAnswer, ReplaysQuery } from "./ingest/replays.ts";
export type { PublicEvent } from "./ingest/public-event.ts";
export type { Recovery, WebhooksApi } from "./ingest/webhook-admin.ts";
export type { Listener } from "./ingest/listeners.ts";
export type { DeliveriesPage, DeliveriesQuery, DeliveryRecord, DeliveryStatus } from "./webhooks/delivery-list.ts";
export type { WebhookData, WebhookPayload } from "./webhooks/notices.ts";
export type { TestResult } from "./webhooks/test-delivery.ts";
export { AnalyticsError } from "./errors.ts";
export type { ErrorCode } from "./errors.ts";

// Replacing a part
export type {
  Batch,
  EventStore,
  OwedDelivery,
  PathRow,
  Report,
  ReportQuery,
  TimelinePage,
  VisitorRow,
} from "./events/event-store.ts";
export type { RateLimiter, RateVerdict } from "./rate-limit/limiter.ts";
export type { WebhookRequest, WebhookResponse, WebhookTransport } from "./webhooks/transport.ts";
