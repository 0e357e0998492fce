import type { FingerprintQuality, StoredEvent } from "../event.ts";
import type { IntentLevel } from "../intent/score.ts";
import type { WebhookEventName } from "../site.ts";
import type { Delivery } from "../webhooks/payload.ts";
import { createPayload } from "../webhooks/payload.ts";
import { countryName } from "./geo.ts";

/** What a notice says of the visitor as of the event; the event itself says the rest. */
export type NoticeFacts = [score: number, level: IntentLevel, confidence: number, fingerprintQuality: FingerprintQuality, factors?: string[]];

/** The payload of a delivery, from its facts and its event. */
export function toPayload({ id, event: name }: Pick<Delivery, "id" | "event">, draft: string): string {
  const [facts, event] = JSON.parse(draft) as [NoticeFacts, StoredEvent];
  const { siteId, at } = event;
  return createPayload({ event: name as WebhookEventName, siteId, at, data: toNotice(name as WebhookEventName, event, facts), id });
}

/** The `data` of a webhook: the reference's fields first. JSON leaves out what is `undefined`. */
function toNotice(name: WebhookEventName, event: StoredEvent, facts: NoticeFacts): Record<string, unknown> {
  const [score, level, confidence, fingerprintQuality, factors] = facts;
  const who = {
    visitorId: event.visitorId,
    sessionId: event.sessionId,
    intentScore: { level, score },
    accuracyMetrics: { confidence, fingerprintQuality },
    countryCode: event.country,
    userId: event.userId,
    bot: event.bot,
  };
  switch (name) {
    case "pageview":
      return { pageUrl: event.url, ...who, pageTitle: event.title, referrer: event.referrer, campaign: event.campaign };
    case "event":
      return {
        eventName: event.name,
        eventData: event.data,
        pageUrl: event.url,
        ...who,
        value: event.value,
        currency: event.currency,
      };
    case "visitor_identified":
      return { ...who, visitCount: event.visit, country: countryName(event.country), browser: event.browser, os: event.os };
    case "high_intent_visitor":
      return { pageUrl: event.url, ...who, intentScore: { level, score, factors }, visitCount: event.visit };
  }
}
