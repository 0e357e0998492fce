// Processes that are taken for dead, wake up, and take others over: what they had and what they have since is all there.
import { expect, test } from "vitest";
import type { StoredEvent } from "../../src/event.ts";
import { checkpoint, createDisk, eventOf, expectAll, NOON, open, type Store, track, world } from "./profile-world.ts";
import { idsIn } from "./ids-in.ts";
import { createRandom } from "./random-history.ts";

const PLANS = Number(process.env.PLANS ?? 60);
const FIRST = Number(process.env.SEED ?? 1);
const VISITORS = 3;
/** By this much a sign of life is too old for whoever starts. */
const OLD_MS = 200_000;

/** `A`: an event through A, which starts when it is not there. `cA`: a checkpoint of A. `xA`: A ends. `+`: clocks jump. */
async function follow(plan: string, profilesToo = false): Promise<void> {
  const { disk } = createDisk();
  const running = new Map<string, Store>();
  const events: StoredEvent[] = [];
  for (const step of plan.split(" ")) {
    const name = step.at(-1)!;
    if (name === "+") {
      world.skew += OLD_MS;
      continue;
    }
    const store = running.get(name) ?? open(disk);
    running.set(name, store);
    if (step.startsWith("c")) await checkpoint(store);
    else if (step.startsWith("x")) {
      await store.close();
      running.delete(name);
    } else {
      const event = eventOf(events.length, VISITORS);
      await track(store, event);
      events.push(event);
    }
  }
  const check = async (store: Store, who: string) => {
    await store.catchUp();
    expect(await idsIn(store), `${plan}: ${who}`).toEqual(events.map(({ id }) => id).sort());
    const { totalPageviews, totalEvents } = await store.report({ siteId: "shop", timeZone: "UTC", days: 7, limit: 10, includeBots: false, now: NOON + 3_600_000 });
    expect(totalPageviews + totalEvents, `${plan}: ${who}`).toBe(events.length);
    if (profilesToo) await expectAll(store, events, VISITORS);
  };
  for (const store of running.values()) await checkpoint(store); // whose slot went to another says now that it lives
  for (const [name, store] of running) await check(store, name);
  for (const store of running.values()) await store.close();
  const fresh = open(disk);
  await check(fresh, "a fresh process");
  await fresh.close();
  world.skew = 0;
}

test.each([
  ["one that idled was taken over, and takes over who had done it", "A B + cA xA cB cB"],
  ["one that woke up and stored nothing since takes a third one over", "A + cB cA xB B xB cA"],
  ["one that woke up, stored and ended before another looked", "A + cB A xA cC cB"],
  ["one that another took for dead at its start, and that ended after a checkpoint", "cB A + cB A cC cA cB xA A"],
])("%s", (_, plan) => follow(plan, true));

test(`${PLANS} random plans of processes that wake up and take over lose nothing`, { timeout: 60_000 + 1_000 * PLANS }, async () => {
  for (let seed = FIRST; seed < FIRST + PLANS; seed++) {
    const random = createRandom(seed);
    const steps = ["A", "B", "A", "B", "C", "cA", "cB", "cC", "xA", "xB", "+", "+"];
    await follow(Array.from({ length: 6 + random.below(12) }, () => random.pick(steps)).join(" "));
  }
});
