import type { AccuracyMetrics } from "../event.ts";
import type { WebhookEventName } from "../site.ts";

type Level = "low" | "medium" | "high";

/** What every webhook says of the visitor. */
export interface NoticeOfVisitor {
  visitorId: string;
  sessionId: string;
  /** As of the event. */
  intentScore: { level: Level; score: number; factors?: string[] };
  accuracyMetrics: AccuracyMetrics;
  /** ISO 3166-1 alpha-2. */
  countryCode?: string;
  /** The site's own signed-in user. */
  userId?: string;
  /** Why it was labelled as a bot; only where bots are counted. */
  bot?: string[];
}

/** The `data` of a webhook, by event. */
export interface WebhookData {
  pageview: NoticeOfVisitor & { pageUrl: string; pageTitle?: string; referrer?: string; campaign?: Record<string, string | undefined> };
  event: NoticeOfVisitor & { eventName: string; eventData?: Record<string, unknown>; pageUrl?: string; value?: number; currency?: string };
  visitor_identified: NoticeOfVisitor & { visitCount: number; country?: string; browser?: string; os?: string };
  high_intent_visitor: NoticeOfVisitor & { visitCount: number; pageUrl?: string };
}

/** A webhook as it is sent, but for its signature. */
export interface WebhookPayload<Name extends WebhookEventName = WebhookEventName> {
  event: Name;
  siteId: string;
  /** When it happened, `2025-01-15T10:30:00Z`. */
  timestamp: string;
  data: WebhookData[Name];
  /** `webhook-id`: the same for every attempt. */
  id: string;
}
