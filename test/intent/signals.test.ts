import { describe, expect, it } from "vitest";
import { DAY_MS } from "../../src/clock.ts";
import type { StoredEvent } from "../../src/event.ts";
import { COUNT, RECENT_DAYS } from "../../src/intent/day-counts.ts";
import { scoreIntent } from "../../src/intent/score.ts";
import { type IntentSignals, mergeSignals, RECENT_PAGES, RECENT_THINGS, RECENT_VISITS } from "../../src/intent/signals.ts";
import { custom, engaged, fold, look, randomFrom, randomHistory, shuffled, START, view } from "./journey.ts";

const rawAt = (signals: IntentSignals | undefined, now: number): number => scoreIntent(signals, now).rawScore;
const attentionOf = (signals: IntentSignals | undefined): number => signals!.recent[0]![COUNT.attention]! / 10;
const LATER = START + 20 * DAY_MS;

describe("signals of a visitor", () => {
  it("come out the same in whatever order the events arrive", () => {
    for (let seed = 1; seed <= 200; seed++) {
      const random = randomFrom(seed);
      const events = randomHistory(random);
      const expected = rawAt(fold(events), LATER);
      expect(expected).toBeGreaterThan(0);
      expect(rawAt(fold(shuffled(events, random)), LATER)).toBeCloseTo(expected, 1);
    }
  });

  it("merged from two processes are those of one process that saw every event", () => {
    for (let seed = 1; seed <= 200; seed++) {
      const random = randomFrom(seed);
      const events = randomHistory(random);
      const parts: StoredEvent[][] = [[], [], []];
      for (const event of events) parts[Math.floor(random() * 3)]!.push(event);
      const [a, b, c] = parts.map((part) => fold([...part, view("/", { at: Number.NaN })])!) as [IntentSignals, IntentSignals, IntentSignals];
      const before = JSON.stringify([a, b, c]);
      const together = mergeSignals(mergeSignals(a, b), c);
      expect(rawAt(together, LATER)).toBeCloseTo(rawAt(fold(events), LATER), 1);
      expect(rawAt(mergeSignals(a, b), LATER)).toBeCloseTo(rawAt(mergeSignals(b, a), LATER), 2);
      expect(rawAt(mergeSignals(a, mergeSignals(b, c)), LATER)).toBeCloseTo(rawAt(together, LATER), 1);
      expect(JSON.stringify([a, b, c])).toBe(before);
    }
  });

  it("count the largest engagement figure of a pageview once, however often and in whatever order it is reported", () => {
    expect(attentionOf(fold([engaged("/product/1", 10), engaged("/product/1", 25), engaged("/product/1", 15)]))).toBe(25);
    const [a, b] = [fold([engaged("/product/1", 10)])!, fold([engaged("/product/1", 25), engaged("/product/2", 5)])!];
    expect(attentionOf(mergeSignals(a, b))).toBe(30);
    expect(attentionOf(mergeSignals(b, a))).toBe(30);
  });

  it("remember the figures of the last six pageviews", () => {
    const pages = (count: number): StoredEvent[] =>
      Array.from({ length: count }, (_, n) => engaged(`/product/${n}`, 10));
    expect(attentionOf(fold([...pages(RECENT_PAGES), engaged("/product/0", 20)]))).toBe(10 * RECENT_PAGES + 10);
    expect(attentionOf(fold([...pages(RECENT_PAGES + 1), engaged("/product/0", 20)]))).toBe(10 * RECENT_PAGES + 30);
  });

  it("tell pageviews without an id apart by visit and page", () => {
    const anonymous = { pageviewId: undefined };
    expect(attentionOf(fold([engaged("/product/1", 10, anonymous), engaged("/product/1", 25, anonymous)]))).toBe(25);
    expect(attentionOf(fold([engaged("/product/1", 10, anonymous), engaged("/product/2", 25, anonymous)]))).toBe(35);
    expect(attentionOf(fold([engaged("/product/1", 10, anonymous), engaged("/product/1", 25, { ...anonymous, visit: 2 })]))).toBe(35);
  });

  it("hold on to the latest days, visits and things only, and stay small after years", () => {
    const events: StoredEvent[] = [];
    for (let visit = 1; visit <= 400; visit++) {
      for (let n = 0; n < 12; n++) {
        const at = START + visit * DAY_MS + n * 60_000;
        events.push(...look(`/product/${n}`, 100 + n, { visit, at, pageviewId: `pv_${visit}_${n}`, value: 1234.56 }));
        events.push(custom("Added To Cart", { visit, at }), view("/pricing", { visit, at }), view("/account/me", { visit, at }));
      }
    }
    const signals = fold(events)!;
    expect(signals.recent).toHaveLength(RECENT_DAYS);
    expect(signals.sessions).toHaveLength(3 * RECENT_VISITS);
    expect(signals.things).toHaveLength(4 * RECENT_THINGS);
    expect(JSON.stringify(signals).length).toBeLessThan(500);
    expect(JSON.stringify(fold(look("/product/1", 20))).length).toBeLessThan(220);
  });

  it("let an old cart fade although the visitor comes back every day", () => {
    const daily = Array.from({ length: 60 }, (_, n) => view("/", { visit: n + 1, at: START + n * DAY_MS }));
    const now = START + 60 * DAY_MS;
    const without = rawAt(fold(daily), now);
    expect(rawAt(fold([custom("Added To Cart", { at: START }), ...daily]), now) - without).toBeLessThan(1);
    expect(rawAt(fold([...daily, custom("Added To Cart", { visit: 60, at: now })]), now) - without).toBeGreaterThan(10);
  });

  it("take no harm from numbers that are none", () => {
    const hostile = [Number.NaN, -5, -1e308, Infinity, 1e308].flatMap((n) => [
      engaged("/product/1", n), view("/", { value: n }), custom("Video Played", { value: n }), view("/", { at: n * 1e308 }),
    ]);
    const signals = fold([...look("/product/2", 20), ...hostile]);
    expect(JSON.parse(JSON.stringify(signals))).toEqual(signals);
    expect(attentionOf(fold([engaged("/product/1", 20), engaged("/product/1", Number.NaN), engaged("/product/2", -5)]))).toBe(20);
  });

  it("survive JSON", () => {
    const signals = fold(randomHistory(randomFrom(7)));
    expect(JSON.parse(JSON.stringify(signals))).toEqual(signals);
  });
});
