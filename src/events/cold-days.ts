import type { DaySummary, SummaryGroup } from "./day-summary.ts";
import { countReturning, type Distinct, NOBODY, toDistinct, unite, visitsIn } from "./distinct.ts";
import type { ReportQuery, VisitorRow } from "./event-store.ts";
import { byRecency, MAX_RECENT, mergeVisitorRows, mostRecent } from "./recent-visitors.ts";
import { hashOf, type SessionRow } from "./rollup.ts";
import { addRow, type VisitorGroup } from "./sessions.ts";
import { addToSketch, createSketch, mergeSketches, type Sketch } from "./sketch.ts";
import { createSlicer } from "./slicer.ts";
import { addTotals, addVisitor, createTotals, type Totals } from "./totals.ts";

/** Distinct visitors of a range that are counted exactly; 12 bytes each while the answer is made. */
export const MAX_UNION = 1_000_000;

/** Several days that are over, counted together for one kind of query. */
export interface ColdDays {
  totals: Totals;
  /** Bots, where the query leaves them out. */
  excluded: Totals;
  countries: Set<string>;
  visitors: Distinct;
  returning: number;
  /** In place of `visitors` and `returning`, when there are too many to count exactly. */
  sketches?: { all: Sketch; returning: Sketch };
  /** The most recent, latest first. */
  recent: VisitorRow[];
  /** Of visitors labelled as bots, where the query counts them: their label. */
  botOf(visitorId: string): string[] | undefined;
  /** Rows that may go on in a day that is counted by its rows. */
  open: SessionRow[];
}

export const NO_DAYS: ColdDays = {
  totals: createTotals(), excluded: createTotals(), countries: new Set(), visitors: NOBODY, returning: 0, recent: [], open: [],
  botOf: () => undefined,
};

type Filter = Pick<ReportQuery, "country" | "includeBots">;

/** Sums up summaries. `edges` are those of their days that lie next to a day of the range that is counted by its rows. */
export async function sumUp(filter: Filter, summaries: DaySummary[], edges: Set<string>): Promise<ColdDays> {
  const slice = createSlicer();
  const totals = createTotals();
  const excluded = createTotals();
  const countries = new Set<string>();
  const counted: SummaryGroup[] = [];
  const { visitors: loose, bots, open } = sortLoose(filter, summaries, edges);
  for (const { groups } of summaries) {
    for (const group of groups) {
      if (filter.country && group.country !== filter.country) continue;
      if (slice.due()) await slice.pause();
      if (group.bot && !filter.includeBots) {
        addTotals(excluded, group.totals);
        continue;
      }
      if (group.country) countries.add(group.country);
      addTotals(totals, group.totals);
      counted.push(group);
    }
    await slice.pause();
  }
  for (const { rows } of bots.values()) addVisitor(excluded, rows);
  for (const { rows } of loose.values()) {
    if (slice.due()) await slice.pause();
    addVisitor(totals, rows);
    for (const { country } of rows) if (country) countries.add(country);
  }
  const labelled = counted.filter(({ bot }) => bot);
  return {
    totals, excluded, countries, open,
    ...(await countVisitors(counted, [...loose.values()], slice.pause)),
    recent: recentOf(filter, summaries, loose),
    botOf: (visitorId) => loose.get(visitorId)?.rows.find((row) => row.bot)?.bot ?? labelOf(labelled, hashOf(visitorId)),
  };
}

/** Loose rows by visitor; apart from them those of visitors with one on an edge. */
function sortLoose(filter: Filter, summaries: DaySummary[], edges: Set<string>) {
  const visitors = new Map<string, VisitorGroup>();
  const bots = new Map<string, VisitorGroup>();
  const open: SessionRow[] = [];
  const isOpen = new Set<string>();
  for (const { day, loose } of summaries) if (edges.has(day)) for (const row of loose.rows.values()) isOpen.add(row.visitorId);
  for (const { loose } of summaries) {
    for (const row of loose.rows.values()) {
      if (filter.country && row.country !== filter.country) continue;
      if (isOpen.has(row.visitorId)) open.push(row);
      else addRow(row.bot && !filter.includeBots ? bots : visitors, row);
    }
  }
  return { visitors, bots, open };
}

async function countVisitors(groups: SummaryGroup[], loose: VisitorGroup[], pause: () => Promise<void>): Promise<Pick<ColdDays, "visitors" | "returning" | "sketches">> {
  const own = new Map<number, number>();
  for (const { rows, visitCount } of loose) own.set(hashOf(rows[0]!.visitorId), visitCount);
  const sets = [toDistinct(own), ...groups.map((group) => group.visitors)];
  const sketched = groups.flatMap((group) => group.sketches ?? []);
  const most = sets.reduce((sum, set) => sum + set.hashes.length, 0);
  // it is the number of different ones that matters, which is known only when they are united
  const isMany = sketched.length > 0 || most > 4 * MAX_UNION;
  const visitors = isMany ? undefined : await unite(sets, pause);
  if (visitors && visitors.hashes.length <= MAX_UNION) return { visitors, returning: countReturning(visitors) };
  const sketches = { all: createSketch(), returning: createSketch() };
  for (const { all, returning } of sketched) {
    mergeSketches(sketches.all, all);
    mergeSketches(sketches.returning, returning);
  }
  for (const set of sets) {
    for (let i = 0; i < set.hashes.length; i++) {
      addToSketch(sketches.all, set.hashes[i]!);
      if (set.visits[i]! >= 2) addToSketch(sketches.returning, set.hashes[i]!);
    }
    await pause();
  }
  return { visitors: NOBODY, returning: 0, sketches };
}

/** Looks into a summary only as long as it may hold one that is recent enough. */
function recentOf(filter: Filter, summaries: DaySummary[], loose: Map<string, VisitorGroup>): VisitorRow[] {
  const found = new Map<string, VisitorRow>();
  const add = (row: VisitorRow) => {
    const known = found.get(row.visitorId);
    found.set(row.visitorId, known ? mergeVisitorRows(known, row) : row);
  };
  for (const row of mostRecent(loose.values(), MAX_RECENT)) add(row);
  let oldest = -Infinity;
  for (const { groups, latest } of summaries.toSorted((a, b) => b.latest - a.latest)) {
    if (latest < oldest) break;
    for (const { country, bot, recent } of groups) {
      if ((filter.country && country !== filter.country) || (bot && !filter.includeBots)) continue;
      for (const row of JSON.parse(recent) as VisitorRow[]) add(row);
    }
    if (found.size >= MAX_RECENT) oldest = [...found.values()].sort(byRecency)[MAX_RECENT - 1]!.lastSeen;
  }
  return [...found.values()].sort(byRecency).slice(0, MAX_RECENT);
}

function labelOf(groups: SummaryGroup[], hash: number): string[] | undefined {
  return groups.find(({ visitors }) => visitsIn(visitors, hash) > 0)?.bot;
}
