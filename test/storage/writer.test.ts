import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Driver } from "unstorage";
import fsDriver from "unstorage/drivers/fs";
import memoryDriver from "unstorage/drivers/memory";
import { afterEach, expect, test, vi } from "vitest";
import type { StoredEvent } from "../../src/event.ts";
import { createUnstorageEvents, type UnstorageEvents } from "../../src/events/unstorage.ts";
import { silentReporter } from "../../src/logger.ts";
import { createGuard } from "../../src/storage/guard.ts";
import { BEAT_MS, createWriters, DEAD_MS } from "../../src/storage/writer.ts";

const NOON = Date.parse("2025-03-10T12:00:00Z");
const PROCESSES = 8;
/** Within this long they know of one another. */
const FOUND_MS = 2_000;
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Answers come after a while, each another one, as from a disk or a network that others use too. */
function shuffled(driver: Driver, longestMs: number): Driver {
  const late = <Args extends unknown[], T>(act: (...args: Args) => T) => async (...args: Args): Promise<T> => {
    await pause(Math.random() * longestMs);
    const result = await act(...args);
    await pause(Math.random() * longestMs);
    return result;
  };
  return { ...driver, dispose: undefined, getItemRaw: late(driver.getItemRaw!), setItemRaw: late(driver.setItemRaw!) } as Driver;
}

const eventOf = (n: number): StoredEvent => ({
  id: `evt_${n}`, siteId: "shop", type: "pageview", at: NOON, day: "2025-03-10", visitorId: `v${n}`, sessionId: `s${n}`, visit: 1,
  path: "/", pageviewId: `pv_${n}`,
});

function open(driver: Driver): UnstorageEvents {
  return createUnstorageEvents({ guard: createGuard(driver, { reporter: silentReporter }), now: () => NOON, reporter: silentReporter });
}

async function holdersOf(driver: Driver): Promise<string[]> {
  const guard = createGuard(driver, { reporter: silentReporter });
  const bodies = await Promise.all((await guard.list("slot")).map((key) => guard.read(key)));
  return bodies.map((held) => (held.state === "found" ? (JSON.parse(held.body.toString()) as { writer: string }).writer : held.state));
}

async function startTogether(driver: Driver, longestMs: number): Promise<void> {
  const stores = Array.from({ length: PROCESSES }, () => open(shuffled(driver, longestMs)));
  await Promise.all(stores.map((store, n) => store.append({ events: [eventOf(n)] })));
  await pause(FOUND_MS);
  const query = { siteId: "shop", timeZone: "UTC", days: 1, limit: 100, includeBots: false, now: NOON };
  for (const store of stores) expect((await store.report(query)).totalPageviews).toBe(PROCESSES);
  expect(stores.map((store) => store.isShared())).toEqual(stores.map(() => true));
  const holders = await holdersOf(driver);
  expect(new Set(holders).size, holders.join()).toBe(PROCESSES);
  expect(holders.length).toBe(PROCESSES);
  await Promise.all(stores.map((store) => store.close()));
}

afterEach(() => void vi.useRealTimers());

for (const longestMs of [0, 5, 40]) {
  test(`processes that start at the same moment on a storage that answers within ${2 * longestMs} ms soon see each other's events`, { timeout: 20_000 }, async () => {
    await startTogether(memoryDriver() as Driver, longestMs);
  });
}

test("processes that start at the same moment on one disk soon see each other's events", { timeout: 20_000 }, async () => {
  const base = await mkdtemp(join(tmpdir(), "slots-"));
  await startTogether(fsDriver({ base }) as Driver, 10);
  await rm(base, { recursive: true });
});

/** A clock and timers that only the test moves. */
function stopClock() {
  vi.useFakeTimers({ now: NOON, toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "Date", "performance"] });
  const disk = memoryDriver() as Driver;
  let reads = 0;
  const counted = { ...disk, getItemRaw: (key: string, options: never) => (reads++, disk.getItemRaw!(key, options)) } as Driver;
  const guard = createGuard(counted, { reporter: silentReporter });
  const join = (writer: string, random = () => 0) => createWriters({ guard, writer, now: Date.now, random });
  const readsWhile = async (ms: number) => {
    reads = 0;
    await vi.advanceTimersByTimeAsync(ms);
    return reads;
  };
  return { disk, join, readsWhile };
}

test("a process alone ceases to look at the slots after half a minute, and looks again when another came", async () => {
  const { join, readsWhile } = stopClock();
  const first = join("first");
  await first.claim();
  expect(await readsWhile(35_000)).toBeGreaterThan(20);
  expect(await readsWhile(35_000)).toBe(0);
  await join("second").claim();
  expect(first.othersAlive()).toBe(false);
  await first.read(); // a report's, or the beat's
  expect(first.othersAlive()).toBe(true);
  expect(await readsWhile(5_000)).toBeGreaterThan(5);
});

test("a process whose slot another wrote over is not taken for dead", async () => {
  const { disk, join, readsWhile } = stopClock();
  const [first, second] = [join("first"), join("second")];
  await first.claim();
  await second.claim();
  await second.read();
  const [holder] = (await second.read()).filter(({ writer }) => writer === "first");
  await createGuard(disk, { reporter: silentReporter }).write("slot:0000000000", JSON.stringify({ ...holder, writer: "third" }));
  expect((await second.read()).map(({ writer }) => writer)).toEqual(["third", "second"]);
  expect(second.isHeard("first")).toBe(true);
  await readsWhile(2_000);
  expect((await second.read()).map(({ writer }) => writer)).toEqual(["third", "second", "first"]);
  await first.release();
  await second.read();
  expect(second.isHeard("first")).toBe(false);
});

test("a process that said goodbye gives its slot to the next, which tells whose data is there", async () => {
  const { join, readsWhile } = stopClock();
  const first = join("first");
  await first.claim();
  await first.release();
  await readsWhile(BEAT_MS);
  const second = join("second");
  await second.claim();
  expect(await second.read()).toMatchObject([{ writer: "second", known: ["first"] }]);
  await readsWhile(DEAD_MS);
  expect((await second.read()).map((slot) => second.isAlive(slot))).toEqual([false]); // it did not beat
});
