import { setImmediate } from "node:timers/promises";
import { FastResponse } from "srvx";
import { AnalyticsError } from "../../errors.ts";
import { CLIENT_ID } from "../../ids.ts";
import { answerJson, answerText } from "../answer.ts";
import type { AnalyticsApi } from "../api.ts";
import { type HeaderPair, NO_STORE, NOSNIFF, type SiteCall } from "../call.ts";
import { parseReplaysQuery, parseTab } from "../query.ts";

/** Characters gathered into one chunk of the stream. */
const CHUNK_LENGTH = 64 * 1024;
const NDJSON: HeaderPair = ["content-type", "application/x-ndjson; charset=utf-8"];

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
    return new FastResponse(toStream(first, lines, onFault), { headers: [NDJSON, NOSNIFF, NO_STORE, ...call.headers] });
  };
}

function toStream(first: IteratorResult<string>, lines: AsyncIterator<string>, onFault: (fault: unknown) => void): ReadableStream {
  const encoder = new TextEncoder();
  let next = first;
  return new ReadableStream({
    async pull(controller) {
      try {
        let text = "";
        while (!next.done && text.length < CHUNK_LENGTH) {
          text += `${next.value}\n`;
          next = await lines.next();
        }
        if (text !== "") controller.enqueue(encoder.encode(text));
        if (next.done) controller.close();
        else await setImmediate();
      } catch (fault) {
        onFault(fault);
        controller.error(new Error("the replay broke off"));
      }
    },
    async cancel() {
      await lines.return?.();
    },
  });
}
