import { toTimestamp } from "../../clock.ts";
import type { StoredEvent } from "../../event.ts";
import type { AnalyticsApi } from "../api.ts";
import type { SiteCall } from "../call.ts";
import { answerLines } from "../ndjson.ts";
import { parseExportRange } from "../query.ts";

/**
 * One line of JSON per event in the order of `at` and `id`, read only as fast as the client takes them. A client that
 * was cut off goes on with `?cursor=<at>,<id>` of its last whole line.
 */
export function eventsRoute(api: AnalyticsApi, onFault: (fault: unknown) => void) {
  return async (call: SiteCall): Promise<Response> => {
    const events = api.exportEvents(call.site, parseExportRange(call.query))[Symbol.asyncIterator]();
    // the first one before the status is sent: storage that is down must be a 503
    const first = call.method === "HEAD" ? await stop(events) : await events.next();
    return answerLines(call, { first, rest: events, toLine, onFault, what: "export" });
  };
}

type Next = IteratorResult<StoredEvent, unknown>;

async function stop(events: AsyncIterator<StoredEvent>): Promise<Next> {
  await events.return?.();
  return { done: true, value: undefined };
}

function toLine(event: StoredEvent): string {
  return `{"timestamp":"${toTimestamp(event.at)}",${JSON.stringify(event).slice(1)}`;
}
