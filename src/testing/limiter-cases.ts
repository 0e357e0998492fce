import assert from "node:assert/strict";
import type { ContractCase } from "./case.ts";

interface Verdict {
  allowed: boolean;
  remaining: number;
  resetAt: number;
}

/** A limiter whose clock the case moves. */
export interface LimiterSubject {
  limiter: { consume(key: string, limit: number): Verdict | Promise<Verdict> };
  /** The limiter's own "now", epoch milliseconds. */
  now(): number;
  /** Moves the clock. */
  advance(ms: number): void;
  close?(): Promise<void>;
}

function limiterCase(name: string, body: (subject: LimiterSubject) => Promise<void>): ContractCase<LimiterSubject> {
  return {
    name,
    async run(create) {
      const subject = await create();
      try {
        await body(subject);
      } finally {
        await subject.close?.();
      }
    },
  };
}

async function take({ limiter }: LimiterSubject, key: string, limit: number, times: number): Promise<Verdict[]> {
  const verdicts: Verdict[] = [];
  for (let at = 0; at < times; at++) verdicts.push(await limiter.consume(key, limit));
  return verdicts;
}

/** What every rate limiter must do. */
export const limiterCases: ContractCase<LimiterSubject>[] = [
  limiterCase("the limit is allowed and one more is not", async (subject) => {
    const verdicts = await take(subject, "a", 3, 5);
    assert.deepEqual(verdicts.map(({ allowed }) => allowed), [true, true, true, false, false]);
    assert.deepEqual(verdicts.map(({ remaining }) => remaining), [2, 1, 0, 0, 0]);
  }),
  limiterCase("requests at the same time are counted one by one", async (subject) => {
    const verdicts = await Promise.all(Array.from({ length: 50 }, () => subject.limiter.consume("a", 20)));
    assert.equal(verdicts.filter(({ allowed }) => allowed).length, 20);
  }),
  limiterCase("keys do not share a window", async (subject) => {
    await take(subject, "a", 2, 3);
    assert.equal((await subject.limiter.consume("b", 2)).allowed, true);
  }),
  limiterCase("the window lasts a minute from the first request, and refused ones do not extend it", async (subject) => {
    const start = subject.now();
    const [first] = await take(subject, "a", 1, 1);
    assert.ok(first!.resetAt > start && first!.resetAt <= start + 60_000);
    subject.advance(first!.resetAt - start - 1_000);
    const refused = await subject.limiter.consume("a", 1);
    assert.equal(refused.allowed, false);
    assert.ok(Math.abs(refused.resetAt - first!.resetAt) < 1_000);
    subject.advance(1_001);
    const next = await subject.limiter.consume("a", 1);
    assert.equal(next.allowed, true);
    assert.ok(next.resetAt > first!.resetAt);
  }),
];
