import type { Driver } from "unstorage";
import { expect, test } from "vitest";
import type { ReportQuery } from "../../src/events/event-store.ts";
import type { StoredEvent } from "../../src/event.ts";
import { recount } from "./brute-force.ts";
import { checkpoint, createDisk, dead, eventOf, expectAll, NOON, open, sleeping, type Store, track, world } from "./profile-world.ts";
import { createRandom, type Random } from "./random-history.ts";
import { silence } from "./silence.ts";
import { idsIn } from "./ids-in.ts";

/** How many random histories; each says its seed when it fails. `SEED=17 HISTORIES=1` runs that one alone. */
const HISTORIES = Number(process.env.HISTORIES ?? 8);
const FIRST = Number(process.env.SEED ?? 1);
const STEPS = 50;
const VISITORS = 7;
const MAX_PROCESSES = 5;
/** Clocks are set, or the whole machine was suspended. */
const JUMP_MS = 600_000;
/** By then a process that runs has noticed it. */
const NOTICED_MS = 700;

const query: ReportQuery = { siteId: "shop", timeZone: "UTC", days: 7, limit: 1_000, includeBots: false, now: NOON + 3_600_000 };

/** Each call takes its own time, so that what processes do at once mixes in every way. */
function slow(disk: Driver, random: Random): Driver {
  const wait = () => (random.chance(0.5) ? Promise.resolve() : new Promise((resolve) => setTimeout(resolve, random.below(4))));
  return {
    ...disk,
    getItemRaw: async (...args) => (await wait(), disk.getItemRaw!(...args)),
    setItemRaw: async (...args) => (await wait(), disk.setItemRaw!(...args)),
    removeItem: async (...args) => (await wait(), disk.removeItem!(...args)),
  };
}

async function live(seed: number): Promise<void> {
  const random = createRandom(seed);
  const { disk } = createDisk();
  const delays = createRandom(seed + 1_000_000);
  /** Those that start at the same moment may need two seconds to find each other. */
  const start = async () => {
    const store = open(slow(disk, delays));
    await store.start();
    return store;
  };
  let processes = [await start(), await start()];
  let acknowledged: StoredEvent[] = [];
  /** Whatever they send afterwards happened before: events are of another year. */
  const erased = new Set<string>();
  const doing: Promise<unknown>[] = [];
  let made = 0;

  async function check(store: Store, where: string) {
    await store.catchUp();
    expect(await store.report(query), where).toEqual(recount(acknowledged, query));
    await expectAll(store, acknowledged, VISITORS);
  }

  const actions: [share: number, act: () => unknown][] = [
    [0.61, () => Promise.all(Array.from({ length: 1 + random.below(12) }, async () => {
      const event = eventOf(made++, VISITORS);
      await track(random.pick(processes), event);
      if (!erased.has(event.visitorId)) acknowledged.push(event);
    }))],
    [0.02, async () => {
      const visitor = `v${random.below(VISITORS)}`;
      erased.add(visitor);
      await random.pick(processes).erase("shop", visitor);
      acknowledged = acknowledged.filter(({ visitorId }) => visitorId !== visitor);
    }],
    [0.12, () => void doing.push(checkpoint(random.pick(processes)).catch(() => {}))],
    [0.07, async () => void (processes.length < MAX_PROCESSES && processes.push(await start()))],
    [0.06, () => leave((store) => void doing.push(store.close().catch(() => {})))],
    [0.06, () => leave((store) => void dead.add(store))],
    [0.02, async () => {
      world.skew += JUMP_MS;
      await new Promise((resolve) => setTimeout(resolve, NOTICED_MS));
    }],
    [0.02, () => silence(...processes)],
    [0.02, async () => {
      const sleeper = random.pick(processes);
      sleeping.add(sleeper);
      await silence(...processes.filter((store) => store !== sleeper));
      sleeping.delete(sleeper);
      await checkpoint(sleeper); // its timers are overdue: it says at once that it lives
    }],
  ];
  function leave(how: (store: Store) => void) {
    if (processes.length < 2) return;
    const gone = random.pick(processes);
    processes = processes.filter((store) => store !== gone);
    how(gone);
  }

  for (let step = 0; step < STEPS; step++) {
    let share = random.below(1_000) / 1_000;
    const action = actions.find(([of]) => (share -= of) < 0) ?? actions[0]!;
    await action[1]();
    if (random.chance(0.2)) for (const [n, store] of processes.entries()) await check(store, `seed ${seed}, step ${step}, process ${n} of ${processes.length}`);
  }
  await Promise.all(doing);
  for (const store of processes) await store.close();
  const after = await start();
  await check(after, `seed ${seed}, after a restart`);
  expect(await idsIn(after), `seed ${seed}`).toEqual(acknowledged.map(({ id }) => id).sort());
}

test(`processes that start, end, die, sleep and make checkpoints at random agree on what was stored and erased (${HISTORIES} histories)`, { timeout: 90_000 + 5_000 * HISTORIES }, async () => {
  for (let seed = FIRST; seed < FIRST + HISTORIES; seed++) await live(seed);
});
