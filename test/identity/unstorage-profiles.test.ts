import memoryDriver from "unstorage/drivers/memory";
import type { Driver } from "unstorage";
import { describe, expect, test } from "vitest";
import type { StoredEvent } from "../../src/event.ts";
import { createUnstorageProfiles, MAX_PROFILES } from "../../src/identity/unstorage-profiles.ts";
import { silentReporter } from "../../src/logger.ts";
import { createGuard } from "../../src/storage/guard.ts";
import { keys } from "../../src/storage/keys.ts";

interface Count {
  events: number;
  last: number;
}

const rules = {
  fold: (known: Count | undefined, event: StoredEvent): Count => {
    const count = known ?? { events: 0, last: 0 };
    count.events++;
    count.last = Math.max(count.last, event.at);
    return count;
  },
  merge: (a: Count, b: Count): Count => ({ events: a.events + b.events, last: Math.max(a.last, b.last) }),
};

const event = (at: number, visitorId = "v"): StoredEvent => ({
  id: `evt_${at}`, siteId: "shop", type: "pageview", at, day: "1970-01-01", visitorId, sessionId: "s", visit: 1,
});

function createWorld() {
  const driver = { ...memoryDriver(), dispose: undefined } as Driver;
  const timeline: StoredEvent[] = [];
  let clock = 1_000_000;
  let shared = false;
  const start = () => {
    const guard = createGuard(driver, { reporter: silentReporter });
    return createUnstorageProfiles<Count>({
      guard, rules, now: () => clock, reporter: silentReporter, shared: () => shared,
      async *history() {
        yield* timeline.toReversed();
      },
    });
  };
  return { driver, timeline, start, forward: (ms: number) => (clock += ms), share: () => (shared = true) };
}

async function track(profiles: ReturnType<ReturnType<typeof createWorld>["start"]>, at: number) {
  await profiles.load("shop", "v");
  profiles.record(event(at));
}

test("an unknown visitor has no profile; a recorded one is there at once, without a promise", async () => {
  const profiles = createWorld().start();
  expect(await profiles.load("shop", "v")).toBeUndefined();
  profiles.record(event(1));
  expect(profiles.load("shop", "v")).toEqual({ events: 1, last: 1 });
  expect(await profiles.load("blog", "v")).toBeUndefined();
});

test("a profile outlives its process, many times over", async () => {
  const world = createWorld();
  for (let life = 1; life <= 6; life++) {
    const profiles = world.start();
    await track(profiles, life);
    await profiles.flush();
    world.forward(2 * 3_600_000); // parts of dead processes are merged after an hour
    expect(await world.start().load("shop", "v")).toEqual({ events: life, last: life });
  }
  const parts = JSON.parse((world.driver as { getItem(key: string): Buffer }).getItem(keys.profile("shop", "v")).subarray(12).toString()) as unknown[];
  expect(parts.length).toBeLessThan(4);
});

test("two processes that take turns see one profile", async () => {
  const world = createWorld();
  world.share();
  const [a, b] = [world.start(), world.start()];
  for (let at = 1; at <= 8; at++) {
    const one = at % 2 ? a : b;
    await track(one, at);
    await one.flush();
  }
  expect(await world.start().load("shop", "v")).toEqual({ events: 8, last: 8 });
});

describe("a profile is rebuilt from the timeline", () => {
  test("when the stored one is torn", async () => {
    const world = createWorld();
    world.timeline.push(event(1), event(2), event(3));
    await (world.driver.setItemRaw as (key: string, value: unknown) => unknown)(keys.profile("shop", "v"), Buffer.from("torn"));
    expect(await world.start().load("shop", "v")).toEqual({ events: 3, last: 3 });
  });

  test("after an event that could not be stored", async () => {
    const world = createWorld();
    const profiles = world.start();
    await track(profiles, 1);
    world.timeline.push(event(1));
    await track(profiles, 2); // refused by the store
    profiles.forget("shop", "v");
    expect(await profiles.load("shop", "v")).toEqual({ events: 1, last: 1 });
    await profiles.flush();
    expect(await world.start().load("shop", "v")).toEqual({ events: 1, last: 1 });
  });
});

test("an erased profile is gone from memory and storage", async () => {
  const world = createWorld();
  const profiles = world.start();
  await track(profiles, 1);
  await profiles.flush();
  await profiles.erase("shop", "v");
  expect(await profiles.load("shop", "v")).toBeUndefined();
  expect(await world.start().load("shop", "v")).toBeUndefined();
});

test("memory holds no more than its bound, and the profiles beyond it are in storage", async () => {
  const profiles = createWorld().start();
  for (let i = 0; i <= MAX_PROFILES; i++) {
    await profiles.load("shop", `v${i}`);
    profiles.record(event(i, `v${i}`));
  }
  await new Promise((resolve) => setTimeout(resolve, 100)); // it is written on its way out
  const oldest = profiles.load("shop", "v0");
  expect(oldest).toBeInstanceOf(Promise);
  expect(await oldest).toEqual({ events: 1, last: 0 });
});
