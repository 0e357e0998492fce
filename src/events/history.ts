import { AnalyticsError } from "../errors.ts";
import type { StoredEvent } from "../event.ts";
import type { TimelinePage } from "./event-store.ts";
import { parseLines } from "./segment.ts";
import { byPlace, compare, type HistoryOptions, type Place, REPEATED_WITHIN_MS, sourcesOf } from "./sources.ts";

const DEFAULT_PAGE = 100;

/** One visitor's events, newest first. Lines of others are passed over by their bytes, unparsed. */
export async function readTimeline(
  siteId: string,
  visitorId: string,
  page: { limit?: number; cursor?: string },
  options: HistoryOptions,
): Promise<TimelinePage> {
  const limit = page.limit ?? DEFAULT_PAGE;
  const before = parseCursor(page.cursor);
  const found = new Map<string, StoredEvent>();
  const sources = sourcesOf(siteId, options).sort((a, b) => b.maxAt - a.maxAt);
  let oldestWanted = -Infinity;
  for (const source of sources) {
    if (source.minAt > before.at + REPEATED_WITHIN_MS) continue;
    if (source.maxAt < oldestWanted) break;
    for (const event of visitorEvents(await source.lines(), visitorId)) {
      if (event.at > before.at + REPEATED_WITHIN_MS || options.isErased(siteId, visitorId, event.at)) continue;
      const known = found.get(event.id);
      if (!known || event.at > known.at) found.set(event.id, event);
    }
    oldestWanted = newestBefore(before, found)[limit]?.at ?? -Infinity;
  }
  const events = newestBefore(before, found);
  if (events.length <= limit) return { events };
  const last = events[limit - 1]!;
  return { events: events.slice(0, limit), cursor: `${last.at}.${last.id}` };
}

function visitorEvents(lines: Buffer, visitorId: string): StoredEvent[] {
  const needle = `"visitorId":${JSON.stringify(visitorId)}`;
  const events: StoredEvent[] = [];
  for (let hit = lines.indexOf(needle); hit !== -1; ) {
    const start = lines.lastIndexOf(10, hit) + 1;
    const newline = lines.indexOf(10, hit);
    const end = newline === -1 ? lines.length : newline;
    for (const event of parseLines(lines.subarray(start, end))) if (event.visitorId === visitorId) events.push(event);
    hit = lines.indexOf(needle, end);
  }
  return events;
}

/** One that is stored twice has the later of its times, so that what was on the page before is on none after it. */
const newestBefore = (before: Place, events: Map<string, StoredEvent>) =>
  byPlace(events).filter((event) => compare(event, before) < 0).toReversed();

/** `at` and `id` of the last event of the page before. */
const CURSOR = /^(-?\d{1,16})\.([A-Za-z0-9_.:-]{1,128})$/;

function parseCursor(cursor: string | undefined): Place {
  if (cursor === undefined) return { at: Infinity, id: "" };
  const [, at, id] = CURSOR.exec(cursor) ?? [];
  if (id === undefined) throw new AnalyticsError("VALIDATION_ERROR", "cursor must be that of the page before");
  return { at: Number(at), id };
}
