import { HALF_LIFE_DAYS } from "./calibration.ts";

/**
 * A day's counts as a flat list (places in `COUNT`), day number first. Those of a recent day are whole and undecayed,
 * so that sums come out the same in any order; how much a day still counts is reckoned when the score is asked for.
 */
export type DayCounts = number[];

export const COUNT = {
  views: 1,
  product: 2,
  account: 3,
  pricing: 4,
  cart: 5,
  checkout: 6,
  purchase: 7,
  lead: 8,
  other: 9,
  /** In tenths of a second. */
  attention: 10,
  about: 11,
} as const;
const PLACES = 12;

/** Days counted apart; everything older is one decaying count. */
export const RECENT_DAYS = 2;

export interface CountedDays {
  /** Newest first. */
  recent: DayCounts[];
  /** All days before those, decayed as of the youngest of them. */
  older?: DayCounts;
}

export function createCounts(day: number): DayCounts {
  return [day, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
}

/** What is left (0–1) of the count at a place after so many days. */
export function remaining(place: number, days: number): number {
  if (days <= 0) return 1;
  let halfLife = HALF_LIFE_DAYS.browsing;
  if (place === COUNT.cart || place === COUNT.checkout) halfLife = HALF_LIFE_DAYS.commitment;
  else if (place === COUNT.purchase) halfLife = HALF_LIFE_DAYS.purchase;
  return Math.exp((-Math.LN2 * days) / halfLife);
}

/** Counts something that happened on a day. */
export function addCount(days: CountedDays, day: number, place: number, amount: number): void {
  const counts = countsOf(days, day);
  counts[place] = rounded(counts[place]! + amount * remaining(place, counts[0]! - day));
}

/** Adds all that another list counted as of its day. */
export function addCounts(days: CountedDays, added: DayCounts): void {
  const counts = countsOf(days, added[0]!);
  for (let place = 1; place < PLACES; place++) {
    if (added[place] === 0) continue;
    counts[place] = rounded(counts[place]! + added[place]! * remaining(place, counts[0]! - added[0]!));
  }
}

/** The list that counts a day: the latest days have one each, all before them share `older`. */
export function countsOf(days: CountedDays, day: number): DayCounts {
  const { recent } = days;
  let i = 0;
  while (i < recent.length && recent[i]![0]! > day) i++;
  const found = recent[i];
  if (found !== undefined && found[0] === day) return found;
  if (i === RECENT_DAYS) return olderAsOf(days, day);
  const counts = createCounts(day);
  recent.splice(i, 0, counts);
  if (recent.length > RECENT_DAYS) {
    const evicted = recent.pop()!;
    olderAsOf(days, evicted[0]!);
    addCounts(days, evicted);
  }
  return counts;
}

/** `older`, decayed up to a day if that is later than its own. */
function olderAsOf(days: CountedDays, day: number): DayCounts {
  const older = (days.older ??= createCounts(day));
  const passed = day - older[0]!;
  if (passed > 0) {
    older[0] = day;
    for (let place = 1; place < PLACES; place++) {
      // down: rounded to the nearest, a daily visitor's last thousandths would never go
      if (older[place] !== 0) older[place] = Math.floor(older[place]! * remaining(place, passed) * 1000) / 1000;
    }
  }
  return older;
}

/** Three decimals are plenty and keep the JSON short; whole numbers stay whole. */
function rounded(count: number): number {
  return Math.round(count * 1000) / 1000;
}
