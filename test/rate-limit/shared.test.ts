import { describe, expect, test } from "vitest";
import { createFixedWindow } from "../../src/rate-limit/fixed-window.ts";
import type { FlexibleLimiter } from "../../src/rate-limit/shared.ts";
import { createSharedLimiter } from "../../src/rate-limit/shared.ts";
import { limiterCases } from "../../src/testing/limiter-cases.ts";

/** Counts as rate-limiter-flexible does, in its shape. */
function createFlexible(points: number, now: () => number): FlexibleLimiter {
  const windows = new Map<string, { consumedPoints: number; end: number }>();
  return {
    points,
    async consume(key, consumed = 1) {
      let window = windows.get(key);
      if (!window || now() >= window.end) window = { consumedPoints: 0, end: now() + 60_000 };
      windows.set(key, window);
      window.consumedPoints += consumed;
      const { consumedPoints, end } = window;
      const result = { remainingPoints: Math.max(0, points - consumedPoints), msBeforeNext: end - now(), consumedPoints };
      if (consumedPoints > points) throw result;
      return result;
    },
  };
}

function createSubject(points: number) {
  let at = Date.parse("2025-01-15T10:30:00Z");
  const now = () => at;
  const lines: string[] = [];
  const reporter = { report: (_level: string, _kind: string, message: string) => void lines.push(message) };
  const parts = { local: createFixedWindow({ now }), now, reporter };
  const limiter = createSharedLimiter({ limiter: createFlexible(points, now), ...parts });
  return { limiter, now, advance: (ms: number) => void (at += ms), lines, parts };
}

describe("a rate-limiter-flexible instance", () => {
  for (const { name, run } of limiterCases) test(name, () => run(async () => createSubject(1_000)));

  test("with fewer points than the plan allows is the limit, and says so", async () => {
    const { limiter } = createSubject(2);
    const verdicts = [];
    for (let at = 0; at < 3; at++) verdicts.push(await limiter.consume("a", 100));
    expect(verdicts.map(({ allowed, remaining, limit }) => [allowed, remaining, limit])).toEqual([
      [true, 1, 2],
      [true, 0, 2],
      [false, 0, 2],
    ]);
  });
});

describe("a shared limiter of the owner's own", () => {
  test("is asked with the plan's limit", async () => {
    const { parts } = createSubject(1);
    const asked: unknown[] = [];
    const limiter = createSharedLimiter({
      ...parts,
      limiter: {
        consume(key: string, limit: number) {
          asked.push(key, limit);
          return { allowed: true, remaining: 7, resetAt: 1 };
        },
      },
    });
    expect(await limiter.consume("a", 100)).toEqual({ allowed: true, remaining: 7, resetAt: 1 });
    expect(asked).toEqual(["a", 100]);
  });

  test.each([
    ["throws", { points: 5, consume: () => Promise.reject(new Error("redis is away")) }],
    ["answers nonsense", { points: 5, consume: async () => "OK" }],
    ["does not answer", { points: 5, consume: () => new Promise(() => {}) }],
  ])("that %s is stood in for by counting in this process, and is reported", async (_name, broken) => {
    const { parts, lines } = createSubject(1);
    const limiter = createSharedLimiter({ ...parts, limiter: broken, deadlineMs: 20 });
    expect((await limiter.consume("a", 1)).allowed).toBe(true);
    expect((await limiter.consume("a", 1)).allowed).toBe(false);
    expect(lines).toEqual(Array.from({ length: 2 }, () => "the shared rate limiter failed; counting in this process"));
  });
});
