import { parseEvent } from "../../ingest/schema.ts";
import { answerText, timestampOf } from "../answer.ts";
import type { AnalyticsApi } from "../api.ts";
import type { SiteCall } from "../call.ts";
import type { OnDrop } from "./pageview.ts";
import { dropHeader } from "./pageview.ts";

export function eventRoute(api: AnalyticsApi, onDrop: OnDrop) {
  return async (call: SiteCall): Promise<Response> => {
    const receipt = await api.track(call.site, parseEvent(call.body), call.facts);
    const { eventId, at } = receipt;
    const message = "Event tracked successfully";
    const text = JSON.stringify({ success: true, message, eventId, timestamp: timestampOf(at) });
    return answerText(call, text, dropHeader(receipt, onDrop));
  };
}
