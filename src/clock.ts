/** Epoch milliseconds. Every part asks the clock it was handed, so tests, imports and simulations can move it. */
export type Clock = () => number;

export const MINUTE_MS = 60_000;
export const HOUR_MS = 3_600_000;
export const DAY_MS = 86_400_000;

/** Between which moments a calendar day lies, in whatever zone: these are within a day of UTC. */
export function spanOf(day: string): { start: number; end: number } {
  const start = Date.parse(day);
  return { start: start - DAY_MS, end: start + 2 * DAY_MS };
}

/** How far the clocks of processes on one storage may be apart. */
export const MAX_SKEW_MS = MINUTE_MS;

/** How old a hit from a browser may be when it arrives. */
export const MAX_HIT_AGE_MS = 2 * DAY_MS;

/** `2025-01-15T10:30:00Z`: how every time leaves the library. */
export function toTimestamp(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

const dayFormats = new Map<string, Intl.DateTimeFormat>();

/** The calendar day (`2025-01-15`) of a moment in an IANA time zone; "UTC" is the fast path. */
export function dayOf(ms: number, timeZone = "UTC"): string {
  if (timeZone === "UTC") return new Date(ms).toISOString().slice(0, 10);
  let format = dayFormats.get(timeZone);
  if (!format) {
    format = new Intl.DateTimeFormat("en-CA", { timeZone, year: "numeric", month: "2-digit", day: "2-digit" });
    dayFormats.set(timeZone, format);
  }
  return format.format(ms);
}

/** The calendar day `count` days after `day`, e.g. `addDays("2025-03-01", -1)` is `2025-02-28`. */
export function addDays(day: string, count: number): string {
  return new Date(Date.parse(`${day}T00:00:00Z`) + count * DAY_MS).toISOString().slice(0, 10);
}
