// Random plans of up to three processes on one disk, of whose visitors some are erased, against what a list of the events says.
// SEED, PLANS: where to begin, how many. FAILING=1: writes of compactions fail now and then.
import { afterEach, expect, test, vi } from "vitest";
import type { StoredEvent } from "../../src/event.ts";
import { checkpoint, createWorld, DAY, event, type Store, wait } from "./erasure-world.ts";
import { createRandom } from "./random-history.ts";
import { silence } from "./silence.ts";

const SEED = Number(process.env.SEED ?? 1);
const PLANS = Number(process.env.PLANS ?? 15);
const FAILING = process.env.FAILING === "1";
const STEPS = 40;
const SITES = ["shop", "blog"];
const VISITORS = ["v0", "v1", "v2", "v3"];
const COMPACTED = /^(?:checkpoint|rollup|block|profiles|summary):/;
const WATCHED = /^(?:erased|checkpoint|rollup|block|profiles):/;

afterEach(() => void vi.restoreAllMocks());

function createPlan(seed: number) {
  const { below, chance, pick } = createRandom(seed * 7919);
  const world = createWorld();
  const events: StoredEvent[] = [];
  const erasedAt = new Map<string, number>();
  const running = new Set<Store>();
  /** How many reads and writes are still to be interrupted by what another process does. */
  let interruptions = 0;

  const isLeft = ({ siteId, visitorId, at }: StoredEvent) => at > (erasedAt.get(`${siteId} ${visitorId}`) ?? -Infinity);

  async function open(): Promise<Store> {
    const store = world.open();
    await store.start();
    running.add(store);
    return store;
  }

  async function leave(store: Store) {
    running.delete(store);
    if (running.size === 0) await open();
  }

  async function append(store: Store) {
    const batch = Array.from({ length: 1 + below(3) }, () => {
      const visitorId = pick(VISITORS);
      const at = chance(0.1) ? world.clock - below(7_200_000) : world.clock;
      const path = `/p/${seed}-${events.length + below(1e9)}-`;
      return event(at, visitorId, { siteId: chance(0.8) ? "shop" : "blog", sessionId: `s_${visitorId}_${below(2)}`, path, country: chance(0.3) ? "DE" : undefined });
    });
    await store.append({ events: batch });
    events.push(...batch);
  }

  async function erase(store: Store) {
    const [siteId, visitorId] = [chance(0.8) ? "shop" : "blog", pick(VISITORS.slice(1))];
    for (const one of running) await one.settled();
    world.clock += 5;
    erasedAt.set(`${siteId} ${visitorId}`, world.clock);
    let isAsked = false;
    world.hook = async (operation, key, by) => {
      if (by === store && operation === "set" && key.startsWith("erased:") && !isAsked) {
        isAsked = true; // hits of the very moment of the request could be either
        world.clock += 1 + below(50);
      }
      if (isAsked) await interrupt(operation, key, by);
    };
    await store.erase(siteId, visitorId).catch(unlessFailing);
    world.hook = interrupt;
    world.clock += 5;
  }

  async function interrupt(operation: string, key: string, by: Store) {
    if (FAILING && operation === "set" && COMPACTED.test(key) && chance(0.03)) throw new Error("no");
    if (interruptions === 0 || operation === "remove" || !WATCHED.test(key) || !chance(0.15)) return;
    interruptions--;
    world.clock += 1 + below(300);
    const who = pick([...running]);
    if (chance(0.6)) await append(who).catch(unlessFailing);
    else if (who !== by) await Promise.race([who.catchUp().catch(() => {}), wait(40)]); // it may wait for the one that is interrupted
  }

  async function pass() {
    world.clock += 1 + below(2_000);
    if (!chance(0.03)) return;
    world.clock += (DAY / 12) * (1 + below(6));
    for (const one of running) await checkpoint(one).catch(unlessFailing); // who was there all the time gave signs of life
  }

  const steps: [share: number, step: (store: Store) => Promise<unknown>][] = [
    [0.45, append],
    [0.15, erase],
    [0.15, (store) => checkpoint(store).catch(unlessFailing)],
    [0.08, (store) => store.catchUp().then(() => expectExport(store))],
    [0.05, (store) => store.settled().then(() => (world.kill(store), leave(store)))],
    [0.05, (store) => store.close().then(() => leave(store))],
    [0.04, async () => running.size < 3 && open()],
    [0.03, () => silence(...running).catch(unlessFailing)],
  ];

  async function expectExport(store: Store) {
    for (const siteId of SITES) {
      const paths: string[] = [];
      for await (const { path } of store.read(siteId)) paths.push(path!);
      expect(paths.sort(), siteId).toEqual(events.filter((one) => one.siteId === siteId && isLeft(one)).map(({ path }) => path!).sort());
    }
  }

  async function expectAll(store: Store) {
    await expectExport(store);
    for (const siteId of SITES) {
      const left = events.filter((one) => one.siteId === siteId && isLeft(one));
      const reportOf = (country?: string) => store.report({ siteId, timeZone: "UTC", days: 60, limit: 100, includeBots: false, now: world.clock, country });
      const { totalPageviews, visitors, uniqueVisitors } = await reportOf();
      const names = [...new Set(left.map(({ visitorId }) => visitorId))].sort();
      expect([totalPageviews, uniqueVisitors, visitors.map(({ visitorId }) => visitorId).sort()], siteId).toEqual([left.length, names.length, names]);
      expect((await reportOf("DE")).totalPageviews, siteId).toBe(left.filter(({ country }) => country === "DE").length);
      for (const visitorId of VISITORS) {
        const theirs = left.filter((one) => one.visitorId === visitorId);
        const timeline = await store.timeline(siteId, visitorId, { limit: 1_000 });
        expect(timeline.events.map(({ path }) => path!).sort(), `${siteId} ${visitorId}`).toEqual(theirs.map(({ path }) => path!).sort());
        const { pageviews = 0, firstSeen = Infinity } = (await store.profiles.load(siteId, visitorId))?.visitor ?? {};
        const until = erasedAt.get(`${siteId} ${visitorId}`);
        expect(firstSeen, `${siteId} ${visitorId}`).toBeGreaterThan(until ?? -Infinity);
        // what another process took before it knew of a request may be missing
        if (until === undefined) expect(pageviews, `${siteId} ${visitorId}`).toBe(theirs.length);
        else expect(pageviews, `${siteId} ${visitorId}`).toBeLessThanOrEqual(theirs.length);
      }
    }
  }

  return {
    async run() {
      world.hook = interrupt;
      for (let n = 1 + below(3); n > 0; n--) await open();
      for (let n = 0; n < STEPS; n++) {
        await pass();
        let at = below(1_000) / 1_000;
        const [, step] = steps.find(([share]) => (at -= share) < 0) ?? steps[0]!;
        interruptions = [append, erase].includes(step as typeof append) && chance(0.4) ? 1 + below(3) : 0;
        await step(pick([...running]));
      }
      world.hook = () => {};
      world.clock += 1_000;
      await silence(...running);
      for (let n = 0; n < 3; n++) for (const one of running) await checkpoint(one);
      for (const one of running) await one.catchUp().then(() => expectAll(one));
      for (const one of events) if (!isLeft(one)) expect(await world.holders(one.path!)).toEqual([]);
      for (const one of running) await one.close();
      const again = await open();
      await again.catchUp();
      await expectAll(again);
      await again.close();
      return events.filter((one) => !isLeft(one)).length;
    },
  };
}

const unlessFailing = (error: unknown) => {
  if (!FAILING) throw error;
};

test(`whatever processes do, what an erased visitor did before is gone and what they did since is there (${PLANS} plans)`, { timeout: 600_000 }, async () => {
  let erased = 0;
  for (let seed = SEED; seed < SEED + PLANS; seed++) {
    erased += await createPlan(seed).run().catch((error: Error) => {
      throw new Error(`SEED=${seed} PLANS=1: ${error.message}`, { cause: error });
    });
    vi.restoreAllMocks();
  }
  expect(erased).toBeGreaterThan(PLANS);
});
