// Processes on one disk, some of whose visitors are erased, and what is left of these.
import type { Driver } from "unstorage";
import memoryDriver from "unstorage/drivers/memory";
import { inflateRawSync } from "node:zlib";
import type { StoredEvent } from "../../src/event.ts";
import { createUnstorageEvents } from "../../src/events/unstorage.ts";
import { createKnowledgeRules, type VisitorKnowledge } from "../../src/ingest/knowledge.ts";
import { silentReporter } from "../../src/logger.ts";
import { createGuard } from "../../src/storage/guard.ts";

export const DAY = 86_400_000;
export const NOON = Date.parse("2025-03-10T12:00:00Z");
const rules = createKnowledgeRules();

let made = 0;
export function event(at: number, visitorId: string, fields: Partial<StoredEvent> = {}): StoredEvent {
  const id = `evt_${made++}`;
  return {
    id, siteId: "shop", type: "pageview", at, day: new Date(at).toISOString().slice(0, 10), visitorId, sessionId: `s_${visitorId}`, visit: 1,
    path: `/for/${visitorId}`, pageviewId: `pv_${id}`, ...fields,
  };
}

export type Store = ReturnType<typeof createUnstorageEvents<VisitorKnowledge>>;
type Operation = "get" | "set" | "remove";

export function createWorld() {
  const disk = { ...memoryDriver(), dispose: undefined } as Driver;
  const dead = new WeakSet<object>();
  const sleeping = new WeakSet<object>();
  const asked: string[] = [];
  const world = {
    clock: NOON,
    /** Waited for before a process reads or changes a key. */
    hook: (() => {}) as (operation: Operation, key: string, store: Store) => Promise<void> | void,
    kill: (store: Store) => void dead.add(store),
    /** What it reads and writes waits until it wakes. */
    sleep: (store: Store) => void sleeping.add(store),
    wake: (store: Store) => void sleeping.delete(store),
    open(): Store {
      const through = async <T>(operation: Operation, key: string, call: () => T): Promise<Awaited<T>> => {
        while (sleeping.has(store)) await wait(1);
        if (dead.has(store)) throw new Error("dead");
        if (operation === "get") asked.push(key);
        await world.hook(operation, key, store);
        return await call();
      };
      const driver: Driver = {
        ...disk,
        getItemRaw: (key, options) => through("get", key, () => disk.getItemRaw!(key, options)),
        setItemRaw: (key, value, options) => through("set", key, () => disk.setItemRaw!(key, value, options)),
        removeItem: (key, options) => through("remove", key, () => disk.removeItem!(key, options)),
      };
      const guard = createGuard(driver, { reporter: silentReporter });
      const store: Store = createUnstorageEvents<VisitorKnowledge>({ guard, now: () => world.clock, reporter: silentReporter, profiles: { rules, counts: () => true } });
      return store;
    },
    remove: (key: string) => disk.removeItem!(key, {}),
    keysOf: async (kind: string) => (await disk.getKeys!(kind, {})).filter((key) => key.startsWith(`${kind}:`)),
    /** What is read of a kind while something is done. */
    async readBy(kind: string, action: () => Promise<unknown>) {
      asked.length = 0;
      await action();
      return asked.filter((key) => key.startsWith(`${kind}:`));
    },
    /** Keys whose value, inflated where it is compressed, holds a text. */
    async holders(text: string) {
      const found: string[] = [];
      for (const key of await disk.getKeys("", {})) {
        const body = ((await disk.getItemRaw!(key, {} as never)) as Buffer).subarray(12);
        if (body.includes(text) || inflated(body).includes(text)) found.push(key);
      }
      return found;
    },
  };
  return world;
}

function inflated(body: Buffer): string {
  try {
    return inflateRawSync(body).toString();
  } catch {
    return ""; // not compressed
  }
}

export const checkpoint = (store: Store) => store.erase("elsewhere", "nobody");
export const report = (store: Store, days = 30) => store.report({ siteId: "shop", timeZone: "UTC", days, limit: 100, includeBots: false, now: NOON });
export const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
