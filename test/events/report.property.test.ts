import type { Driver } from "unstorage";
import memoryDriver from "unstorage/drivers/memory";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import type { ReportQuery } from "../../src/events/event-store.ts";
import type { StoredEvent } from "../../src/event.ts";
import { createUnstorageEvents, type UnstorageEvents } from "../../src/events/unstorage.ts";
import { silentReporter } from "../../src/logger.ts";
import { createGuard } from "../../src/storage/guard.ts";
import { recount } from "./brute-force.ts";
import { createRandom, inventHistory } from "./random-history.ts";
import { idsIn } from "./ids-in.ts";

/** How many random histories; each says its seed when it fails. `SEED=17 HISTORIES=1` runs that one alone. */
const HISTORIES = Number(process.env.HISTORIES ?? 80);
const FIRST_SEED = Number(process.env.SEED ?? 1);
const AT_A_TIME = 40;

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const DAY = 24 * 60 * MINUTE;

/** A process on the shared disk. Once killed, nothing of it reaches the disk any more. */
interface Process {
  store: UnstorageEvents;
  kill(afterChanges?: number): void;
}

function startProcess(disk: Driver, now: () => number): Process {
  let changesLeft = Infinity;
  const change = async (act: () => unknown) => {
    if (changesLeft-- <= 0) throw new Error("the process is dead");
    return act();
  };
  const driver = {
    ...disk,
    dispose: undefined,
    setItemRaw: (key: string, value: Uint8Array, options: never) => change(() => disk.setItemRaw!(key, value, options)),
    removeItem: (key: string, options: never) => change(() => disk.removeItem!(key, options)),
  } as Driver;
  const guard = createGuard(driver, { reporter: silentReporter, maxFailures: 1e9 });
  return {
    store: createUnstorageEvents({ guard, now, reporter: silentReporter, closeMs: 100 }),
    kill: (afterChanges = 0) => void (changesLeft = afterChanges),
  };
}

/** Summaries that the histories left in storage. */
let summed = 0;

/** Monotonic time that the test moves, so that nobody waits for a refresh to be due. */
let skew = 0;
beforeAll(() => {
  const real = performance.now.bind(performance);
  vi.spyOn(performance, "now").mockImplementation(() => real() + skew);
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
});
afterEach(() => void vi.clearAllTimers());
afterAll(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

async function liveThrough(seed: number): Promise<void> {
  const random = createRandom(seed);
  const history = inventHistory(random);
  const disk = { ...memoryDriver(), dispose: undefined } as Driver;
  let clock = history.now;
  const start = () => startProcess(disk, () => clock);
  const processes = Array.from({ length: random.between(1, 3) }, start);
  const stored: StoredEvent[] = [];
  const isLate = history.events.map(() => random.chance(0.1));
  const late = history.events.filter((_, index) => isLate[index]);
  const onTime = history.events.filter((_, index) => !isLate[index]);

  async function compare(name: string, store: UnstorageEvents) {
    skew += 300;
    const query: ReportQuery = {
      siteId: random.pick(history.sites),
      timeZone: history.timeZone,
      days: random.pick([1, 2, 3, 7, 30]),
      limit: random.pick([0, 1, 3, 1_000]),
      includeBots: random.chance(0.3),
      now: history.now + random.pick([0, 0, 2 * MINUTE, DAY]),
      ...(random.chance(0.4) && { country: random.pick(["DE", "FR", "US"]) }),
    };
    const difference = differenceOf(await store.report(query), recount(stored, query));
    if (difference) throw new Error(`${name} store, ${stored.length} hits, ${JSON.stringify(query)}: ${difference}`);
  }

  const restart = (index: number) => void (processes[index] = start());
  /** So long that a process that does not say so is taken for dead. */
  async function passTime() {
    for (let i = 0; i < 2; i++) {
      clock += 100 * SECOND;
      for (const { store } of processes) await store.erase("elsewhere", "nobody");
    }
  }

  for (let next = 0; next < onTime.length; ) {
    const batch = onTime.slice(next, next + random.pick([1, 1, 2, 8, 30]));
    next += batch.length;
    skew += 5;
    await random.pick(processes).store.append({ events: batch });
    stored.push(...batch);
    const index = random.below(processes.length);
    const { store, kill } = processes[index]!;
    const fate = random.below(40);
    if (fate < 4) await store.erase("elsewhere", "nobody"); // makes a checkpoint
    else if (fate < 5) await store.erase(random.pick(history.sites), "nobody"); // and goes through every block and row
    else if (fate < 7) {
      await store.close();
      restart(index);
    } else if (fate < 9) {
      kill();
      restart(index);
    } else if (fate < 11) {
      kill(random.below(8)); // in the middle of a checkpoint
      await store.erase("elsewhere", "nobody").catch(() => {});
      kill();
      restart(index);
    } else if (fate < 12) await passTime();
    else if (fate < 14) await compare("a live", store);
  }

  async function compareAll() {
    const fresh = start();
    const site = random.pick(history.sites);
    const kept = [...new Set(stored.filter(({ siteId }) => siteId === site).map(({ id }) => id))].sort();
    expect(await idsIn(fresh.store, site), `export, ${stored.length} hits`).toEqual(kept);
    for (let i = 0; i < 3; i++) await compare("a fresh", fresh.store);
    for (let i = 0; i < 2; i++) await compare("a live", random.pick(processes).store);
    await fresh.store.close();
  }
  await compareAll();

  // days that are over are summed up and stored by checkpoints that find nothing new, read back, and changed again
  const settle = async () => {
    for (let i = random.below(5); i > 0; i--) await random.pick(processes).store.erase("elsewhere", "nobody");
  };
  await settle();
  await compareAll();
  for (const hit of late) {
    await random.pick(processes).store.append({ events: [hit] });
    stored.push(hit);
    if (random.chance(0.3)) await settle();
    if (random.chance(0.3)) await compare("a live", random.pick(processes).store);
  }
  await settle();
  await compareAll();

  // somebody is forgotten by several processes; a hit of theirs that comes late counts nowhere
  for (let i = random.below(3); i > 0 && stored.length > 0; i--) {
    const erased = random.pick(stored);
    const isTheirs = (hit: StoredEvent) => hit.siteId === erased.siteId && hit.visitorId === erased.visitorId;
    if (stored.some((hit) => isTheirs(hit) && hit.at > clock)) continue;
    await random.pick(processes).store.erase(erased.siteId, erased.visitorId);
    stored.splice(0, stored.length, ...stored.filter((hit) => !isTheirs(hit)));
    if (random.chance(0.5)) await compareAll();
    if (random.chance(0.5)) await random.pick(processes).store.append({ events: [{ ...erased, id: `late_${i}`, pageviewId: `late_${i}` }] });
    await settle();
    await compareAll();
  }

  // later, one process is left, takes all over, and forgets somebody
  const [survivor, ...leaving] = processes as [Process, ...Process[]];
  processes.length = 1;
  for (const { store } of leaving) await store.close();
  clock += 60 * DAY;
  for (let i = 0; i < 3; i++) await survivor.store.erase("elsewhere", "nobody");
  await compareAll();
  const erased = stored.length > 0 ? random.pick(stored) : { siteId: "shop", visitorId: "nobody" };
  await survivor.store.erase(erased.siteId, erased.visitorId);
  const left = stored.filter(({ siteId, visitorId }) => siteId !== erased.siteId || visitorId !== erased.visitorId);
  stored.splice(0, stored.length, ...left);
  await compareAll();
  await settle();
  await compareAll();
  summed += (await disk.getKeys!("summary", {})).filter((key) => key.startsWith("summary:")).length;
  survivor.kill();
}

/** The first place where two reports differ; numbers may by a rounding error. */
function differenceOf(got: unknown, wanted: unknown, path = "report"): string | undefined {
  if (typeof got === "number" && typeof wanted === "number" && Math.abs(got - wanted) < 1e-9) return undefined;
  if (typeof got === "object" && typeof wanted === "object" && got && wanted) {
    for (const key of new Set([...Object.keys(got), ...Object.keys(wanted)])) {
      const found = differenceOf(got[key as keyof typeof got], wanted[key as keyof typeof wanted], `${path}.${key}`);
      if (found) return found;
    }
    return undefined;
  }
  return got === wanted ? undefined : `${path} is ${JSON.stringify(got)}, counted by hand ${JSON.stringify(wanted)}`;
}

for (let first = 0; first < HISTORIES; first += AT_A_TIME) {
  const last = Math.min(first + AT_A_TIME, HISTORIES);
  test(`reports over random histories are what counting by hand gives (${first + 1}–${last})`, { timeout: 120_000 }, async () => {
    const failures: string[] = [];
    for (let i = first; i < last; i++) {
      await liveThrough(FIRST_SEED + i).catch((error: unknown) => failures.push(`seed ${FIRST_SEED + i}: ${error}`));
      vi.clearAllTimers();
    }
    expect(failures).toEqual([]);
    if (last - first >= AT_A_TIME) expect(summed, "days summed up in storage").toBeGreaterThan(0);
  });
}
