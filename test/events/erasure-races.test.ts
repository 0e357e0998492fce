import { afterEach, expect, test, vi } from "vitest";
import { splitKey } from "../../src/storage/keys.ts";
import { checkpoint, createWorld, DAY, event, NOON, report, wait } from "./erasure-world.ts";
import { silence } from "./silence.ts";

afterEach(() => void vi.restoreAllMocks());

const HOUR = 3_600_000;

test("who is erased while the removal of another runs is removed by the next checkpoint, raw events too", async () => {
  const world = createWorld();
  const before = world.open();
  await before.append({ events: [event(NOON - 8 * HOUR, "vis_a"), event(NOON - 8 * HOUR, "vis_here")] });
  await checkpoint(before);
  await before.append({ events: [event(NOON, "vis_b"), event(NOON, "vis_here")] });
  await checkpoint(before);
  await before.close();
  const store = world.open();
  await checkpoint(store);
  await store.close();
  const last = world.open(); // nothing is cached
  await checkpoint(last);
  let other: Promise<void> | undefined;
  let reads = 0;
  world.hook = async (operation, key) => {
    if (operation !== "get" || !key.startsWith("rollup:") || ++reads !== 2) return;
    other = last.erase("shop", "vis_b");
    await wait(50);
  };
  await last.erase("shop", "vis_a");
  expect(other).toBeDefined();
  await other;
  world.hook = () => {};
  await checkpoint(last);
  expect(await world.holders("vis_a")).toEqual([]);
  expect(await world.holders("vis_b")).toEqual([]);
  await last.close();
});

test.each([true, false])("who was asked may end, and be taken over, before a third process looks again (it knew of it before: %s)", async (isKnown) => {
  const world = createWorld();
  const heir = world.open();
  await heir.start();
  const third = world.open();
  await third.append({ events: [event(NOON, "vis_gone"), event(NOON, "vis_here")] });
  await checkpoint(third);
  await heir.catchUp();
  const asked = world.open();
  if (isKnown) {
    await asked.append({ events: [event(NOON, "vis_here")] });
    await third.catchUp();
  }
  world.sleep(third);
  await asked.erase("shop", "vis_gone");
  await asked.close();
  await checkpoint(heir);
  world.wake(third);
  for (const store of [third, heir, third, heir]) await checkpoint(store);
  expect(await world.holders("vis_gone")).toEqual([]);
  expect((await report(third)).visitors.map(({ visitorId }) => visitorId)).toEqual(["vis_here"]);
  await third.close();
  await heir.close();
});

test("a process that starts while a request is being written, and a later one is stored, learns of both", async () => {
  const world = createWorld();
  const dead = world.open();
  await dead.append({ events: [event(NOON, "vis_1"), event(NOON, "vis_here")] });
  await checkpoint(dead);
  const asked = world.open();
  await asked.start();
  world.kill(dead);
  let release!: () => void;
  const gate = new Promise<void>((resolve) => (release = resolve));
  world.hook = (operation, key) => (operation === "set" && /^erased:.*_0000000000$/.test(key) ? gate : undefined);
  const first = asked.erase("shop", "vis_1");
  await wait(30);
  const second = asked.erase("shop", "vis_2");
  await wait(100);
  const late = world.open();
  await late.start();
  release();
  await Promise.all([first, second]);
  await late.catchUp();
  expect((await report(late)).totalPageviews).toBe(1);
  await asked.close();
  await silence(late);
  await checkpoint(late);
  expect(await world.holders("vis_1")).toEqual([]);
  expect((await report(late)).totalPageviews).toBe(1);
  await late.close();
});

test("a visitor who comes back before the removal is one who is new", async () => {
  const world = createWorld();
  const store = world.open();
  for (let i = 0; i < 3; i++) await store.append({ events: [event(NOON + i, "vis_back")] });
  await checkpoint(store);
  world.clock = NOON + 60_000;
  await store.append({ events: [event(NOON, "vis_here")] });
  let isSlow = true;
  world.hook = async (operation, key) => {
    if (!isSlow || operation !== "set" || !key.startsWith("rollup:")) return;
    isSlow = false;
    await wait(100);
  };
  const running = checkpoint(store);
  await wait(30);
  const erasing = store.erase("shop", "vis_back");
  await wait(30);
  await store.append({ events: [event(NOON + 60_001, "vis_back")] });
  await Promise.all([running, erasing]);
  await store.close();
  const again = world.open();
  const { visitor } = (await again.profiles.load("shop", "vis_back"))!;
  expect([visitor.pageviews, visitor.firstSeen]).toEqual([1, NOON + 60_001]);
  await again.close();
});

test("a request that could not be stored, and arrives late, is honoured: nothing comes back", async () => {
  const world = createWorld();
  const store = world.open();
  await store.append({ events: [event(NOON, "vis_gone"), event(NOON, "vis_here")] });
  await checkpoint(store);
  let late: (() => void) | undefined;
  world.hook = (operation, key) => (operation === "set" && key.startsWith("erased:") && !late ? new Promise((resolve) => (late = resolve)) : undefined);
  await expect(store.erase("shop", "vis_gone")).rejects.toThrow();
  late!();
  await checkpoint(store); // which says of whom it knows
  await store.close();
  const again = world.open();
  for (let i = 0; i < 3; i++) {
    expect((await report(again)).totalPageviews).toBe(1);
    await checkpoint(again);
  }
  expect(await world.holders("vis_gone")).toEqual([]);
  await again.close();
});

test("a late hit at a process that dies in the last moment is not kept by who takes it over", async () => {
  const world = createWorld();
  const store = world.open();
  const dies = world.open();
  for (const one of [store, dies]) await one.append({ events: [event(NOON, "vis_here")] });
  await store.erase("shop", "vis_gone");
  await checkpoint(dies);
  world.clock = NOON + 2 * DAY - 1_000;
  await dies.append({ events: [event(NOON - 500, "vis_gone")] });
  world.kill(dies);
  world.clock += 60_000;
  await checkpoint(store);
  await store.close();
  const again = world.open();
  expect((await report(again)).totalPageviews).toBe(2);
  await silence(again);
  await checkpoint(again);
  expect(await world.holders("vis_gone")).toEqual([]);
  await again.close();
});

test("a process that starts does not ask for requests that were over long ago", async () => {
  const world = createWorld();
  const store = world.open();
  await store.append({ events: [event(NOON, "vis_here")] });
  await Promise.all(Array.from({ length: 100 }, (_, i) => store.erase("shop", `vis_${i}`)));
  world.clock += 3 * DAY;
  await checkpoint(store);
  const again = world.open();
  expect((await world.readBy("erased", () => again.catchUp())).length).toBeLessThan(10);
  await again.close();
  await store.close();
});

test("a key whose removal fails once is removed later, also when a beat removes beside a checkpoint", async () => {
  const world = createWorld();
  const store = world.open();
  for (let i = 0; i < 60; i++) await store.append({ events: [event(NOON, "vis_gone")] });
  const tried = new Set<string>();
  world.hook = async (operation, key) => {
    if (operation !== "remove" || tried.has(key)) return;
    tried.add(key);
    await wait(40);
    if (key.endsWith("0000000050")) throw new Error("once");
  };
  const erasing = store.erase("shop", "vis_gone").catch(() => {});
  await wait(50);
  world.clock += 60_000; // it takes its clock for set, and says that it lives
  await erasing;
  await checkpoint(store);
  expect(await world.keysOf("journal")).toEqual([]);
  await store.close();
});

test("what a checkpoint wrote that failed is not left behind", async () => {
  const world = createWorld();
  const store = world.open();
  await store.append({ events: [event(NOON, "vis_gone"), event(NOON, "vis_here")] });
  world.hook = (operation, key) => {
    if (operation === "set" && key.startsWith("block:")) throw new Error("no");
  };
  await expect(checkpoint(store)).rejects.toThrow();
  expect((await world.holders("vis_gone")).map((key) => splitKey(key)[0])).toContain("rollup");
  world.hook = () => {};
  await store.erase("shop", "vis_gone");
  expect(await world.holders("vis_gone")).toEqual([]);
  expect((await report(store)).totalPageviews).toBe(1);
  await store.close();
});
