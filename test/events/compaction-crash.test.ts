import type { Driver } from "unstorage";
import memoryDriver from "unstorage/drivers/memory";
import { expect, test } from "vitest";
import type { StoredEvent } from "../../src/event.ts";
import { createUnstorageEvents } from "../../src/events/unstorage.ts";
import { silentReporter } from "../../src/logger.ts";
import { createGuard } from "../../src/storage/guard.ts";
import { idsIn } from "./ids-in.ts";

const NOW = Date.parse("2025-03-10T12:00:00Z");
const query = { siteId: "shop", timeZone: "UTC", days: 3, limit: 100, includeBots: false, now: NOW };

/** A driver whose process dies at its n-th change: that change and all after it never happen. */
function mortal(driver: Driver, dieAt: number, tear: boolean) {
  let changes = 0;
  const change = async (act: () => unknown, torn?: () => unknown) => {
    if (changes++ < dieAt) return act();
    if (changes === dieAt + 1 && tear) await torn?.();
    throw new Error("the process is dead");
  };
  return {
    died: () => changes > dieAt,
    driver: {
      ...driver,
      dispose: undefined,
      setItemRaw: (key: string, value: Uint8Array, options: never) =>
        change(() => driver.setItemRaw!(key, value, options), () => driver.setItemRaw!(key, value.slice(0, value.length / 2), options)),
      removeItem: (key: string, options: never) => change(() => driver.removeItem!(key, options)),
    } as Driver,
  };
}

function open(driver: Driver) {
  return createUnstorageEvents({ guard: createGuard(driver, { reporter: silentReporter, maxFailures: 1e9 }), now: () => NOW, reporter: silentReporter, closeMs: 200 });
}

function eventsOf(life: number): StoredEvent[] {
  return Array.from({ length: 12 }, (_, i) => ({
    id: `evt_${life}_${i}`,
    siteId: i % 4 === 3 ? "blog" : "shop",
    type: i % 3 === 2 ? "event" : "pageview",
    at: NOW - i * 3_600_000 * 3,
    day: new Date(NOW - i * 3_600_000 * 3).toISOString().slice(0, 10),
    visitorId: `v${i % 5}`,
    sessionId: `s${life}_${i % 5}`,
    visit: 1,
    path: `/${i % 4}`,
    pageviewId: `pv_${life}_${i}`,
  }));
}

/** Three lives on one storage; the second dies while it makes its checkpoint and takes over the first's data. */
async function liveThrough(dieAt: number, tear: boolean): Promise<boolean> {
  const disk = { ...memoryDriver(), dispose: undefined } as Driver;
  const acknowledged: StoredEvent[] = [];
  const append = async (store: ReturnType<typeof open>, life: number) => {
    for (const event of eventsOf(life)) {
      await store.append({ events: [event] });
      acknowledged.push(event);
    }
  };
  const first = open(disk);
  await append(first, 1);
  await first.close();
  const world = mortal(disk, dieAt, tear);
  const second = open(world.driver);
  await (async () => {
    await append(second, 2);
    await second.erase("shop", "nobody"); // makes a checkpoint that takes over the first life
    await append(second, 3);
    await second.close();
  })().catch(() => {});
  const third = open(disk);
  const sent = [1, 2, 3].flatMap(eventsOf);
  for (const siteId of ["shop", "blog"]) {
    const ids = await idsIn(third, siteId);
    const mustHave = acknowledged.filter((event) => event.siteId === siteId).map(({ id }) => id);
    const mayHave = new Set(sent.filter((event) => event.siteId === siteId).map(({ id }) => id));
    expect(ids.filter((id, i) => ids.indexOf(id) !== i), `doubled, died at ${dieAt}`).toEqual([]);
    expect(mustHave.filter((id) => !ids.includes(id)), `lost, died at ${dieAt}`).toEqual([]);
    expect(ids.filter((id) => !mayHave.has(id))).toEqual([]);
    if (siteId !== "shop") continue;
    const report = await third.report(query);
    const kept = sent.filter((event) => event.siteId === siteId && ids.includes(event.id));
    expect([report.totalPageviews, report.totalEvents], `report, died at ${dieAt}`).toEqual([
      kept.filter(({ type }) => type === "pageview").length,
      kept.filter(({ type }) => type === "event").length,
    ]);
    expect(report.uniqueVisitors).toBe(new Set(kept.map(({ visitorId }) => visitorId)).size);
    expect(report.totalSessions).toBe(new Set(kept.map(({ sessionId }) => sessionId)).size);
  }
  await third.close();
  return world.died();
}

for (const tear of [false, true]) {
  test(`a process that dies at any step of a checkpoint${tear ? ", leaving a half-written value," : ""} loses and doubles nothing`, async () => {
    let step = 0;
    while (await liveThrough(step, tear)) step++;
    expect(step).toBeGreaterThan(40);
  });
}
