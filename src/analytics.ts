import { inspect } from "node:util";
import { createStorage } from "unstorage";
import memoryDriver from "unstorage/drivers/memory";
import { checkOptions } from "./check-options.ts";
import { DAY_MS, HOUR_MS, toTimestamp } from "./clock.ts";
import { AnalyticsError } from "./errors.ts";
import type { EngagementInput, EventInput, PageviewInput, RequestFacts, StoredEvent, TelemetryInput } from "./event.ts";
import { createUnstorageEvents, type UnstorageEvents } from "./events/unstorage.ts";
import type { EventStore } from "./events/event-store.ts";
import type { AnalyticsApi, FetchContext } from "./http/api.ts";
import { createApp } from "./http/app.ts";
import { createDailyIds } from "./identity/fingerprint.ts";
import type { ProfileStore } from "./profile-store.ts";
import { createUnstorageProfiles } from "./identity/unstorage-profiles.ts";
import { createGeo } from "./ingest/geo.ts";
import { createKnowledgeRules, type VisitorKnowledge } from "./ingest/knowledge.ts";
import { toNotice } from "./ingest/notice.ts";
import { createPipeline, type Receipt } from "./ingest/pipeline.ts";
import { parseEngagement, parseEvent, parsePageview } from "./ingest/schema.ts";
import { createVisitorReports, type VisitorDetail, type VisitorsAnswer, type VisitorsQuery } from "./ingest/visitors.ts";
import { createReporter } from "./logger.ts";
import type { AnalyticsOptions } from "./options.ts";
import { createReplays, type ReplaysAnswer, type ReplaysQuery } from "./ingest/replays.ts";
import { createReplayStore } from "./replay/replay-store.ts";
import { createFixedWindow } from "./rate-limit/fixed-window.ts";
import { createSharedLimiter } from "./rate-limit/shared.ts";
import { createSites, type Site } from "./site.ts";
import { createGuard } from "./storage/guard.ts";
import { createHttpsTransport } from "./webhooks/https-transport.ts";
import { createOutbox, type Raised } from "./webhooks/outbox.ts";
import { derivedWebhookId } from "./webhooks/webhook-id.ts";

/** What an in-process call knows of the visitor's request. */
export interface TrackContext {
  /** The visitor's address: for the country and the daily id; never stored. */
  ip?: string;
  userAgent?: string;
  /** The visitor's request headers, by any case: `Sec-GPC`, the CDN's country header, `Accept-Language` are read. */
  headers?: Record<string, string | string[] | undefined> | Headers;
  /** When it happened (ISO 8601 or epoch milliseconds), of any age: for imports. @default now */
  timestamp?: string | number;
}

/** What a tracked hit got. */
export interface Tracked {
  visitorId: string;
  sessionId: string;
  eventId: string;
  pageviewId?: string;
  /** `2025-01-15T10:30:00Z` */
  timestamp: string;
  /** Why it is not counted; absent when it is. */
  dropped?: Receipt["dropped"];
}

/** Visitor intelligence inside this process. Made by `createAnalytics`. */
export interface Analytics {
  /**
   * Answers a request for one of the library's routes, relative to its mount point. Never rejects. A path that is not
   * one of them is answered 404 with `X-WysLeap-Route: none`, its body unread.
   */
  fetch(request: Request, context?: FetchContext): Promise<Response>;
  /** What `fetch` answers, as patterns relative to the mount (`/health`, `/visitors/**`), for hosts with a router. */
  readonly paths: readonly string[];
  /** Like `POST /telemetry/pageview`. Rejects with `AnalyticsError` only: bad input, unknown site, storage down. */
  trackPageview(input: PageviewInput, context?: TrackContext): Promise<Tracked>;
  /** Like `POST /telemetry/event`. */
  trackEvent(input: EventInput, context?: TrackContext): Promise<Tracked>;
  /** Engaged time and scroll depth of a pageview, cumulative: the largest value counts. */
  trackEngagement(input: EngagementInput, context?: TrackContext): Promise<Tracked>;
  /** The same object as `GET /visitors/{siteId}`. `limit` 1–1,000 (50), `days` 1–395 (30), `country` alpha-2. */
  getVisitors(siteId: string, query?: VisitorsQuery): Promise<VisitorsAnswer>;
  /** Profile, intent with contributions, timeline; undefined when nothing is known of the visitor. */
  getVisitor(siteId: string, visitorId: string): Promise<VisitorDetail | undefined>;
  /** The same object as `GET /replays/{siteId}`: recordings, newest first. */
  getReplays(siteId: string, query?: ReplaysQuery): Promise<ReplaysAnswer>;
  /** The rrweb events of a recording, each as JSON; `tab` is one of its tabs (default: the first). Undefined when there is none. */
  readReplay(siteId: string, sessionId: string, tab?: string): Promise<AsyncIterable<string> | undefined>;
  /** Removes everything kept of a visitor; resolves when storage no longer holds it. */
  eraseVisitor(siteId: string, visitorId: string): Promise<void>;
  /** Every stored event of `from <= at < to` (epoch milliseconds), each once. */
  exportEvents(siteId: string, range?: { from?: number; to?: number }): AsyncIterable<StoredEvent>;
  /** Stops taking hits, stores what was acknowledged, sends what is due; within 10 s. Idempotent. */
  close(): Promise<void>;
}

/** How often the salts of past days are looked for. */
const SWEEP_MS = 6 * HOUR_MS;
/** How long `close()` waits for webhooks that are on their way. */
const CLOSE_WEBHOOKS_MS = 5_000;
const REPLAY_BUDGET_BYTES = 1024 ** 3;
const REPLAY_DAYS = 30;
const REPLAY_SESSIONS = 2;

/**
 * Puts the parts together. Throws a TypeError that names the option when something in them is wrong.
 *
 * @example
 * const analytics = createAnalytics({
 *   sites: [{ id: "shop", apiKey: process.env.SHOP_KEY, writeKey: process.env.SHOP_WRITE_KEY }],
 *   storage: fsDriver({ base: "./.data/wysleap" }),
 * });
 * app.use("/api", wysleap(analytics));
 */
export function createAnalytics(options: AnalyticsOptions): Analytics {
  const warnings = checkOptions(options);
  const now = options.now ?? Date.now;
  const reporter = createReporter(options.logger, now);
  for (const [index, warning] of warnings.entries()) reporter.report("warn", `options ${index}`, warning);
  if (!options.storage && process.env.NODE_ENV === "production") {
    reporter.report("warn", "memory", "no storage is set: everything is kept in memory and lost when this process ends");
  }

  const storage = options.storage ?? createStorage({ driver: memoryDriver() });
  const guard = createGuard(storage, { reporter, onFailure: (info) => callHook(() => options.hooks?.storageFailed?.(info)) });
  const sites = createSites(options.sites, { now, reporter });
  const countBots = options.bots === "count";
  const rules = createKnowledgeRules({ intent: options.intent, countBots });
  const embedded: UnstorageEvents<VisitorKnowledge> | undefined = options.events ? undefined : createUnstorageEvents({
    guard, now, reporter,
    retentionDays: options.retention?.days,
    profiles: { rules, counts: (event) => countBots || !event.bot },
  });
  const events: EventStore = options.events ?? embedded!;
  const foreign = embedded ? undefined : createUnstorageProfiles({
    guard, now, reporter, rules,
    history: (siteId, visitorId) => countedHistory(events, siteId, visitorId, countBots),
    shared: () => true, // nothing says who else writes to the owner's database
  });
  const profiles: ProfileStore<VisitorKnowledge> = embedded?.profiles ?? foreign!;
  foreign?.start();
  const outbox = createOutbox({
    sites: (siteId) => sites.find(siteId),
    transport: options.webhooks?.transport ?? createHttpsTransport({ ...options.webhooks, now }),
    now, reporter, hooks: options.hooks,
  });
  const daily = createDailyIds({ guard, now, reporter });
  const sweeping = setInterval(() => {
    daily.sweep().catch((error: unknown) => reporter.report("warn", "sweep", "the salts of past days were not removed and will be tried again", error));
  }, SWEEP_MS).unref();
  const replay = options.replay === true ? {} : options.replay || undefined;
  const { budgetBytes = REPLAY_BUDGET_BYTES, retentionDays = REPLAY_DAYS, sessionsPerVisitor = REPLAY_SESSIONS } = replay ?? {};
  const recordings = replay && createReplayStore({ guard, now, reporter, budgetBytes, retentionMs: retentionDays * DAY_MS, sessionsPerVisitor });
  const replays = createReplays({ store: recordings, profiles, now, intent: options.intent, gpc: options.privacy?.gpc, budgetBytes });
  const pipeline = createPipeline({
    profiles, events, now, reporter,
    daily,
    geo: createGeo({ ...options.geo, reporter }),
    owe: (site, event, knowledge, raised) => (site.webhooks?.length ? outbox.owe(site, raised.map((name) => toRaised(name, event, knowledge))) : []),
    delivered: (deliveries) => outbox.enqueue(deliveries),
    hooks: options.hooks,
    bots: options.bots,
    privacy: options.privacy,
    identity: options.identity,
  });
  const reports = createVisitorReports({ events, profiles, now, options: { bots: options.bots, intent: options.intent } });
  let closing: Promise<void> | undefined;

  function toRaised(name: Raised["event"], event: StoredEvent, knowledge: VisitorKnowledge): Raised {
    const raised: Raised = { event: name, data: toNotice(name, event, knowledge, options.intent), at: event.at };
    // two processes may both raise these: the same id makes them one delivery
    if (name === "visitor_identified") raised.id = derivedWebhookId(event.siteId, event.visitorId, name);
    if (name === "high_intent_visitor") raised.id = derivedWebhookId(event.siteId, event.visitorId, `${name} ${event.day}`);
    return raised;
  }

  function callHook(hook: () => void): void {
    try {
      hook();
    } catch (cause) {
      reporter.report("warn", "hook", "a hook failed", cause);
    }
  }

  function assertOpen(): void {
    if (closing) throw new AnalyticsError("UNAVAILABLE", "Shutting down", { retryAfter: 1 });
  }

  async function siteOf(siteId: unknown): Promise<Site> {
    if (siteId === undefined || siteId === "") throw new AnalyticsError("VALIDATION_ERROR", "Missing required field: siteId");
    const site = typeof siteId === "string" ? await sites.find(siteId) : undefined;
    if (!site) throw new AnalyticsError("NOT_FOUND", "Site not found");
    return site;
  }

  const api: AnalyticsApi = {
    async track(site, input, facts) {
      assertOpen();
      return pipeline.track(site, input, facts);
    },
    getVisitors: (site, query) => reports.getVisitors(site, query),
    getVisitor: (site, visitorId) => reports.getVisitor(site, visitorId),
    async eraseVisitor(site, visitorId) {
      await recordings?.erase(site.id, visitorId);
      await profiles.erase(site.id, visitorId);
      await events.erase(site.id, visitorId);
    },
    async addReplay(site, body, facts) {
      assertOpen();
      return replays.add(site, body, facts);
    },
    getReplays: (site, query) => replays.list(site, query),
    readReplay: (site, sessionId, tab) => replays.read(site, sessionId, tab),
    exportEvents: (site, range) => events.read(site.id, range),
    health: () => ({
      status: closing ? "closing" : guard.breaker() === "closed" ? "ok" : "degraded",
      storage: guard.breaker(),
      ...pipeline.stats(),
      ...embedded?.stats(),
      ...(recordings && { replay: recordings.stats() }),
      webhooks: { ...outbox.stats(), endpoints: undefined }, // they name sites: not for everybody
    }),
  };
  const app = createApp({
    api, sites, reporter, now,
    limiter: limiterOf(options, now, reporter),
    trustProxy: options.trustProxy,
    perNetwork: options.rateLimit?.perNetwork,
    trackerPath: options.trackerPath,
  });

  async function track(parse: (body: Record<string, unknown>) => TelemetryInput, given: object, context: TrackContext = {}): Promise<Tracked> {
    assertOpen();
    const { ...body } = given as Record<string, unknown>;
    const site = await siteOf(body.siteId);
    if (context.timestamp !== undefined) body.timestamp = context.timestamp;
    if (context.userAgent !== undefined) body.userAgent = context.userAgent;
    if (context.ip !== undefined) body.ip = context.ip;
    const { at, ...receipt } = await pipeline.track(site, parse(body), toFacts(context, now()));
    return { ...receipt, timestamp: toTimestamp(at) };
  }

  const analytics: Analytics = {
    fetch: app.fetch,
    paths: app.paths,
    trackPageview: (input, context) => track(parsePageview, input, context),
    trackEvent: (input, context) => track(parseEvent, input, context),
    trackEngagement: (input, context) => track(parseEngagement, input, context),
    getVisitors: async (siteId, query) => reports.getVisitors(await siteOf(siteId), query),
    getVisitor: async (siteId, visitorId) => reports.getVisitor(await siteOf(siteId), visitorId),
    getReplays: async (siteId, query) => replays.list(await siteOf(siteId), query),
    readReplay: async (siteId, sessionId, tab) => replays.read(await siteOf(siteId), sessionId, tab),
    async eraseVisitor(siteId, visitorId) {
      await api.eraseVisitor(await siteOf(siteId), visitorId);
    },
    async *exportEvents(siteId, range) {
      yield* api.exportEvents(await siteOf(siteId), range ?? {});
    },
    close() {
      closing ??= (async () => {
        clearInterval(sweeping);
        foreign?.stop();
        await foreign?.flush().catch((error: unknown) => reporter.report("warn", "close", "profiles were not written; they will be rebuilt", error));
        await recordings?.close().catch((error: unknown) => reporter.report("warn", "close", "the replay index was not written; it will be made again", error));
        await events.close();
        await outbox.close(CLOSE_WEBHOOKS_MS);
      })();
      return closing;
    },
  };
  // keys and secrets must not show in a log of the object
  return Object.defineProperty(analytics, inspect.custom, { value: () => "Analytics {}", enumerable: false });
}

function limiterOf(options: AnalyticsOptions, now: () => number, reporter: ReturnType<typeof createReporter>) {
  const local = createFixedWindow({ now });
  const shared = options.rateLimit?.limiter;
  return shared ? createSharedLimiter({ limiter: shared, local, now, reporter }) : local;
}

function toFacts({ ip, headers }: TrackContext, receivedAt: number): RequestFacts {
  const lowered = new Map<string, string>();
  const pairs = headers instanceof Headers ? headers.entries() : Object.entries(headers ?? {});
  for (const [name, value] of pairs) if (value !== undefined) lowered.set(name.toLowerCase(), String(value));
  return { receivedAt, ip, header: (name) => lowered.get(name), trust: "host" };
}

/** A visitor's events, newest first, as far as they count for the profile. */
async function* countedHistory(events: EventStore, siteId: string, visitorId: string, withBots: boolean): AsyncGenerator<StoredEvent> {
  let cursor: string | undefined;
  do {
    const page = await events.timeline(siteId, visitorId, { limit: 1_000, cursor });
    for (const event of page.events) if (withBots || !event.bot) yield event;
    cursor = page.cursor;
  } while (cursor !== undefined);
}
