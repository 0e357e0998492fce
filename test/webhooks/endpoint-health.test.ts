import { expect, test } from "vitest";
import { HOUR_MS } from "../../src/clock.ts";
import type { EndpointHealth } from "../../src/webhooks/endpoint-health.ts";
import { afterOutcome, CIRCUIT_FAILURES, circuitOpen, HEALTHY, MAX_PROBE_MS } from "../../src/webhooks/endpoint-health.ts";
import type { Outcome } from "../../src/webhooks/schedule.ts";

const ok: Outcome = { result: "answered", status: 200 };
const bad: Outcome = { result: "answered", status: 500 };

/** The health after failures at these hours. */
const failing = (hours: number[], from: EndpointHealth = HEALTHY) => hours.reduce((health, hour) => afterOutcome(health, bad, hour * HOUR_MS), from);

test("the circuit opens with the fifth failure in a row and closes with one success", () => {
  expect(circuitOpen(failing([0, 0, 0, 0]))).toBe(false);
  const open = failing([0, 0, 0, 0, 0]);
  expect(circuitOpen(open)).toBe(true);
  expect(circuitOpen(afterOutcome(open, ok, 1))).toBe(false);
  expect(circuitOpen(failing([0, 0, 0, 0], afterOutcome(failing([0, 0, 0, 0]), ok, 0)))).toBe(false);
});

test("probes come less often the longer it fails, and at least once a minute", () => {
  const gaps = Array.from({ length: 8 }, (_, index) => failing(Array.from({ length: CIRCUIT_FAILURES + index }, () => 0)).probeAt);
  expect(gaps).toEqual([5_000, 10_000, 20_000, 40_000, MAX_PROBE_MS, MAX_PROBE_MS, MAX_PROBE_MS, MAX_PROBE_MS]);
});

test("410 switches an endpoint off at once", () => {
  expect(afterOutcome(HEALTHY, { result: "answered", status: 410 }, 0).disabled).toBe("gone");
});

test("72 hours without a success and ten failures over a day switch it off; less of any of the three does not", () => {
  const spread = [0, 1, 2, 3, 4, 5, 6, 7, 8];
  expect(failing([...spread, 72]).disabled).toBe("failing");
  expect(failing([...spread, 71.9]).disabled).toBeUndefined();
  expect(failing([...spread.slice(1), 72]).disabled).toBeUndefined(); // nine failures
  const quiet = afterOutcome(HEALTHY, ok, 0); // last success long ago, then a sudden run of failures
  const burst = [100, 100, 100, 100, 100, 100, 100, 100, 100];
  expect(failing([...burst, 123.9], quiet).disabled).toBeUndefined();
  expect(failing([...burst, 124], quiet).disabled).toBe("failing");
});

test("one success clears the clock", () => {
  const cleared = afterOutcome(failing([0, 1, 2, 3, 4, 5, 6, 7, 8]), ok, 71 * HOUR_MS);
  expect(failing([72, 73, 74, 75, 76, 77, 78, 79, 80, 100], cleared).disabled).toBeUndefined();
});

test("an answer that comes late does not switch a disabled endpoint on again", () => {
  const gone = afterOutcome(HEALTHY, { result: "answered", status: 410 }, 0);
  expect(afterOutcome(gone, ok, 1).disabled).toBe("gone");
  expect(afterOutcome(gone, bad, 1).disabled).toBe("gone");
});
