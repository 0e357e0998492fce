import { DAY_MS, HOUR_MS, MINUTE_MS } from "../clock.ts";
import type { SessionRow } from "./rollup.ts";

/** Sessions that were assigned to one visitor this close to each other are one. */
export const JOIN_MS = 30 * MINUTE_MS;
const MAX_SESSION_MS = 24 * HOUR_MS;

/** One visitor's rows, of whatever days and writers. */
export interface VisitorGroup {
  rows: SessionRow[];
  lastSeen: number;
  visitCount: number;
}

export function addRow(visitors: Map<string, VisitorGroup>, row: SessionRow): void {
  const group = visitors.get(row.visitorId);
  if (!group) {
    visitors.set(row.visitorId, { rows: [row], lastSeen: row.end, visitCount: row.visit });
    return;
  }
  group.rows.push(row);
  if (row.end > group.lastSeen) group.lastSeen = row.end;
  if (row.visit > group.visitCount) group.visitCount = row.visit;
}

export const areNextTo = (day: string, other: string) => Math.abs(Date.parse(day) - Date.parse(other)) <= DAY_MS;

/** One visitor's rows as sessions: rows of one id belong together, and so do assigned ones close in time. */
export function joinSessions(rows: SessionRow[]): SessionRow[][] {
  if (rows.length === 1) return [rows];
  const byId = new Map<string, SessionRow[]>();
  for (const row of rows) {
    const known = byId.get(row.sessionId);
    if (known) known.push(row);
    else byId.set(row.sessionId, [row]);
  }
  const whole = [...byId.values()].flatMap(splitAtSilentDays);
  if (whole.length === 1) return whole;
  const sent: SessionRow[][] = [];
  const assigned: { rows: SessionRow[]; start: number; end: number }[] = [];
  for (const session of whole) {
    if (session.some((row) => !row.assigned)) sent.push(session);
    else assigned.push({ rows: session, start: Math.min(...session.map((row) => row.start)), end: Math.max(...session.map((row) => row.end)) });
  }
  assigned.sort((a, b) => a.start - b.start || a.end - b.end);
  const joined: typeof assigned = [];
  for (const session of assigned) {
    const last = joined.at(-1);
    if (last && session.start - last.end <= JOIN_MS && session.start - last.start < MAX_SESSION_MS) {
      last.rows.push(...session.rows);
      last.end = Math.max(last.end, session.end);
    } else {
      joined.push({ ...session, rows: [...session.rows] });
    }
  }
  return [...sent, ...joined.map((session) => session.rows)];
}

/** An id that was silent for a whole calendar day is another session when it comes back. */
function splitAtSilentDays(rows: SessionRow[]): SessionRow[][] {
  if (rows.every((row) => row.day === rows[0]!.day)) return [rows];
  const byDay = rows.toSorted((a, b) => (a.day < b.day ? -1 : a.day > b.day ? 1 : 0));
  const runs = [[byDay[0]!]];
  for (let i = 1; i < byDay.length; i++) {
    if (areNextTo(byDay[i]!.day, byDay[i - 1]!.day)) runs.at(-1)!.push(byDay[i]!);
    else runs.push([byDay[i]!]);
  }
  return runs;
}

/**
 * Whether one visitor's rows of two days next to each other could count otherwise together than each day by itself:
 * a session goes on or may be joined, or one day knows the pageview that the other only has engagement for.
 */
export function areLinked(rows: SessionRow[], others: SessionRow[]): boolean {
  const span = (of: SessionRow[]) => ({ start: Math.min(...of.map((row) => row.start)), end: Math.max(...of.map((row) => row.end)) });
  const [one, other] = [span(rows), span(others)];
  if (Math.max(one.start, other.start) - Math.min(one.end, other.end) <= JOIN_MS) return true;
  for (const row of rows) {
    for (const next of others) {
      if (row.sessionId === next.sessionId) return true;
      for (const [id, page] of row.pages) {
        const known = next.pages.get(id);
        if (known && (page.at === 0 || known.at === 0)) return true;
      }
    }
  }
  return false;
}
