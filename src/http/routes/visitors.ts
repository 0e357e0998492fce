import { answerJson } from "../answer.ts";
import type { AnalyticsApi } from "../api.ts";
import type { SiteCall } from "../call.ts";
import { parseVisitorsQuery } from "../query.ts";

export function visitorsRoute(api: AnalyticsApi) {
  return async (call: SiteCall): Promise<Response> =>
    answerJson(call, await api.getVisitors(call.site, parseVisitorsQuery(call.query)));
}
