import type { Driver } from "unstorage";
import { expect, test } from "vitest";
import type { StoredEvent } from "../../src/event.ts";
import { createDisk, eventOf, expected, factsOf, open, track, world } from "./profile-world.ts";

test("a hit that is repeated through another process changes the profile once", async () => {
  const { disk } = createDisk();
  const [first, second] = [open(disk), open(disk)];
  await track(second, eventOf(1, 1));
  await track(first, eventOf(2, 1));
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  await track(second, eventOf(2, 1));
  for (const store of [first, second, open(disk)]) expect(factsOf(await store.profiles.load("shop", "v0"))?.pageviews).toBe(2);
});

test("a hit that could not be stored leaves no trace in the profile", async () => {
  const { driver } = createDisk();
  let down = false;
  const store = open({ ...driver, dispose: undefined, setItemRaw: async (...args) => { if (down) throw new Error("disk full"); await driver.setItemRaw!(...args); } });
  await track(store, eventOf(1, 1));
  down = true;
  await expect(track(store, eventOf(2, 1))).rejects.toThrow();
  expect(factsOf(await store.profiles.load("shop", "v0"))?.pageviews).toBe(1);
  down = false;
  await track(store, eventOf(4, 1)); // the one before it is stored after all: a call that seemed to fail may still land
  expect(factsOf(await store.profiles.load("shop", "v0"))).toEqual(factsOf(await open({ ...driver, dispose: undefined }).profiles.load("shop", "v0")));
});

test("a hit that was refused, stored after all and sent again counts once, here and after a restart", async () => {
  const { driver } = createDisk();
  let down = false;
  const disk: Driver = { ...driver, dispose: undefined, setItemRaw: async (...args) => { if (down) throw new Error("disk full"); await driver.setItemRaw!(...args); } };
  const store = open(disk);
  await track(store, eventOf(1, 1));
  down = true;
  await expect(track(store, eventOf(2, 1))).rejects.toThrow();
  down = false;
  await track(store, eventOf(4, 1)); // the refused one lands with it
  await track(store, eventOf(2, 1));
  for (const one of [store, open(disk)]) expect(factsOf(await one.profiles.load("shop", "v0"))?.pageviews).toBe(3);
});

test("a hit that two processes store at the same moment counts once in both and in one that starts then", async () => {
  const { disk } = createDisk();
  const [first, second] = [open(disk), open(disk)];
  await track(first, eventOf(1, 1));
  await second.catchUp();
  await Promise.all([track(first, eventOf(2, 1)), track(second, eventOf(2, 1))]);
  await Promise.all([first.catchUp(), second.catchUp()]);
  for (const store of [first, second, open(disk)]) expect(factsOf(await store.profiles.load("shop", "v0"))?.pageviews).toBe(2);
});

test("a hit that a client repeats after a restart counts once, also when its segment was folded meanwhile", async () => {
  const { disk } = createDisk();
  const today = Array.from({ length: 10 }, (_, n): StoredEvent => ({ ...eventOf(n, 1), at: Date.now() + world.skew - 1_000 * (10 - n) }));
  const store = open(disk);
  for (const event of today) await track(store, event);
  await store.close();
  const next = open(disk);
  await next.catchUp();
  for (const event of today) await track(next, event);
  expect(factsOf(await next.profiles.load("shop", "v0"))).toEqual(expected(today, "v0"));
  expect(next.stats()).toMatchObject({ stored: 0, repeated: 10 });
});
