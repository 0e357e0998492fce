// Stores on one disk whose processes sleep and die, and what their visitors' profiles must be.
import type { Driver } from "unstorage";
import memoryDriver from "unstorage/drivers/memory";
import { afterEach, expect } from "vitest";
import type { StoredEvent } from "../../src/event.ts";
import { createUnstorageEvents } from "../../src/events/unstorage.ts";
import { createKnowledgeRules, type VisitorKnowledge } from "../../src/ingest/knowledge.ts";
import { silentReporter } from "../../src/logger.ts";
import { createGuard } from "../../src/storage/guard.ts";

export const NOON = Date.parse("2025-03-10T12:00:00Z");
const rules = createKnowledgeRules();
const opened: { close(): Promise<void> }[] = [];
afterEach(async () => {
  world.skew = 0;
  await Promise.all(opened.splice(0).map((store) => store.close()));
});

export function createDisk() {
  const driver = memoryDriver();
  const disk: Driver = { ...driver, dispose: undefined };
  return { driver, disk, keys: async (base: string) => (await driver.getKeys!("", {})).filter((key) => key.startsWith(base)) };
}

/** Clocks, ahead by this many milliseconds. */
export const world = { skew: 0 };
export const dead = new WeakSet<object>();
/** What it reads and writes waits until it wakes. */
export const sleeping = new WeakSet<object>();
export function open(disk: Driver) {
  const through = async <T>(call: () => T): Promise<Awaited<T>> => {
    while (sleeping.has(store)) await new Promise((resolve) => setTimeout(resolve, 1));
    if (dead.has(store)) throw new Error("dead"); // it reads and writes nothing more
    return await call();
  };
  const own: Driver = {
    ...disk,
    getItemRaw: (...args) => through(() => disk.getItemRaw!(...args)),
    setItemRaw: (...args) => through(() => disk.setItemRaw!(...args)),
    removeItem: (...args) => through(() => disk.removeItem!(...args)),
  };
  const guard = createGuard(own, { reporter: silentReporter });
  const store = createUnstorageEvents<VisitorKnowledge>({
    guard, now: () => Date.now() + world.skew, reporter: silentReporter, retentionDays: 36_500,
    profiles: { rules, counts: (event) => !event.bot },
  });
  opened.push(store);
  return store;
}
export type Store = ReturnType<typeof open>;

export function eventOf(n: number, visitors: number): StoredEvent {
  const at = NOON + n * 1_000;
  return {
    id: `evt_${n}`, siteId: "shop", type: n % 3 === 0 ? "event" : "pageview", at, day: "2025-03-10", visitorId: `v${n % visitors}`,
    sessionId: `s${n % visitors}`, visit: 1, path: `/${n % 7}`, ...(n % 3 === 0 ? { name: "Add to Cart" } : { pageviewId: `pv_${n}` }),
  };
}

/** As the pipeline does it: the profile is loaded, the event folded in, then stored. */
export async function track(store: Store, event: StoredEvent) {
  await store.profiles.load(event.siteId, event.visitorId);
  store.profiles.record(event);
  await store.append({ events: [event] }).catch((error: unknown) => {
    store.profiles.forget(event.siteId, event.visitorId);
    throw error;
  });
}

export const factsOf = (known: VisitorKnowledge | undefined) => known && {
  pageviews: known.visitor.pageviews, events: known.visitor.events, sessions: known.visitor.sessions.length,
  first: known.visitor.firstSeen, last: known.visitor.lastSeen, visits: known.visitor.visits,
};

export function expected(events: StoredEvent[], visitorId: string) {
  let known: VisitorKnowledge | undefined;
  for (const event of events) if (event.visitorId === visitorId) known = rules.fold(known, event);
  return factsOf(known);
}

export async function expectAll(store: Store, events: StoredEvent[], visitors: number) {
  for (let v = 0; v < visitors; v++) expect(factsOf(await store.profiles.load("shop", `v${v}`)), `v${v}`).toEqual(expected(events, `v${v}`));
}

export const checkpoint = (store: Store) => store.erase("elsewhere", "nobody");
