import { spanOf } from "../clock.ts";
import type { StoredEvent } from "../event.ts";
import { visitorDigest } from "../storage/keys.ts";
import type { BlockRef, RollupRef } from "./checkpoint.ts";
import type { CompactionPlan } from "./compaction.ts";
import type { SessionRow } from "./rollup.ts";
import { parseLines, parseSlices, type SitePart } from "./segment.ts";
import { createSlicer } from "./slicer.ts";
import { foldInto, type LiveRows } from "./view.ts";

/** What one compaction finds of those who are being erased. */
export interface Traces {
  /** When one of them was there, as a row tells: no block of other times holds a line of theirs. */
  add(siteId: string, row: SessionRow): void;
  /** Nobody can tell any more who was there on that day. */
  addDay(ref: RollupRef): void;
  meets(block: BlockRef): boolean;
  /** An event that stays, of somebody who may be one of them. */
  keep(event: StoredEvent): void;
  /** What those did since whom `erased` has by `visitorDigest`: the rows that it was part of are gone. */
  later(erased: ReadonlyMap<string, number>): LiveRows;
}

export function createTraces(): Traces {
  const spans: { siteId: string; start: number; end: number }[] = [];
  const kept: StoredEvent[] = [];
  return {
    add: (siteId, { start, end }) => void spans.push({ siteId, start, end }),
    addDay: ({ siteId, day }) => void spans.push({ siteId, ...spanOf(day) }),
    meets: ({ siteId, minAt, maxAt }) => spans.some((span) => span.siteId === siteId && span.start <= maxAt && span.end >= minAt),
    keep: (event) => void kept.push(event),
    later(erased) {
      const later: LiveRows = new Map();
      for (const event of kept) if (erased.has(visitorDigest(event.siteId, event.visitorId))) foldInto(later, event);
      return later;
    },
  };
}

/** The part without the lines of erased visitors and what is kept no longer; the same one when it has none. */
export async function purgeLines(part: SitePart, { erasures, expireBefore }: CompactionPlan, traces: Traces): Promise<SitePart> {
  const isOver = (event: StoredEvent) => {
    if (event.at < expireBefore || erasures.isErased(event.siteId, event.visitorId, event.at)) return true;
    if (erasures.mayBeErased(event.visitorId)) traces.keep(event);
    return false;
  };
  if (part.minAt < expireBefore) return dropEach(part, isOver);
  return erasures.some() ? dropOf(part, erasures.mayBeErased, isOver) : part;
}

async function dropEach({ siteId, lines }: SitePart, isOver: (event: StoredEvent) => boolean): Promise<SitePart> {
  const kept: string[] = [];
  let minAt = Infinity;
  let maxAt = -Infinity;
  for await (const events of parseSlices(lines)) {
    for (const event of events) {
      if (isOver(event)) continue;
      kept.push(`${JSON.stringify(event)}\n`);
      if (event.at < minAt) minAt = event.at;
      if (event.at > maxAt) maxAt = event.at;
    }
  }
  return { siteId, lines: Buffer.from(kept.join("")), count: kept.length, minAt, maxAt };
}

const VISITOR = Buffer.from('"visitorId":"');
const [QUOTE, NEWLINE] = [34, 10];

/** Only lines that name a visitor who may be gone are parsed; the others are copied. Ids have no character that JSON escapes. */
async function dropOf(part: SitePart, mayBeGone: (visitorId: string) => boolean, isOver: (event: StoredEvent) => boolean): Promise<SitePart> {
  const { lines } = part;
  const kept: Buffer[] = [];
  const slice = createSlicer();
  let copied = 0;
  let dropped = 0;
  for (let hit = lines.indexOf(VISITOR), from = 0; hit !== -1; hit = lines.indexOf(VISITOR, from)) {
    if (slice.due()) await slice.pause();
    const start = hit + VISITOR.length;
    from = lines.indexOf(QUOTE, start);
    if (!mayBeGone(lines.toString("latin1", start, from))) continue;
    const line = lines.lastIndexOf(NEWLINE, hit) + 1;
    const end = lines.indexOf(NEWLINE, hit) + 1 || lines.length;
    from = end;
    if (!parseLines(lines.subarray(line, end)).every(isOver)) continue;
    kept.push(lines.subarray(copied, line));
    copied = end;
    dropped++;
  }
  if (dropped === 0) return part;
  kept.push(lines.subarray(copied));
  return { ...part, lines: Buffer.concat(kept), count: part.count - dropped };
}
