import type { Clock } from "../clock.ts";
import { MINUTE_MS } from "../clock.ts";
import { withDeadline } from "../deadline.ts";
import type { Reporter } from "../logger.ts";
import type { RateLimiter, RateVerdict } from "./limiter.ts";

/** What `rate-limiter-flexible` instances have in common; its own `points` are an upper bound beside the plan. */
export interface FlexibleLimiter {
  readonly points?: number;
  consume(key: string, points?: number): Promise<unknown>;
}

interface FlexibleResult {
  remainingPoints: number;
  msBeforeNext: number;
  consumedPoints?: number;
}

export interface SharedParts {
  limiter: RateLimiter | FlexibleLimiter;
  /** Counts in this process while the shared one fails. */
  local: RateLimiter;
  now: Clock;
  reporter: Reporter;
  /** How long the shared limiter may take, in milliseconds. @default 1,000 */
  deadlineMs?: number;
}

const DEADLINE_MS = 1_000;

/** A limiter that processes share. When it fails or is late, the local one decides: never a 500. */
export function createSharedLimiter({ limiter, local, now, reporter, deadlineMs = DEADLINE_MS }: SharedParts): RateLimiter {
  const ask = isFlexible(limiter)
    ? (key: string, limit: number) => askFlexible(limiter, key, limit, now)
    : async (key: string, limit: number) => limiter.consume(key, limit);
  return {
    async consume(key, limit) {
      try {
        return await withDeadline(ask(key, limit), deadlineMs, () => new Error(`no answer within ${deadlineMs} ms`));
      } catch (error) {
        reporter.report("warn", "rate-limit", "the shared rate limiter failed; counting in this process", error);
        return local.consume(key, limit);
      }
    },
  };
}

/** `consume(key, points = 1)` has one required parameter, ours two. */
function isFlexible(limiter: RateLimiter | FlexibleLimiter): limiter is FlexibleLimiter {
  return "points" in limiter || limiter.consume.length < 2;
}

async function askFlexible(limiter: FlexibleLimiter, key: string, limit: number, now: Clock): Promise<RateVerdict> {
  const points = typeof limiter.points === "number" ? Math.min(limit, limiter.points) : limit;
  let refused = false;
  const answer = await limiter.consume(key, 1).catch((reason: unknown) => {
    if (!isResult(reason)) throw reason;
    refused = true;
    return reason;
  });
  if (!isResult(answer)) throw new TypeError("the limiter answered neither remainingPoints nor msBeforeNext");
  const consumed = answer.consumedPoints ?? (limiter.points ?? limit) - answer.remainingPoints;
  const resetAt = now() + Math.min(Math.max(answer.msBeforeNext, 0), 60 * MINUTE_MS);
  const allowed = !refused && consumed <= points;
  return { allowed, remaining: allowed ? points - consumed : 0, resetAt, limit: points };
}

function isResult(value: unknown): value is FlexibleResult {
  return value instanceof Object && "remainingPoints" in value && "msBeforeNext" in value;
}
