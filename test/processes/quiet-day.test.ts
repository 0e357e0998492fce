import { setTimeout as pause } from "node:timers/promises";
import { afterEach, expect, test, vi } from "vitest";
import memoryDriver from "unstorage/drivers/memory";
import { createAnalytics } from "../../src/index.ts";

const EVENTS = 86_400;
const VISITORS = 50;
/** Segments that are not folded yet, blocks, rollups and pages of profiles. */
const MAX_KEYS = 600;
/** Looked at often: a checkpoint that seemed to take more than a minute would not count. */
const LOOK_EVERY = 20;
/** On fs each kind of value, and each site in it, is a folder, and none is ever removed: they must not grow with time. */
const MAX_FOLDERS = 20;

afterEach(() => {
  vi.useRealTimers();
});

test("a site with one event a second for a day has a few hundred keys, not one for each event", { timeout: 300_000 }, async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "performance", "Date"], now: Date.UTC(2026, 0, 15) });
  const memory = memoryDriver();
  const folders = new Set<string>();
  const noteFolders = (key: string) => key.split(":").slice(0, -1).forEach((_, i, parts) => folders.add(parts.slice(0, i + 1).join(":")));
  const driver: typeof memory = { ...memory, setItemRaw: (key, value, options) => (noteFolders(key), memory.setItemRaw!(key, value, options)) };
  const analytics = createAnalytics({ storage: driver, sites: [{ id: "shop", apiKey: "secret-key-of-the-process-tests" }] });
  const countKeys = async () => (await driver.getKeys("", {})).length;
  const started = analytics.getVisitors("shop");
  await vi.advanceTimersByTimeAsync(1_000);
  await started;
  let most = 0;
  for (let n = 0; n < EVENTS; n++) {
    await analytics.trackEvent({ siteId: "shop", eventName: "Sent", visitorId: `vis_${n % VISITORS}` });
    vi.advanceTimersByTime(1_000);
    if (n % LOOK_EVERY > 0) continue;
    // folding takes real time, and the day passes in seconds: it waits for what would long be done
    for (let tries = 0; tries < 500 && (await countKeys()) > MAX_KEYS - 2 * LOOK_EVERY; tries++) await pause(20);
    most = Math.max(most, await countKeys());
    expect(most).toBeLessThanOrEqual(MAX_KEYS);
  }
  expect((await analytics.getVisitors("shop", { days: 2 })).site.totalEvents).toBe(EVENTS);
  await analytics.close();
  const after = await countKeys();
  process.stdout.write(`a day of ${EVENTS} events: at most ${most} keys, ${after} after it, in ${folders.size} folders\n`);
  expect(folders.size).toBeGreaterThan(3);
  expect(folders.size).toBeLessThan(MAX_FOLDERS);
  expect(after).toBeLessThan(MAX_KEYS / 2);
});
