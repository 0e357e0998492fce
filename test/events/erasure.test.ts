import { afterEach, expect, test, vi } from "vitest";
import type { StoredEvent } from "../../src/event.ts";
import { splitKey } from "../../src/storage/keys.ts";
import { checkpoint, createWorld, DAY, event, NOON, report } from "./erasure-world.ts";
import { silence } from "./silence.ts";

const DAYS = 12;

afterEach(() => void vi.restoreAllMocks());

const dayOf = (key: string) => splitKey(key)[2];

/** Some days of two visitors each, oldest first: a checkpoint a day, and those that are over summed up. */
async function createDays() {
  const world = createWorld();
  const store = world.open();
  for (let i = DAYS - 1; i >= 0; i--) {
    const at = NOON - i * DAY;
    await store.append({ events: [event(at, `vis_${i}`), event(at + 60_000, `vis_${i}`), event(at, `other_${i}`)] });
    await checkpoint(store);
  }
  for (let i = 0; i < DAYS / 4; i++) await checkpoint(store);
  return { world, store };
}

test("to erase a visitor, only blocks of the times at which they were there are read", async () => {
  const { world, store } = await createDays();
  expect(await world.holders("vis_5")).not.toEqual([]);
  const blocks = await world.readBy("block", () => store.erase("shop", "vis_5"));
  expect(new Set(blocks).size).toBe(1);
  expect(await world.holders("vis_5")).toEqual([]);
  const { totalPageviews, uniqueVisitors } = await report(store);
  expect([totalPageviews, uniqueVisitors]).toEqual([3 * DAYS - 2, 2 * DAYS - 1]);
  expect(await world.readBy("block", () => store.erase("shop", "nobody"))).toEqual([]);
  await store.close();
});

test("while another process may hold rows of an erased visitor, days that they were not seen on are not counted by rows", async () => {
  const { world, store } = await createDays();
  const other = world.open();
  await other.append({ events: [event(NOON, "vis_5")] });
  await store.erase("shop", "vis_5");
  await store.close();
  const third = world.open();
  const days = new Set((await world.readBy("rollup", () => report(third))).map(dayOf));
  expect([...days].sort(), "today, yesterday").toEqual(["2025-03-09", "2025-03-10"]);
  const { totalPageviews, visitors } = await report(third);
  expect(totalPageviews).toBe(3 * DAYS - 2);
  expect(visitors.map(({ visitorId }) => visitorId)).not.toContain("vis_5");
  await third.close();
  await other.close();
});

test("what another process summed up with an erased visitor in it is not shown", async () => {
  const { world, store } = await createDays();
  const other = world.open();
  await other.append({ events: [event(NOON, "vis_9")] });
  await other.erase("shop", "vis_5"); // known to all; the rows are the first one's, who has not removed them yet
  const { totalPageviews, uniqueVisitors, visitors } = await report(other);
  expect([totalPageviews, uniqueVisitors]).toEqual([3 * DAYS - 1, 2 * DAYS - 1]);
  expect(visitors.map(({ visitorId }) => visitorId)).not.toContain("vis_5");
  await other.close();
  await store.close();
});

test("a hit of an erased visitor that arrives late, after the removal, is not stored for longer than the journal", async () => {
  const world = createWorld();
  const store = world.open();
  await store.append({ events: [event(NOON, "vis_gone"), event(NOON, "vis_here")] });
  await store.erase("shop", "vis_gone");
  await store.append({ events: [event(NOON - 60_000, "vis_gone"), event(NOON, "vis_here")] });
  world.clock += 2 * DAY;
  await checkpoint(store);
  expect(await world.holders("vis_gone")).toEqual([]);
  expect((await report(store)).totalPageviews).toBe(2);
  await store.close();
});

test("a late hit that another process sees before it learns of the erasure counts nowhere", async () => {
  const world = createWorld();
  const store = world.open();
  await store.append({ events: [event(NOON, "vis_gone"), event(NOON, "vis_here")] });
  const other = world.open();
  expect((await report(other)).totalPageviews).toBe(2);
  await store.erase("shop", "vis_gone");
  await store.append({ events: [event(NOON, "vis_gone")] });
  for (let i = 0; i < 2; i++) await checkpoint(other);
  expect((await report(other)).totalPageviews).toBe(1);
  await other.close();
  await store.close();
});

test("another visitor's event that only mentions the id of an erased one stays as it was", async () => {
  const world = createWorld();
  const store = world.open();
  const mention = event(NOON, "vis_here", { type: "event", name: "invite", data: { visitorId: "vis_gone", note: 'said "visitorId":"vis_gone"' } });
  await store.append({ events: [mention, event(NOON, "vis_gone"), event(NOON, "vis_here")] });
  await checkpoint(store);
  await store.erase("shop", "vis_gone");
  const left: StoredEvent[] = [];
  for await (const one of store.read("shop")) left.push(one);
  expect(left.map(({ visitorId }) => visitorId)).toEqual(["vis_here", "vis_here"]);
  expect(left).toContainEqual(mention);
  await store.close();
});

test("rows of a process that died before it could remove an erased visitor's are removed when it is taken over", async () => {
  const world = createWorld();
  const dead = world.open();
  await dead.append({ events: [event(NOON, "vis_gone"), event(NOON, "vis_here")] });
  await checkpoint(dead);
  await dead.append({ events: [event(NOON, "vis_gone")] });
  const store = world.open();
  await store.start();
  world.kill(dead);
  await store.erase("shop", "vis_gone");
  await silence(store);
  await checkpoint(store);
  expect(await world.holders("vis_gone")).toEqual([]);
  await store.close();
  const again = world.open();
  expect((await report(again)).totalPageviews).toBe(1);
  await again.close();
});

test("a process learns of an erasure though those before it were over when it started", async () => {
  const world = createWorld();
  const asked = world.open();
  for (const id of ["vis_1", "vis_2"]) await asked.erase("shop", id);
  for (const key of await world.keysOf("erased")) await world.remove(key); // as two days later
  const other = world.open();
  await other.append({ events: [event(NOON, "vis_3"), event(NOON, "vis_here")] });
  await asked.erase("shop", "vis_3");
  await vi.waitFor(async () => expect(await world.holders("vis_3")).toEqual([]), { timeout: 5_000 });
  expect((await report(other)).totalPageviews).toBe(1);
  await other.close();
  await asked.close();
});

test("what asks for an erasure goes when all processes have removed what they had and no late hit can come, and not before", async () => {
  const world = createWorld();
  const asked = world.open();
  const other = world.open();
  for (const store of [asked, other]) await store.append({ events: [event(NOON, "vis_gone")] });
  world.kill(other);
  await asked.erase("shop", "vis_gone");
  await checkpoint(asked);
  expect(await world.holders("vis_gone"), "the other one's").not.toEqual([]);
  expect(await world.keysOf("erased")).not.toEqual([]);
  await silence(asked);
  await checkpoint(asked);
  expect(await world.holders("vis_gone")).toEqual([]);
  world.clock += 2 * DAY + 3_600_001;
  await checkpoint(asked);
  expect(await world.keysOf("erased"), "only that of this checkpoint").toHaveLength(1);
  await asked.close();
});

test("many erasures at once take few checkpoints", async () => {
  const world = createWorld();
  const store = world.open();
  await store.append({ events: Array.from({ length: 50 }, (_, i) => event(NOON, `vis_${i}`)) });
  await Promise.all(Array.from({ length: 40 }, (_, i) => store.erase("shop", `vis_${i}`)));
  const { uniqueVisitors } = await report(store);
  expect(uniqueVisitors).toBe(10);
  for (let i = 0; i < 40; i++) expect(await world.holders(`"vis_${i}"`)).toEqual([]);
  const [checkpointKey] = await world.keysOf("checkpoint");
  expect(Number(splitKey(checkpointKey!)[2]), "number of the last one").toBeLessThan(4);
  await store.close();
});
