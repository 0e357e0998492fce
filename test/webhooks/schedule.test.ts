import { expect, test } from "vitest";
import { HOUR_MS } from "../../src/clock.ts";
import type { Outcome } from "../../src/webhooks/schedule.ts";
import { ATTEMPT_DELAYS_MS, isSuccess, MAX_ATTEMPTS, nextWait, parseRetryAfter } from "../../src/webhooks/schedule.ts";
import { seeded } from "./fake-time.ts";

const middle = () => 0.5;
const answered = (status: number, retryAfter?: number): Outcome => ({ result: "answered", status, retryAfter });
const unanswered = (reason: string): Outcome => ({ result: "unanswered", reason });

test("ten attempts: at once, then after 5 s, 5 min, 30 min, 2, 5, 10, 14, 20 and 24 hours, the last at 75 h 35 min", () => {
  const waits = Array.from({ length: MAX_ATTEMPTS - 1 }, (_, index) => nextWait(index + 1, answered(500), middle) ?? 0);
  expect(waits.map((ms) => Math.round(ms / 1_000))).toEqual([5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400]);
  expect(ATTEMPT_DELAYS_MS.reduce<number>((sum, ms) => sum + ms, 0)).toBe((75 * 60 + 35) * 60_000 + 5_000);
  expect(nextWait(MAX_ATTEMPTS, answered(500), middle)).toBeUndefined();
});

test("each wait is spread over 80 to 120 % of its step", () => {
  const random = seeded(1);
  for (let failures = 1; failures < MAX_ATTEMPTS; failures++) {
    const step = ATTEMPT_DELAYS_MS[failures] ?? 0;
    const shares = Array.from({ length: 2_000 }, () => (nextWait(failures, answered(500), random) ?? 0) / step);
    expect(Math.min(...shares)).toBeGreaterThanOrEqual(0.8);
    expect(Math.max(...shares)).toBeLessThan(1.2);
    expect(Math.min(...shares)).toBeLessThan(0.81);
    expect(Math.max(...shares)).toBeGreaterThan(1.19);
  }
});

test.each<[string, Outcome, number]>([
  ["a plain failure", answered(500), 5_000],
  ["429", answered(429), 60_000],
  ["502", answered(502), 60_000],
  ["503", answered(503), 60_000],
  ["504", answered(504), 60_000],
  ["a timeout", unanswered("timeout"), 60_000],
  ["a reset connection", unanswered("ECONNRESET"), 5_000],
  ["503 that asks for 10 s", answered(503, 10), 60_000],
  ["503 that asks for 5 min", answered(503, 300), 300_000],
  ["404 that asks for 2 min", answered(404, 120), 120_000],
  ["429 that asks for a week", answered(429, 7 * 86_400), 24 * HOUR_MS],
  ["500 that asks for nothing at all", answered(500, 0), 5_000],
  ["500 that asks for nonsense", answered(500, Number.NaN), 5_000],
])("after %s the second attempt waits as long as it should", (_, outcome, ms) => {
  expect(nextWait(1, outcome, middle)).toBe(ms);
});

test("Retry-After never shortens a step", () => {
  expect(nextWait(4, answered(503, 5), () => 0)).toBe(0.8 * 2 * HOUR_MS);
});

test("only 200 to 299 is a success", () => {
  for (const status of [200, 204, 299]) expect(isSuccess(answered(status))).toBe(true);
  for (const status of [0, 100, 199, 300, 301, 304, 400, 410, 500]) expect(isSuccess(answered(status))).toBe(false);
  expect(isSuccess(unanswered("timeout"))).toBe(false);
});

test.each<[string | undefined, number | undefined]>([
  ["120", 120],
  [" 0 ", 0],
  ["Wed, 15 Jan 2025 10:40:00 GMT", 600],
  ["Wednesday, 15-Jan-25 10:40:00 GMT", 600],
  ["Wed Jan 15 10:40:00 2025 GMT", 600],
  ["Wed, 15 Jan 2025 10:20:00 GMT", 0],
  [undefined, undefined],
  ["", undefined],
  ["-1", undefined],
  ["1.5", undefined],
  ["soon", undefined],
  ["2025", 2_025],
  ["x".repeat(10_000), undefined],
])("Retry-After %j is read as %j seconds", (header, seconds) => {
  expect(parseRetryAfter(header, Date.parse("2025-01-15T10:30:00Z"))).toBe(seconds);
});
