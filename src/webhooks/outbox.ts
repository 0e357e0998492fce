import type { Clock } from "../clock.ts";
import type { Reporter } from "../logger.ts";
import { silentReporter } from "../logger.ts";
import type { Site, WebhookEndpoint } from "../site.ts";
import type { Waiting } from "./attempts.ts";
import { describeOutcome } from "./attempts.ts";
import { toRequest } from "./attempt-request.ts";
import type { DeadLetter } from "./dead-letters.ts";
import { createDeadLetters, toLetter } from "./dead-letters.ts";
import { createDelivered } from "./delivered.ts";
import type { DeliveriesPage, DeliveriesQuery } from "./delivery-list.ts";
import { listDeliveries } from "./delivery-list.ts";
import { circuitOpen } from "./endpoint-health.ts";
import { endpointId, toLoggableUrl } from "./endpoint-id.ts";
import { createEndpointLookup } from "./endpoint-lookup.ts";
import type { Lane } from "./lane.ts";
import { createLane } from "./lane.ts";
import type { Ledger } from "./ledger.ts";
import type { TakenOver } from "./ledger-takeover.ts";
import { owe, type Owing, type Raised } from "./owed.ts";
import type { Delivery } from "./payload.ts";
import { createPool } from "./pool.ts";
import { sendAttempt } from "./send-attempt.ts";
import type { TestResult } from "./test-delivery.ts";
import { testEndpoints } from "./test-delivery.ts";
import type { StartTimer } from "./timer.ts";
import { startUnrefTimer } from "./timer.ts";
import type { WebhookTransport } from "./transport.ts";
import { createWebhookIds } from "./webhook-id.ts";

/** From so many endpoints on, those with nothing pending and nothing wrong are forgotten. */
const MAX_LANES = 1_000;

export interface OutboxHooks {
  webhookFailed?(info: { siteId: string; id: string; url: string; status?: number }): void;
  webhookDisabled?(info: { siteId: string; url: string; reason: string }): void;
}

export interface OutboxOptions {
  /** A site as configured now: asked at each attempt, so that a rotated secret reaches retries. */
  sites(siteId: string): Site | undefined | Promise<Site | undefined>;
  transport: WebhookTransport;
  /** The unsigned payload that a delivery's draft makes: the same at every attempt. @default the draft is the payload */
  toPayload?(delivery: Delivery, draft: string): string;
  /** @default Date.now */
  now?: Clock;
  /** 0 ≤ x < 1: jitter and ids. @default Math.random */
  random?: () => number;
  /** @default silent */
  reporter?: Reporter;
  hooks?: OutboxHooks;
  /** Where progress is written down. @default nowhere: a restart forgets what is pending */
  ledger?: Pick<Ledger, "note" | "noteHealth" | "draftOf">;
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
  owe(site: Site, raised: Raised[], onlyUrl?: string): Owing[];
  /** Takes deliveries in their order; an id that is pending or was just delivered to the endpoint is not sent twice. */
  enqueue(deliveries: Delivery[]): void;
  /** Whether it is pending or was just delivered. */
  knows(delivery: Delivery): boolean;
  /** Goes on with what dead processes left. */
  resume(taken: TakenOver): void;
  /** A page of a site's deliveries, as far as this process has them. */
  list(site: Site, query: DeliveriesQuery): DeliveriesPage;
  /** What was given up for a site, newest first. */
  deadLetters(siteId: string): DeadLetter[];
  /** Tries a delivery now, with its old id: a dead one from its first attempt. Answers how many endpoints it goes to. */
  retry(siteId: string, id: string): number;
  /** Sends a signed sample to the site's endpoints, or to one, and answers what they said. */
  test(site: Site, url?: string): Promise<TestResult[]>;
  /** Forgets what is owed of a visitor. */
  erase(siteId: string, visitorId: string): void;
  /** Forgets these. */
  drop(deliveries: Delivery[]): void;
  /** Switches an endpoint on again that was switched off. */
  enable(siteId: string, url: string): void;
  stats(): OutboxStats;
  /** Sends what is due, within `deadlineMs`; resolves with how many deliveries are left. Idempotent. */
  close(deadlineMs: number): Promise<number>;
}

/**
 * Makes an outbox: the deliveries on their way, and what the ledger is to know of them. At least once, first attempts of
 * an endpoint in order, endpoints apart from one another: a dead one holds back nobody else.
 */
export function createOutbox(options: OutboxOptions): Outbox {
  const { sites, transport, hooks = {}, reporter = silentReporter, ledger } = options;
  const { now = Date.now, random = Math.random, startTimer = startUnrefTimer, toPayload = (_, draft) => draft } = options;
  const letters = createDeadLetters(now, (delivery) => ledger?.note(delivery, "done"));
  const lanes = new Map<string, Lane>();
  const pool = createPool();
  const arrived = createDelivered();
  const counts = { delivered: 0, failedAttempts: 0, gaveUp: 0, refused: 0 };
  let sequence = 0;
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
      send: (delivery, config, attempt) => sendAttempt(transport, () => requestOf(delivery, config, attempt), startTimer),
      takeSlot: () => pool.take(lane),
      giveSlot: pool.give,
      isClosing: () => closing !== undefined,
      delivered(delivery, attempts, status) {
        counts.delivered++;
        arrived.add(delivery, attempts, status, now());
        ledger?.note(delivery, "done");
      },
      waiting: (delivery, { attempts, dueAt }, last) => ledger?.note(delivery, { state: "waiting", attempts, dueAt, last }),
      healthChanged: (health) => ledger?.noteHealth(key, health.failures > 0 || health.disabled ? health : undefined),
      attemptFailed(config, outcome, opened) {
        counts.failedAttempts++;
        if (!opened) return;
        const why = describeOutcome(outcome);
        reporter.report("warn", "webhook-failing", `webhooks of site ${siteId} to ${url(config.url)} keep failing: ${why}`);
      },
      gaveUp(delivery, reason, attempts, status) {
        counts.gaveUp++;
        ledger?.note(delivery, { state: "dead", attempts, at: now(), reason });
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

  function requestOf(delivery: Delivery, config: WebhookEndpoint, attempt: number) {
    const sign = (draft: string) => toRequest({ ...delivery, unsigned: toPayload(delivery, draft) }, config, attempt, now());
    const found = ledger ? ledger.draftOf(delivery) : delivery.draft;
    if (typeof found === "string") return sign(found);
    const unread = (cause: unknown) => {
      reporter.report("error", "webhook-unread", `webhook ${delivery.id} of site ${delivery.siteId} could not be read from storage and is tried later`, cause);
      return undefined;
    };
    return found.then((read) => (read === undefined ? unread("it is not there") : sign(read)), unread);
  }

  const left = () => [...lanes.values()].reduce((sum, lane) => sum + lane.pending, 0);

  function add(delivery: Delivery, progress?: Waiting & { last?: string }): void {
    if (closing) return void counts.refused++; // what is stored stays owed, to the next process
    delivery.seq = ++sequence;
    const taken = arrived.has(delivery) ? "known" : laneOf(delivery.siteId, delivery.endpoint).add(delivery, progress);
    if (taken === "taken") return;
    if (taken === "refused") counts.refused++;
    ledger?.note(delivery, "done");
  }

  const lanesOf = (siteId: string) => [...lanes].filter(([key]) => key.startsWith(`${siteId} `)).map(([, lane]) => lane);

  return {
    owe,
    enqueue(deliveries) {
      for (const delivery of deliveries) add(delivery);
    },
    knows: (delivery) => arrived.has(delivery) || lanes.get(laneKey(delivery.siteId, delivery.endpoint))?.has(delivery.id) === true,
    resume({ open, endpoints }) {
      for (const [key, health] of endpoints) {
        const [siteId = "", endpoint = ""] = key.split(" ");
        laneOf(siteId, endpoint).learn(health);
      }
      for (const { delivery, progress } of open) {
        if (progress?.state !== "dead") add(delivery, progress);
        else letters.add(toLetter(delivery, progress, ++sequence));
      }
    },
    list: (site, query) =>
      listDeliveries(site, query, {
        pending: lanesOf(site.id).map((lane) => lane.entries()),
        delivered: arrived.list(site.id),
        dead: letters.list(site.id),
      }),
    deadLetters: letters.list,
    retry(siteId, id) {
      if (closing) return 0;
      const hurried = lanesOf(siteId).filter((lane) => lane.hurry(id)).length;
      // what goes to an endpoint that is switched off stays with the dead
      const taken = letters.take(siteId, id, ({ delivery }) => !laneOf(siteId, delivery.endpoint).health.disabled);
      for (const { delivery } of taken) {
        delivery.takenAt = now();
        ledger?.note(delivery, { state: "waiting", attempts: 0, dueAt: now() });
        add(delivery);
      }
      return hurried + taken.length;
    },
    test: (site, url) => testEndpoints(site, url, { transport, startTimer, now, nextId: createWebhookIds(now, random) }),
    erase(siteId, visitorId) {
      const isTheirs = (delivery: Delivery) => delivery.visitorId === visitorId;
      const forgotten = [...letters.erase(siteId, visitorId), ...lanesOf(siteId).flatMap((lane) => lane.forget(isTheirs))];
      for (const delivery of forgotten) ledger?.note(delivery, "erased");
      arrived.erase(siteId, visitorId);
    },
    drop(deliveries) {
      const dropped = new Set(deliveries);
      for (const lane of lanes.values()) lane.forget((delivery) => dropped.has(delivery));
      for (const { siteId, visitorId } of dropped) if (visitorId !== undefined) letters.erase(siteId, visitorId);
    },
    enable(siteId, url) {
      lanes.get(laneKey(siteId, endpointId(url)))?.enable();
    },
    stats: () => ({
      ...counts,
      pending: left(),
      inFlight: pool.inFlight,
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
          if (pool.inFlight > 0 || [...lanes.values()].some((lane) => lane.isWaitingForConfig)) return;
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
        if (count > 0 && ledger) reporter.report("info", "webhook-left", `${count} webhooks are left to the next process`);
        else if (count > 0) reporter.report("warn", "webhook-left", `${count} webhooks were not delivered before close`);
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
