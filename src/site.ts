import type { Clock } from "./clock.ts";
import { withDeadline } from "./deadline.ts";
import { AnalyticsError, unavailable } from "./errors.ts";
import type { Reporter } from "./logger.ts";

/** Requests per minute and key of the named plans. */
export const PLAN_LIMITS = { free: 100, pro: 1_000, business: 10_000 } as const;

export type PlanName = keyof typeof PLAN_LIMITS;

export const WEBHOOK_EVENTS = ["pageview", "event", "visitor_identified", "high_intent_visitor"] as const;

export type WebhookEventName = (typeof WEBHOOK_EVENTS)[number];

export interface WebhookEndpoint {
  /** Where to POST. https, unless `webhooks.allowInsecure`, or a loopback address with `webhooks.allowPrivateNetwork`. */
  url: string;
  /** Signs every delivery; the first of a list is the current one (see secret rotation in the README). */
  secret: string | string[];
  /** Which events to send. @default all four */
  events?: WebhookEventName[];
  /** Strictly one delivery at a time, in order: a failing one holds back those behind it. @default false */
  ordered?: boolean;
}

/** One site whose visitors are tracked. */
export interface Site {
  /** The `siteId` of every request: 1–128 characters of `[A-Za-z0-9_.:-]`. */
  id: string;
  /** Shown to people; never sent to a browser. */
  name?: string;
  /** Secret key: reads and writes. Several while rotating; `sha256:<hex>` keeps the key itself out of your config. */
  apiKey: string | string[];
  /** Public key for the tracker: sends telemetry, reads nothing. */
  writeKey?: string | string[];
  /** Requests per minute and key: a plan's name or the number. @default "business" (10,000) */
  plan?: PlanName | number;
  /**
   * Origins whose pages may use the write key, e.g. `https://shop.example`, `https://*.shop.example`.
   * A pageview whose page is on another host is dropped as `hostname`. @default any
   */
  origins?: string[];
  /** Refuse a write key on a request without `Origin`. @default false */
  requireOrigin?: boolean;
  /** IANA time zone in which a day of this site begins. @default "UTC" */
  timeZone?: string;
  webhooks?: WebhookEndpoint[];
}

/**
 * The sites, or how to look one up (from your database). Answer `undefined` for an unknown id. What is looked up is
 * checked as a list is, except that further columns and nulls are left alone; a mistake counts as a failed look-up.
 */
export type SiteSource = Site[] | ((siteId: string) => Site | undefined | Promise<Site | undefined>);

/** Requests per minute and key that a site's plan allows. */
export function planLimit(site: Site): number {
  const plan = site.plan ?? "business";
  return typeof plan === "number" ? plan : PLAN_LIMITS[plan];
}

/** Looks a site up; without a promise when the answer is at hand. Rejects with UNAVAILABLE or SERVER_ERROR. */
export interface Sites {
  find(siteId: string): Site | undefined | Promise<Site | undefined>;
  /** All sites, when they were given as an array. */
  readonly all: readonly Site[] | undefined;
}

export interface SitesContext {
  now: Clock;
  reporter: Reporter;
  /** How long the owner's look-up may take, in milliseconds. @default 5,000 */
  deadlineMs?: number;
  /** Throws a TypeError that names the field when a look-up answered something that is not the site asked for. @default no check */
  check?: (answer: Site, siteId: string) => Site;
}

const LOOKUP_DEADLINE_MS = 5_000;
/** A found site is asked for again after this: a removed key stops working within it. */
const FRESH_MS = 5_000;
/** An unknown id is not asked for again within this. */
const UNKNOWN_MS = 60_000;
/** How long the last good answer stands in while the look-up fails. */
const LAST_GOOD_MS = 5 * 60_000;
const MAX_KNOWN = 1_000;
const MAX_UNKNOWN = 1_000;
const MAX_LOOKUPS = 20;

/**
 * `find` over an array (at once) or over the owner's look-up: with a deadline, at most 20 at a time, one per id,
 * found sites kept 5 s, unknown ids 60 s, and the last good answer for 5 minutes while the look-up fails.
 */
export function createSites(source: SiteSource, context: SitesContext): Sites {
  if (typeof source !== "function") {
    const byId = new Map(source.map((site) => [site.id, site]));
    return { find: (siteId) => byId.get(siteId), all: source };
  }
  const { now, reporter, deadlineMs = LOOKUP_DEADLINE_MS, check = (site) => site } = context;
  const known = new Map<string, { site: Site; at: number; askAt: number }>();
  const unknown = new Map<string, number>();
  const pending = new Map<string, Promise<Site | undefined>>();

  function keep(siteId: string, answer: Site | null | undefined): Site | undefined {
    if (answer !== undefined && answer !== null) {
      const site = check(answer, siteId);
      unknown.delete(siteId);
      putNewest(known, siteId, { site, at: now(), askAt: now() + FRESH_MS }, MAX_KNOWN);
      return site;
    }
    known.delete(siteId);
    putNewest(unknown, siteId, now(), MAX_UNKNOWN);
    return undefined;
  }

  function fallBack(siteId: string, error: AnalyticsError): Site {
    const last = known.get(siteId);
    const cause = error.cause ?? error;
    reporter.report("error", "sites", `the look-up of a site failed${cause instanceof TypeError ? `: ${cause.message}` : ""}`, cause);
    if (!last || now() - last.at >= LAST_GOOD_MS) throw error;
    last.askAt = now() + FRESH_MS;
    return last.site;
  }

  async function settle(siteId: string, found: Promise<Site | undefined>): Promise<Site | undefined> {
    try {
      return keep(siteId, await withDeadline(found, deadlineMs, () => lookupLate(deadlineMs)));
    } catch (cause) {
      return fallBack(siteId, lookupError(cause));
    } finally {
      pending.delete(siteId);
    }
  }

  return {
    all: undefined,
    find(siteId) {
      const hit = known.get(siteId);
      const at = now();
      if (hit && at < hit.askAt && at >= hit.at) return hit.site;
      const refusedAt = unknown.get(siteId);
      if (refusedAt !== undefined && at - refusedAt < UNKNOWN_MS && at >= refusedAt) return undefined; // the clock may have been set back
      const running = pending.get(siteId);
      if (running) return running;
      if (pending.size >= MAX_LOOKUPS) return fallBack(siteId, unavailable("Too many site look-ups, try again"));
      let found: Promise<Site | undefined>;
      try {
        const answered = source(siteId);
        if (!(answered instanceof Object && "then" in answered)) return keep(siteId, answered);
        found = Promise.resolve(answered);
      } catch (cause) {
        return fallBack(siteId, lookupError(cause));
      }
      const answer = settle(siteId, found);
      pending.set(siteId, answer);
      return answer;
    },
  };
}

function lookupError(cause: unknown): AnalyticsError {
  return cause instanceof AnalyticsError ? cause : new AnalyticsError("SERVER_ERROR", "Internal server error", { cause });
}

/** Sets as the newest entry; the oldest makes room. */
function putNewest<V>(map: Map<string, V>, key: string, value: V, max: number): void {
  map.delete(key);
  if (map.size >= max) map.delete(map.keys().next().value!);
  map.set(key, value);
}

function lookupLate(ms: number): AnalyticsError {
  return unavailable("Site look-up timed out, try again", new Error(`the look-up took longer than ${ms} ms`));
}
