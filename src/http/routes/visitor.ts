import { AnalyticsError } from "../../errors.ts";
import { CLIENT_ID } from "../../ids.ts";
import { answerJson } from "../answer.ts";
import type { AnalyticsApi } from "../api.ts";
import type { SiteCall } from "../call.ts";
import { parseTimelineQuery } from "../query.ts";

/** Of a malformed id, an unknown one and another site's the answer is the same, byte for byte. */
function notFound(): AnalyticsError {
  return new AnalyticsError("NOT_FOUND", "Visitor not found");
}

export function visitorRoute(api: AnalyticsApi) {
  return async (call: SiteCall): Promise<Response> => {
    const visitorId = call.params["visitorId"]!;
    const visitor = CLIENT_ID.test(visitorId) ? await api.getVisitor(call.site, visitorId, parseTimelineQuery(call.query)) : undefined;
    if (!visitor) throw notFound();
    return answerJson(call, visitor);
  };
}

/** Erasing is idempotent: whoever is not there is erased. */
export function eraseVisitorRoute(api: AnalyticsApi) {
  return async (call: SiteCall): Promise<Response> => {
    const visitorId = call.params["visitorId"]!;
    if (!CLIENT_ID.test(visitorId)) throw notFound();
    await api.eraseVisitor(call.site, visitorId);
    return answerJson(call, { success: true, message: "Visitor erased", visitorId });
  };
}
