import type { StoredEvent } from "../event.ts";
import type { IntentOptions } from "../intent/score.ts";
import { scoreIntent } from "../intent/score.ts";
import type { WebhookEventName } from "../site.ts";
import { countryName } from "./geo.ts";
import type { VisitorKnowledge } from "./knowledge.ts";
import { accuracyOf } from "./visitors.ts";

/** The `data` of a webhook: the reference's fields first, with the score as of the event. JSON leaves out what is `undefined`. */
export function toNotice(
  name: WebhookEventName,
  event: StoredEvent,
  knowledge: VisitorKnowledge,
  intent: IntentOptions | undefined,
): Record<string, unknown> {
  const { level, score, factors } = scoreIntent(knowledge.signals, event.at, intent);
  const who = {
    visitorId: event.visitorId,
    sessionId: event.sessionId,
    intentScore: { level, score },
    accuracyMetrics: accuracyOf(knowledge, event.visit),
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
