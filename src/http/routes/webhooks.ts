import { AnalyticsError } from "../../errors.ts";
import { answerJson } from "../answer.ts";
import type { AnalyticsApi } from "../api.ts";
import type { SiteCall } from "../call.ts";
import { endpointOf, parseDeliveriesQuery, parseEndpointQuery, parseRecoverQuery } from "../webhook-query.ts";

export function deliveriesRoute(api: AnalyticsApi) {
  return (call: SiteCall): Response => answerJson(call, api.webhooks.deliveries(call.site, parseDeliveriesQuery(call.query)));
}

/** Of an id that is unknown, another site's or has arrived the answer is the same. */
export function retryRoute(api: AnalyticsApi) {
  return (call: SiteCall): Response => {
    const id = call.params["id"]!;
    const endpoints = api.webhooks.retry(call.site, id);
    if (endpoints === 0) throw new AnalyticsError("NOT_FOUND", "No such delivery is pending or failed");
    return answerJson(call, { success: true, id, endpoints });
  };
}

export function testWebhooksRoute(api: AnalyticsApi) {
  return async (call: SiteCall): Promise<Response> => {
    const results = await api.webhooks.test(call.site, endpointOf(call.site, parseEndpointQuery(call.query)));
    return answerJson(call, { success: results.length > 0 && results.every(({ ok }) => ok), results });
  };
}

export function recoverWebhooksRoute(api: AnalyticsApi) {
  return async (call: SiteCall): Promise<Response> => {
    const { since, endpoint } = parseRecoverQuery(call.query);
    return answerJson(call, { success: true, ...(await api.webhooks.recover(call.site, since, endpointOf(call.site, endpoint))) });
  };
}
