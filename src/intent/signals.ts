import { DAY_MS } from "../clock.ts";
import type { StoredEvent } from "../event.ts";
import { ATTENTION, attentionSeconds } from "./calibration.ts";
import { addCount, addCounts, COUNT, type CountedDays, countsOf } from "./day-counts.ts";
import { eventKind, isThing, pageKind } from "./vocabulary.ts";

/** Pageviews whose engagement figure is remembered, so that a later, larger one replaces it. */
export const RECENT_PAGES = 6;
/** Things whose repeated looks are counted. */
export const RECENT_THINGS = 5;
/** Visits of which is known whether they bounced. */
export const RECENT_VISITS = 4;
/** Engaged time of one pageview counts up to 30 minutes. */
export const MAX_ENGAGED_SECONDS = 1_800;
const MASK_DAYS = 31;
/** The last moment that a `Date` can hold. */
const MAX_TIME = 8.64e15;
const HASH_BITS = 16;
const MAX_HASHED = 512;

/**
 * What scoring keeps of a visitor: plain JSON, about 200 bytes after one visit, below 500 for ever. Everything in it
 * is a sum, a maximum or a set, so that events may come in any order and parts of several processes can be merged.
 */
export interface IntentSignals extends CountedDays {
  /** Epoch milliseconds of the latest event. */
  at: number;
  /** Bit n: active on the (UTC) day n days before that of `at`. */
  days: number;
  /** Highest ordinal of a visit. */
  visits: number;
  /** Largest `value` of a pageview or event. */
  value: number;
  /** Three numbers a pageview: hash of its id, attention (1/10 s), day. The one that grew last stands last. */
  pages: number[];
  /** Four numbers a thing: hash of its path, looks, first and last visit with a look. */
  things: number[];
  /** Three numbers a visit: ordinal, pageviews + 2 · events, most engaged seconds on a page. Lowest ordinal first. */
  sessions: number[];
  /** Set for good once a hit was labelled as a bot's: a sales alert about a robot costs more than a missed one. */
  bot?: 1;
}

function createSignals(): IntentSignals {
  return { at: 0, days: 0, visits: 0, value: 0, recent: [], pages: [], things: [], sessions: [] };
}

/**
 * Folds one event in: changes and returns the same object (a new one for `undefined`). Events may come in any order;
 * each must come once.
 * @example let signals: IntentSignals | undefined; for (const event of events) signals = foldSignals(signals, event);
 */
export function foldSignals(signals: IntentSignals | undefined, event: StoredEvent): IntentSignals {
  const s = signals ?? createSignals();
  if (event.bot !== undefined && event.bot.length > 0) {
    s.bot = 1;
    return s;
  }
  if (!(event.at >= 0 && event.at <= MAX_TIME)) return s;
  const day = Math.floor(event.at / DAY_MS);
  touch(s, event.at, 1, event.visit);
  countsOf(s, day);
  const value = event.value;
  if (value !== undefined && value > s.value && value < Infinity) s.value = value;

  if (event.type === "event") {
    if (!event.automatic) foldVisit(s.sessions, event.visit, 2, 0);
    addCount(s, day, COUNT[eventKind(event.name ?? "")], 1);
    return s;
  }
  const path = event.path ?? "/";
  const kind = pageKind(path);
  if (event.type === "pageview") {
    foldVisit(s.sessions, event.visit, 1, 0);
    addCount(s, day, COUNT.views, 1);
    if (kind !== "other") addCount(s, day, COUNT[kind], 1);
    if (isThing(path, kind)) foldThing(s.things, hashOf(path, 0), event.visit);
    return s;
  }
  const reported = event.engagedSeconds ?? 0;
  if (!(reported > 0)) return s;
  const seconds = Math.min(reported, MAX_ENGAGED_SECONDS);
  foldVisit(s.sessions, event.visit, 0, Math.round(seconds));
  const attention = Math.round(10 * ATTENTION[kind] * attentionSeconds(seconds));
  const key = event.pageviewId === undefined ? hashOf(path, event.visit) : hashOf(event.pageviewId, 0);
  foldAttention(s, key, attention, day);
  return s;
}

/**
 * The signals of one visitor from two disjoint sets of events, as if one process had seen them all. Changes neither.
 * Exact as long as the bounded lists hold what both saw (the last six pageviews and things of each).
 */
export function mergeSignals(a: IntentSignals, b: IntentSignals): IntentSignals {
  const s = createSignals();
  touch(s, a.at, a.days, a.visits);
  touch(s, b.at, b.days, b.visits);
  s.value = Math.max(a.value, b.value);
  if (a.bot || b.bot) s.bot = 1;
  const counted = [...a.recent, ...b.recent];
  if (a.older) counted.push(a.older);
  if (b.older) counted.push(b.older);
  // youngest first: then each is decayed once, straight to the day it ends up with
  for (const counts of counted.sort((x, y) => y[0]! - x[0]!)) addCounts(s, counts);
  for (const part of [a, b]) {
    for (let i = 0; i < part.sessions.length; i += 3) {
      foldVisit(s.sessions, part.sessions[i]!, part.sessions[i + 1]!, part.sessions[i + 2]!);
    }
  }
  s.pages = mergePages(s, a.pages, b.pages);
  s.things = mergeThings(a.things, b.things);
  return s;
}

/** Moves the latest time, the mask of days that goes with it, and the number of visits. */
function touch(s: IntentSignals, at: number, days: number, visits: number): void {
  const shift = Math.floor(at / DAY_MS) - Math.floor(s.at / DAY_MS);
  if (shift >= 0) s.days = shiftMask(s.days, shift) | days;
  else s.days |= shiftMask(days, -shift);
  if (at > s.at) s.at = at;
  if (visits > s.visits) s.visits = visits;
}

function shiftMask(mask: number, days: number): number {
  return days >= MASK_DAYS ? 0 : (mask << days) & 0x7fffffff;
}

/** The visits with the highest ordinals: an ordinal never changes, so which ones stay does not depend on the order. */
function foldVisit(sessions: number[], ordinal: number, acts: number, seconds: number): void {
  let i = sessions.length - 3;
  while (i >= 0 && sessions[i]! > ordinal) i -= 3;
  if (i >= 0 && sessions[i] === ordinal) {
    sessions[i + 1]! += acts;
    if (seconds > sessions[i + 2]!) sessions[i + 2] = seconds;
    return;
  }
  if (sessions.length === RECENT_VISITS * 3) {
    if (i < 0) return;
    sessions.splice(0, 3);
    i -= 3;
  }
  sessions.splice(i + 3, 0, ordinal, acts, seconds);
}

function foldThing(things: number[], hash: number, visit: number): void {
  let lowest = 0;
  for (let i = 0; i < things.length; i += 4) {
    if (things[i] === hash) {
      things[i + 1]!++;
      if (visit < things[i + 2]!) things[i + 2] = visit;
      if (visit > things[i + 3]!) things[i + 3] = visit;
      return;
    }
    const byVisit = things[i + 3]! - things[lowest + 3]!;
    if (byVisit < 0 || (byVisit === 0 && things[i + 1]! < things[lowest + 1]!)) lowest = i;
  }
  // The one looked at least in the oldest visit makes room.
  if (things.length === RECENT_THINGS * 4) things.splice(lowest, 4);
  things.push(hash, 1, visit, visit);
}

/** Cumulative per pageview: the largest figure counts, on the day it was reached. */
function foldAttention(s: IntentSignals, key: number, attention: number, day: number): void {
  const { pages } = s;
  for (let i = 0; i < pages.length; i += 3) {
    if (pages[i] !== key) continue;
    const known = pages[i + 1]!;
    const knownDay = pages[i + 2]!;
    if (attention < known || (attention === known && day <= knownDay)) return;
    addCount(s, knownDay, COUNT.attention, -known);
    addCount(s, day, COUNT.attention, attention);
    pages.splice(i, 3);
    pages.push(key, attention, day);
    return;
  }
  addCount(s, day, COUNT.attention, attention);
  if (pages.length === RECENT_PAGES * 3) pages.splice(0, 3);
  pages.push(key, attention, day);
}

/** Both lists as one; a pageview that both know was counted twice, so the smaller figure is taken off again. */
function mergePages(s: IntentSignals, a: number[], b: number[]): number[] {
  const rows: { key: number; attention: number; day: number; rank: number }[] = [];
  for (const pages of [a, b]) {
    for (let i = 0; i < pages.length; i += 3) {
      const row = { key: pages[i]!, attention: pages[i + 1]!, day: pages[i + 2]!, rank: (pages.length - i) / 3 };
      const known = rows.find((other) => other.key === row.key);
      if (!known) {
        rows.push(row);
        continue;
      }
      const grew = row.attention > known.attention || (row.attention === known.attention && row.day > known.day);
      const smaller = grew ? { ...known } : row;
      if (grew) Object.assign(known, { attention: row.attention, day: row.day });
      known.rank = Math.min(known.rank, row.rank);
      addCount(s, smaller.day, COUNT.attention, -smaller.attention);
    }
  }
  rows.sort((x, y) => x.day - y.day || y.rank - x.rank || x.key - y.key);
  return rows.slice(-RECENT_PAGES).flatMap((row) => [row.key, row.attention, row.day]);
}

function mergeThings(a: number[], b: number[]): number[] {
  const rows = new Map<number, [hash: number, looks: number, first: number, last: number]>();
  for (const things of [a, b]) {
    for (let i = 0; i < things.length; i += 4) {
      const hash = things[i]!;
      const known = rows.get(hash);
      if (!known) rows.set(hash, [hash, things[i + 1]!, things[i + 2]!, things[i + 3]!]);
      else {
        known[1] += things[i + 1]!;
        known[2] = Math.min(known[2], things[i + 2]!);
        known[3] = Math.max(known[3], things[i + 3]!);
      }
    }
  }
  const sorted = [...rows.values()].sort((x, y) => x[3] - y[3] || x[1] - y[1] || x[0] - y[0]);
  return sorted.slice(-RECENT_THINGS).flat();
}

/** FNV-1a, cut to 16 bits: told apart are only a handful of one visitor's own pages. */
function hashOf(text: string, seed: number): number {
  let hash = 0x811c9dc5 ^ seed;
  const length = Math.min(text.length, MAX_HASHED);
  for (let i = 0; i < length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return (hash ^ (hash >>> HASH_BITS)) & ((1 << HASH_BITS) - 1);
}
