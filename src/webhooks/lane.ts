import { HOUR_MS, MINUTE_MS } from "../clock.ts";
import type { WebhookEndpoint } from "../site.ts";
import type { Waiting } from "./attempts.ts";
import { describeOutcome, nextAttempt } from "./attempts.ts";
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
/** A payload that could not be read from storage is asked for again after this. */
const UNREAD_MS = 5_000;
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
  delivered(delivery: Delivery, attempts: number, status: number): void;
  /** An attempt failed and there will be another. */
  waiting(delivery: Delivery, progress: Waiting, last: string): void;
  /** After every attempt. */
  healthChanged(health: EndpointHealth): void;
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
  /** "refused" when the endpoint is switched off; `progress` when it was tried before, by another process. */
  add(delivery: Delivery, progress?: Waiting & { last?: string }): "taken" | "known" | "refused";
  /** Takes over what another process knew of the endpoint, when nothing is known here. */
  learn(health: EndpointHealth): void;
  /** Tries a delivery that waits now; false when there is none of this id. */
  hurry(id: string): boolean;
  /** Takes out what `matches`, also what is being sent. */
  forget(matches: (delivery: Delivery) => boolean): Delivery[];
  has(id: string): boolean;
  /** What is pending, youngest first. */
  entries(): Iterable<Entry>;
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
    // one that should have fired already was set before the clock was put forward
    if (timer && timer.at >= now && timer.at <= now + wait) return;
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

  /** Whether one more delivery changes nothing: what happens next has its attempt under way, or its timer. */
  function isHeldBack(now: number): boolean {
    if (!circuitOpen(health)) return flights.size >= MAX_IN_FLIGHT;
    return flights.size > 0 || (timer !== undefined && now < timer.at && timer.at <= health.probeAt);
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
      else if (!stopped && entry.place === "flying") pending.putBack(entry, { ...entry.progress, dueAt: world.now() + UNREAD_MS });
      world.giveSlot();
      pump();
    });
  }

  function settle(entry: Entry, endpoint: WebhookEndpoint, outcome: Outcome) {
    const now = world.now();
    const before = health;
    health = afterOutcome(before, outcome, now);
    const after = nextAttempt(entry.progress, outcome, now, world.random);
    if (entry.place === "gone") return world.healthChanged(health);
    if (after.state === "delivered") {
      pending.remove(entry);
      draining ||= circuitOpen(before);
      world.delivered(entry.delivery, after.attempts, outcome.result === "answered" ? outcome.status : 0);
      world.healthChanged(health);
      return;
    }
    world.attemptFailed(endpoint, outcome, circuitOpen(health) && !circuitOpen(before));
    if (after.state === "waiting" && health.disabled !== "gone") {
      entry.last = describeOutcome(outcome);
      pending.putBack(entry, after);
      world.waiting(entry.delivery, after, entry.last);
    } else {
      pending.remove(entry);
      const status = outcome.result === "answered" ? outcome.status : undefined;
      const reason = after.state === "dead" ? after.reason : describeOutcome(outcome);
      world.gaveUp(entry.delivery, reason, after.attempts, status);
    }
    world.healthChanged(health);
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
    add(delivery, progress) {
      if (health.disabled) return "refused";
      const now = world.now();
      const entry = pending.add(delivery, now, progress);
      if (!entry) return "known";
      delivery.takenAt ??= now;
      if (progress?.last) entry.last = progress.last;
      while (pending.size > MAX_PENDING || pending.bytes > MAX_PENDING_BYTES) {
        const oldest = pending.oldestIdle();
        if (!oldest) break;
        giveUp(oldest, "too many pending");
      }
      // not at once: signing and connecting are off the path of the request that raised it
      if (!isHeldBack(now)) wakeAt(now, now);
      return "taken";
    },
    pump,
    enable() {
      health = HEALTHY;
      world.healthChanged(health);
    },
    learn(known) {
      if (health.failures === 0 && !health.disabled) health = known;
    },
    hurry(id) {
      const entry = pending.get(id);
      if (entry?.place === "waiting") pending.putBack(entry, { ...entry.progress, dueAt: world.now() });
      if (entry) pump();
      return entry !== undefined;
    },
    forget(matches) {
      const forgotten: Delivery[] = [];
      for (const entry of pending.youngestFirst()) {
        if (!matches(entry.delivery)) continue;
        pending.remove(entry);
        flights.get(entry)?.cancel();
        forgotten.push(entry.delivery);
      }
      return forgotten;
    },
    has: (id) => pending.get(id) !== undefined,
    entries: pending.youngestFirst,
    stop() {
      stopped = true;
      timer?.cancel();
      for (const flight of flights.values()) flight.cancel();
    },
  };
}
