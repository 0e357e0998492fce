import { HOUR_MS } from "../clock.ts";
import type { StoredEvent } from "../event.ts";
import type { Guard } from "../storage/guard.ts";
import { decodeBlock } from "./blocks.ts";
import type { BlockRef } from "./checkpoint.ts";
import { type FollowOptions, readSegment, reportTorn, type WriterView } from "./view.ts";

export interface HistoryOptions extends FollowOptions {
  guard: Guard;
  views(): WriterView[];
  isErased(siteId: string, visitorId: string, at: number): boolean;
}

/** Another process took over what is read, or made a checkpoint: look at what it says now, and read again. */
export class MovedError extends Error {}

/** Lines of one block or segment, and the times between which they can lie, as far as is known. */
export interface Source {
  key: string;
  minAt: number;
  maxAt: number;
  lines(): Promise<Buffer>;
}

/** All sources of a site: the blocks that checkpoints name, each once, and the segments after them. */
export function sourcesOf(siteId: string, options: HistoryOptions): Source[] {
  const blocks = new Map<string, BlockRef>();
  const sources: Source[] = [];
  for (const view of options.views()) {
    for (const ref of view.checkpoint.blocks) if (ref.siteId === siteId) blocks.set(ref.key, ref);
    for (let n = view.checkpoint.covered; n < view.next; n++) {
      if (view.lost?.has(n)) continue;
      const lines = () => segmentLines(view, n, siteId, options);
      sources.push({ key: `${view.writer} ${n}`, minAt: -Infinity, maxAt: Infinity, lines });
    }
  }
  for (const ref of blocks.values()) {
    sources.push({ key: ref.key, minAt: ref.minAt, maxAt: ref.maxAt, lines: () => blockLines(ref, options) });
  }
  return sources;
}

/** The lines of a block. Throws MovedError when it is gone; a damaged one is told of and has none. */
export async function blockLines(ref: BlockRef, options: FollowOptions): Promise<Buffer> {
  const held = await options.guard.read(ref.key);
  if (held.state === "found") return decodeBlock(held.body);
  if (held.state === "missing") throw new MovedError();
  reportTorn(options, ref.key);
  return Buffer.alloc(0);
}

async function segmentLines(view: WriterView, n: number, siteId: string, options: HistoryOptions): Promise<Buffer> {
  const segment = await readSegment(options.guard, view.writer, n);
  if (segment === "missing") throw new MovedError();
  if (segment === "torn") return Buffer.alloc(0);
  return Buffer.concat(segment.sites.filter((part) => part.siteId === siteId).map((part) => part.lines));
}

/** Around the place where a reader goes on, ids are looked at within this: the same event may be stored twice, with two times. */
export const REPEATED_WITHIN_MS = HOUR_MS;

/** A place in the order of events: by time, then by id. */
export interface Place {
  at: number;
  id: string;
}

export function compare(a: Place, b: Place): number {
  return a.at - b.at || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
}

export const byPlace = (events: Map<string, StoredEvent>) => [...events.values()].sort(compare);
