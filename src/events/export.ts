import type { StoredEvent } from "../event.ts";
import { createSeenIds } from "./seen.ts";
import { parseSlices } from "./segment.ts";
import { byPlace, compare, type HistoryOptions, type Place, REPEATED_WITHIN_MS, sourcesOf } from "./sources.ts";

/** Events that are sorted at a time: at most twice as many, and one block, are in memory. */
export const PAGE_EVENTS = 20_000;

export interface ExportRange {
  from?: number;
  to?: number;
  after?: Place;
}

/** Times between which a segment's lines lie, once it was read. */
type Times = Map<string, { minAt: number; maxAt: number }>;
type ReadPage = (after: Place, times: Times) => Promise<StoredEvent[]>;

/**
 * Every event of the range, each id once, by time and id. `readPage` reads the events next to a place; it may begin
 * anew, when they are moved meanwhile, as nothing of a page has left yet.
 */
export async function* inPages(range: ExportRange, size: number, readPage: ReadPage): AsyncGenerator<StoredEvent> {
  const start = range.after ?? { at: -Infinity, id: "" };
  const seen = createSeenIds();
  const times: Times = new Map();
  for (let after: Place = { at: start.at - REPEATED_WITHIN_MS, id: "" }; ; ) {
    const page = await readPage(after, times);
    for (const event of page) if (seen.add(event) && compare(event, start) > 0) yield event;
    if (page.length < size) return;
    after = page.at(-1)!;
  }
}

/** The `size` events of the range that come next after a place. */
export async function readEvents(
  siteId: string,
  range: ExportRange & { after: Place },
  { size, times }: { size: number; times: Times },
  options: HistoryOptions,
): Promise<StoredEvent[]> {
  const { from = -Infinity, to = Infinity, after } = range;
  const earliest = Math.max(from, after.at);
  let latest = to;
  let found = new Map<string, StoredEvent>();
  const keepNext = () => {
    const next = byPlace(found).slice(0, size);
    if (next.length === size) latest = Math.min(latest, next.at(-1)!.at);
    found = new Map(next.map((event) => [event.id, event]));
  };
  const sources = sourcesOf(siteId, options).map((source) => ({ ...source, ...times.get(source.key) }));
  for (const source of sources.sort((a, b) => a.minAt - b.minAt)) {
    if (source.minAt > latest) break;
    if (source.maxAt < earliest) continue;
    const span = { minAt: Infinity, maxAt: -Infinity };
    for await (const events of parseSlices(await source.lines())) {
      for (const event of events) {
        span.minAt = Math.min(span.minAt, event.at);
        span.maxAt = Math.max(span.maxAt, event.at);
        if (event.at < earliest || event.at >= to || event.at > latest || compare(event, after) <= 0) continue;
        if (options.isErased(siteId, event.visitorId, event.at)) continue;
        const known = found.get(event.id);
        if (!known || event.at < known.at) found.set(event.id, event);
      }
      if (found.size >= 2 * size) keepNext();
    }
    times.set(source.key, span);
  }
  keepNext();
  return [...found.values()];
}
