import type { Clock } from "../clock.ts";
import type { Reporter } from "../logger.ts";
import { silentReporter } from "../logger.ts";
import type { Site, WebhookEventName } from "../site.ts";
import { describeOutcome } from "./attempts.ts";
import { toRequest } from "./attempt-request.ts";
import type { DeadLetter } from "./dead-letters.ts";
import { createDeadLetters } from "./dead-letters.ts";
import { circuitOpen } from "./endpoint-health.ts";
import { endpointId, toLoggableUrl } from "./endpoint-id.ts";
import { createEndpointLookup } from "./endpoint-lookup.ts";
import type { Lane } from "./lane.ts";
import { createLane } from "./lane.ts";
import type { Delivery } from "./payload.ts";
import { createPayload } from "./payload.ts";
import { sendAttempt } from "./send-attempt.ts";
import type { StartTimer } from "./timer.ts";
import { startUnrefTimer } from "./timer.ts";
import type { WebhookTransport } from "./transport.ts";
import { createWebhookIds } from "./webhook-id.ts";

/** Attempts in flight over all endpoints: all that endpoints share. */
export const MAX_ALL_IN_FLIGHT = 64;
/** From so many endpoints on, those with nothing pending and nothing wrong are forgotten. */
const MAX_LANES = 1_000;
/** Ids of what was delivered, so that what is raised twice (a derived id) is sent once. */
const MAX_DELIVERED_IDS = 10_000;

/** Something that happened, for every endpoint of the site that wants to hear of it. */
export interface Raised {
  event: WebhookEventName;
  /** Plain JSON. */
  data: Record<string, unknown>;
  /** Epoch milliseconds when it happened. */
  at: number;
  /** `webhook-id`; made when omitted. Derive it (`derivedWebhookId`) for what two processes may both raise. */
  id?: string;
}

export interface OutboxHooks {
  webhookFailed?(info: { siteId: string; id: string; url: string; status?: number }): void;
  webhookDisabled?(info: { siteId: string; url: string; reason: string }): void;
}

export interface OutboxOptions {
  /** A site as configured now: asked at each attempt, so that a rotated secret reaches retries. */
  sites(siteId: string): Site | undefined | Promise<Site | undefined>;
  transport: WebhookTransport;
  /** @default Date.now */
  now?: Clock;
  /** 0 ≤ x < 1: jitter and ids. @default Math.random */
  random?: () => number;
  /** @default silent */
  reporter?: Reporter;
  hooks?: OutboxHooks;
  /** @default setTimeout that does not hold the process */
  startTimer?: StartTimer;
}

export interface OutboxStats {
  pending: number;
  inFlight: number;
  delivered: number;
  /** Attempts that failed. */
  failedAttempts: number;
  /** Deliveries given up. */
  gaveUp: number;
  /** Deliveries not taken, because their endpoint is switched off or the outbox is closing. */
  refused: number;
  /** Endpoints with something pending or something wrong. */
  endpoints: { siteId: string; endpoint: string; pending: number; circuit: "closed" | "open"; disabled?: "gone" | "failing" }[];
}

/** Deliveries on their way. Nothing here throws into the caller or holds the process. */
export interface Outbox {
  /** What `raised` owes to the site's endpoints: to be stored with the event, then given to `enqueue`. */
  owe(site: Site, raised: Raised[]): Delivery[];
  /** Takes deliveries in their order; an id that is pending or was just delivered to the endpoint is not sent twice. */
  enqueue(deliveries: Delivery[]): void;
  /** What was given up for a site, newest first. */
  deadLetters(siteId: string): DeadLetter[];
  /** Tries a dead delivery again from its first attempt, with its old id; answers how many endpoints it goes to. */
  retry(siteId: string, id: string): number;
  /** Switches an endpoint on again that was switched off. */
  enable(siteId: string, url: string): void;
  stats(): OutboxStats;
  /** Sends what is due, within `deadlineMs`; resolves with how many deliveries are left. Idempotent. */
  close(deadlineMs: number): Promise<number>;
}

const NONE: Delivery[] = [];

/**
 * Makes an outbox that keeps its deliveries in memory. At least once, first attempts of an endpoint in order, endpoints
 * apart from one another: a dead one holds back nobody else.
 */
export function createOutbox(options: OutboxOptions): Outbox {
  const { sites, transport, hooks = {}, reporter = silentReporter } = options;
  const { now = Date.now, random = Math.random, startTimer = startUnrefTimer } = options;
  const nextId = createWebhookIds(now, random);
  const letters = createDeadLetters(now);
  const lanes = new Map<string, Lane>();
  const hungry = new Set<Lane>();
  const deliveredIds = new Set<string>();
  const counts = { delivered: 0, failedAttempts: 0, gaveUp: 0, refused: 0 };
  let inFlight = 0;
  let closing: Promise<number> | undefined;
  let checkClosed: () => void = () => {};

  function hook<Name extends keyof OutboxHooks>(name: Name, info: Parameters<NonNullable<OutboxHooks[Name]>>[0]) {
    const failed = (cause: unknown) => reporter.report("error", `hook-${name}`, `hooks.${name} failed`, cause);
    try {
      const result: unknown = hooks[name]?.(info as never);
      if (result instanceof Promise) result.catch(failed);
    } catch (error) {
      failed(error);
    }
  }

  function laneOf(siteId: string, endpoint: string): Lane {
    const key = laneKey(siteId, endpoint);
    const existing = lanes.get(key);
    if (existing) return existing;
    const url = (known?: string) => (known === undefined ? `endpoint ${endpoint}` : toLoggableUrl(known));
    const lookup = createEndpointLookup({ siteId, endpoint, sites, now, startTimer, reporter, ready: () => lane.pump() });
    let lastUrl: string | undefined;
    const lane: Lane = createLane({
      now,
      random,
      startTimer,
      endpoint() {
        const found = lookup();
        if (typeof found === "object") lastUrl = found.url;
        return found;
      },
      send: (delivery, config, attempt) => sendAttempt(transport, () => toRequest(delivery, config, attempt, now()), startTimer),
      takeSlot() {
        if (inFlight < MAX_ALL_IN_FLIGHT) return ++inFlight > 0;
        hungry.add(lane);
        return false;
      },
      giveSlot() {
        inFlight--;
        for (const next of hungry) {
          if (inFlight >= MAX_ALL_IN_FLIGHT) break;
          hungry.delete(next);
          next.pump();
        }
      },
      isClosing: () => closing !== undefined,
      delivered(delivery) {
        counts.delivered++;
        remember(`${key} ${delivery.id}`);
      },
      attemptFailed(config, outcome, opened) {
        counts.failedAttempts++;
        if (!opened) return;
        const why = describeOutcome(outcome);
        reporter.report("warn", "webhook-failing", `webhooks of site ${siteId} to ${url(config.url)} keep failing: ${why}`);
      },
      gaveUp(delivery, reason, attempts, status) {
        counts.gaveUp++;
        letters.add({ delivery, reason, attempts, at: now(), ...(status !== undefined && { status }) });
        const where = url(lastUrl);
        reporter.report("error", "webhook-failed", `webhook ${delivery.id} of site ${siteId} to ${where} was given up: ${reason}`);
        hook("webhookFailed", { siteId, id: delivery.id, url: where, ...(status !== undefined && { status }) });
      },
      disabled(configured, reason) {
        const words = reason === "gone" ? "it answered 410" : "it has failed for 72 hours";
        reporter.report("error", "webhook-disabled", `webhooks of site ${siteId} to ${url(configured)} are switched off: ${words}`);
        hook("webhookDisabled", { siteId, url: url(configured), reason });
      },
      paused: () => checkClosed(),
    });
    if (lanes.size >= MAX_LANES) forgetIdle();
    lanes.set(key, lane);
    return lane;
  }

  function forgetIdle() {
    for (const [key, lane] of lanes) {
      if (lane.pending > 0 || lane.health.failures > 0 || lane.health.disabled) continue;
      lane.stop();
      lanes.delete(key);
    }
  }

  function remember(key: string) {
    deliveredIds.add(key);
    if (deliveredIds.size <= MAX_DELIVERED_IDS) return;
    const [first] = deliveredIds;
    if (first !== undefined) deliveredIds.delete(first);
  }

  const left = () => [...lanes.values()].reduce((sum, lane) => sum + lane.pending, 0);

  function add(delivery: Delivery) {
    if (closing || laneOf(delivery.siteId, delivery.endpoint).add(delivery) === "refused") counts.refused++;
  }

  return {
    owe(site, raised) {
      if (!site.webhooks?.length) return NONE;
      const owed: Delivery[] = [];
      for (const { event, data, at, id = nextId() } of raised) {
        const endpoints = new Set<string>();
        for (const { url, events } of site.webhooks) if (!events || events.includes(event)) endpoints.add(endpointId(url));
        if (endpoints.size === 0) continue;
        try {
          const unsigned = createPayload({ event, siteId: site.id, at, data, id });
          for (const endpoint of endpoints) owed.push({ id, siteId: site.id, endpoint, event, unsigned, at });
        } catch (error) {
          reporter.report("error", "webhook-payload", `a ${event} of site ${site.id} cannot be sent as a webhook`, error);
        }
      }
      return owed;
    },
    enqueue(deliveries) {
      for (const delivery of deliveries) {
        if (!deliveredIds.has(`${laneKey(delivery.siteId, delivery.endpoint)} ${delivery.id}`)) add(delivery);
      }
    },
    deadLetters: letters.list,
    retry(siteId, id) {
      const taken = closing ? [] : letters.take(siteId, id);
      for (const { delivery } of taken) add(delivery);
      return taken.length;
    },
    enable(siteId, url) {
      lanes.get(laneKey(siteId, endpointId(url)))?.enable();
    },
    stats: () => ({
      ...counts,
      pending: left(),
      inFlight,
      endpoints: [...lanes].map(([key, { pending, health }]) => {
        const [siteId = "", endpoint = ""] = key.split(" ");
        const { disabled } = health;
        return { siteId, endpoint, pending, circuit: circuitOpen(health) ? "open" : "closed", ...(disabled && { disabled }) };
      }),
    }),
    close(deadlineMs) {
      closing ??= new Promise<void>((resolve) => {
        // held on purpose: whoever waits for close() wants the process to stay for it
        const timer = setTimeout(resolve, deadlineMs);
        checkClosed = () => {
          if (inFlight > 0 || [...lanes.values()].some((lane) => lane.isWaitingForConfig)) return;
          clearTimeout(timer);
          resolve();
        };
        queueMicrotask(() => {
          for (const lane of lanes.values()) lane.pump();
          checkClosed();
        });
      }).then(() => {
        const count = left();
        for (const lane of lanes.values()) lane.stop();
        if (count > 0) reporter.report("warn", "webhook-left", `${count} webhooks were not delivered before close`);
        return count;
      });
      return closing;
    },
  };
}

// a site's id has no space
function laneKey(siteId: string, endpoint: string): string {
  return `${siteId} ${endpoint}`;
}
