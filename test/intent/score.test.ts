import { describe, expect, it } from "vitest";
import { DAY_MS } from "../../src/clock.ts";
import type { StoredEvent } from "../../src/event.ts";
import { scoreIntent, wholeScore } from "../../src/intent/score.ts";
import { custom, engaged, fold, look, randomFrom, randomHistory, START, view } from "./journey.ts";

const scoreOf = (events: StoredEvent[], later = 0) => scoreIntent(fold(events), Math.max(...events.map(({ at }) => at)) + later);
const nextDay = { visit: 2, at: START + DAY_MS, pageviewId: "pv_next" };
const shopping = [
  ...look("/product/1", 20),
  ...look("/product/2", 20),
  custom("Added To Cart", { value: 49 }),
  view("/checkout"),
  custom("Checkout Started"),
];

describe("the intent score", () => {
  it("is low after one short pageview, near medium after three pages and a minute, high with cart and checkout", () => {
    expect(scoreOf(look("/", 3))).toMatchObject({ level: "low" });
    expect(scoreOf(look("/", 3)).score).toBeLessThan(20);
    const minute = scoreOf([...look("/product/1", 20), ...look("/product/2", 20), ...look("/product/3", 20)]).score;
    expect(minute).toBeGreaterThanOrEqual(30);
    expect(minute).toBeLessThan(60);
    expect(scoreOf(shopping)).toMatchObject({ level: "high" });
    expect(scoreOf(shopping).factors.slice(0, 2)).toEqual(["Started checkout", "Added to cart"]);
  });

  it("is 0 and low for a visitor nothing is known of, and for a bot", () => {
    const nothing = { level: "low", score: 0, factors: [], contributions: [], rawScore: 0 };
    expect(scoreIntent(undefined, START)).toEqual(nothing);
    expect(scoreOf([...shopping, view("/", { bot: ["webdriver"] })])).toEqual(nothing);
    expect(scoreOf([view("/", { bot: ["webdriver"] }), ...shopping])).toEqual(nothing);
  });

  it("names a returning visitor and high engagement", () => {
    const { factors, level } = scoreOf([
      ...look("/", 40),
      ...look("/product/1", 60),
      ...look("/product/1", 90, nextDay),
      ...look("/product/2", 90, { ...nextDay, pageviewId: "pv_other" }),
    ]);
    expect(factors).toContain("Returning visitor");
    expect(factors).toContain("High engagement");
    expect(factors).toContain("Went back to something seen before");
    expect(level).toBe("high");
  });

  it("takes a bounced earlier visit as bad news, and says so, unless the visitor uses an account", () => {
    const now = look("/product/1", 90, nextDay);
    const bounced = scoreOf([view("/"), ...now]);
    expect(bounced.contributions.find(({ factor }) => factor === "Bounced visits")!.points).toBeLessThan(-10);
    expect(bounced.factors).not.toContain("Bounced visits");
    expect(scoreOf(now.map((event) => ({ ...event, visit: 1 }))).score).toBeGreaterThan(bounced.score);
    expect(scoreOf([...look("/", 40), view("/product/9"), ...now]).score).toBeGreaterThan(bounced.score);
    expect(scoreOf([view("/"), view("/account/orders", nextDay), ...now]).score).toBeGreaterThan(bounced.score + 3);
  });

  it("does not take back a look at something whose first sight was a bounce for lasting interest", () => {
    const bounced = scoreOf([view("/product/1"), view("/product/1", nextDay)]);
    const engagedFirst = scoreOf([...look("/product/1", 50), view("/product/2"), view("/product/1", nextDay)]);
    expect(bounced.factors).not.toContain("Went back to something seen before");
    expect(engagedFirst.factors).toContain("Went back to something seen before");
  });

  it("says more of five looks at one thing than of one look at each of five", () => {
    const five = [1, 2, 3, 4, 5];
    const same = five.map((n) => view("/product/1", { pageviewId: `pv_${n}` }));
    expect(scoreOf(same).rawScore).toBeGreaterThan(scoreOf(five.map((n) => view(`/product/${n}`))).rawScore + 5);
  });

  it("rises with every further kind of evidence", () => {
    const base = look("/product/1", 30);
    const more: StoredEvent[][] = [
      [view("/pricing")], [view("/cart")], [view("/checkout")], [custom("Added To Cart")], [custom("Checkout Started")],
      [custom("Purchase Completed")], [custom("Trial Started")], [custom("Video Played")], [view("/product/1", { value: 900 })],
    ];
    for (const events of more) expect(scoreOf([...base, ...events]).rawScore).toBeGreaterThan(scoreOf(base).rawScore + 0.5);
  });

  it("rises with engaged time, all the way", () => {
    for (const path of ["/product/1", "/blog/post", "/about/us"]) {
      let last = scoreOf([view(path)]).rawScore;
      for (const seconds of [1, 5, 20, 60, 89, 91, 120, 300, 900, 1_800]) {
        const { rawScore } = scoreOf([view(path), engaged(path, seconds)]);
        expect(rawScore).toBeGreaterThan(last);
        last = rawScore;
      }
    }
  });

  it("fades with absence to nothing, and never rises meanwhile", () => {
    for (let seed = 1; seed <= 20; seed++) {
      const events = [...shopping, ...randomHistory(randomFrom(seed))];
      let last = 100;
      for (let hours = 0; hours <= 24 * 60; hours += 7) {
        const { rawScore } = scoreOf(events, hours * 3_600_000);
        expect(rawScore).toBeLessThanOrEqual(last);
        last = rawScore;
      }
      expect(scoreOf(events, 730 * DAY_MS).score).toBe(0);
    }
  });

  it("is explained by contributions that add up to it exactly", () => {
    for (let seed = 1; seed <= 300; seed++) {
      const { score, contributions, factors, rawScore } = scoreOf(randomHistory(randomFrom(seed)), seed * 3_600_000);
      expect(contributions.reduce((sum, { points }) => sum + points, 0)).toBe(score);
      expect(Math.abs(score - rawScore)).toBeLessThanOrEqual(0.5);
      const points = contributions.map((contribution) => contribution.points);
      expect(points).toEqual([...points].sort((a, b) => b - a));
      expect(points.every((p) => p !== 0 && Number.isInteger(p * 2))).toBe(true);
      expect(factors).toEqual(contributions.filter((c) => c.points >= 1).map((c) => c.factor));
    }
  });

  it("is the same whether its reasons are asked for or not", () => {
    for (let seed = 1; seed <= 300; seed++) {
      const events = randomHistory(randomFrom(seed));
      const at = Math.max(...events.map((event) => event.at)) + seed * 3_600_000;
      expect(wholeScore(fold(events), at)).toBe(scoreIntent(fold(events), at).score);
    }
    expect(wholeScore(undefined, START)).toBe(0);
  });

  it("stays within 0 and 100 whatever the numbers are", () => {
    const numbers = [1e308, -1e308, Number.NaN, Infinity, -Infinity, 0, -0, 5e-324, Number.MAX_SAFE_INTEGER];
    for (const a of numbers) {
      for (const b of numbers) {
        const events = [view("/", { value: a }), engaged("/", b), custom("Checkout Started", { value: b }), engaged("/x", a)];
        for (const now of [START, START + DAY_MS, 0, 8.64e15]) {
          const result = scoreIntent(fold(events), now);
          expect(result.rawScore).toBeGreaterThanOrEqual(0);
          expect(result.rawScore).toBeLessThanOrEqual(100);
          expect(Number.isInteger(result.score)).toBe(true);
          expect(result.contributions.every(({ points }) => Number.isFinite(points))).toBe(true);
        }
      }
    }
    const endless = Array.from({ length: 3_000 }, (_, n) => custom(n % 2 ? "Checkout Started" : "Purchase Completed"));
    expect(scoreOf(endless).score).toBeLessThanOrEqual(100);
  });

  it("takes its levels from the options", () => {
    const signals = fold(shopping);
    const { score } = scoreIntent(signals, START);
    expect(scoreIntent(signals, START, { high: score }).level).toBe("high");
    expect(scoreIntent(signals, START, { high: score + 1 }).level).toBe("medium");
    expect(scoreIntent(signals, START, { high: 99, medium: score + 1 }).level).toBe("low");
  });
});
