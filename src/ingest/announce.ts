import { HOUR_MS } from "../clock.ts";
import type { WebhookEventName } from "../site.ts";
import { createRecent } from "../recent.ts";
import type { Announced, Context, Judged } from "./stages.ts";

/** Beyond this somebody stages high intent to fire a sales team's alerts. */
export const MAX_HIGH_INTENT_AN_HOUR = 100;
const MAX_SITES = 1_000;

/** The step that says which webhook events a hit raises. A bot that is left out and a private visitor raise none. */
export function createAnnounceStep(): (hit: Judged, context: Context) => Announced {
  const alerts = createRecent<{ hour: number; count: number }>(MAX_SITES);

  /** Counts one alert of a site in the hour of its arrival; false above the bound. */
  function mayAlert(siteId: string, now: number): boolean {
    const hour = Math.floor(now / HOUR_MS);
    const sent = alerts.get(siteId);
    if (!sent || sent.hour !== hour) {
      alerts.set(siteId, { hour, count: 1 });
      return true;
    }
    if (sent.count >= MAX_HIGH_INTENT_AN_HOUR) return false;
    sent.count++;
    return true;
  }

  return (hit, { site, facts }) => {
    const announced = hit as Announced;
    const raised: WebhookEventName[] = [];
    announced.raised = raised;
    const { knowledge, event } = hit;
    if (!knowledge || hit.private) return announced;
    if (event.type !== "engagement") raised.push(event.type);
    if (hit.isNew && hit.tier !== undefined) raised.push("visitor_identified");
    if (knowledge.highEvent === event.id && mayAlert(site.id, facts.receivedAt)) raised.push("high_intent_visitor");
    return announced;
  };
}
