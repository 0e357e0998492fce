import type { StoredEvent } from "../event.ts";
import type { IntentOptions } from "../intent/score.ts";
import type { WebhookEventName } from "../site.ts";
import type { Raised } from "../webhooks/owed.ts";
import { derivedWebhookId, eventWebhookId } from "../webhooks/webhook-id.ts";
import type { VisitorKnowledge } from "./knowledge.ts";
import { toNotice } from "./notice.ts";

export type Raise = (name: WebhookEventName, event: StoredEvent, knowledge: VisitorKnowledge) => Required<Raised>;

/** What an event raises, with an id that whoever raises it again gives it too. */
export function createRaise(intent: IntentOptions | undefined): Raise {
  return (name, event, knowledge) => ({ event: name, data: toNotice(name, event, knowledge, intent), at: event.at, id: idOf(name, event) });
}

function idOf(name: WebhookEventName, event: StoredEvent): string {
  const { siteId, visitorId } = event;
  switch (name) {
    // two processes may both raise these: the same id makes them one delivery
    case "visitor_identified":
      return derivedWebhookId(siteId, visitorId, name);
    case "high_intent_visitor":
      return derivedWebhookId(siteId, visitorId, `${name} ${event.day}`);
    default:
      return eventWebhookId(siteId, event.id, event.at);
  }
}
