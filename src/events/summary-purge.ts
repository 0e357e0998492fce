import type { DaySummary, SummaryGroup } from "./day-summary.ts";
import { type Distinct, visitsIn } from "./distinct.ts";
import type { Hidden } from "./erased.ts";
import type { VisitorRow } from "./event-store.ts";
import { MAX_RECENT } from "./recent-visitors.ts";
import { createDay, type DayRollup, hashOf } from "./rollup.ts";
import { addRow, type VisitorGroup } from "./sessions.ts";
import { addTotals, addVisitor, createTotals, subtractTotals } from "./totals.ts";

/** Whether an erased visitor is among those counted, as far as one can tell: a sketch tells of nobody. */
export function mayHold({ groups, loose }: DaySummary, { hashes }: Hidden): boolean {
  if (groups.some(({ sketches }) => sketches)) return true;
  for (const hash of hashes) if (groups.some(({ visitors }) => visitsIn(visitors, hash) > 0)) return true;
  for (const { visitorId } of loose.rows.values()) if (hashes.has(hashOf(visitorId))) return true;
  return false;
}

/**
 * A summary without erased visitors: `rows` are all that it was made of of theirs. Undefined where it has to be made
 * anew: it is a sketch, one of them came back, or the list of the most recent would miss somebody.
 */
export function withoutErased(summary: DaySummary, rows: DayRollup[], hidden: Hidden): DaySummary | undefined {
  const gone = new Map<string, VisitorGroup>();
  for (const rollup of rows) {
    if (hidden.shown(rollup).rows.size > 0) return undefined;
    for (const row of rollup.rows.values()) addRow(gone, row);
  }
  const byHash = new Map([...gone.values()].map((visitor) => [hashOf(visitor.rows[0]!.visitorId), visitor]));
  const groups: SummaryGroup[] = [];
  for (const group of summary.groups) {
    const left = withoutVisitors(group, byHash, hidden);
    if (!left) return undefined;
    if (left.visitors.hashes.length > 0) groups.push(left);
  }
  const loose = createDay();
  for (const [key, row] of summary.loose.rows) {
    if (hidden.hashes.has(hashOf(row.visitorId))) continue;
    loose.rows.set(key, row);
    for (const { path } of row.pages.values()) loose.paths.add(path);
  }
  return { ...summary, groups, loose };
}

function withoutVisitors(group: SummaryGroup, byHash: Map<number, VisitorGroup>, { hashes }: Hidden): SummaryGroup | undefined {
  if (group.sketches) return undefined;
  const held = [...hashes].filter((hash) => visitsIn(group.visitors, hash) > 0);
  if (held.length === 0) return group;
  const totals = createTotals();
  addTotals(totals, group.totals);
  for (const hash of held) {
    const visitor = byHash.get(hash);
    if (!visitor) return undefined;
    const theirs = createTotals();
    addVisitor(theirs, visitor.rows);
    subtractTotals(totals, theirs);
  }
  const known = JSON.parse(group.recent) as VisitorRow[];
  const recent = known.filter(({ visitorId }) => !hashes.has(hashOf(visitorId)));
  if (recent.length < known.length && known.length === MAX_RECENT) return undefined;
  return { ...group, totals, visitors: without(group.visitors, new Set(held)), recent: JSON.stringify(recent) };
}

function without({ hashes, visits }: Distinct, gone: Set<number>): Distinct {
  const stays = (_: number, i: number) => !gone.has(hashes[i]!);
  return { hashes: hashes.filter(stays), visits: visits.filter(stays) };
}
