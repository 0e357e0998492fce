import { unavailable } from "../errors.ts";
import type { StoredEvent } from "../event.ts";
import type { Guard } from "../storage/guard.ts";
import { decodeBlock } from "./blocks.ts";
import type { BlockRef } from "./checkpoint.ts";
import type { TimelinePage } from "./event-store.ts";
import { createSeenIds } from "./seen.ts";
import { parseLines, parseSlices } from "./segment.ts";
import { type FollowOptions, readSegment, reportTorn, type WriterView } from "./view.ts";

const DEFAULT_PAGE = 100;

export interface HistoryOptions extends FollowOptions {
  guard: Guard;
  views(): WriterView[];
  isErased(siteId: string, visitorId: string, at: number): boolean;
}

/** Lines of one block or segment, and the times between which they can lie. */
interface Source {
  minAt: number;
  maxAt: number;
  lines(): Promise<Buffer>;
}

/** All sources of a site: the blocks that checkpoints name, each once, and the segments after them. */
function sourcesOf(siteId: string, options: HistoryOptions): Source[] {
  const blocks = new Map<string, BlockRef>();
  const sources: Source[] = [];
  for (const view of options.views()) {
    for (const ref of view.checkpoint.blocks) if (ref.siteId === siteId) blocks.set(ref.key, ref);
    for (let n = view.checkpoint.covered; n < view.next; n++) {
      sources.push({ minAt: -Infinity, maxAt: Infinity, lines: () => segmentLines(view, n, siteId, options) });
    }
  }
  for (const ref of blocks.values()) {
    sources.push({ minAt: ref.minAt, maxAt: ref.maxAt, lines: () => blockLines(ref, options) });
  }
  return sources;
}

async function blockLines(ref: BlockRef, options: HistoryOptions): Promise<Buffer> {
  const held = await options.guard.read(ref.key);
  if (held.state === "found") return decodeBlock(held.body);
  if (held.state === "missing") throw unavailable("The events were moved while they were read; ask again");
  reportTorn(options, ref.key);
  return Buffer.alloc(0);
}

async function segmentLines(view: WriterView, n: number, siteId: string, options: HistoryOptions): Promise<Buffer> {
  const segment = await readSegment(options.guard, view.writer, n);
  // its checkpoint would say where they went, and was damaged: they are among the blocks found by their keys
  if (segment === "missing" && view.rebuilt) return Buffer.alloc(0);
  if (segment === "missing") throw unavailable("The events were moved while they were read; ask again");
  if (segment === "torn") return Buffer.alloc(0);
  return Buffer.concat(segment.sites.filter((part) => part.siteId === siteId).map((part) => part.lines));
}

/** Every event of a site in the range, each id once; one source in memory at a time. */
export async function* readEvents(
  siteId: string,
  range: { from?: number; to?: number },
  options: HistoryOptions,
): AsyncGenerator<StoredEvent> {
  const { from = -Infinity, to = Infinity } = range;
  const seen = createSeenIds();
  const sources = sourcesOf(siteId, options).sort((a, b) => a.minAt - b.minAt);
  for (const source of sources) {
    if (source.maxAt < from || source.minAt >= to) continue;
    for await (const events of parseSlices(await source.lines())) {
      for (const event of events) {
        if (event.at < from || event.at >= to || options.isErased(siteId, event.visitorId, event.at)) continue;
        if (seen.add(event)) yield event;
      }
    }
  }
}

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
    if (source.minAt > before.at) continue;
    if (source.maxAt < oldestWanted) break;
    for (const event of visitorEvents(await source.lines(), visitorId)) {
      if (!isBefore(event, before) || options.isErased(siteId, visitorId, event.at)) continue;
      if (!found.has(event.id)) found.set(event.id, event);
    }
    if (found.size > limit) oldestWanted = sortNewest(found)[limit]!.at;
  }
  const events = sortNewest(found);
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

const sortNewest = (events: Map<string, StoredEvent>) =>
  [...events.values()].sort((a, b) => b.at - a.at || (a.id < b.id ? 1 : -1));

function parseCursor(cursor: string | undefined): { at: number; id: string } {
  const dot = cursor?.indexOf(".") ?? -1;
  if (!cursor || dot < 1) return { at: Infinity, id: "" };
  return { at: Number(cursor.slice(0, dot)), id: cursor.slice(dot + 1) };
}

const isBefore = (event: StoredEvent, { at, id }: { at: number; id: string }) =>
  event.at < at || (event.at === at && event.id < id);
