import type { StoredEvent } from "../event.ts";
import type { EventStore } from "../events/event-store.ts";
import type { ProfileStore } from "../profile-store.ts";
import type { Site, WebhookEventName } from "../site.ts";
import type { DeliveriesPage, DeliveriesQuery } from "../webhooks/delivery-list.ts";
import type { Outbox } from "../webhooks/outbox.ts";
import { withEvent } from "../webhooks/owed.ts";
import type { Delivery } from "../webhooks/payload.ts";
import type { TestResult } from "../webhooks/test-delivery.ts";
import type { VisitorKnowledge } from "./knowledge.ts";
import type { Raise } from "./raise.ts";

/** Events that one recovery goes through. */
export const MAX_RECOVERED = 50_000;
const BATCH = 500;

export interface Recovery {
  /** Deliveries that were queued; those that are pending or have just arrived are not sent twice. */
  queued: number;
  /** False when there were more than 50,000 events: only the oldest found were queued. */
  complete: boolean;
}

export interface WebhookAdmin {
  deliveries(site: Site, query: DeliveriesQuery): DeliveriesPage;
  /** How many endpoints it goes to; 0 for an id that is unknown or has arrived. */
  retry(site: Site, id: string): number;
  test(site: Site, url?: string): Promise<TestResult[]>;
  /** Switches the site's endpoints (or the one with this URL) on, and queues again what happened since. */
  recover(site: Site, since: number, url?: string): Promise<Recovery>;
}

/** Webhooks of a site, as this process knows them. Rejects with `AnalyticsError` for an unknown site or endpoint and bad input. */
export interface WebhooksApi {
  /**
   * What this process has to deliver, newest first: pending, given up, and the last 1,000 that arrived. Of several
   * processes on one storage each knows its own. Like `GET /webhooks/{siteId}/deliveries`.
   */
  deliveries(siteId: string, query?: DeliveriesQuery): Promise<DeliveriesPage>;
  /** Tries a delivery of this process now, with its old id; answers how many endpoints it goes to. */
  retry(siteId: string, id: string): Promise<number>;
  /** Sends a signed sample to the site's endpoints, or to the one with this URL, and answers what they said. */
  test(siteId: string, endpoint?: string): Promise<TestResult[]>;
  /**
   * Switches endpoints on again and queues what happened since (a Date, ISO 8601 or epoch milliseconds), with the old ids,
   * whichever process took it.
   */
  recover(siteId: string, since: Date | string | number, endpoint?: string): Promise<Recovery>;
}

export interface WebhookAdminParts {
  outbox: Outbox;
  events: Pick<EventStore, "read">;
  profiles: Pick<ProfileStore<VisitorKnowledge>, "load">;
  raise: Raise;
  countBots: boolean;
  /** Stores and takes deliveries that belong to no new event. */
  put(deliveries: Delivery[]): Promise<void>;
}

export function createWebhookAdmin(parts: WebhookAdminParts): WebhookAdmin {
  const { outbox, events, profiles, raise, countBots, put } = parts;

  async function* newestKnowledge(siteId: string, found: StoredEvent[]): AsyncGenerator<[StoredEvent, VisitorKnowledge]> {
    for (const event of found) {
      const knowledge = await profiles.load(siteId, event.visitorId);
      if (knowledge) yield [event, knowledge];
    }
  }

  return {
    deliveries: outbox.list,
    retry: (site, id) => outbox.retry(site.id, id),
    test: outbox.test,
    async recover(site, since, url) {
      for (const endpoint of site.webhooks ?? []) if (url === undefined || endpoint.url === url) outbox.enable(site.id, endpoint.url);
      let queued = 0;
      // oldest first
      for (const { delivery, at } of outbox.deadLetters(site.id).toReversed()) if (Math.max(at, delivery.at) >= since) queued += outbox.retry(site.id, delivery.id);

      const found: StoredEvent[] = [];
      for await (const event of events.read(site.id, { from: since })) {
        if (event.type === "engagement" || event.private || (event.bot && !countBots)) continue;
        if (found.push(event) > MAX_RECOVERED) break;
      }
      const complete = found.length <= MAX_RECOVERED;
      found.sort((one, other) => one.at - other.at);

      let batch: Delivery[] = [];
      const queue = async () => {
        const fresh = batch.filter((delivery) => !outbox.knows(delivery));
        batch = [];
        if (fresh.length === 0) return;
        await put(fresh);
        queued += fresh.length;
      };
      for await (const [event, knowledge] of newestKnowledge(site.id, found.slice(0, MAX_RECOVERED))) {
        const names: WebhookEventName[] = event.type === "engagement" ? [] : [event.type];
        // the first that is known of the visitor, as when it was taken
        if (event.tier !== undefined && event.at <= knowledge.visitor.firstSeen) names.push("visitor_identified");
        if (knowledge.highEvent === event.id) names.push("high_intent_visitor");
        const line = JSON.stringify(event);
        for (const owing of outbox.owe(site, names.map((name) => raise(name, event, knowledge)), url)) batch.push(withEvent(owing, line));
        if (batch.length >= BATCH) await queue();
      }
      await queue();
      return { queued, complete };
    },
  };
}
