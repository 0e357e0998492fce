import type { Clock } from "../clock.ts";
import { MINUTE_MS } from "../clock.ts";
import type { RateLimiter, RateVerdict } from "./limiter.ts";

export interface FixedWindow extends RateLimiter {
  consume(key: string, limit: number): RateVerdict;
  /** What `consume` would answer, without counting. */
  peek(key: string, limit: number): RateVerdict;
}

/** Keys remembered; beyond it the one that was used longest ago is forgotten. */
const MAX_KEYS = 10_000;

/**
 * Counts per key in windows of one minute; a window begins with the key's first request and is not extended by
 * later ones, refused or not. In this process only: N processes allow N times as much, and a key can get twice its
 * limit across the edge of two windows.
 */
export function createFixedWindow({ now, maxKeys = MAX_KEYS }: { now: Clock; maxKeys?: number }): FixedWindow {
  const windows = new Map<string, { count: number; resetAt: number }>();
  return {
    consume(key, limit) {
      const at = now();
      let window = windows.get(key);
      if (window) {
        // a clock that was set back must not leave a window open for longer than a minute
        if (at >= window.resetAt || window.resetAt - at > MINUTE_MS) {
          window.count = 0;
          window.resetAt = at + MINUTE_MS;
        }
        if (windows.size > maxKeys / 2) {
          windows.delete(key);
          windows.set(key, window);
        }
      } else {
        if (windows.size >= maxKeys) windows.delete(windows.keys().next().value!);
        window = { count: 0, resetAt: at + MINUTE_MS };
        windows.set(key, window);
      }
      if (window.count >= limit) return { allowed: false, remaining: 0, resetAt: window.resetAt };
      window.count++;
      return { allowed: true, remaining: limit - window.count, resetAt: window.resetAt };
    },
    peek(key, limit) {
      const at = now();
      const window = windows.get(key);
      if (!window || at >= window.resetAt) return { allowed: limit > 0, remaining: limit, resetAt: at + MINUTE_MS };
      return { allowed: window.count < limit, remaining: Math.max(0, limit - window.count), resetAt: window.resetAt };
    },
  };
}
