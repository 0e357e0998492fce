import type { StoredEvent } from "../event.ts";
import type { WebhookEventName } from "../site.ts";
import type { Raised } from "../webhooks/owed.ts";
import { derivedWebhookId } from "../webhooks/webhook-id.ts";
import type { KnowledgeRules, VisitorKnowledge } from "./knowledge.ts";
import type { NoticeFacts } from "./notice.ts";
import { accuracyOf } from "./visitors.ts";

export type Raise = (name: WebhookEventName, event: StoredEvent, knowledge: VisitorKnowledge) => Raised;

/**
 * What an event raises, with an id that whoever raises it again gives it too. On the path of a request: only what will
 * not be known later is written down, the notice is made of it when it is sent.
 */
export function createRaise(rules: Pick<KnowledgeRules, "score">): Raise {
  return (name, event, knowledge) => {
    const { level, score, factors } = rules.score(knowledge, event.at);
    const { confidence, fingerprintQuality } = accuracyOf(knowledge, event.visit);
    const facts: NoticeFacts = [score, level, confidence, fingerprintQuality];
    if (name === "high_intent_visitor") facts.push(factors);
    return { name, id: idOf(name, event), event, facts: JSON.stringify(facts) };
  };
}

function idOf(name: WebhookEventName, { siteId, visitorId, id, day }: StoredEvent): string {
  switch (name) {
    // two processes may both raise these: the same id makes them one delivery
    case "visitor_identified":
      return derivedWebhookId(siteId, visitorId, name);
    case "high_intent_visitor":
      return derivedWebhookId(siteId, visitorId, `${name} ${day}`);
    // not of its time: a repeat that another process takes may seem to have happened at another
    default:
      return derivedWebhookId(siteId, id, "event");
  }
}
