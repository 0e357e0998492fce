import { expect, test } from "vitest";
import type { AttemptState } from "../../src/webhooks/attempts.ts";
import { describeOutcome, firstAttempt, nextAttempt } from "../../src/webhooks/attempts.ts";

const middle = () => 0.5;

test("a delivery is due at once, and done with its first success", () => {
  const first = firstAttempt(1_000);
  expect(first).toEqual({ state: "waiting", attempts: 0, dueAt: 1_000 });
  expect(nextAttempt(first, { result: "answered", status: 204 }, 1_000, middle)).toEqual({ state: "delivered", attempts: 1 });
});

test("a delivery that keeps failing is given up after its tenth attempt, with what was answered last", () => {
  let state: AttemptState = firstAttempt(0);
  let now = 0;
  const startedAt: number[] = [];
  while (state.state === "waiting") {
    now = state.dueAt;
    startedAt.push(now);
    state = nextAttempt(state, { result: "answered", status: 500 }, now, middle);
  }
  expect(startedAt).toHaveLength(10);
  expect(now).toBe((75 * 60 + 35) * 60_000 + 5_000);
  expect(state).toEqual({ state: "dead", attempts: 10, reason: "status 500", status: 500 });
});

test("a delivery that never got an answer is given up without a status", () => {
  expect(nextAttempt({ state: "waiting", attempts: 9, dueAt: 0 }, { result: "unanswered", reason: "timeout" }, 0, middle)).toEqual({ state: "dead", attempts: 10, reason: "timeout" });
});

test("the state is plain data that survives being written down", () => {
  const state = nextAttempt(firstAttempt(5), { result: "answered", status: 503, retryAfter: 90 }, 5, middle);
  expect(JSON.parse(JSON.stringify(state))).toEqual(state);
});

test("outcomes are told in a few words", () => {
  expect(describeOutcome({ result: "answered", status: 302 })).toBe("status 302");
  expect(describeOutcome({ result: "unanswered", reason: "blocked_address" })).toBe("blocked_address");
});
