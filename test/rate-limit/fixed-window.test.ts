import { describe, expect, test } from "vitest";
import { createFixedWindow } from "../../src/rate-limit/fixed-window.ts";
import { limiterCases } from "../../src/testing/limiter-cases.ts";

function createSubject() {
  let at = Date.parse("2025-01-15T10:30:00Z");
  const now = () => at;
  return { limiter: createFixedWindow({ now }), now, advance: (ms: number) => void (at += ms) };
}

describe("the limiter of this process", () => {
  for (const { name, run } of limiterCases) test(name, () => run(async () => createSubject()));

  test("remembers 10,000 keys; the one used longest ago is forgotten", () => {
    const { limiter } = createSubject();
    limiter.consume("first", 1);
    for (let at = 1; at < 10_000; at++) limiter.consume(`key ${at}`, 1);
    expect(limiter.consume("first", 1).allowed).toBe(false);
    limiter.consume("one too many", 1);
    expect(limiter.peek("first", 1).allowed).toBe(false);
    expect(limiter.peek("key 1", 1).allowed).toBe(true);
    expect(limiter.peek("key 2", 1).allowed).toBe(false);
  });

  test("a look does not count", () => {
    const { limiter, now } = createSubject();
    for (let at = 0; at < 3; at++) expect(limiter.peek("a", 1)).toEqual({ allowed: true, remaining: 1, resetAt: now() + 60_000 });
    expect(limiter.consume("a", 1).allowed).toBe(true);
    expect(limiter.peek("a", 1).allowed).toBe(false);
  });

  test("a clock that is set back by an hour does not lock a key out for an hour", () => {
    const subject = createSubject();
    subject.limiter.consume("a", 1);
    subject.advance(-3_600_000);
    expect(subject.limiter.consume("a", 1).allowed).toBe(true);
  });
});
