import type { Driver } from "unstorage";
import { expect, test } from "vitest";
import type { StoredEvent } from "../../src/event.ts";
import { NOON, checkpoint, createDisk, dead, eventOf, expectAll, expected, factsOf, open, sleeping, type Store, track } from "./profile-world.ts";
import { silence } from "./silence.ts";

/** Small, seeded, good enough. */
function createRandom(seed: number) {
  let state = seed;
  return (below: number) => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x6d2b79f5) >>> 0;
    return (state >>> 4) % below;
  };
}

test.each(Array.from({ length: Number(process.env.HISTORIES ?? 60) / 2 }, (_, i) => i + 1))(
  "whatever processes do, start, checkpoint, end or die, a profile is what its visitor's stored events make (history %i)",
  async (seed) => {
    const random = createRandom(seed);
    const { disk } = createDisk();
    const visitors = 1 + random(30);
    const stores = [open(disk)];
    const events: StoredEvent[] = [];
    for (let n = 0; n < 150; n++) {
      const event = eventOf(n, visitors);
      await track(stores[random(stores.length)]!, event);
      events.push(event);
      const turn = random(40);
      if (turn < 3) await checkpoint(stores[random(stores.length)]!);
      if (turn === 3 && stores.length < 3) stores.push(open(disk));
      if (turn === 4) await stores.splice(random(stores.length), 1)[0]!.close();
      if (turn === 5) dead.add(stores.splice(random(stores.length), 1)[0]!);
      // those that died are taken for dead after this
      if (turn === 6) await silence(...stores);
      if (stores.length === 0) stores.push(open(disk));
      if (turn === 7) await stores[0]!.report({ siteId: "shop", timeZone: "UTC", days: 1, limit: 0, includeBots: false, now: NOON });
    }
    const last = open(disk);
    await expectAll(last, events, visitors);
    await checkpoint(last);
    await expectAll(last, events, visitors);
    await expectAll(open(disk), events, visitors);
  },
);

test("a visitor whose hits alternate between two live processes is known to both as through one", async () => {
  const { disk } = createDisk();
  const stores = [open(disk), open(disk)];
  const events = Array.from({ length: 40 }, (_, n) => eventOf(n, 2));
  for (const [n, event] of events.entries()) await track(stores[n % 2]!, event);
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  for (const store of stores) await expectAll(store, events, 2);
});

test.each(["profiles:", "checkpoint:"])("damaged values of %s cost nobody their profile, and are made anew by the next checkpoints", async (base) => {
  const { driver, disk, keys } = createDisk();
  const store = open(disk);
  const events = Array.from({ length: 120 }, (_, n) => eventOf(n, 12));
  for (const event of events.slice(0, 60)) await track(store, event);
  await checkpoint(store); // it removes the segments, so that only blocks are left to make anything of
  await store.close();
  for (const key of (await keys(base)).filter((key) => !key.endsWith("index"))) {
    const value = Buffer.from((await driver.getItemRaw!(key, {})) as Buffer);
    value[20]! ^= 1;
    await driver.setItemRaw!(key, value, {});
  }
  const next = open(disk);
  await expectAll(next, events.slice(0, 60), 12);
  for (const event of events.slice(60, 90)) await track(next, event);
  for (let times = 0; times < 2; times++) await checkpoint(next);
  await expectAll(open(disk), events.slice(0, 90), 12);
  for (const event of events.slice(90)) await track(next, event);
  for (let times = 0; times < 2; times++) await checkpoint(next);
  await expectAll(open(disk), events, 12);
  for (const key of await keys("checkpoint:")) expect(String(await driver.getItemRaw!(key, {}))).not.toContain('"torn"');
});

test("20,000 visitors leave few keys, and are all known after a restart", async () => {
  const { disk, keys } = createDisk();
  const store = open(disk);
  await store.append({ events: Array.from({ length: 9_000 }, (_, n) => eventOf(n, 20_000)) });
  await store.append({ events: Array.from({ length: 9_000 }, (_, n) => eventOf(9_000 + n, 20_000)) });
  await store.close();
  expect((await keys("profiles:")).length).toBeLessThan(150);
  const next = open(disk);
  for (const v of [0, 1, 7, 8_999, 9_000, 17_999]) expect(factsOf(await next.profiles.load("shop", `v${v}`))?.last).toBe(NOON + v * 1_000);
  expect(await next.profiles.load("shop", "v18000")).toBeUndefined();
});

test("a takeover whose checkpoint could not be written at first counts the dead process's visitors once", async () => {
  const { driver } = createDisk();
  let refused = 0;
  const disk: Driver = {
    ...driver, dispose: undefined,
    async setItemRaw(key, ...rest) {
      if (refused > 0 && key.startsWith("checkpoint:")) {
        refused--;
        throw new Error("disk full");
      }
      await driver.setItemRaw!(key, ...rest);
    },
  };
  const events = Array.from({ length: 20 }, (_, n) => eventOf(n, 3));
  const ended = open(disk);
  for (const event of events) await track(ended, event);
  await ended.close();
  const heir = open(disk);
  const more = Array.from({ length: 6 }, (_, n) => eventOf(20 + n, 3));
  for (const event of more) await track(heir, event);
  refused = 1;
  await expect(checkpoint(heir)).rejects.toThrow();
  await checkpoint(heir);
  for (let n = 26; n < 32; n++) {
    more.push(eventOf(n, 3));
    await track(heir, more.at(-1)!);
  }
  await checkpoint(heir);
  await expectAll(open(disk), [...events, ...more], 3);
});

test("a late hit of an erased visitor counts nowhere, while the removal is under way and after it", async () => {
  const { disk } = createDisk();
  const store = open(disk);
  const query = { siteId: "shop", timeZone: "UTC", days: 1, limit: 10, includeBots: false, now: NOON + 3_600_000 };
  await store.append({ events: [eventOf(1, 2), eventOf(2, 2)] });
  await store.erase("shop", "v1");
  await store.append({ events: [{ ...eventOf(5, 2), id: "late" }] });
  for (let n = 0; n < 2; n++) {
    const report = await store.report(query);
    expect([report.totalPageviews, report.visitors.map((row) => row.visitorId)]).toEqual([1, ["v0"]]);
    await checkpoint(store);
  }
});

test("a process that slept, was taken over and woke goes on, and everybody counts once what it has", async () => {
  const { disk, keys } = createDisk();
  const events = Array.from({ length: 60 }, (_, n) => eventOf(n, 5));
  const sleeper = open(disk);
  for (const event of events.slice(0, 20)) await track(sleeper, event);
  await checkpoint(sleeper);
  for (const event of events.slice(20, 25)) await track(sleeper, event);
  const other = open(disk);
  for (const event of events.slice(25, 30)) await track(other, event);
  sleeping.add(sleeper);
  await silence(other); // which takes it over
  expect((await keys("journal:")).length).toBe(0);
  sleeping.delete(sleeper);
  // before it has looked at anything
  await sleeper.append({ events: [events[30]!] });
  for (const event of events.slice(31, 40)) await track(sleeper, event);
  await checkpoint(sleeper);
  for (const event of events.slice(40, 50)) await track(other, event);
  for (const event of events.slice(50)) await track(sleeper, event);
  for (const store of [sleeper, other]) {
    await store.catchUp();
    await expectAll(store, events, 5);
    const { totalPageviews } = await store.report({ siteId: "shop", timeZone: "UTC", days: 1, limit: 0, includeBots: false, now: NOON });
    expect(totalPageviews).toBe(40);
  }
  await checkpoint(other);
  await checkpoint(sleeper);
  const next = open(disk);
  await expectAll(next, events, 5);
  const stored: string[] = [];
  for await (const { id } of next.read("shop")) stored.push(id);
  expect(stored).toEqual(events.map(({ id }) => id));
});

test("to erase visitors, only their pages are written again; nobody else's profile is touched, through restarts and merges", async () => {
  const { disk, keys } = createDisk();
  const visitors = 2_000;
  const store = open(disk);
  const events = Array.from({ length: visitors }, (_, n) => eventOf(n, visitors));
  await store.append({ events });
  await checkpoint(store);
  let before = await keys("profiles:");
  expect(before.length).toBeGreaterThan(5);
  const erased = ["v7", "v1234", "v1999", "v0", "v500"];
  for (const id of erased) {
    await store.erase("shop", id);
    const after = await keys("profiles:");
    expect(after.length).toBe(before.length);
    expect(after.filter((key) => !before.includes(key)).length, "a page and the index").toBe(2);
    before = after;
  }
  const isLeft = async (one: Store) => {
    for (let v = 0; v < visitors; v++) {
      const known = factsOf(await one.profiles.load("shop", `v${v}`));
      expect(known, `v${v}`).toEqual(erased.includes(`v${v}`) ? undefined : expected(events, `v${v}`));
    }
  };
  const again = open(disk);
  await isLeft(again);
  await store.close();
  const more = Array.from({ length: visitors }, (_, n) => eventOf(visitors + n, visitors));
  const last = open(disk);
  await last.append({ events: more.filter(({ visitorId }) => !erased.includes(visitorId)) });
  events.push(...more);
  await silence(last);
  await checkpoint(last);
  await isLeft(open(disk));
  expect((await keys("profiles:")).length, "nothing is left behind").toBeLessThan(2 * before.length + 5);
});
