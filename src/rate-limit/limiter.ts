/** Whether one more request of a key is allowed in the current window. */
export interface RateVerdict {
  allowed: boolean;
  /** Requests left in this window, never below 0. */
  remaining: number;
  /** Epoch milliseconds when the window resets. */
  resetAt: number;
  /** Requests per window, when the limiter decides it and not the plan. */
  limit?: number;
}

/** Counts requests per key. Atomic: it counts and answers in one act. */
export interface RateLimiter {
  /** Counts one request of `key` against `limit` per minute. A refused request does not extend the window. */
  consume(key: string, limit: number): RateVerdict | Promise<RateVerdict>;
}
