import type { Driver } from "unstorage";
import memoryDriver from "unstorage/drivers/memory";
import { expect, test } from "vitest";
import type { StoredEvent } from "../../src/event.ts";
import { createUnstorageEvents, type UnstorageEvents } from "../../src/events/unstorage.ts";
import { silentReporter } from "../../src/logger.ts";
import { createGuard } from "../../src/storage/guard.ts";

const NOON = Date.parse("2025-03-10T12:00:00Z");
const DAY = 86_400_000;
const SITE = "shop";
const ROUNDS = Number(process.env.EXPORT_ROUNDS ?? 30);

/** The same sequence for the same seed. */
function createDice(seed: number) {
  let state = seed >>> 0 || 1;
  return (below: number): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/** `onRead` may hold a read of the driver up. */
function open(disk: Driver, options: { pageEvents?: number; now?: number; onRead?: (key: string) => Promise<void> } = {}): UnstorageEvents {
  const driver = {
    ...disk,
    dispose: undefined,
    async getItemRaw(key: string, more: never) {
      await options.onRead?.(key);
      return disk.getItemRaw!(key, more);
    },
  } as Driver;
  const guard = createGuard(driver, { reporter: silentReporter });
  return createUnstorageEvents({ guard, now: () => options.now ?? NOON, reporter: silentReporter, pageEvents: options.pageEvents });
}

let made = 0;
function eventAt(at: number): StoredEvent {
  const id = `evt_${made++}`;
  return { id, siteId: SITE, type: "pageview", at, day: new Date(at).toISOString().slice(0, 10), visitorId: "v", sessionId: "s", visit: 1, path: "/" };
}

const checkpoint = (store: UnstorageEvents) => store.erase("elsewhere", "nobody");
const ordered = (events: StoredEvent[]) => events.toSorted((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1)).map(({ id }) => id);

/** Lines until the client is cut off, and whether it got to the end. */
async function take(store: UnstorageEvents, lines: number, after?: StoredEvent): Promise<{ got: StoredEvent[]; ended: boolean }> {
  const got: StoredEvent[] = [];
  for await (const event of store.read(SITE, { after })) {
    got.push(event);
    if (got.length === lines) return { got, ended: false };
  }
  return { got, ended: true };
}

test(`an export that is cut off again and again is whole in the end, over checkpoints and restarts (${ROUNDS} histories)`, { timeout: 60_000 }, async () => {
  for (let seed = 1; seed <= ROUNDS; seed++) {
    const dice = createDice(seed * 7919);
    const disk = memoryDriver() as Driver;
    const pageEvents = 1 + dice(40);
    let store = open(disk, { pageEvents });
    const events: StoredEvent[] = [];
    const more = async (count: number, from: number, span: number) => {
      const batch = Array.from({ length: count }, () => eventAt(from + dice(span)));
      for (const event of batch) await store.append({ events: [event] });
      events.push(...batch);
    };
    for (let part = 0; part < 4; part++) {
      await more(dice(30), NOON - 5 * DAY + part * DAY, dice(2) ? 5 : 2 * DAY);
      if (dice(2)) await checkpoint(store);
    }
    const got: StoredEvent[] = [];
    let later = 0;
    for (let ended = false; !ended; ) {
      const some = await take(store, 1 + dice(50), got.at(-1));
      got.push(...some.got);
      ended = some.ended;
      const fate = dice(4);
      if (fate === 0) await checkpoint(store);
      else if (fate === 1) {
        await store.close();
        store = open(disk, { pageEvents });
      } else if (fate === 2) store = open(disk, { pageEvents }); // the old one died
      else await more(3, NOON + DAY * ++later, DAY); // behind all that was taken: still to come
    }
    // what came while the last part was taken
    got.push(...(await take(store, Infinity, got.at(-1))).got);
    expect(got.map(({ id }) => id), `seed ${seed}`).toEqual(ordered(events));
    await store.close();
  }
});

test("an event that was stored twice, by two processes at two times, is one line, also when the reader is cut off in between", async () => {
  const disk = memoryDriver() as Driver;
  const [one, other] = [open(disk), open(disk)];
  const event = eventAt(NOON);
  const between = eventAt(NOON + 500);
  await other.timeline(SITE, "v"); // it lives already, so it does not read that the event is stored
  await one.append({ events: [event, between] });
  await other.append({ events: [{ ...event, at: NOON + 1_000 }] });
  const reader = open(disk);
  const first = await take(reader, Infinity);
  expect(first.got).toEqual([event, between]);
  expect((await take(reader, Infinity, between)).got).toEqual([]);
  const pages: string[] = [];
  for (let cursor: string | undefined, n = 0; n === 0 || cursor; n++) {
    const page = await reader.timeline(SITE, "v", { limit: 1, cursor });
    pages.push(...page.events.map(({ id }) => id));
    cursor = page.cursor;
  }
  expect(pages).toEqual([event.id, between.id]);
  await Promise.all([one, other, reader].map((store) => store.close()));
});

/** A reader that is stopped at its first look at a value of a dead process, until another has taken that over. */
async function whileTakenOver<T>(kind: "block" | "journal", read: (store: UnstorageEvents) => Promise<T>): Promise<{ found: T; events: StoredEvent[] }> {
  const disk = memoryDriver() as Driver;
  const events = Array.from({ length: 20 }, (_, i) => eventAt(NOON - i * DAY));
  const dead = open(disk);
  await dead.append({ events: [...events.slice(0, 10), { ...eventAt(NOON), visitorId: "gone" }] });
  await checkpoint(dead);
  await dead.append({ events: events.slice(10) });
  let takeOver: (() => Promise<void>) | undefined;
  const reader = open(disk, {
    now: NOON + DAY,
    async onRead(key) {
      if (!key.startsWith(`${kind}:`) || !takeOver) return;
      const act = takeOver;
      takeOver = undefined;
      await act();
    },
  });
  await reader.report({ siteId: SITE, timeZone: "UTC", days: 30, limit: 1, includeBots: false, now: NOON });
  takeOver = async () => {
    for (const key of await disk.getKeys("", {} as never)) if (key.startsWith("slot:")) await disk.removeItem!(key, {} as never);
    const heir = open(disk, { now: NOON + DAY });
    await heir.erase(SITE, "gone"); // so the block is written anew
  };
  const found = await read(reader);
  expect(takeOver, "taken over meanwhile").toBe(undefined);
  return { found, events };
}

for (const kind of ["block", "journal"] as const) {
  test(`an export goes on when what it reads of a ${kind} is taken over by another process`, async () => {
    const { found, events } = await whileTakenOver(kind, async (store) => (await take(store, Infinity)).got);
    expect(found.filter(({ visitorId }) => visitorId === "v").map(({ id }) => id)).toEqual(ordered(events));
  });

  test(`a timeline is answered when what it reads of a ${kind} is taken over by another process`, async () => {
    const { found, events } = await whileTakenOver(kind, (store) => store.timeline(SITE, "v"));
    expect(found.events.map(({ id }) => id)).toEqual(ordered(events).toReversed());
  });
}

test("an export does not hold more events than it sorts at a time, however slow its reader is", async () => {
  const disk = memoryDriver() as Driver;
  let reads = 0;
  const store = open(disk, { pageEvents: 10, onRead: async (key) => void (key.startsWith("block:") && reads++) });
  for (let day = 0; day < 10; day++) {
    await store.append({ events: Array.from({ length: 10 }, (_, i) => eventAt(NOON + day * DAY + i)) });
    await checkpoint(store);
  }
  const { got } = await take(store, 5);
  expect(got.length).toBe(5);
  expect(reads, "blocks read for the first five lines").toBeLessThanOrEqual(3);
  await store.close();
});
