import { inspect } from "node:util";
import { createStorage } from "unstorage";
import memoryDriver from "unstorage/drivers/memory";
import { checkOptions } from "./check-options.ts";
import { checkFound } from "./check-site.ts";
import { DAY_MS, HOUR_MS } from "./clock.ts";
import { withinDeadline } from "./deadline.ts";
import { AnalyticsError } from "./errors.ts";
import { createUnstorageEvents, type UnstorageEvents } from "./events/unstorage.ts";
import type { EventStore } from "./events/event-store.ts";
import type { AnalyticsApi } from "./http/api.ts";
import { createApp } from "./http/app.ts";
import { createDailyIds } from "./identity/fingerprint.ts";
import type { ProfileStore } from "./profile-store.ts";
import { createUnstorageProfiles } from "./identity/unstorage-profiles.ts";
import { countedHistory } from "./ingest/counted-history.ts";
import { createGeo } from "./ingest/geo.ts";
import { createKnowledgeRules, type VisitorKnowledge } from "./ingest/knowledge.ts";
import { createListeners } from "./ingest/listeners.ts";
import { toPayload } from "./ingest/notice.ts";
import { createPipeline } from "./ingest/pipeline.ts";
import { createRaise } from "./ingest/raise.ts";
import { createVisitorReports } from "./ingest/visitors.ts";
import { createWebhookAdmin } from "./ingest/webhook-admin.ts";
import { createHexId } from "./ids.ts";
import { createInProcess } from "./in-process.ts";
import { createReporter } from "./logger.ts";
import type { AnalyticsOptions } from "./options.ts";
import { createReplays } from "./ingest/replays.ts";
import { createReplayStore } from "./replay/replay-store.ts";
import { createFixedWindow } from "./rate-limit/fixed-window.ts";
import { createSharedLimiter } from "./rate-limit/shared.ts";
import { createSites } from "./site.ts";
import { createGuard } from "./storage/guard.ts";
import { createDurableOutbox, type DurableOutbox } from "./webhooks/durable-outbox.ts";
import { createHttpsTransport } from "./webhooks/https-transport.ts";
import { createOutbox, type OutboxOptions } from "./webhooks/outbox.ts";
import { type Owing, withEvent } from "./webhooks/owed.ts";
import type { Analytics } from "./public-api.ts";

/** How often the salts of past days are looked for. */
const SWEEP_MS = 6 * HOUR_MS;
/** How long `close()` waits for hits that are being taken. */
const CLOSE_HITS_MS = 5_000;
/** How long `close()` waits for webhooks that are on their way. */
const CLOSE_WEBHOOKS_MS = 5_000;
/** Storage that was down at the start is asked again after this. */
const RESUME_MS = 5_000;
const REPLAY_BUDGET_BYTES = 1024 ** 3;
const REPLAY_DAYS = 30;
const REPLAY_SESSIONS = 2;

/**
 * Puts the parts together. Throws a TypeError that names the option when something in them is wrong.
 *
 * @example
 * const analytics = createAnalytics({
 *   sites: [{ id: "shop", apiKey: process.env.SHOP_KEY ?? "", writeKey: process.env.SHOP_WRITE_KEY }],
 *   storage: fsDriver({ base: "./.data/wysleap" }),
 * });
 * app.use("/api", wysleap(analytics));
 */
export function createAnalytics(options: AnalyticsOptions): Analytics {
  const warnings = checkOptions(options);
  const clock = options.now;
  const now = clock ? () => Math.floor(clock()) : Date.now;
  const reporter = createReporter(options.logger, now);
  for (const [index, warning] of warnings.entries()) reporter.report("warn", `options ${index}`, warning);
  if (!options.storage && process.env.NODE_ENV === "production") {
    reporter.report("warn", "memory", "no storage is set: everything is kept in memory and lost when this process ends");
  }

  const storage = options.storage ?? createStorage({ driver: memoryDriver() });
  const guard = createGuard(storage, { reporter, onFailure: (info) => callHook(() => options.hooks?.storageFailed?.(info)) });
  const sites = createSites(options.sites, { now, reporter, check: (site, siteId) => checkFound(site, siteId, options.webhooks) });
  const writer = createHexId();
  const countBots = options.bots === "count";
  const rules = createKnowledgeRules({ intent: options.intent, countBots });
  const embedded: UnstorageEvents<VisitorKnowledge> | undefined = options.events ? undefined : createUnstorageEvents({
    guard, now, reporter, writer,
    retentionDays: options.retention?.days,
    profiles: { rules, counts: (event) => countBots || !event.bot },
    owed: {
      stored: (n, deliveries) => durable!.keeper.stored(n, deliveries),
      fold: (owner, n, deliveries) => durable!.keeper.fold(owner, n, deliveries),
      carry: (plan) => durable!.keeper.carry(plan),
    },
  });
  const events: EventStore = options.events ?? embedded!;
  const foreign = embedded ? undefined : createUnstorageProfiles({
    guard, now, reporter, rules,
    history: (siteId, visitorId) => countedHistory(events, siteId, visitorId, countBots),
    shared: () => true, // nothing says who else writes to the owner's database
  });
  const profiles: ProfileStore<VisitorKnowledge> = embedded?.profiles ?? foreign!;
  foreign?.start();
  const delivery: OutboxOptions = {
    sites: (siteId) => sites.find(siteId),
    transport: options.webhooks?.transport ?? createHttpsTransport({ ...options.webhooks, now }),
    now, reporter, toPayload, hooks: options.hooks,
  };
  const durable: DurableOutbox | undefined = embedded && createDurableOutbox(delivery, { guard, writer, owedIn: embedded.owedIn });
  const outbox = durable ?? createOutbox(delivery);
  const raise = createRaise(rules);
  const listeners = createListeners(raise, reporter);
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
    owe: (site, event, knowledge, raised) => (site.webhooks?.length ? outbox.owe(site, raised.map((name) => raise(name, event, knowledge))) : []),
    // the embedded store tells of what it stored itself
    delivered: embedded ? undefined : (event, owed) => outbox.enqueue((owed as Owing[]).map((owing) => withEvent(owing, JSON.stringify(event)))),
    raised: listeners.tell,
    catchUp: embedded?.catchUp,
    hooks: options.hooks,
    bots: options.bots,
    privacy: options.privacy,
    identity: options.identity,
  });
  const reports = createVisitorReports({ events, profiles, now, options: { bots: options.bots, intent: options.intent } });
  const webhooks = createWebhookAdmin({
    outbox, events, profiles, raise,
    put: durable?.put ?? (async (deliveries) => outbox.enqueue(deliveries)),
    countBots: options.bots === "count",
  });
  let closing: Promise<void> | undefined;
  let underWay = 0;
  let settled = () => {};
  if (embedded && (!sites.all || sites.all.some((site) => site.webhooks?.length))) resume(embedded);

  /** A process that nobody sends anything to goes on with what earlier ones owe, too. */
  function resume(store: Pick<UnstorageEvents, "start">): void {
    store.start().catch(() => void setTimeout(() => closing ?? resume(store), RESUME_MS).unref());
  }

  function callHook(hook: () => void): void {
    try {
      hook();
    } catch (cause) {
      reporter.report("warn", "hook", "a hook failed", cause);
    }
  }

  /** What is under way when `close()` is called is waited for. */
  async function whileOpen<T>(store: () => Promise<T>): Promise<T> {
    if (closing) throw new AnalyticsError("UNAVAILABLE", "Shutting down", { retryAfter: 1 });
    underWay++;
    try {
      return await store();
    } finally {
      if (--underWay === 0) settled();
    }
  }

  const api: AnalyticsApi = {
    track: (site, input, facts) => whileOpen(() => pipeline.track(site, input, facts)),
    getVisitors: (site, query) => reports.getVisitors(site, query),
    getVisitor: (site, visitorId, timeline) => reports.getVisitor(site, visitorId, timeline),
    async eraseVisitor(site, visitorId) {
      outbox.erase(site.id, visitorId);
      await recordings?.erase(site.id, visitorId);
      await profiles.erase(site.id, visitorId);
      await events.erase(site.id, visitorId);
      reports.forget();
    },
    addReplay: (site, body, facts) => whileOpen(() => replays.add(site, body, facts)),
    getReplays: (site, query) => replays.list(site, query),
    readReplay: (site, sessionId, tab) => replays.read(site, sessionId, tab),
    exportEvents: (site, range) => events.read(site.id, range),
    webhooks,
    health: () => ({
      status: closing ? "closing" : guard.breaker() === "closed" && guard.isWritable() ? "ok" : "degraded",
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

  const analytics: Analytics = {
    fetch: app.fetch,
    paths: app.paths,
    ...createInProcess({ api, reports, sites, now }),
    on: listeners.on,
    close() {
      closing ??= (async () => {
        clearInterval(sweeping);
        if (underWay > 0) await withinDeadline(new Promise<void>((resolve) => (settled = resolve)), CLOSE_HITS_MS).catch(() => {});
        foreign?.stop();
        await foreign?.flush().catch((error: unknown) => reporter.report("warn", "close", "profiles were not written; they will be rebuilt", error));
        await recordings?.close().catch((error: unknown) => reporter.report("warn", "close", "the replay index was not written; it will be made again", error));
        await embedded?.settled().catch(() => {});
        // before the store: another process takes over what this one owes once it says that it is gone
        await outbox.close(CLOSE_WEBHOOKS_MS);
        await events.close();
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
