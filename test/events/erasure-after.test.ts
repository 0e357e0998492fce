// What a visitor does after they asked to be forgotten is theirs, and counts.
import { afterEach, expect, test, vi } from "vitest";
import { checkpoint, createWorld, event, NOON, report, type Store } from "./erasure-world.ts";
import { silence } from "./silence.ts";

afterEach(() => void vi.restoreAllMocks());

const HOUR = 3_600_000;
const AFTER = NOON + 1_000;

async function exported(store: Store): Promise<string[]> {
  const ids: string[] = [];
  for await (const { path } of store.read("shop")) ids.push(path!);
  return ids.sort();
}

/** A page that tells of its moment, in the one session of `vis_1`. */
const page = (at: number) => event(at, "vis_1", { path: `/at/${at - NOON}` });

/** Erases the visitor; `meanwhile` is what happens after the moment it is for, and before this or another process knows of it. */
async function eraseWhile(world: ReturnType<typeof createWorld>, store: Store, meanwhile: () => Promise<unknown>) {
  let done: Promise<unknown> | undefined;
  world.hook = async (operation, key, by) => {
    if (done || by !== store || operation !== "set" || !key.startsWith("erased:")) return;
    world.clock = AFTER;
    await (done = meanwhile());
  };
  await store.erase("shop", "vis_1");
  expect(done).toBeDefined();
}

test("hits that arrive while a request to erase is stored are counted, by who was asked and by others", async () => {
  for (const where of ["here", "there"] as const) {
    const world = createWorld();
    const store = world.open();
    const other = world.open();
    await store.append({ events: [page(NOON - 2_000), event(NOON, "vis_here")] });
    await other.append({ events: [page(NOON - 1_000)] });
    for (const one of [store, other]) await one.catchUp();
    await eraseWhile(world, store, () => (where === "here" ? store : other).append({ events: [page(AFTER)] }));
    await (where === "here" ? store : other).append({ events: [page(AFTER + 5)] });
    for (const one of [other, store]) await checkpoint(one);
    for (const one of [store, other]) {
      await one.catchUp();
      expect((await exported(one)).filter((path) => path.startsWith("/at")), where).toEqual(["/at/1000", "/at/1005"]);
      expect((await report(one)).totalPageviews, where).toBe(3);
    }
    expect(await world.holders("/at/-"), where).toEqual([]);
    for (const one of [store, other]) await one.close();
    const again = world.open();
    expect((await report(again)).totalPageviews, where).toBe(3);
    await again.close();
  }
});

test.each([0, 500])("a checkpoint that another process makes before it learns of the erasure keeps nothing of what was before (%i others)", async (others) => {
  const world = createWorld();
  const store = world.open();
  const other = world.open();
  for (const one of [store, other]) await one.append({ events: [page(NOON - 1_000)] });
  await other.append({ events: Array.from({ length: others }, (_, i) => event(NOON, `other_${i}`)) });
  for (const one of [store, other]) await one.catchUp();
  await eraseWhile(world, store, async () => {
    await other.append({ events: [page(AFTER)] });
    await checkpoint(other);
  });
  for (const one of [other, store]) await checkpoint(one);
  for (const one of [store, other]) {
    await one.catchUp();
    expect((await exported(one)).filter((path) => path.startsWith("/at"))).toEqual(["/at/1000"]);
    expect((await report(one)).totalPageviews).toBe(1 + others);
    const known = await one.profiles.load("shop", "vis_1");
    expect(known && JSON.stringify(known)).not.toContain("/at/-");
    expect(known && JSON.stringify(known)).toContain("/at/1000");
  }
  for (let i = 0; i < 2; i++) for (const one of [other, store]) await checkpoint(one);
  expect(await world.holders("/at/-")).toEqual([]);
  expect((await report(store)).totalPageviews).toBe(1 + others);
  for (const one of [store, other]) {
    expect(JSON.stringify(await one.profiles.load("shop", "vis_1"))).toContain("/at/1000");
    if (others > 0) expect(await one.profiles.load("shop", "other_7")).toBeDefined();
  }
  for (const one of [store, other]) await one.close();
});

test("what a process whose clock is a minute ahead has stored is erased by one whose is not", async () => {
  const world = createWorld();
  const ahead = world.open();
  const store = world.open();
  await ahead.append({ events: [page(NOON + 55_000), event(NOON + 55_000, "vis_here")] });
  await store.erase("shop", "vis_1");
  await checkpoint(ahead);
  expect(await world.holders("vis_1")).toEqual([]);
  expect((await report(store)).totalPageviews).toBe(1);
  for (const one of [store, ahead]) await one.close();
});

test("a clock that was hours ahead once does not make an erasure reach hours into the future", async () => {
  const world = createWorld();
  const store = world.open();
  await store.append({ events: [page(NOON + 5 * HOUR), page(NOON)] });
  await store.erase("shop", "vis_1");
  await store.append({ events: [page(NOON + 2 * 60_000)] });
  expect(await exported(store)).toContain("/at/120000");
  await store.close();
});

test("a late hit of an erased visitor that a process died with is not what they come back by", async () => {
  const world = createWorld();
  const dead = world.open();
  await dead.append({ events: [event(NOON, "vis_gone"), event(NOON, "vis_here")] });
  await dead.erase("shop", "vis_gone");
  const [asked] = await world.keysOf("erased");
  world.clock = NOON + 47 * HOUR;
  await dead.append({ events: [event(NOON - 60_000, "vis_gone")] });
  await dead.settled();
  world.kill(dead);
  world.clock = NOON + 50 * HOUR;
  const store = world.open();
  await store.start();
  expect(await world.keysOf("erased")).toContain(asked);
  await silence(store);
  await checkpoint(store);
  expect(await world.holders("vis_gone")).toEqual([]);
  expect((await store.timeline("shop", "vis_gone")).events).toEqual([]);
  expect(await world.keysOf("erased")).not.toContain(asked);
  await store.close();
});

test.each(["lives", "dies"])("a hit right after a request is in another process's report, also when who took it %s", async (how) => {
  const world = createWorld();
  const store = world.open();
  const other = world.open();
  await store.append({ events: [page(NOON - 1_000)] });
  await other.catchUp();
  await store.erase("shop", "vis_1");
  world.clock = AFTER;
  await store.append({ events: [page(AFTER)] });
  await other.catchUp();
  await checkpoint(other);
  if (how === "dies") {
    world.kill(store);
    await silence(other);
    await checkpoint(other);
  } else await store.close();
  expect(await exported(other)).toEqual(["/at/1000"]);
  expect((await report(other)).totalPageviews).toBe(1);
  await other.close();
  const again = world.open();
  expect((await report(again)).totalPageviews).toBe(1);
  await again.close();
});

test.each([10, 50])("a process that slept for %i hours, and whose data another took over, brings nobody back", async (hours) => {
  const world = createWorld();
  const store = world.open();
  await store.start();
  const asleep = world.open();
  await asleep.append({ events: [event(NOON - 1_000, "vis_1"), event(NOON, "vis_here")] });
  await store.catchUp();
  world.sleep(asleep);
  await silence(store);
  await store.erase("shop", "vis_1");
  world.clock = NOON + hours * HOUR;
  await silence(store);
  expect(await world.holders("vis_1")).toEqual([]);
  world.wake(asleep);
  await asleep.append({ events: [event(world.clock, "vis_here")] });
  for (const one of [asleep, store, asleep]) await checkpoint(one);
  for (const one of [store, asleep]) expect((await report(one)).visitors.map(({ visitorId }) => visitorId)).toEqual(["vis_here"]);
  expect(await world.holders("vis_1")).toEqual([]);
  for (const one of [store, asleep]) await one.close();
});

test("a start that failed and is tried again after a request shows nobody who was read before it", async () => {
  const world = createWorld();
  const other = world.open();
  await other.append({ events: [page(NOON - 1_000), event(NOON, "vis_here")] });
  const store = world.open();
  await store.append({ events: [event(NOON, "vis_here")] });
  const late = world.open();
  const read = new Set<string>();
  world.hook = (operation, key, by) => {
    if (by !== late || operation !== "get") return;
    if (read.size >= 2 && !key.startsWith("journal:")) throw new Error("down");
    if (key.startsWith("journal:")) read.add(key);
  };
  await expect(late.start()).rejects.toThrow();
  let isBusy = false;
  world.hook = async (operation, key, by) => {
    if (isBusy || by !== other || operation !== "set" || !key.startsWith("checkpoint:")) return;
    isBusy = true;
    await other.append({ events: [event(NOON + 500, "vis_here")] });
  };
  world.clock = AFTER;
  await store.erase("shop", "vis_1");
  await checkpoint(other);
  expect(isBusy).toBe(true);
  await vi.waitFor(() => late.catchUp(), { timeout: 10_000 });
  for (const one of [late, store, late]) await checkpoint(one);
  for (const one of [store, late]) {
    const { totalPageviews, visitors } = await report(one);
    expect([totalPageviews, visitors.map(({ visitorId }) => visitorId)]).toEqual([3, ["vis_here"]]);
  }
  for (const one of [store, other, late]) await one.close();
});

test("the profile has what its visitor did while the request was stored", async () => {
  const world = createWorld();
  const store = world.open();
  await store.append({ events: [page(NOON - 1_000)] });
  await eraseWhile(world, store, () => store.append({ events: [page(AFTER)] }));
  const isWhole = async (one: Store) => expect(JSON.stringify(await one.profiles.load("shop", "vis_1"))).toContain('"pageviews":1');
  await isWhole(store);
  for (let i = 0; i < 3; i++) await checkpoint(store);
  await isWhole(store);
  await store.close();
  const again = world.open();
  await isWhole(again);
  await again.close();
});

test.each(["itself", "another"])("a hit that a process stores (%s) while a profile is made of the events is in it", async (who) => {
  const world = createWorld();
  const store = world.open();
  const other = world.open();
  for (const one of [store, other]) await one.append({ events: [page(NOON - 1_000)] });
  for (const one of [store, other]) await one.catchUp();
  await eraseWhile(world, store, async () => {
    await other.append({ events: [page(AFTER)] });
    await checkpoint(other);
  });
  await checkpoint(other);
  await store.catchUp();
  world.clock = AFTER + 1_000;
  let meanwhile: Promise<void> | undefined;
  world.hook = async (operation, key, by) => {
    if (meanwhile || by !== store || operation !== "get" || !key.startsWith("block:")) return;
    await (meanwhile = (who === "itself" ? store : other).append({ events: [page(world.clock)] }));
    if (who === "another") await store.catchUp();
  };
  expect(JSON.stringify(await store.profiles.load("shop", "vis_1"))).toContain('"pageviews":2');
  expect(meanwhile).toBeDefined();
  for (let i = 0; i < 2; i++) for (const one of [store, other]) await checkpoint(one);
  expect(JSON.stringify(await store.profiles.load("shop", "vis_1"))).toContain('"pageviews":2');
  for (const one of [store, other]) await one.close();
});
