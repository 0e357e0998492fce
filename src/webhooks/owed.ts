import type { Site, WebhookEventName } from "../site.ts";
import { endpointId } from "./endpoint-id.ts";
import { createDelivery, type Delivery } from "./payload.ts";

/** Something that happened, for every endpoint of the site that wants to hear of it. */
export interface Raised {
  name: WebhookEventName;
  /** `webhook-id`, derived from the cause: whoever raises it again gives the same. */
  id: string;
  event: { id: string; at: number; visitorId: string };
  /** What the webhook says beside the event, as JSON: of this moment, and small. */
  facts: string;
}

/** A delivery to be stored with its event. */
export interface Owing {
  eventId: string;
  /** Items of a JSON array, on one line. */
  record: string;
  facts: string;
  /** Its draft is missing yet. */
  delivery: Delivery;
}

const NONE: Owing[] = [];

/** What `raised` owes to the site's endpoints, or to one of them. On the path of a request: nothing is written or signed here. */
export function owe(site: Site, raised: Raised[], only?: string): Owing[] {
  if (!site.webhooks?.length) return NONE;
  const owed: Owing[] = [];
  for (const { name, id, event, facts } of raised) {
    const from = owed.length;
    for (const { url, events } of site.webhooks) {
      if ((only !== undefined && url !== only) || (events && !events.includes(name))) continue;
      const endpoint = endpointId(url);
      if (isOwed(owed, from, endpoint)) continue;
      const delivery: Delivery = createDelivery({ id, siteId: site.id, endpoint, event: name, draft: "", at: event.at, visitorId: event.visitorId });
      owed.push({ eventId: event.id, record: `"${id}","${endpoint}","${name}",${facts}`, facts, delivery });
    }
  }
  return owed;
}

/** Whether a URL that is configured twice was seen already. */
function isOwed(owed: Owing[], from: number, endpoint: string): boolean {
  for (let index = from; index < owed.length; index++) if (owed[index]!.delivery.endpoint === endpoint) return true;
  return false;
}

/** The delivery, with its event as it was stored. */
export function withEvent({ delivery, facts }: Owing, line: string): Delivery {
  delivery.draft = `[${facts},${line}]`;
  return delivery;
}

/** What `withEvent` was given: record and event, one after the other. */
export function toItems({ id, endpoint, event }: Delivery, draft: string): string {
  return `"${id}","${endpoint}","${event}",${draft.slice(1, -1)}`;
}

/** The delivery of which `record` and event are stored. */
export function parseOwed(items: string): Delivery {
  const [id, endpoint, name, facts, event] = JSON.parse(`[${items}]`) as [string, string, string, unknown, { siteId: string; at: number; visitorId: string }];
  const { siteId, at, visitorId } = event;
  return createDelivery({ id, siteId, endpoint, event: name, draft: JSON.stringify([facts, event]), at, visitorId });
}
