import type { Receipt } from "../../ingest/pipeline.ts";
import { parsePageview } from "../../ingest/schema.ts";
import { answerText, timestampOf } from "../answer.ts";
import type { AnalyticsApi } from "../api.ts";
import type { HeaderPair, SiteCall } from "../call.ts";

export function pageviewRoute(api: AnalyticsApi, onDrop: OnDrop) {
  return async (call: SiteCall): Promise<Response> => {
    const receipt = await api.track(call.site, parsePageview(call.body), call.facts);
    return answerText(call, pageviewText(receipt), dropHeader(receipt, onDrop));
  };
}

/** Counts hits that are answered but not kept. */
export type OnDrop = (reason: string) => void;

export function pageviewText({ visitorId, sessionId, pageviewId, at }: Receipt): string {
  return JSON.stringify({
    success: true,
    message: "Pageview tracked successfully",
    visitorId,
    sessionId,
    timestamp: timestampOf(at),
    pageviewId,
  });
}

export function dropHeader({ dropped }: Receipt, onDrop: OnDrop): HeaderPair | undefined {
  if (dropped === undefined) return undefined;
  onDrop(dropped);
  return ["x-wysleap-dropped", dropped];
}
