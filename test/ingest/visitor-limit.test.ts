import { expect, it } from "vitest";
import { HOUR_MS } from "../../src/clock.ts";
import type { Identified } from "../../src/ingest/stages.ts";
import { createVisitorLimit, MAX_HITS_AN_HOUR } from "../../src/ingest/visitor-limit.ts";
import { facts, NOON, pageview, site } from "./setup.ts";

function flood(limit: ReturnType<typeof createVisitorLimit>, count: number, over: Partial<Identified> = {}, request: Parameters<typeof facts>[0] = {}) {
  let passed = 0;
  for (let i = 0; i < count; i++) {
    const hit = { visitorId: "v", at: NOON + (i % 2) * HOUR_MS, ...over } as Identified;
    if (!("drop" in limit(hit, { site, input: pageview(), facts: facts(request) }))) passed++;
  }
  return passed;
}

it("2,000 hits an hour under one id count, the rest is dropped as visitor_limit", () => {
  const limit = createVisitorLimit();
  expect(flood(limit, MAX_HITS_AN_HOUR)).toBe(2_000);
  expect(limit({ visitorId: "v", at: NOON } as Identified, { site, input: pageview(), facts: facts() })).toEqual({ drop: "visitor_limit" });
  expect(flood(limit, 10, { visitorId: "other" })).toBe(10);
  expect(flood(limit, 10, {}, { receivedAt: NOON + HOUR_MS }), "the next hour").toBe(10);
});

it("an import of a busy year is not a flood", () => {
  const limit = createVisitorLimit();
  let passed = 0;
  for (let i = 0; i < 5; i++) passed += flood(limit, 1_000, { at: NOON - i * 24 * HOUR_MS }, { trust: "host" });
  expect(passed).toBe(5_000);
});
