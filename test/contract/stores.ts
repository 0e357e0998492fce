import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Driver } from "unstorage";
import fsDriver from "unstorage/drivers/fs";
import memoryDriver from "unstorage/drivers/memory";
import redisDriver from "unstorage/drivers/redis";
import { createUnstorageEvents } from "../../src/events/unstorage.ts";
import { silentReporter } from "../../src/logger.ts";
import { createGuard } from "../../src/storage/guard.ts";
import type { EventStoreSubject } from "../../src/testing/event-store-cases.ts";
import { startRedis } from "./redis.ts";

/** A place to keep data, and as many drivers on it as are asked for. */
interface Place {
  driver(): Driver;
  clean(): Promise<void>;
}

/** An event store on fresh data; `reopen("crash")` drops the process's state without closing it. */
export async function createStoreSubject(place: Place): Promise<EventStoreSubject> {
  const opened: ReturnType<typeof createUnstorageEvents>[] = [];
  function open() {
    const guard = createGuard(place.driver(), { reporter: silentReporter });
    const store = createUnstorageEvents({ guard, now: Date.now, reporter: silentReporter, retentionDays: 36_500 });
    opened.push(store);
    return store;
  }
  let current = open();
  return {
    store: current,
    async reopen(how) {
      if (how !== "crash") await current.close();
      current = open();
      return current;
    },
    second: async () => open(),
    async close() {
      await Promise.all(opened.map((store) => store.close()));
      await place.clean();
    },
  };
}

export const places: { name: string; create(): Promise<Place> }[] = [
  {
    name: "memory",
    async create() {
      const driver = memoryDriver();
      // the data outlives the process that uses it
      return { driver: () => ({ ...driver, dispose: undefined }), clean: async () => {} };
    },
  },
  {
    name: "fs",
    async create() {
      const base = await mkdtemp(join(tmpdir(), "wysleap-store-"));
      return { driver: () => fsDriver({ base }), clean: () => rm(base, { recursive: true, force: true }) };
    },
  },
];

let database = 0;

/** On a real redis-server, each place in a prefix of its own. */
export async function createRedisPlace(): Promise<Place> {
  const { port } = await startRedis();
  const base = `contract${database++}`;
  const drivers: Driver[] = [];
  return {
    driver() {
      const driver = redisDriver({ base, host: "127.0.0.1", port, maxRetriesPerRequest: 1 }) as unknown as Driver;
      drivers.push(driver);
      return driver;
    },
    async clean() {
      for (const driver of drivers) await driver.dispose?.();
    },
  };
}
