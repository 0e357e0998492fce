import type { Reporter } from "../logger.ts";
import type { Site, WebhookEventName } from "../site.ts";
import { endpointId } from "./endpoint-id.ts";
import type { Delivery } from "./payload.ts";
import { createPayload } from "./payload.ts";

/** Something that happened, for every endpoint of the site that wants to hear of it. */
export interface Raised {
  event: WebhookEventName;
  /** Plain JSON. */
  data: Record<string, unknown>;
  /** Epoch milliseconds when it happened. */
  at: number;
  /** `webhook-id`; made when omitted. Derive it (`derivedWebhookId`) for what two processes may both raise. */
  id?: string;
}

const NONE: Delivery[] = [];

/** What `raised` owes to the site's endpoints, or to one of them. */
export function owe(site: Site, raised: Raised[], nextId: () => string, reporter: Reporter, only?: string): Delivery[] {
  if (!site.webhooks?.length) return NONE;
  const owed: Delivery[] = [];
  for (const { event, data, at, id = nextId() } of raised) {
    const endpoints = new Set<string>();
    for (const { url, events } of site.webhooks) {
      if ((only === undefined || url === only) && (!events || events.includes(event))) endpoints.add(endpointId(url));
    }
    if (endpoints.size === 0) continue;
    try {
      const unsigned = createPayload({ event, siteId: site.id, at, data, id });
      const { visitorId } = data;
      for (const endpoint of endpoints) {
        owed.push({ id, siteId: site.id, endpoint, event, unsigned, at, ...(typeof visitorId === "string" && { visitorId }) });
      }
    } catch (error) {
      reporter.report("error", "webhook-payload", `a ${event} of site ${site.id} cannot be sent as a webhook`, error);
    }
  }
  return owed;
}
