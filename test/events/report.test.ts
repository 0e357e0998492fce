import type { Driver } from "unstorage";
import memoryDriver from "unstorage/drivers/memory";
import { expect, test } from "vitest";
import type { Report, ReportQuery } from "../../src/events/event-store.ts";
import type { StoredEvent } from "../../src/event.ts";
import { computeReport, daysOf, inOnePortion } from "../../src/events/report.ts";
import { createDay, type DayRollup, foldEvent } from "../../src/events/rollup.ts";
import { createUnstorageEvents } from "../../src/events/unstorage.ts";
import { silentReporter } from "../../src/logger.ts";
import { createGuard } from "../../src/storage/guard.ts";
import { splitKey } from "../../src/storage/keys.ts";
import { silence } from "./silence.ts";

const NOON = Date.parse("2025-03-10T12:00:00Z");
const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

let made = 0;
function event(fields: Partial<StoredEvent> = {}): StoredEvent {
  const id = `evt_${made++}`;
  const at = fields.at ?? NOON;
  return {
    id, siteId: "shop", type: "pageview", at, day: new Date(at).toISOString().slice(0, 10), visitorId: "vis_a", sessionId: "sess_a", visit: 1,
    path: "/", pageviewId: `pv_${id}`, browser: "Firefox", ...fields,
  };
}

const queryOf = (fields: Partial<ReportQuery> = {}): ReportQuery =>
  ({ siteId: "shop", timeZone: "UTC", days: 7, limit: 50, includeBots: false, now: NOON + HOUR, ...fields });

function reportOf(events: StoredEvent[], query: Partial<ReportQuery> = {}): Promise<Report> {
  const days = new Map<string, DayRollup>();
  for (const one of events) {
    const day = days.get(one.day) ?? createDay();
    days.set(one.day, day);
    foldEvent(day, one);
  }
  return computeReport(queryOf(query), inOnePortion([...days.values()]));
}

test("a day in a zone whose clocks change is one day of the report, not two and not none", () => {
  const at = (time: string) => queryOf({ timeZone: "America/New_York", days: 3, now: Date.parse(time) });
  expect(daysOf(at("2025-03-10T03:59:00Z"))).toEqual(["2025-03-07", "2025-03-08", "2025-03-09"]);
  expect(daysOf(at("2025-03-10T04:01:00Z"))).toEqual(["2025-03-08", "2025-03-09", "2025-03-10"]);
  expect(daysOf(at("2025-11-03T04:59:00Z"))).toEqual(["2025-10-31", "2025-11-01", "2025-11-02"]);
});

test("a session over midnight is one session, with each page on its own day", async () => {
  const midnight = Date.parse("2025-03-10T00:00:00Z");
  const report = await reportOf([event({ at: midnight - MINUTE }), event({ at: midnight + MINUTE })], { days: 2 });
  expect([report.totalSessions, report.bounceRate, report.avgTimeOnPage]).toEqual([1, 0, 120]);
  expect(report.pageviewsByDay.map(({ views }) => views)).toEqual([1, 1]);
});

test("the same pageview told of twice is one, on the day and at the time it was first seen", async () => {
  const midnight = Date.parse("2025-03-10T00:00:00Z");
  const view = (at: number, path: string) => event({ at, path, pageviewId: "pv_x" });
  for (const events of [[view(midnight - 1, "/a"), view(midnight + 1, "/b")], [view(midnight + 1, "/b"), view(midnight - 1, "/a")]]) {
    const report = await reportOf(events, { days: 2 });
    expect([report.totalPageviews, report.topPages.map(({ path }) => path), report.pageviewsByDay.map(({ views }) => views)]).toEqual([1, ["/a"], [1, 0]]);
  }
});

test("sessions assigned 30 minutes apart are one, a millisecond more and they are two; a chain of them ends after 24 hours", async () => {
  const session = (at: number) => event({ at, sessionId: `sess_${at}`, assigned: true });
  expect((await reportOf([session(NOON), session(NOON + 30 * MINUTE)])).totalSessions).toBe(1);
  expect((await reportOf([session(NOON), session(NOON + 30 * MINUTE + 1)])).totalSessions).toBe(2);
  const chain = Array.from({ length: 50 }, (_, i) => session(NOON - 30 * HOUR + i * 30 * MINUTE));
  expect((await reportOf(chain)).totalSessions).toBe(2);
});

test("a tab read on after the session ended: the time counts on its page, and its session is no bounce", async () => {
  const report = await reportOf([
    event({ pageviewId: "pv_x", sessionId: "one", assigned: true }),
    event({ type: "engagement", pageviewId: "pv_x", sessionId: "two", assigned: true, at: NOON + 40 * MINUTE, engagedSeconds: 60 }),
  ]);
  expect([report.totalSessions, report.totalPageviews, report.avgTimeOnPage, report.bounceRate]).toEqual([2, 1, 60, 0]);
});

test("two pages opened in the same millisecond: the figures do not depend on which was stored first", async () => {
  const events = [
    event({ pageviewId: "pv_1" }),
    event({ pageviewId: "pv_2" }),
    event({ type: "engagement", pageviewId: "pv_2", engagedSeconds: 7 }),
    event({ at: NOON + 30 * SECOND }),
  ];
  const [one, other] = [await reportOf(events), await reportOf(events.toReversed())];
  expect(other).toEqual(one);
});

test("of an even number of times the median is the mean of the middle two", async () => {
  const engaged = [1, 2, 10, 40].flatMap((engagedSeconds, i) => {
    const pageviewId = `pv_m${i}`;
    return [event({ pageviewId, at: NOON + i }), event({ type: "engagement", pageviewId, engagedSeconds, at: NOON + i })];
  });
  expect((await reportOf(engaged)).medianTimeOnPage).toBe(6);
  expect((await reportOf(engaged.slice(0, 6))).medianTimeOnPage).toBe(2);
});

test("the most viewed 100 pages are listed, those of equal views by name", async () => {
  const events = Array.from({ length: 101 }, (_, i) => event({ path: `/${String(i).padStart(3, "0")}`, sessionId: `s${i}` }));
  const { topPages } = await reportOf([...events, event({ path: "/100", sessionId: "again" })]);
  expect([topPages.length, topPages[0], topPages[1]!.path, topPages[99]!.path]).toEqual([100, { path: "/100", views: 2, avgTimeOnPage: 0 }, "/000", "/098"]);
});

/** Processes on one disk, all at the same hour. */
function createWorld() {
  const disk = { ...memoryDriver(), dispose: undefined } as Driver;
  let removalsLeft = Infinity;
  let fault: "none" | "mute" | "stubborn" = "none";
  let clock = NOON;
  const driver = (mortal: boolean) => ({
    ...disk,
    setItemRaw(key: string, value: unknown, options: never) {
      if (mortal && fault === "mute" && key.startsWith("slot:")) throw new Error("no sign of life gets through");
      return disk.setItemRaw!(key, value, options);
    },
    removeItem(key: string, options: never) {
      if (mortal && fault === "stubborn" && key.startsWith("rollup:")) throw new Error("in use");
      if (mortal && removalsLeft-- <= 0) throw new Error("the process is dead");
      return disk.removeItem!(key, options);
    },
  }) as Driver;
  return {
    open: (mortal = false) => createUnstorageEvents({ guard: createGuard(driver(mortal), { reporter: silentReporter, maxFailures: 1e9 }), now: () => clock, reporter: silentReporter }),
    dieAfterRemovals: (count: number) => void (removalsLeft = count),
    writersWithSegments: async () => [...new Set((await disk.getKeys("", {} as never)).filter((key) => key.startsWith("journal:")).map((key) => splitKey(key)[1]!))],
    fail: (how: "mute" | "stubborn") => void (fault = how),
    forward: (ms: number) => void (clock += ms),
  };
}
const CHECKPOINT = ["elsewhere", "nobody"] as const; // erasing them makes one

test("a process that did not look while another made checkpoints, ended and gave its place away still counts all of it", async () => {
  const { open } = createWorld();
  const watching = open();
  await watching.append({ events: [event({ visitorId: "w", sessionId: "w" })] });
  const other = open();
  await other.append({ events: [event({ visitorId: "o", sessionId: "o" })] });
  await watching.report(queryOf()); // knows the other from here on
  for (let i = 0; i < 3; i++) {
    await other.append({ events: [event({ visitorId: "o", sessionId: "o" })] });
    await other.erase(...CHECKPOINT);
  }
  await other.close();
  const heir = open(); // in the place of the one that ended
  await heir.append({ events: [event({ visitorId: "h", sessionId: "h" })] });
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect((await watching.report(queryOf())).totalPageviews).toBe(6);
  await watching.erase(...CHECKPOINT); // and takes the ended one's data over
  expect((await open().report(queryOf())).totalPageviews, "after a restart").toBe(6);
  await Promise.all([watching.close(), heir.close()]);
});

test.each([
  ["could tell nobody of its checkpoints", "mute"],
  ["could not remove all that its checkpoints superseded", "stubborn"],
] as const)("a process that %s is counted whole by the others, and taken over whole once it died", async (_, how) => {
  const world = createWorld();
  const [watching, other] = [world.open(), world.open(true)];
  await watching.append({ events: [event({ visitorId: "w", sessionId: "w" })] });
  await other.append({ events: [event({ visitorId: "o", sessionId: "o" })] });
  await watching.report(queryOf()); // knows the other from here on
  world.fail(how);
  for (let i = 0; i < 3; i++) {
    await other.append({ events: [event({ visitorId: "o", sessionId: "o" })] });
    await other.erase(...CHECKPOINT).catch(() => {});
    if (i === 0) await watching.catchUp();
  }
  await watching.catchUp();
  expect((await watching.report(queryOf())).totalPageviews).toBe(5);
  await silence(watching); // takes it over: it died
  expect(await world.writersWithSegments()).toEqual([]);
  expect((await world.open().report(queryOf())).totalPageviews, "after a restart").toBe(5);
  await watching.close();
});

test("data that was taken over twice counts once, though the first to take it over died while it cleaned up", async () => {
  // whatever the number of removals it came to
  for (let removals = 0; removals < 8; removals++) {
    const world = createWorld();
    const first = world.open();
    await first.append({ events: [event({ visitorId: "f", sessionId: "f" })] });
    await first.close();
    const second = world.open(true);
    await second.append({ events: [event({ visitorId: "s", sessionId: "s" })] });
    world.dieAfterRemovals(removals);
    await second.erase(...CHECKPOINT).catch(() => {});
    world.forward(HOUR);
    const third = world.open();
    await third.append({ events: [event({ visitorId: "t", sessionId: "t" })] });
    await third.erase(...CHECKPOINT);
    const report = await world.open().report(queryOf());
    expect([report.totalPageviews, report.uniqueVisitors], `died after ${removals} removals`).toEqual([3, 3]);
    await third.close();
  }
});

test("a segment that was read half-written counts as soon as it is whole, also when its writer has gone on meanwhile", async () => {
  const disk = { ...memoryDriver(), dispose: undefined } as Driver;
  const half = new Map<string, "once" | "until it is whole">();
  const reading = {
    ...disk,
    async getItemRaw(key: string, options: never) {
      const value = await disk.getItemRaw!(key, options);
      const state = half.get(key);
      if (state === "once") half.delete(key);
      return state ? (value as Buffer).subarray(0, 0) : value;
    },
  } as Driver;
  const open = (driver: Driver) => createUnstorageEvents({ guard: createGuard(driver, { reporter: silentReporter }), now: () => NOON, reporter: silentReporter });
  const viewsOf = async (store: ReturnType<typeof open>) => (await store.report(queryOf())).totalPageviews;
  const writer = open(disk);
  const write = async () => {
    await writer.append({ events: [event()] });
    return (await disk.getKeys("", {})).filter((key) => key.startsWith("journal:")).sort().at(-1)!;
  };
  await write();
  half.set(await write(), "until it is whole");
  const joining = open(reading);
  expect(await viewsOf(joining)).toBe(1);
  half.clear();
  await joining.catchUp();
  expect(await viewsOf(joining), "a process that joined meanwhile").toBe(2);
  half.set(await write(), "once");
  await write();
  await joining.catchUp();
  expect(await viewsOf(joining), "the writer had gone on").toBe(4);
  expect(joining.stats().torn).toBe(0);
  await Promise.all([writer.close(), joining.close()]);
});

test("a report does not take the word of a look at the others that began long before it was asked for", async () => {
  const disk = { ...memoryDriver(), dispose: undefined } as Driver;
  let held: Promise<void> | undefined;
  const slow = {
    ...disk,
    async getItemRaw(key: string, options: never) {
      const value = await disk.getItemRaw!(key, options);
      if (key.startsWith("checkpoint:")) await held; // read after the next segment was not there
      return value;
    },
  } as Driver;
  const open = (driver: Driver) => createUnstorageEvents({ guard: createGuard(driver, { reporter: silentReporter }), now: () => NOON, reporter: silentReporter });
  const writer = open(disk);
  const reader = open(slow);
  await writer.append({ events: [event()] });
  expect((await reader.report(queryOf())).totalPageviews).toBe(1);
  let release = () => {};
  held = new Promise((resolve) => (release = resolve));
  const early = reader.catchUp(); // has passed the writer's newest segment, and is slow to end
  await writer.append({ events: [event()] });
  await new Promise((resolve) => setTimeout(resolve, 300));
  const late = reader.report(queryOf());
  held = undefined;
  release();
  await early;
  expect((await late).totalPageviews).toBe(2);
  await Promise.all([writer.close(), reader.close()]);
});

test("a look that comes by while another process makes two checkpoints has all that was stored before it began", async () => {
  const disk = { ...memoryDriver(), dispose: undefined } as Driver;
  let meanwhile: (() => Promise<void>) | undefined;
  const reading = {
    ...disk,
    async getItemRaw(key: string, options: never) {
      if (key.startsWith("journal:")) {
        const act = meanwhile;
        meanwhile = undefined;
        await act?.();
      }
      return disk.getItemRaw!(key, options);
    },
  } as Driver;
  const open = (driver: Driver) => createUnstorageEvents({ guard: createGuard(driver, { reporter: silentReporter }), now: () => NOON, reporter: silentReporter });
  const [writer, reader] = [open(disk), open(reading)];
  await writer.append({ events: [event()] });
  expect((await reader.report(queryOf())).totalPageviews).toBe(1);
  await writer.append({ events: [event()] });
  meanwhile = async () => {
    await writer.erase(...CHECKPOINT);
    await writer.append({ events: [event()] });
    await writer.erase(...CHECKPOINT);
  };
  await reader.catchUp();
  expect(meanwhile).toBeUndefined();
  expect((await reader.report(queryOf())).totalPageviews).toBe(3);
  await Promise.all([writer.close(), reader.close()]);
});
