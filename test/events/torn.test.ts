import type { Driver } from "unstorage";
import memoryDriver from "unstorage/drivers/memory";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { inflateRawSync } from "node:zlib";
import type { Report, ReportQuery } from "../../src/events/event-store.ts";
import type { StoredEvent } from "../../src/event.ts";
import { decodeSegment, parseLines } from "../../src/events/segment.ts";
import { createUnstorageEvents, type UnstorageEvents } from "../../src/events/unstorage.ts";
import { silentReporter } from "../../src/logger.ts";
import { createGuard } from "../../src/storage/guard.ts";
import { recount } from "./brute-force.ts";
import { silence } from "./silence.ts";

/** Every n-th of the damages below; 1 is all of them. */
const SAMPLE = Number(process.env.TORN_SAMPLE ?? 1);
/** For cases in which it matters that a value is damaged, and hardly where. */
const COARSE = 8;
const AT_A_TIME = 32;
const CUT_BYTES = 16;
const FLIP_BITS = 64;
const SEAL_BYTES = 12;

const NOON = Date.parse("2025-03-10T12:00:00Z");
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const SITES = ["shop", "blog"];

type Disk = Map<string, Buffer>;

interface Life {
  now?: number;
  /** It dies before it removes what its checkpoint made superfluous. */
  keepsOld?: boolean;
}

function open(disk: Disk, life: Life = {}): UnstorageEvents {
  const driver: Driver = {
    ...memoryDriver(),
    dispose: undefined,
    hasItem: (key: string) => disk.has(key),
    getItem: (key: string) => disk.get(key) ?? null,
    getItemRaw: (key: string) => disk.get(key) ?? null,
    setItemRaw: (key: string, value: Buffer) => void disk.set(key, value),
    removeItem(key: string) {
      if (life.keepsOld) throw new Error("the process is dead");
      disk.delete(key);
    },
    getKeys: () => [...disk.keys()],
  } as Driver;
  const guard = createGuard(driver, { reporter: silentReporter, maxFailures: 1e9 });
  return createUnstorageEvents({ guard, now: () => life.now ?? NOON, reporter: silentReporter });
}

let made = 0;
function batch(count: number): StoredEvent[] {
  return Array.from({ length: count }, (_, i): StoredEvent => {
    const at = NOON - (i % 3) * DAY - made * 1_000;
    const n = made++;
    const type = i % 5 === 4 ? "event" : "pageview";
    return {
      id: `evt_${n}`, siteId: SITES[n % 2]!, type, at, day: new Date(at).toISOString().slice(0, 10), visitorId: `v${n % 7}`,
      sessionId: `s${n % 7}_${i % 3}`, visit: 1, path: `/${n % 3}`, browser: "Firefox",
      ...(type === "pageview" && { pageviewId: `pv_${n}` }),
    };
  });
}

/** Two lives that ended well, taken over by a third that died; and a fourth, with a checkpoint and a journal each. */
async function fill(options: { keepsOld?: boolean } = {}): Promise<{ disk: Disk; events: StoredEvent[] }> {
  const disk: Disk = new Map();
  const events: StoredEvent[] = [];
  const append = async (store: UnstorageEvents, count: number) => {
    const more = batch(count);
    events.push(...more);
    await store.append({ events: more });
  };
  const first = open(disk);
  await append(first, 12);
  await first.close();
  const second = open(disk);
  await append(second, 12);
  await second.erase("elsewhere", "nobody"); // makes a checkpoint
  await append(second, 12);
  await second.close();
  const life: Life = {};
  const third = open(disk, life);
  for (const last of [false, false, true]) {
    await append(third, 2);
    life.keepsOld = last && options.keepsOld;
    await third.erase("elsewhere", "nobody").catch(() => {});
  }
  await append(third, 4);
  await append(third, 4);
  const fourth = open(disk);
  await append(fourth, 5);
  await fourth.erase("elsewhere", "nobody");
  await append(fourth, 3);
  return { disk, events };
}

function* damagesOf(value: Buffer): Generator<Buffer> {
  let n = 0;
  for (let length = 0; length < value.length; length += CUT_BYTES) {
    if (n++ % SAMPLE === 0) yield Buffer.from(value.subarray(0, length));
  }
  for (let bit = 0; bit < value.length * 8; bit += FLIP_BITS) {
    if (n++ % SAMPLE !== 0) continue;
    const flipped = Buffer.from(value);
    flipped[bit >> 3]! ^= 1 << (n % 8); // not always the same bit of a byte
    yield flipped;
  }
}

/** A disk for each damage of each stored value of a kind. */
function* damaged(disk: Disk, kind: string, every = 1): Generator<{ key: string; name: string; disk: Disk }> {
  let n = 0;
  for (const [key, value] of disk) {
    if (!key.startsWith(`${kind}:`)) continue;
    for (const harmed of damagesOf(value)) if (n++ % every === 0) yield { key, name: `damage ${n} of ${key}`, disk: new Map(disk).set(key, harmed) };
  }
  expect(n, `damages of a ${kind}`).toBeGreaterThan(0);
}

/** Several at a time: a process that starts waits a moment for others, and each has a disk of its own. */
async function each<T>(of: Iterable<T>, check: (one: T) => Promise<void>): Promise<void> {
  const rest = of[Symbol.iterator]();
  const work = async () => {
    for (let next = rest.next(); !next.done; next = rest.next()) await check(next.value);
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, work));
}

const bodyOf = (disk: Disk, key: string) => disk.get(key)!.subarray(SEAL_BYTES);
const inSegment = (disk: Disk, key: string) => decodeSegment(bodyOf(disk, key)).sites.flatMap(({ lines }) => parseLines(lines));
const inBlock = (disk: Disk, key: string) => parseLines(inflateRawSync(bodyOf(disk, key)));
const inBlocks = (disk: Disk) => [...disk.keys()].filter((key) => key.startsWith("block:")).flatMap((key) => inBlock(disk, key));

async function exported(store: UnstorageEvents): Promise<string[]> {
  const ids: string[] = [];
  for (const siteId of SITES) for await (const { id } of store.read(siteId)) ids.push(id);
  return ids.sort();
}

const query = (siteId: string): ReportQuery => ({ siteId, timeZone: "UTC", days: 7, limit: 50, includeBots: false, now: NOON + HOUR });
const reports = (store: UnstorageEvents): Promise<Report[]> => Promise.all(SITES.map((siteId) => store.report(query(siteId))));
const recounts = (events: StoredEvent[]): Report[] => SITES.map((siteId) => recount(events, query(siteId)));
const idsOf = (events: StoredEvent[]) => events.map(({ id }) => id).sort();
const without = (events: StoredEvent[], lost: StoredEvent[]) => events.filter(({ id }) => !lost.some((one) => one.id === id));

vi.setConfig({ testTimeout: 120_000 });
beforeAll(() => void vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] }));
afterEach(() => void vi.clearAllTimers());
afterAll(() => void vi.useRealTimers());

test("a damaged segment takes only its own events with it", async () => {
  const { disk, events } = await fill();
  await each(damaged(disk, "journal"), async (one) => {
    const inside = inSegment(disk, one.key);
    const store = open(one.disk, { now: NOON + DAY }); // the last one of a living process may be half-written yet, and is waited for
    expect(await exported(store), one.name).toEqual(idsOf(without(events, inside)));
    expect(await reports(store), one.name).toEqual(recounts(without(events, inside)));
    expect(store.stats().torn, one.name).toBeGreaterThan(0);
  });
});

test("a damaged block takes only its own events out of what is read, and nothing out of a report", async () => {
  const { disk, events } = await fill();
  await each(damaged(disk, "block"), async (one) => {
    const inside = inBlock(disk, one.key);
    expect(inside.length).toBeGreaterThan(0);
    const store = open(one.disk);
    expect(await exported(store), one.name).toEqual(idsOf(without(events, inside)));
    expect(await reports(store), one.name).toEqual(recounts(events));
    expect(store.stats().torn, one.name).toBe(1);
  });
});

test("the rows of a damaged rollup are rebuilt from the blocks", async () => {
  const { disk, events } = await fill();
  await each(damaged(disk, "rollup"), async (one) => {
    const store = open(one.disk);
    expect(await reports(store), one.name).toEqual(recounts(events));
    expect(await exported(store), one.name).toEqual(idsOf(events));
    expect(store.stats().torn, one.name).toBeGreaterThan(0);
  });
});

test("rebuilt rows are written anew by the next checkpoint", async () => {
  const { disk, events } = await fill();
  await each(damaged(disk, "rollup", COARSE), async (one) => {
    const store = open(one.disk, { now: NOON + DAY }); // all others are taken for dead: their data is taken over
    await reports(store);
    await store.erase("elsewhere", "nobody");
    expect(one.disk.has(one.key), one.name).toBe(false);
    const next = open(one.disk);
    expect(await reports(next), one.name).toEqual(recounts(events));
    expect(next.stats().torn, one.name).toBe(0);
  });
});

test("a damaged checkpoint falls back to the one before it, as long as that is there", async () => {
  const { disk, events } = await fill({ keepsOld: true });
  const newest = [...disk.keys()].find((key) => key.startsWith("checkpoint:") && key.endsWith("_0000000002"))!;
  expect(disk.has(newest.replace(/2$/, "1"))).toBe(true);
  for (const key of disk.keys()) if (key.startsWith("slot:")) disk.delete(key); // a slot could tell of it too
  await each(damaged(disk, "checkpoint"), async (one) => {
    if (one.key !== newest) return;
    const store = open(one.disk);
    expect(await exported(store), one.name).toEqual(idsOf(events));
    expect(await reports(store), one.name).toEqual(recounts(events));
  });
});

test("a damaged slot harms nothing", async () => {
  const { disk, events } = await fill();
  await each(damaged(disk, "slot"), async (one) => {
    const store = open(one.disk);
    expect(await exported(store), one.name).toEqual(idsOf(events));
    expect(await reports(store), one.name).toEqual(recounts(events));
  });
});

test("a store with a damaged value goes on: it takes new events, makes checkpoints and is opened again", async () => {
  const { disk } = await fill();
  for (const kind of ["journal", "block", "rollup", "slot"]) {
    const [, , , { disk: harmed }] = [...damaged(disk, kind)] as [unknown, unknown, unknown, { disk: Disk }];
    const before = await exported(open(new Map(harmed)));
    const store = open(harmed, { now: NOON + DAY }); // all others are taken for dead: their data is taken over
    const more = batch(4);
    await store.append({ events: more });
    await store.erase("elsewhere", "nobody");
    await store.close();
    expect(await exported(open(harmed)), kind).toEqual([...before, ...idsOf(more)].sort());
  }
});

test("what a damaged checkpoint named is found again by its keys", async () => {
  const { disk, events } = await fill();
  await each(damaged(disk, "checkpoint"), async (one) => {
    const store = open(one.disk);
    expect(await reports(store), one.name).toEqual(recounts(events));
    expect(await exported(store), one.name).toEqual(idsOf(events));
  });
});

test("a process whose checkpoint is damaged is taken over: an erased visitor is gone from what it had named too", async () => {
  const { disk, events } = await fill();
  await each(damaged(disk, "checkpoint", COARSE), async (one) => {
    const store = open(one.disk, { now: NOON + DAY });
    for (const siteId of SITES) await store.erase(siteId, "v3");
    const left = events.filter(({ visitorId }) => visitorId !== "v3");
    expect([...one.disk.keys()], one.name).not.toContain(one.key);
    expect(inBlocks(one.disk).filter(({ visitorId }) => visitorId === "v3"), one.name).toEqual([]);
    const next = open(one.disk);
    expect(await reports(next), one.name).toEqual(recounts(left));
    expect(await exported(next), one.name).toEqual(idsOf(left));
    expect(next.stats().torn, one.name).toBe(0);
  });
});

test("taking over a process whose checkpoint is damaged removes none of its blocks", async () => {
  const { disk } = await fill();
  await each(damaged(disk, "checkpoint"), async (one) => {
    const before = inBlocks(one.disk);
    const store = open(one.disk, { now: NOON + DAY });
    await store.erase("elsewhere", "nobody");
    const after = new Set(inBlocks(one.disk).map(({ id }) => id));
    expect(before.filter(({ id }) => !after.has(id)), one.name).toEqual([]);
  });
});

test("of a process that died in the middle of a segment and was taken over, later ones find nothing else damaged", async () => {
  const disk: Disk = new Map();
  const dying = open(disk);
  const stored: StoredEvent[] = [];
  for (let n = 0; n < 3; n++) {
    const more = batch(4);
    stored.push(...more);
    await dying.append({ events: more });
  }
  const living = open(disk);
  await reports(living);
  const [key, body] = [...disk].filter(([name]) => name.startsWith("journal:")).sort().at(-1)!;
  const half = key.replace(/2$/, "3");
  disk.set(half, body.subarray(0, 40));
  await silence(living);
  expect([...disk.keys()].filter((name) => name.startsWith("journal:"))).toEqual([half]);
  const next = open(disk, { now: NOON + HOUR });
  expect(await reports(next)).toEqual(recounts(stored));
  expect(next.stats().torn).toBe(1);
});
