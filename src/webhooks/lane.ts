import { HOUR_MS, MINUTE_MS } from "../clock.ts";
import type { WebhookEndpoint } from "../site.ts";
import { nextAttempt } from "./attempts.ts";
import type { EndpointHealth } from "./endpoint-health.ts";
import { afterOutcome, circuitOpen, HEALTHY } from "./endpoint-health.ts";
import type { Delivery } from "./payload.ts";
import type { Entry } from "./pending.ts";
import { createPending } from "./pending.ts";
import type { Outcome } from "./schedule.ts";
import type { Flight } from "./send-attempt.ts";
import type { StartTimer } from "./timer.ts";

export const MAX_IN_FLIGHT = 4;
export const MAX_PENDING = 100_000;
export const MAX_PENDING_BYTES = 64 * 1024 * 1024;
/** What is older and should have gone out long ago waited behind a dead endpoint. */
export const MAX_AGE_MS = 80 * HOUR_MS;
const OVERDUE_MS = HOUR_MS;
/** 50 a second to a receiver that has just come back. */
const DRAIN_GAP_MS = 20;
/** A timer is never set for longer, so that a clock that was moved is noticed. */
const MAX_TIMER_MS = MINUTE_MS;
/** One slice of giving up a long queue. */
const DISCARD_SLICE = 500;

/** What a lane asks of the outbox around it. None of these throws. */
export interface LaneWorld {
  now(): number;
  random(): number;
  startTimer: StartTimer;
  /** The endpoint as configured now; `undefined` when it is gone, "later" when that is not known yet: pump again. */
  endpoint(): WebhookEndpoint | undefined | "later";
  send(delivery: Delivery, endpoint: WebhookEndpoint, attempt: number): Flight;
  /** Whether the pool has room; if not, the lane is pumped again when it has. */
  takeSlot(): boolean;
  giveSlot(): void;
  isClosing(): boolean;
  delivered(delivery: Delivery): void;
  attemptFailed(endpoint: WebhookEndpoint, outcome: Outcome, opened: boolean): void;
  gaveUp(delivery: Delivery, reason: string, attempts: number, status?: number): void;
  disabled(url: string, reason: "gone" | "failing"): void;
  /** An attempt ended or a look-up came back, and everything that can be started has been. */
  paused(): void;
}

/** The deliveries to one endpoint: starts what is due, within what the endpoint can take. */
export interface Lane {
  readonly pending: number;
  readonly inFlight: number;
  readonly health: EndpointHealth;
  readonly isWaitingForConfig: boolean;
  /** "refused" when the endpoint is switched off. */
  add(delivery: Delivery): "taken" | "known" | "refused";
  pump(): void;
  enable(): void;
  /** Ends every attempt in flight, without counting it, and every timer. */
  stop(): void;
}

export function createLane(world: LaneWorld): Lane {
  const pending = createPending();
  const flights = new Map<Entry, Flight>();
  let health: EndpointHealth = HEALTHY;
  let draining = false;
  let nextStartAt = 0;
  let stopped = false;
  let isWaitingForConfig = false;
  let timer: { at: number; cancel(): void } | undefined;

  function wakeAt(at: number, now: number) {
    const wait = Math.min(Math.max(at - now, 0), MAX_TIMER_MS);
    if (timer && timer.at <= now + wait) return;
    timer?.cancel();
    const started = {
      at: now + wait,
      cancel: world.startTimer(() => {
        if (timer === started) timer = undefined;
        pump();
      }, wait),
    };
    timer = started;
  }

  function giveUp(entry: Entry, reason: string) {
    pending.remove(entry);
    world.gaveUp(entry.delivery, reason, entry.progress.attempts);
  }

  function discard(reason: string, now: number) {
    for (let count = 0; count < DISCARD_SLICE; count++) {
      const entry = pending.oldestIdle();
      if (!entry) return;
      giveUp(entry, reason);
    }
    wakeAt(now, now);
  }

  function pump() {
    if (!stopped) startDue();
    world.paused();
  }

  function startDue() {
    isWaitingForConfig = false;
    while (pending.size > 0) {
      const now = world.now();
      if (health.disabled) return discard("endpoint disabled", now);
      const endpoint = world.endpoint();
      if (endpoint === "later") {
        isWaitingForConfig = true;
        return;
      }
      if (!endpoint) return discard("endpoint removed", now);

      const probing = circuitOpen(health);
      const ordered = endpoint.ordered === true;
      if (flights.size >= (probing || ordered ? 1 : MAX_IN_FLIGHT)) return;
      const notBefore = probing ? health.probeAt : draining && !world.isClosing() ? nextStartAt : 0;
      // a wait longer than was ever set means that the clock was put back: start anyway
      if (now < notBefore && notBefore - now <= MAX_TIMER_MS) return wakeAt(notBefore, now);

      const entry = pending.due(now, ordered);
      if (!entry) {
        draining = false;
        const dueAt = pending.nextDueAt(ordered);
        if (dueAt !== undefined) wakeAt(dueAt, now);
        return;
      }
      if (now - entry.takenAt > MAX_AGE_MS && now - entry.progress.dueAt > OVERDUE_MS) {
        giveUp(entry, "too old");
        continue;
      }
      if (!world.takeSlot()) return;
      nextStartAt = now + DRAIN_GAP_MS;
      start(entry, endpoint);
    }
  }

  function start(entry: Entry, endpoint: WebhookEndpoint) {
    pending.take(entry);
    const flight = world.send(entry.delivery, endpoint, entry.progress.attempts + 1);
    flights.set(entry, flight);
    void flight.outcome.then((outcome) => {
      flights.delete(entry);
      if (outcome) settle(entry, endpoint, outcome);
      world.giveSlot();
      pump();
    });
  }

  function settle(entry: Entry, endpoint: WebhookEndpoint, outcome: Outcome) {
    const now = world.now();
    const before = health;
    health = afterOutcome(before, outcome, now);
    const after = nextAttempt(entry.progress, outcome, now, world.random);
    if (after.state === "delivered") {
      pending.remove(entry);
      draining ||= circuitOpen(before);
      world.delivered(entry.delivery);
      return;
    }
    world.attemptFailed(endpoint, outcome, circuitOpen(health) && !circuitOpen(before));
    if (after.state === "waiting" && health.disabled !== "gone") pending.putBack(entry, after);
    else {
      pending.remove(entry);
      const status = outcome.result === "answered" ? outcome.status : undefined;
      const reason = after.state === "dead" ? after.reason : "endpoint disabled";
      world.gaveUp(entry.delivery, reason, after.attempts, status);
    }
    if (health.disabled && !before.disabled) world.disabled(endpoint.url, health.disabled);
  }

  return {
    get pending() {
      return pending.size;
    },
    get inFlight() {
      return flights.size;
    },
    get health() {
      return health;
    },
    get isWaitingForConfig() {
      return isWaitingForConfig;
    },
    add(delivery) {
      if (health.disabled) return "refused";
      const now = world.now();
      if (!pending.add(delivery, now)) return "known";
      while (pending.size > MAX_PENDING || pending.bytes > MAX_PENDING_BYTES) {
        const oldest = pending.oldestIdle();
        if (!oldest) break;
        giveUp(oldest, "too many pending");
      }
      // not at once: signing and connecting are off the path of the request that raised it
      wakeAt(now, now);
      return "taken";
    },
    pump,
    enable() {
      health = HEALTHY;
    },
    stop() {
      stopped = true;
      timer?.cancel();
      for (const flight of flights.values()) flight.cancel();
    },
  };
}
