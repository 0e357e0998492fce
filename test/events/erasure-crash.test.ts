import { afterEach, expect, test, vi } from "vitest";
import { checkpoint, createWorld, DAY, event, NOON, report } from "./erasure-world.ts";
import { silence } from "./silence.ts";

afterEach(() => void vi.restoreAllMocks());

const DAYS = 5;
const OTHERS = 3;

/** A process dies at the n-th change that it makes to erase a visitor; then another takes over. Whether it got so far. */
async function dieAt(n: number): Promise<boolean> {
  const world = createWorld();
  const first = world.open();
  for (let day = DAYS - 1; day >= 0; day--) {
    const at = NOON - day * DAY;
    const visitors = ["vis_gone", ...Array.from({ length: OTHERS }, (_, v) => `vis_${v}`)];
    await first.append({ events: visitors.map((visitorId) => event(at, visitorId, { sessionId: `s_${day}_${visitorId}` })) });
    await checkpoint(first);
  }
  await first.append({ events: [event(NOON, "vis_gone"), event(NOON, "vis_0")] });
  await first.close();
  const second = world.open();
  await second.append({ events: [event(NOON, "vis_gone"), event(NOON, "vis_0")] });
  const before = await world.keysOf("erased");
  let changes = 0;
  world.hook = (operation, _key, store) => {
    if (operation === "get" || store !== second || changes++ < n) return;
    world.kill(second);
    throw new Error("dead");
  };
  const isAcknowledged = await second.erase("shop", "vis_gone").then(() => true, () => false);
  const died = changes > n;
  world.kill(second);
  world.hook = () => {};
  const isAsked = (await world.keysOf("erased")).length > before.length;
  expect(isAsked || !isAcknowledged).toBe(true);

  const third = world.open();
  expect((await report(third)).totalPageviews, `died at ${n}, before the takeover`).toBe(OTHERS * DAYS + 2 + (isAsked ? 0 : DAYS + 2));
  await silence(third);
  await checkpoint(third);
  expect((await world.holders("vis_gone")).length > 0, `died at ${n}, ${isAsked ? "asked" : "not asked"}`).toBe(!isAsked);
  const { totalPageviews, uniqueVisitors } = await report(third);
  expect([totalPageviews, uniqueVisitors]).toEqual(isAsked ? [OTHERS * DAYS + 2, OTHERS] : [(OTHERS + 1) * DAYS + 4, OTHERS + 1]);
  for (let v = 0; v < OTHERS; v++) expect((await third.profiles.load("shop", `vis_${v}`))!.visitor.pageviews).toBe(DAYS + (v === 0 ? 2 : 0));
  expect((await third.profiles.load("shop", "vis_gone"))?.visitor.pageviews).toBe(isAsked ? undefined : DAYS + 2);
  await third.close();
  return died;
}

test("a process that dies at any step of an erasure leaves it to who takes over: nothing of the visitor is left, and all of the others", async () => {
  let step = 0;
  while (await dieAt(step)) step++;
  expect(step).toBeGreaterThan(20);
});
