import type { Outcome } from "./schedule.ts";
import { isSuccess, nextWait } from "./schedule.ts";

/** How far a delivery has come. Plain data: what a durable outbox writes down after each attempt. */
export type AttemptState =
  | { state: "waiting"; /** Attempts made so far. */ attempts: number; /** Epoch milliseconds. */ dueAt: number }
  | { state: "delivered"; attempts: number }
  | { state: "dead"; attempts: number; reason: string; status?: number };

export type Waiting = Extract<AttemptState, { state: "waiting" }>;

export function firstAttempt(now: number): Waiting {
  return { state: "waiting", attempts: 0, dueAt: now };
}

/** The state after one more attempt that ended with `outcome` at `now`. Pure; `random` gives the jitter. */
export function nextAttempt(before: Waiting, outcome: Outcome, now: number, random: () => number): AttemptState {
  const attempts = before.attempts + 1;
  if (isSuccess(outcome)) return { state: "delivered", attempts };
  const wait = nextWait(attempts, outcome, random);
  if (wait !== undefined) return { state: "waiting", attempts, dueAt: now + wait };
  return {
    state: "dead",
    attempts,
    reason: describeOutcome(outcome),
    ...(outcome.result === "answered" && { status: outcome.status }),
  };
}

/** For the log: `status 503`, `timeout`, `blocked_address`. */
export function describeOutcome(outcome: Outcome): string {
  return outcome.result === "answered" ? `status ${outcome.status}` : outcome.reason;
}
