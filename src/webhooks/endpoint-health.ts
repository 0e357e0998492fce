import { HOUR_MS } from "../clock.ts";
import type { Outcome } from "./schedule.ts";
import { isSuccess } from "./schedule.ts";

/** What an endpoint's recent answers say of it. Plain data, over all its deliveries. */
export interface EndpointHealth {
  /** Failures since the last success. */
  failures: number;
  /** Epoch milliseconds of the first of them. */
  failingSince?: number;
  lastSuccessAt?: number;
  /** While the circuit is open: when the next probe may start, epoch milliseconds. */
  probeAt: number;
  /** Switched off: nothing is sent until somebody enables it. */
  disabled?: "gone" | "failing";
}

/** After so many failures in a row only one delivery at a time probes the endpoint. */
export const CIRCUIT_FAILURES = 5;
const FIRST_PROBE_MS = 5_000;
/** With 50 a second afterwards, a backlog of 10,000 is gone within 5 minutes of the receiver's return. */
export const MAX_PROBE_MS = 60_000;
const DISABLE_AFTER_MS = 72 * HOUR_MS;
const DISABLE_FAILURES = 10;
const DISABLE_SPREAD_MS = 24 * HOUR_MS;

export const HEALTHY: EndpointHealth = { failures: 0, probeAt: 0 };

export function circuitOpen(health: EndpointHealth): boolean {
  return health.failures >= CIRCUIT_FAILURES;
}

/** The health after an attempt that ended with `outcome` at `now`. Pure. */
export function afterOutcome(health: EndpointHealth, outcome: Outcome, now: number): EndpointHealth {
  if (isSuccess(outcome)) {
    return { failures: 0, probeAt: 0, lastSuccessAt: now, ...(health.disabled && { disabled: health.disabled }) };
  }
  const failures = health.failures + 1;
  const failingSince = health.failingSince ?? now;
  const probeAt = failures < CIRCUIT_FAILURES ? 0 : now + Math.min(FIRST_PROBE_MS * 2 ** (failures - CIRCUIT_FAILURES), MAX_PROBE_MS);
  const next: EndpointHealth = { ...health, failures, failingSince, probeAt };
  if (outcome.result === "answered" && outcome.status === 410) next.disabled = "gone";
  else if (isHopeless(next, failingSince, now)) next.disabled = "failing";
  return next;
}

function isHopeless(health: EndpointHealth, failingSince: number, now: number): boolean {
  return (
    health.failures >= DISABLE_FAILURES &&
    now - failingSince >= DISABLE_SPREAD_MS &&
    now - (health.lastSuccessAt ?? failingSince) >= DISABLE_AFTER_MS
  );
}
