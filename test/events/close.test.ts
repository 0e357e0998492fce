import type { Driver } from "unstorage";
import memoryDriver from "unstorage/drivers/memory";
import { afterEach, expect, test, vi } from "vitest";
import { pause } from "../../src/deadline.ts";
import { createUnstorageEvents } from "../../src/events/unstorage.ts";
import { createAnalytics } from "../../src/index.ts";
import { silentReporter } from "../../src/logger.ts";
import { createGuard } from "../../src/storage/guard.ts";
import { keys } from "../../src/storage/keys.ts";
import { idsIn } from "./ids-in.ts";
import { eventOf } from "./profile-world.ts";

afterEach(() => void vi.restoreAllMocks());

/** Reads take as long as `delay.ms` says. */
function createSlowDisk() {
  const disk: Driver = { ...memoryDriver(), dispose: undefined };
  const delay = { ms: 0 };
  const slow: Driver = { ...disk, getItemRaw: async (...args) => (await pause(delay.ms), disk.getItemRaw!(...args)) };
  return { disk, slow, delay };
}

const open = (disk: Driver, closeMs?: number) =>
  createUnstorageEvents({ guard: createGuard(disk, { reporter: silentReporter }), now: Date.now, reporter: silentReporter, closeMs, retentionDays: 36_500 });

test("close() while the store starts: what waits is stored, no timer is left and its slot says that it is done", async () => {
  const { disk, slow, delay } = createSlowDisk();
  delay.ms = 5;
  const set = vi.spyOn(globalThis, "setInterval");
  const clear = vi.spyOn(globalThis, "clearInterval");
  const store = open(slow);
  const appended = store.append({ events: [eventOf(0, 1)] });
  await store.close();
  await appended;
  const left = set.mock.results.map(({ value }) => value).filter((timer) => !clear.mock.calls.some(([cleared]) => cleared === timer));
  expect(left).toEqual([]);
  const held = await createGuard(disk, { reporter: silentReporter }).read(keys.slot(0));
  expect(held.state === "found" && JSON.parse(held.body.toString())).toMatchObject({ aliveAt: 0 });
  expect(await idsIn(open(disk))).toEqual(["evt_0"]);
});

test("close() waits no longer than its bound for a start, which then takes no slot and stores nothing", async () => {
  const { disk, slow, delay } = createSlowDisk();
  delay.ms = 1_000;
  const store = open(slow, 100);
  const appended = store.append({ events: [eventOf(0, 1)] }).catch(({ code }: { code: string }) => code);
  const closed = store.close().then(() => "closed");
  expect(await Promise.race([closed, pause(900)])).toBe("closed");
  delay.ms = 0;
  expect(await appended).toBe("UNAVAILABLE");
  expect(await disk.getKeys!("", {})).toEqual([]);
});

test("after close() nothing is stored, and nothing starts", async () => {
  const { disk } = createSlowDisk();
  const store = open(disk);
  await store.append({ events: [eventOf(0, 1)] });
  await store.close();
  await expect(store.append({ events: [eventOf(1, 1)] })).rejects.toMatchObject({ code: "UNAVAILABLE" });
  const idle = open(disk);
  await idle.close();
  await expect(idle.start()).rejects.toMatchObject({ code: "UNAVAILABLE" });
});

test("a hit that is being taken when close() is called is stored before it", async () => {
  const { disk, slow, delay } = createSlowDisk();
  const options = { sites: [{ id: "shop", apiKey: "a-secret-key-of-the-shop" }] };
  const before = createAnalytics({ ...options, storage: slow });
  const hit = { siteId: "shop", pageUrl: "https://shop.example/", visitorId: "v1" };
  await before.trackPageview(hit);
  await before.close();
  const analytics = createAnalytics({ ...options, storage: slow });
  await analytics.getVisitors("shop"); // it has started
  delay.ms = 200; // of which the visitor's profile is read
  const tracked = analytics.trackPageview(hit);
  await pause(20);
  await analytics.close();
  expect(await tracked).toMatchObject({ visitorId: "v1" });
  delay.ms = 0;
  expect(await idsIn(open(disk))).toHaveLength(2);
});

test("processes that live for a moment only, one after another, do not let keys pile up", async () => {
  const { disk } = createSlowDisk();
  for (let n = 0; n < 60; n++) {
    const store = open(disk);
    await store.append({ events: [eventOf(n, 5)] });
    await store.close();
  }
  expect((await disk.getKeys!("", {})).length).toBeLessThan(150);
  expect(await idsIn(open(disk))).toHaveLength(60);
});
