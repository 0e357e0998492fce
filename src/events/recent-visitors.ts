import type { VisitorRow } from "./event-store.ts";
import type { SessionRow } from "./rollup.ts";
import type { VisitorGroup } from "./sessions.ts";

/** As many as any report lists. */
export const MAX_RECENT = 1_000;

export function toVisitorRow({ rows, lastSeen, visitCount }: VisitorGroup): VisitorRow {
  const latest = rows.reduce((best, row) => (isLater(row, best) ? row : best));
  const bot = latest.bot ?? rows.find((row) => row.bot)?.bot;
  return {
    visitorId: latest.visitorId,
    lastSeen,
    visitCount,
    ...(latest.country && { country: latest.country }),
    ...(latest.browser && { browser: latest.browser }),
    ...(latest.os && { os: latest.os }),
    ...(latest.device && { device: latest.device }),
    ...(bot && { bot }),
  };
}

/** Of two rows that end at the same moment the larger text wins, in whatever order they come. */
function isLater(row: SessionRow, than: SessionRow): boolean {
  if (row.end !== than.end) return row.end > than.end;
  const textOf = ({ country, browser, os, device }: SessionRow) => `${country}\n${browser}\n${os}\n${device}`;
  return textOf(row) > textOf(than);
}

export const byRecency = (a: { lastSeen: number; visitorId: string }, b: { lastSeen: number; visitorId: string }) =>
  b.lastSeen - a.lastSeen || (a.visitorId < b.visitorId ? -1 : a.visitorId > b.visitorId ? 1 : 0);

/** The most recent of them, and nothing of the rest: `VisitorRow`s are made of the few that are listed. */
export function mostRecent(groups: Iterable<VisitorGroup>, limit: number): VisitorRow[] {
  if (limit === 0) return [];
  const sorted = [...groups].sort((a, b) => b.lastSeen - a.lastSeen || (a.rows[0]!.visitorId < b.rows[0]!.visitorId ? -1 : 1));
  return sorted.slice(0, limit).map(toVisitorRow);
}

/** One visitor told of twice: what is latest counts. */
export function mergeVisitorRows(one: VisitorRow, other: VisitorRow): VisitorRow {
  const later = one.lastSeen >= other.lastSeen ? one : other;
  const bot = later.bot ?? one.bot ?? other.bot;
  return { ...later, visitCount: Math.max(one.visitCount, other.visitCount), ...(bot && { bot }) };
}
