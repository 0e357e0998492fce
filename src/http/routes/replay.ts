import { AnalyticsError } from "../../errors.ts";
import { CLIENT_ID } from "../../ids.ts";
import { answerJson, answerText } from "../answer.ts";
import type { AnalyticsApi } from "../api.ts";
import type { SiteCall } from "../call.ts";
import { answerLines } from "../ndjson.ts";
import { parseReplaysQuery, parseTab } from "../query.ts";

/** One chunk of a recording. Not kept is a normal answer: the recorder stops, nothing is wrong. */
export function replayRoute(api: AnalyticsApi) {
  return async (call: SiteCall): Promise<Response> =>
    answerText(call, JSON.stringify({ success: true, ...(await api.addReplay(call.site, call.body, call.facts)) }));
}

export function replaysRoute(api: AnalyticsApi) {
  return async (call: SiteCall): Promise<Response> => answerJson(call, await api.getReplays(call.site, parseReplaysQuery(call.query)));
}

/** One rrweb event a line, as they are stored. */
export function replayEventsRoute(api: AnalyticsApi, onFault: (fault: unknown) => void) {
  return async (call: SiteCall): Promise<Response> => {
    const sessionId = call.params["sessionId"]!;
    const tab = parseTab(call.query);
    const events = CLIENT_ID.test(sessionId) ? await api.readReplay(call.site, sessionId, tab) : undefined;
    if (!events) throw new AnalyticsError("NOT_FOUND", "Replay not found");
    const lines = events[Symbol.asyncIterator]();
    // the first one before the status is sent: storage that is down must be a 503
    const first = await lines.next();
    return answerLines(call, { first, rest: lines, toLine: (line) => line, onFault, what: "replay" });
  };
}
