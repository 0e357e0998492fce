import type { RequestFacts, StoredEvent, TelemetryInput } from "../../src/event.ts";
import type { Batch, EventStore, OwedDelivery } from "../../src/events/event-store.ts";
import { createDailyIds } from "../../src/identity/fingerprint.ts";
import type { ProfileStore } from "../../src/profile-store.ts";
import { createGeo } from "../../src/ingest/geo.ts";
import type { VisitorKnowledge } from "../../src/ingest/knowledge.ts";
import { createKnowledgeRules } from "../../src/ingest/knowledge.ts";
import type { PipelineParts } from "../../src/ingest/pipeline.ts";
import { createPipeline } from "../../src/ingest/pipeline.ts";
import type { Site } from "../../src/site.ts";
import type { Guard } from "../../src/storage/guard.ts";

export const NOON = Date.parse("2025-01-15T12:00:00Z");
export const CHROME =
  "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36";
export const GOOGLEBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";
export const site: Site = { id: "demo", apiKey: "secret-key-of-the-demo-site" };

export const pageview = (over: Partial<Extract<TelemetryInput, { type: "pageview" }>> = {}): TelemetryInput => ({
  type: "pageview",
  siteId: "demo",
  pageUrl: "https://shop.example/",
  ...over,
});

export const event = (over: Partial<Extract<TelemetryInput, { type: "event" }>> = {}): TelemetryInput => ({
  type: "event",
  siteId: "demo",
  eventName: "Sign Up Success",
  ...over,
});

export const engagement = (over: Partial<Extract<TelemetryInput, { type: "engagement" }>> = {}): TelemetryInput => ({
  type: "engagement",
  siteId: "demo",
  pageUrl: "https://shop.example/",
  engagedSeconds: 12,
  ...over,
});

/** A request as a browser sends it; `headers` come on top, `undefined` takes one away. */
export function facts(
  over: Partial<Omit<RequestFacts, "header">> & { headers?: Record<string, string | undefined> } = {},
): RequestFacts {
  const { headers, ...rest } = over;
  const all: Record<string, string | undefined> = {
    "user-agent": CHROME,
    "accept-language": "de-CH,de;q=0.9",
    origin: "https://shop.example",
    ...headers,
  };
  return { receivedAt: NOON, ip: "203.0.113.77", trust: "write", header: (name) => all[name], ...rest };
}

export function memoryGuard(): Guard {
  const values = new Map<string, Buffer>();
  return {
    async read(key) {
      const body = values.get(key);
      return body ? { state: "found", body } : { state: "missing" };
    },
    async write(key, body) {
      values.set(key, Buffer.from(body));
    },
    async remove(key) {
      values.delete(key);
    },
    list: async (base) => [...values.keys()].filter((key) => key.startsWith(`${base}:`)),
    breaker: () => "closed",
    isWritable: () => true,
  };
}

/** Profiles by the real rules; a visitor's first `load` waits, as it does with storage. */
export function memoryProfiles(): ProfileStore<VisitorKnowledge> & { known: Map<string, VisitorKnowledge>; forgotten: string[]; loads: number } {
  const rules = createKnowledgeRules();
  const known = new Map<string, VisitorKnowledge>();
  const forgotten: string[] = [];
  const store = {
    known,
    forgotten,
    loads: 0,
    load(siteId: string, visitorId: string) {
      store.loads++;
      const found = known.get(`${siteId} ${visitorId}`);
      return found ?? new Promise<undefined>((resolve) => setImmediate(resolve, undefined));
    },
    record(stored: StoredEvent) {
      const key = `${stored.siteId} ${stored.visitorId}`;
      known.set(key, rules.fold(known.get(key), stored));
    },
    forget(siteId: string, visitorId: string) {
      forgotten.push(`${siteId} ${visitorId}`);
      known.delete(`${siteId} ${visitorId}`);
    },
    async erase() {},
    async flush() {},
  };
  return store;
}

/** A pipeline over memory, with everything it stored, owed and told in reach. */
export function setup(over: Partial<PipelineParts> = {}) {
  const clock = { at: NOON };
  const now = () => clock.at;
  const batches: Batch[] = [];
  const failing = { error: undefined as Error | undefined };
  const raised: string[][] = [];
  const delivered: OwedDelivery[][] = [];
  const profiles = memoryProfiles();
  const events = {
    async append(batch: Batch) {
      if (failing.error) throw failing.error;
      batches.push(structuredClone(batch));
    },
  } as Partial<EventStore> as EventStore;
  const pipeline = createPipeline({
    profiles,
    events,
    daily: createDailyIds({ guard: memoryGuard(), now }),
    geo: createGeo(),
    now,
    owe(_site, stored, _knowledge, names) {
      raised.push(names);
      return names.map((name) => ({ eventId: stored.id, record: name }));
    },
    delivered: (_, deliveries) => void delivered.push(deliveries),
    ...over,
  });
  return {
    pipeline,
    clock,
    batches,
    raised,
    delivered,
    profiles,
    failing,
    stored: () => batches.flatMap((batch) => batch.events),
    last(): StoredEvent {
      const stored = batches.at(-1)?.events[0];
      if (!stored) throw new Error("nothing was stored");
      return stored;
    },
    /** Tracks one hit of a browser at the clock's time. */
    track: (input: TelemetryInput, request: Parameters<typeof facts>[0] = {}, at: Site = site) =>
      pipeline.track(at, input, facts({ receivedAt: clock.at, ...request })),
  };
}
