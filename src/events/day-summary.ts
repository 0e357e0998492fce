import { type Distinct, toDistinct } from "./distinct.ts";
import { MAX_RECENT, mostRecent } from "./recent-visitors.ts";
import { createDay, type DayRollup, hashOf, mergeDays, rowKeyOf, type SessionRow } from "./rollup.ts";
import { addRow, areLinked, type VisitorGroup } from "./sessions.ts";
import { addToSketch, createSketch, type Sketch } from "./sketch.ts";
import { createSlicer } from "./slicer.ts";
import { addVisitor, createTotals, type Totals } from "./totals.ts";

/** Distinct visitors of one site and day that are counted exactly; beyond it an estimate with a stated error. */
export const EXACT_VISITORS = 200_000;
/** On such a day, a group with fewer visitors than this is exact still: it takes less room than its sketches. */
const SKETCHED_FROM = 4_096;

/** The visitors of one country and label, as far as their day is closed. */
export interface SummaryGroup {
  country: string;
  bot: string[] | undefined;
  totals: Totals;
  visitors: Distinct;
  /** In place of `visitors`: all of them, and those with a visit that is not their first. */
  sketches?: { all: Sketch; returning: Sketch };
  /** JSON of the most recent ones, `VisitorRow`s, parsed when they are needed. */
  recent: string;
}

/** A day of one site, counted: what a report needs of it without looking at its rows. */
export interface DaySummary {
  day: string;
  /** The last signal in it, epoch milliseconds. */
  latest: number;
  groups: SummaryGroup[];
  /** Rows of visitors whom one day alone does not tell how to count. The days next to it hold theirs too. */
  loose: DayRollup;
  /** Some of its rows could not be read just now. */
  isPartial?: boolean;
}

interface Gathering {
  country: string;
  bot: string[] | undefined;
  totals: Totals;
  visits: Map<number, number>;
  sketches?: { all: Sketch; returning: Sketch };
  recent: VisitorGroup[];
}

export interface SummaryBuilder {
  /** Some visitors' rows: all of theirs on the day, and on the days next to it. */
  add(rows: DayRollup[], before: DayRollup[], after: DayRollup[]): Promise<void>;
  finish(): DaySummary;
}

export function createSummaryBuilder(day: string): SummaryBuilder {
  const groups = new Map<string, Gathering>();
  const loose = createDay();
  let latest = -Infinity;
  let closed = 0;
  const slice = createSlicer();

  function addClosed(visitor: VisitorGroup): void {
    const { country, bot, visitorId } = visitor.rows[0]!;
    const key = groupOf(visitor.rows[0]!);
    let group = groups.get(key);
    if (!group) {
      group = { country, bot, totals: createTotals(), visits: new Map(), recent: [] };
      groups.set(key, group);
    }
    addVisitor(group.totals, visitor.rows);
    const hash = hashOf(visitorId);
    if (group.sketches) sketch(group.sketches, hash, visitor.visitCount);
    else group.visits.set(hash, Math.max(group.visits.get(hash) ?? 0, visitor.visitCount));
    closed++;
    group.recent.push(visitor);
    if (group.recent.length >= 4 * MAX_RECENT) group.recent = latestOf(group.recent);
  }

  async function gather(rollups: DayRollup[], wanted?: Map<string, unknown>): Promise<Map<string, VisitorGroup>> {
    const visitors = new Map<string, VisitorGroup>();
    for (const { rows } of rollups) {
      for (const row of rows.values()) {
        if (slice.due()) await slice.pause();
        if (!wanted || wanted.has(row.visitorId)) addRow(visitors, row);
      }
    }
    return visitors;
  }

  return {
    async add(rows, before, after) {
      const visitors = await gather(rows);
      const neighbours = [await gather(before, visitors), await gather(after, visitors)];
      for (const [id, visitor] of visitors) {
        if (slice.due()) await slice.pause();
        latest = Math.max(latest, visitor.lastSeen);
        const first = groupOf(visitor.rows[0]!);
        const isLoose =
          visitor.rows.some((row) => groupOf(row) !== first) ||
          neighbours.some((known) => known.has(id) && areLinked(visitor.rows, known.get(id)!.rows));
        if (!isLoose) addClosed(visitor);
        else for (const row of visitor.rows) mergeDays(loose, { rows: new Map([[keyOf(row), row]]), paths: loose.paths });
      }
      if (closed > EXACT_VISITORS) for (const group of groups.values()) if (group.visits.size >= SKETCHED_FROM) toSketches(group);
    },
    finish() {
      const finished = [...groups.values()].map(({ visits, recent, ...group }) => ({
        ...group,
        visitors: toDistinct(visits),
        recent: JSON.stringify(mostRecent(recent, MAX_RECENT)),
      }));
      return { day, latest, groups: finished, loose };
    },
  };
}

const groupOf = (row: SessionRow) => (row.bot ? JSON.stringify([row.country, row.bot]) : row.country);

const keyOf = (row: SessionRow) => rowKeyOf(row.sessionId, row.visitorId, row.country, row.bot !== undefined);

function latestOf(visitors: VisitorGroup[]): VisitorGroup[] {
  return visitors.sort((a, b) => b.lastSeen - a.lastSeen || (a.rows[0]!.visitorId < b.rows[0]!.visitorId ? -1 : 1)).slice(0, MAX_RECENT);
}

function toSketches(group: Gathering): void {
  group.sketches ??= { all: createSketch(), returning: createSketch() };
  for (const [hash, most] of group.visits) sketch(group.sketches, hash, most);
  group.visits = new Map();
}

function sketch({ all, returning }: { all: Sketch; returning: Sketch }, hash: number, visits: number): void {
  addToSketch(all, hash);
  if (visits >= 2) addToSketch(returning, hash);
}

/** Bytes that it takes in memory, about. */
export function weighSummary({ groups, loose }: DaySummary): number {
  let bytes = loose.rows.size * 1_000;
  for (const { visitors, totals, recent, sketches } of groups) {
    bytes += visitors.hashes.byteLength + visitors.visits.byteLength + recent.length;
    bytes += totals.paths.size * 120 + totals.histogram.size * 40 + (sketches ? 2 * sketches.all.byteLength : 0);
  }
  return bytes;
}
