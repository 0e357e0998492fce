import { setImmediate } from "node:timers/promises";
import { FastResponse } from "srvx";
import { toTimestamp } from "../../clock.ts";
import type { StoredEvent } from "../../event.ts";
import type { AnalyticsApi } from "../api.ts";
import type { HeaderPair, SiteCall } from "../call.ts";
import { NO_STORE, NOSNIFF } from "../call.ts";
import { parseExportRange } from "../query.ts";

/** Characters gathered into one chunk of the stream. */
const CHUNK_LENGTH = 32 * 1024;
const NDJSON: HeaderPair = ["content-type", "application/x-ndjson; charset=utf-8"];

/**
 * One line of JSON per event in the order of `at` and `id`, read only as fast as the client takes them. A client that
 * was cut off goes on with `?cursor=<at>,<id>` of its last whole line.
 */
export function eventsRoute(api: AnalyticsApi, onFault: (fault: unknown) => void) {
  return async (call: SiteCall): Promise<Response> => {
    const events = api.exportEvents(call.site, parseExportRange(call.query))[Symbol.asyncIterator]();
    // the first one before the status is sent: storage that is down must be a 503
    const first = call.method === "HEAD" ? await stop(events) : await events.next();
    return new FastResponse(toStream(first, events, onFault), { headers: [NDJSON, NOSNIFF, NO_STORE, ...call.headers] });
  };
}

type Next = IteratorResult<StoredEvent, unknown>;

async function stop(events: AsyncIterator<StoredEvent>): Promise<Next> {
  await events.return?.();
  return { done: true, value: undefined };
}

function toLine(event: StoredEvent): string {
  return `{"timestamp":"${toTimestamp(event.at)}",${JSON.stringify(event).slice(1)}\n`;
}

function toStream(first: Next, events: AsyncIterator<StoredEvent>, onFault: (fault: unknown) => void): ReadableStream {
  const encoder = new TextEncoder();
  let next: Next = first;
  return new ReadableStream({
    async pull(controller) {
      try {
        let text = "";
        while (!next.done && text.length < CHUNK_LENGTH) {
          text += toLine(next.value);
          next = await events.next();
        }
        if (text !== "") controller.enqueue(encoder.encode(text));
        if (next.done) controller.close();
        // a fast client and events at hand would otherwise keep everybody else from their turn
        else await setImmediate();
      } catch (fault) {
        onFault(fault);
        controller.error(new Error("the export broke off"));
      }
    },
    async cancel() {
      await events.return?.();
    },
  });
}
