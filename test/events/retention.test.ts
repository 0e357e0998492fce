import type { Driver } from "unstorage";
import memoryDriver from "unstorage/drivers/memory";
import { inflateRawSync } from "node:zlib";
import { expect, test } from "vitest";
import type { StoredEvent } from "../../src/event.ts";
import { createUnstorageEvents } from "../../src/events/unstorage.ts";
import { silentReporter } from "../../src/logger.ts";
import { createGuard } from "../../src/storage/guard.ts";
import { idsIn } from "./ids-in.ts";

const DAY = 86_400_000;
const NOON = Date.parse("2025-03-10T12:00:00Z");

function event(id: string, at: number, visitorId = "v1"): StoredEvent {
  return {
    id, siteId: "shop", type: "pageview", at, day: new Date(at).toISOString().slice(0, 10),
    visitorId, sessionId: `s-${visitorId}`, visit: 1, path: "/", pageviewId: `pv_${id}`,
  };
}

function createWorld(retentionDays?: number) {
  const driver = { ...memoryDriver(), dispose: undefined } as Driver;
  let clock = NOON;
  const open = () => {
    const guard = createGuard(driver, { reporter: silentReporter });
    return createUnstorageEvents({ guard, now: () => clock, reporter: silentReporter, retentionDays });
  };
  /** Every stored value as text, inflated where it is compressed. */
  async function everything(): Promise<string> {
    const texts: string[] = [];
    for (const key of await driver.getKeys("", {})) {
      const body = ((await driver.getItemRaw!(key, {} as never)) as Buffer).subarray(12);
      texts.push(key, body.toString("latin1"));
      try {
        texts.push(inflateRawSync(body).toString());
      } catch {
        // not compressed
      }
    }
    return texts.join("\n");
  }
  return { open, everything, forward: (days: number) => (clock += days * DAY), keys: () => driver.getKeys("", {}) };
}

test("events older than the retention are gone from reads, reports and storage", async () => {
  const world = createWorld(30);
  const first = world.open();
  await first.append({ events: [event("old", NOON, "oldie"), event("young", NOON + 20 * DAY, "newbie")] });
  await first.close();
  world.forward(40);
  const second = world.open();
  await second.append({ events: [event("now", NOON + 40 * DAY)] });
  await second.erase("shop", "nobody"); // makes a checkpoint now, which the beat would make within the day
  expect(await idsIn(second)).toEqual(["now", "young"]);
  expect((await second.report({ siteId: "shop", timeZone: "UTC", days: 60, limit: 10, includeBots: false, now: NOON + 40 * DAY })).totalPageviews).toBe(2);
  expect(await world.everything()).not.toContain("oldie");
  expect(await world.everything()).toContain("newbie");
  await second.close();
});

test("an erased visitor's id is in no stored value, raw or inflated, and neither is anything of theirs after a restart", async () => {
  const world = createWorld();
  const first = world.open();
  await first.append({ events: [event("a", NOON, "vis_forgetme"), event("b", NOON, "vis_keepme")] });
  await first.close(); // into blocks and rollups of a writer that is gone
  const second = world.open();
  await second.append({ events: [event("c", NOON, "vis_forgetme"), event("d", NOON, "vis_keepme")] });
  expect(await world.everything()).toContain("vis_forgetme");
  await second.erase("shop", "vis_forgetme");
  expect(await world.everything()).not.toContain("vis_forgetme");
  expect(await world.everything()).toContain("vis_keepme");
  await second.close();
  expect(await world.everything()).not.toContain("vis_forgetme");
  expect(await idsIn(world.open())).toEqual(["b", "d"]);
});

test("a quiet site's files do not pile up over many restarts", async () => {
  const world = createWorld();
  for (let life = 0; life < 60; life++) {
    const store = world.open();
    await store.append({ events: [event(`e${life}`, NOON + life)] });
    await store.erase("shop", "nobody");
    await store.close();
  }
  world.forward(3);
  const last = world.open();
  await last.erase("shop", "nobody"); // what asked for erasures is kept for two days
  await last.close();
  const keys = await world.keys();
  expect(keys.length, keys.join("\n")).toBeLessThan(40);
  expect((await idsIn(world.open())).length).toBe(60);
});
