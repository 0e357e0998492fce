import { HOUR_MS, MINUTE_MS } from "../clock.ts";

/** What came of one attempt. */
export type Outcome =
  | { result: "answered"; status: number; /** Seconds. */ retryAfter?: number }
  | { result: "unanswered"; /** E.g. `timeout`, `blocked_address`, `ECONNREFUSED`. */ reason: string };

/** Waits before attempts 1 to 10, each after the failure before it; the last ends 75 h 35 min after the first. */
export const ATTEMPT_DELAYS_MS = [
  0,
  5_000,
  5 * MINUTE_MS,
  30 * MINUTE_MS,
  2 * HOUR_MS,
  5 * HOUR_MS,
  10 * HOUR_MS,
  14 * HOUR_MS,
  20 * HOUR_MS,
  24 * HOUR_MS,
] as const;

export const MAX_ATTEMPTS = ATTEMPT_DELAYS_MS.length;
export const JITTER = 0.2;
/** An overloaded receiver is left alone at least this long. */
export const OVERLOAD_WAIT_MS = MINUTE_MS;
export const MAX_RETRY_AFTER_MS = 24 * HOUR_MS;

const OVERLOADED = new Set([429, 502, 503, 504]);

export function isSuccess(outcome: Outcome): boolean {
  return outcome.result === "answered" && outcome.status >= 200 && outcome.status < 300;
}

/**
 * Milliseconds to wait after `failures` failed attempts (1 or more), the last of which ended with `outcome`;
 * `undefined` when there are no attempts left. `random` answers 0 ≤ x < 1. `Retry-After` only ever raises the wait.
 */
export function nextWait(failures: number, outcome: Outcome, random: () => number): number | undefined {
  const step = ATTEMPT_DELAYS_MS[failures];
  if (step === undefined) return undefined;
  const jittered = step * (1 - JITTER + 2 * JITTER * random());
  return Math.max(jittered, askedWait(outcome), isOverloaded(outcome) ? OVERLOAD_WAIT_MS : 0);
}

function askedWait(outcome: Outcome): number {
  if (outcome.result !== "answered" || outcome.retryAfter === undefined) return 0;
  const ms = outcome.retryAfter * 1_000;
  return ms > 0 ? Math.min(ms, MAX_RETRY_AFTER_MS) : 0;
}

function isOverloaded(outcome: Outcome): boolean {
  return outcome.result === "answered" ? OVERLOADED.has(outcome.status) : outcome.reason === "timeout";
}

/** Seconds from a `Retry-After` header (seconds or an HTTP date, RFC 9110); `undefined` when it makes no sense. */
export function parseRetryAfter(value: string | undefined, now: number): number | undefined {
  const text = value?.trim();
  if (!text || text.length > 64) return undefined;
  if (/^\d+$/.test(text)) return Number(text);
  // Date.parse also takes "-1" and "2"; a date of RFC 9110 begins with the day's name
  if (!/^[A-Z][a-z]{2,8},? /.test(text)) return undefined;
  const at = Date.parse(text);
  return Number.isNaN(at) ? undefined : Math.max(0, Math.ceil((at - now) / 1_000));
}
