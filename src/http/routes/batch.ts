import type { ErrorCode } from "../../errors.ts";
import { AnalyticsError } from "../../errors.ts";
import type { TelemetryInput } from "../../event.ts";
import type { Receipt } from "../../ingest/pipeline.ts";
import { parseBatch } from "../../ingest/schema.ts";
import { answerText, timestampOf } from "../answer.ts";
import type { AnalyticsApi } from "../api.ts";
import type { SiteCall } from "../call.ts";
import { errorFields } from "../error-body.ts";
import type { OnDrop } from "./pageview.ts";

export interface BatchParts {
  api: AnalyticsApi;
  onDrop: OnDrop;
  /** An item failed for a reason that is not the client's. */
  onFault(fault: unknown): void;
  onRejectedItem(code: ErrorCode): void;
  /** The page's tracker dropped so many before. */
  onDiscarded(items: number): void;
}

/** Nobody is believed more at once. */
const MAX_DISCARDED = 100_000;

/** Each item has its own result, at its own place. All of them down with the storage: one 503, so that it is sent again. */
export function batchRoute({ api, onDrop, onFault, onRejectedItem, onDiscarded }: BatchParts) {
  async function trackItem(call: SiteCall, item: TelemetryInput | AnalyticsError): Promise<Receipt | AnalyticsError> {
    if (item instanceof AnalyticsError) return item;
    try {
      return await api.track(call.site, item, call.facts);
    } catch (fault) {
      if (!(fault instanceof AnalyticsError) || fault.code === "SERVER_ERROR") onFault(fault);
      return fault instanceof AnalyticsError ? fault : new AnalyticsError("SERVER_ERROR", "", { cause: fault });
    }
  }

  function itemResult(result: Receipt | AnalyticsError): object {
    if (result instanceof AnalyticsError) {
      onRejectedItem(result.code);
      return { success: false, ...errorFields(result) };
    }
    const { visitorId, sessionId, eventId, pageviewId, at, dropped } = result;
    if (dropped !== undefined) onDrop(dropped);
    return { success: true, visitorId, sessionId, eventId, timestamp: timestampOf(at), pageviewId, dropped };
  }

  return async (call: SiteCall): Promise<Response> => {
    const items = parseBatch(withItemIds(call));
    // started in order, so that a session's hits meet the pipeline in order; stored together
    const results = await Promise.all(items.map((item) => trackItem(call, item)));
    const isUnavailable = (result: Receipt | AnalyticsError) =>
      result instanceof AnalyticsError && result.code === "UNAVAILABLE";
    const down = results.find(isUnavailable);
    if (down instanceof AnalyticsError && results.every((result) => result instanceof AnalyticsError)) throw down;
    const { discarded } = call.body;
    if (Number.isInteger(discarded)) onDiscarded(Math.min(Math.max(discarded as number, 0), MAX_DISCARDED));
    return answerText(call, JSON.stringify({ success: true, results: results.map(itemResult) }));
  };
}

/** One `Idempotency-Key` for the whole batch gives each item without an id one of its own. */
function withItemIds({ body }: SiteCall): Record<string, unknown> {
  const { eventId, items } = body;
  if (typeof eventId !== "string" || !Array.isArray(items)) return body;
  const withIds = items.map((item: unknown, at) =>
    item instanceof Object && !("eventId" in item) ? { ...item, eventId: `${eventId}:${at}` } : item,
  );
  return { ...body, items: withIds };
}
