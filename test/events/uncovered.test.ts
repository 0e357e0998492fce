import type { Driver } from "unstorage";
import memoryDriver from "unstorage/drivers/memory";
import { expect, test } from "vitest";
import type { StoredEvent } from "../../src/event.ts";
import { createUnstorageEvents } from "../../src/events/unstorage.ts";
import type { Reporter } from "../../src/logger.ts";
import { createGuard } from "../../src/storage/guard.ts";

const NOON = Date.parse("2025-03-10T12:00:00Z");

const eventOf = (n: number): StoredEvent => ({
  id: `evt_${n}`, siteId: "shop", type: "pageview", at: NOON + n, day: "2025-03-10", visitorId: `v${n % 50}`, sessionId: `s${n % 50}`, visit: 1, path: "/",
});

test("while checkpoints cannot be made, events are taken up to a bound, and again once they can", async () => {
  const disk = memoryDriver() as Driver;
  let failing = true;
  const setItemRaw: Driver["setItemRaw"] = async (key, value, options) => {
    if (failing && key.startsWith("rollup:")) throw new Error("no room for this kind");
    return disk.setItemRaw!(key, value, options);
  };
  const told: string[] = [];
  const reporter: Reporter = { report: (_, kind) => void told.push(kind) };
  const guard = createGuard({ ...disk, setItemRaw } as Driver, { reporter, maxFailures: Infinity });
  const store = createUnstorageEvents({ guard, now: () => NOON, reporter, maxUncovered: 45_000 });

  let taken = 0;
  const take = async () => {
    const events = Array.from({ length: 5_000 }, (_, i) => eventOf(taken + i));
    await store.append({ events });
    taken += events.length;
  };
  const fill = async () => {
    for (;;) await take();
  };
  await expect(fill()).rejects.toMatchObject({ code: "UNAVAILABLE" });
  expect(taken).toBe(50_000);

  await expect.poll(() => told, { timeout: 5_000 }).toContain("checkpoint");
  failing = false;
  await expect.poll(() => take().then(() => "taken", () => "refused"), { timeout: 20_000 }).toBe("taken");
  expect(store.stats().stored).toBe(taken);
  await store.close();
  let left = 0;
  const again = createUnstorageEvents({ guard, now: () => NOON, reporter });
  for await (const _ of again.read("shop")) left++;
  expect(left).toBe(taken);
  await again.close();
});
