import type { Driver } from "unstorage";
import memoryDriver from "unstorage/drivers/memory";
import { expect, test, vi } from "vitest";
import type { Report, ReportQuery } from "../../src/events/event-store.ts";
import type { StoredEvent } from "../../src/event.ts";
import { NO_DAYS, sumUp } from "../../src/events/cold-days.ts";
import { createSummaryBuilder, EXACT_VISITORS } from "../../src/events/day-summary.ts";
import { computeReport, inOnePortion } from "../../src/events/report.ts";
import { decodeRows, encodeDay } from "../../src/events/rollup-codec.ts";
import { createDay, type DayRollup, foldEvent, mergeDays } from "../../src/events/rollup.ts";
import { SKETCH_ERROR } from "../../src/events/sketch.ts";
import { decodeSummary, encodeSummary } from "../../src/events/summary-codec.ts";
import { createUnstorageEvents } from "../../src/events/unstorage.ts";
import { silentReporter } from "../../src/logger.ts";
import { inflate } from "../../src/storage/deflate.ts";
import { createGuard } from "../../src/storage/guard.ts";
import { splitKey } from "../../src/storage/keys.ts";

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const NOON = Date.parse("2025-03-10T12:00:00Z");
const MIDNIGHT = Date.parse("2025-03-10T00:00:00Z");

let made = 0;
function event(fields: Partial<StoredEvent> = {}): StoredEvent {
  const id = `evt_${made++}`;
  const at = fields.at ?? NOON;
  return {
    id, siteId: "shop", type: "pageview", at, day: new Date(at).toISOString().slice(0, 10), visitorId: "vis_a", sessionId: "sess_a", visit: 1,
    path: "/", pageviewId: `pv_${id}`, ...fields,
  };
}

const queryOf = (fields: Partial<ReportQuery> = {}): ReportQuery =>
  ({ siteId: "shop", timeZone: "UTC", days: 30, limit: 50, includeBots: false, now: NOON, ...fields });

/** Processes on one disk, with what they ask of it. */
function createWorld() {
  const disk = { ...memoryDriver(), dispose: undefined } as Driver;
  const asked: string[] = [];
  let clock = NOON;
  const driver = { ...disk, getItemRaw: (key: string, options: never) => (asked.push(key), disk.getItemRaw!(key, options)) } as Driver;
  return {
    asked,
    forward: (ms: number) => void (clock += ms),
    keysOf: async (kind: string) => (await disk.getKeys!(kind, {})).filter((key) => key.startsWith(`${kind}:`)),
    damage: (key: string) => disk.setItemRaw!(key, Buffer.from("damaged"), {} as never),
    open: (retentionDays?: number) =>
      createUnstorageEvents({ guard: createGuard(driver, { reporter: silentReporter }), now: () => clock, reporter: silentReporter, retentionDays }),
  };
}
type Store = ReturnType<ReturnType<typeof createWorld>["open"]>;
const checkpoint = (store: Store) => store.erase("elsewhere", "nobody");

const month = () => Array.from({ length: 20 }, (_, i) => event({ at: NOON - i * DAY, visitorId: `vis_${i}`, sessionId: `s_${i}`, path: `/${i}` }));
const pageviews = async (store: Store, fields: Partial<ReportQuery> = {}) => (await store.report(queryOf(fields))).totalPageviews;

/** A month in storage, its days that are over summed up. */
async function createMonth() {
  const world = createWorld();
  const store = world.open();
  await store.append({ events: month() });
  for (let i = 0; i < 8; i++) await checkpoint(store);
  return { world, store };
}

test("after a restart, days that are over are not read row by row", async () => {
  const { world, store } = await createMonth();
  await store.close();
  world.asked.length = 0;
  const again = world.open();
  expect(await pageviews(again)).toBe(20);
  const rollups = new Set(world.asked.filter((key) => key.startsWith("rollup:")).map((key) => splitKey(key)[2]));
  expect([...rollups].sort(), "today and yesterday; of the day before yesterday its summary says who went on").toEqual(["2025-03-09", "2025-03-10"]);
  await again.close();
});

test("a checkpoint sums up a few days, and none that something just came for", async () => {
  const world = createWorld();
  const store = world.open();
  await store.append({ events: month() });
  await checkpoint(store);
  expect(await world.keysOf("summary")).toEqual([]);
  await checkpoint(store);
  expect((await world.keysOf("summary")).length).toBe(4);
  for (let i = 0; i < 8; i++) await checkpoint(store);
  expect((await world.keysOf("summary")).length, "all but today and yesterday").toBe(18);
  await store.close();
});

test("a visit over midnight is one, whether the day before is summed up already or counted by its rows", async () => {
  const world = createWorld();
  const store = world.open();
  // over every midnight of a week: by the client's id, and by ids given here, 20 minutes apart
  const nights = Array.from({ length: 7 }, (_, i) => MIDNIGHT - i * DAY).flatMap((midnight, i) => [
    ...[-5, 5].map((minutes) => event({ at: midnight + minutes * MINUTE, visitorId: `a_${i}`, sessionId: `a_${i}` })),
    ...[-10, 10].map((minutes) => event({ at: midnight + minutes * MINUTE, visitorId: `b_${i}`, sessionId: `b_${i}_${minutes}`, assigned: true })),
    event({ at: midnight - 10 * 60 * MINUTE, visitorId: `c_${i}`, sessionId: `c_${i}` }),
  ]);
  await store.append({ events: nights });
  const seen = async (from: Store) => {
    const { totalPageviews, totalSessions, uniqueVisitors, bounceRate } = await from.report(queryOf());
    return [totalPageviews, totalSessions, uniqueVisitors, bounceRate];
  };
  const expected = [35, 21, 21, 1 / 3];
  expect(await seen(store), "by rows").toEqual(expected);
  for (let i = 0; i < 4; i++) {
    await checkpoint(store);
    const again = world.open();
    expect(await seen(again), `after ${(await world.keysOf("summary")).length} summaries`).toEqual(expected);
    await again.close();
  }
  expect((await world.keysOf("summary")).length).toBe(6);
  await store.close();
});

test("a late hit counts at once, before and after a checkpoint and a restart, and the outdated summaries are removed", async () => {
  const { world, store } = await createMonth();
  const late = { at: NOON - 9 * DAY, visitorId: "vis_10", sessionId: "s_10", pageviewId: "pv_late" };
  await store.append({ events: [event(late)] });
  const seen = async (from: Store) => {
    const { totalPageviews, totalSessions, uniqueVisitors } = await from.report(queryOf());
    return [totalPageviews, totalSessions, uniqueVisitors];
  };
  // it goes on with the session of the day before: one session, though that day was closed
  expect(await seen(store)).toEqual([21, 20, 20]);
  await checkpoint(store);
  expect(await seen(store)).toEqual([21, 20, 20]);
  expect((await world.keysOf("summary")).length, "the day and those next to it have to be summed up anew").toBe(15);
  await store.close();
  const again = world.open();
  expect(await seen(again)).toEqual([21, 20, 20]);
  await again.close();
});

test("a damaged summary is as good as none", async () => {
  const { world, store } = await createMonth();
  await store.close();
  for (const key of await world.keysOf("summary")) await world.damage(key);
  const again = world.open();
  expect(await pageviews(again)).toBe(20);
  await again.close();
});

test("erasing somebody removes the summary of that visitor's day, and leaves the others", async () => {
  const { world, store } = await createMonth();
  const before = await world.keysOf("summary");
  await store.erase("shop", "vis_10");
  const after = await world.keysOf("summary");
  const dayOf = (key: string) => splitKey(key)[2];
  expect(before.filter((key) => !after.includes(key)).map(dayOf)).toEqual(["2025-02-28"]);
  const { totalPageviews, visitors } = await store.report(queryOf());
  expect([totalPageviews, visitors.some(({ visitorId }) => visitorId === "vis_10")]).toEqual([19, false]);
  await store.close();
});

test("the answer to a question that was just asked of a busy site does not show somebody who was erased since", async () => {
  const store = createWorld().open();
  await store.append({ events: Array.from({ length: 6_000 }, (_, i) => event({ visitorId: `v${i}`, sessionId: `s${i}` })) });
  const frozen = vi.spyOn(performance, "now").mockReturnValue(performance.now());
  expect(await pageviews(store)).toBe(6_000);
  await store.append({ events: [event({ visitorId: "v_new" })] });
  expect(await pageviews(store), "given again within the second").toBe(6_000);
  frozen.mockReturnValue(performance.now() + 1_001);
  expect(await pageviews(store), "and not after it").toBe(6_001);
  await store.erase("shop", "v3");
  expect(await pageviews(store)).toBe(6_000);
  frozen.mockRestore();
  expect((await store.report(queryOf({ limit: 1_000, days: 2 }))).uniqueVisitors).toBe(6_000);
  await store.append({ events: [event({ visitorId: "v_quiet", siteId: "blog" })] });
  expect(await pageviews(store, { siteId: "blog" })).toBe(1);
  await store.append({ events: [event({ visitorId: "v_quiet", siteId: "blog" })] });
  expect(await pageviews(store, { siteId: "blog" }), "a quiet site's answers are always fresh").toBe(2);
  await store.close();
});

test("days beyond the retention take their summaries along", async () => {
  const { world, store } = await createMonth();
  await store.close();
  const strict = world.open(10);
  await strict.append({ events: [event({ at: NOON, visitorId: "new" })] });
  world.forward(3 * MINUTE);
  for (let i = 0; i < 3; i++) await checkpoint(strict); // takes over what was left
  const days = (await world.keysOf("summary")).map((key) => splitKey(key)[2]!);
  expect(days.every((day) => day >= "2025-02-27"), days.join()).toBe(true);
  await strict.close();
});

test("another process reads what one has summed up, and both count what the other stores", async () => {
  const { world, store } = await createMonth();
  const other = world.open();
  world.asked.length = 0;
  expect(await pageviews(other)).toBe(20);
  expect(world.asked.filter((key) => key.startsWith("summary:")).length).toBe(18);
  await other.append({ events: [event({ at: NOON - 9 * DAY, visitorId: "vis_10", sessionId: "s_10" })] });
  await new Promise((resolve) => setTimeout(resolve, 300));
  for (const one of [store, other]) expect((await one.report(queryOf())).totalSessions).toBe(20);
  await checkpoint(other);
  await new Promise((resolve) => setTimeout(resolve, 300));
  for (const one of [store, other]) expect((await one.report(queryOf())).totalSessions).toBe(20);
  await Promise.all([store.close(), other.close()]);
});

test("somebody seen a minute before midnight is active a minute after it", async () => {
  const store = createWorld().open();
  await store.append({ events: [event({ at: MIDNIGHT - MINUTE })] });
  await checkpoint(store);
  expect((await store.report(queryOf({ now: MIDNIGHT + MINUTE }))).activeVisitors).toBe(1);
  expect((await store.report(queryOf({ now: MIDNIGHT + 5 * MINUTE }))).activeVisitors).toBe(0);
  await store.close();
});

function dayOf(events: StoredEvent[]): DayRollup {
  const day = createDay();
  for (const one of events) foldEvent(day, one);
  return day;
}

async function summaryOf(day: string, events: StoredEvent[]) {
  const builder = createSummaryBuilder(day);
  await builder.add([dayOf(events)], [], []);
  return decodeSummary(await encodeSummary(builder.finish()), day);
}

const yesterday = "2025-03-09";
const on = (at: number, fields: Partial<StoredEvent>) => event({ at, sessionId: `${fields.visitorId}_${at}`, ...fields });

test("of more visitors than a summary lists, those who are listed have their visits and label from every day", async () => {
  const early = NOON - 2 * DAY;
  const crowd = Array.from({ length: 1_200 }, (_, i) => on(early + MINUTE + i, { visitorId: `crowd_${i}` }));
  const known = on(early, { visitorId: "known", visit: 7, bot: ["user agent"] });
  const summaries = [
    await summaryOf("2025-03-08", [...crowd, known]),
    await summaryOf(yesterday, [on(NOON - DAY, { visitorId: "known", visit: 2 }), ...crowd.map((one) => on(one.at + DAY, { visitorId: one.visitorId }))]),
  ];
  const query = queryOf({ includeBots: true, limit: 1_000, now: NOON });
  const report = await computeReport(query, inOnePortion([dayOf([on(NOON, { visitorId: "known", visit: 3 })])]), await sumUp(query, summaries, new Set()));
  expect(report.visitors[0]).toMatchObject({ visitorId: "known", visitCount: 7, bot: ["user agent"] });
  expect([report.uniqueVisitors, report.visitors.length]).toEqual([1_201, 1_000]);
});

async function crowded(count: number): Promise<Report> {
  const builder = createSummaryBuilder(yesterday);
  for (let first = 0; first < count; first += 50_000) {
    const day = createDay();
    for (let i = first; i < Math.min(count, first + 50_000); i++) foldEvent(day, on(NOON - DAY, { visitorId: `v${i}`, visit: 1 + (i % 2) }));
    await builder.add([day], [], []);
  }
  const summary = await decodeSummary(await encodeSummary(builder.finish()), yesterday);
  const query = queryOf({ days: 2 });
  const today = dayOf([on(NOON, { visitorId: "v1" }), on(NOON, { visitorId: "new" })]);
  return computeReport(query, inOnePortion([today]), await sumUp(query, [summary], new Set([yesterday])));
}

test("as many visitors of a day as are stated are counted exactly, more with the error that the answer states", { timeout: 60_000 }, async () => {
  const exact = await crowded(EXACT_VISITORS);
  expect([exact.uniqueVisitors, exact.returningVisitorRate, exact.distinctError]).toEqual([EXACT_VISITORS + 1, EXACT_VISITORS / 2 / (EXACT_VISITORS + 1), undefined]);
  const more = await crowded(EXACT_VISITORS + 50_000);
  expect(more.distinctError).toBe(SKETCH_ERROR);
  expect(Math.abs(more.uniqueVisitors / (EXACT_VISITORS + 50_001) - 1)).toBeLessThan(3 * SKETCH_ERROR);
  expect(Math.abs(more.returningVisitorRate - 0.5)).toBeLessThan(0.03);
  expect([more.totalPageviews, more.totalSessions], "what is no distinct count stays exact").toEqual([EXACT_VISITORS + 50_002, EXACT_VISITORS + 50_002]);
});

test("a day taken portion by portion is the day taken at once", async () => {
  const events = Array.from({ length: 5_000 }, (_, i) => on(NOON + i, { visitorId: `v${i % 900}`, path: `/${i % 7}` }));
  const whole = dayOf(events);
  const body = await encodeDay(whole);
  const portions = 7;
  const again = createDay();
  const builder = createSummaryBuilder("2025-03-10");
  for (let portion = 0; portion < portions; portion++) {
    const some = await decodeRows(await inflate(body), "2025-03-10", { portion, portions });
    expect(some.rows.size).toBeGreaterThan(0);
    mergeDays(again, some);
    await builder.add([some], [], []);
  }
  expect([...again.rows.keys()].sort()).toEqual([...whole.rows.keys()].sort());
  const query = queryOf({ now: NOON + DAY, limit: 1_000 });
  const summed = await computeReport(query, inOnePortion([]), await sumUp(query, [builder.finish()], new Set()));
  const source = { portions, read: async (portion: number) => [await decodeRows(await inflate(body), "2025-03-10", { portion, portions })] };
  expect(await computeReport(query, source, NO_DAYS)).toEqual(await computeReport(query, inOnePortion([whole]), NO_DAYS));
  expect(summed).toEqual(await computeReport(query, inOnePortion([whole]), NO_DAYS));
});
