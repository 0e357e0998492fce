import assert from "node:assert/strict";
import type { EventStore, Report, ReportQuery } from "../events/event-store.ts";
import type { StoredEvent } from "../event.ts";
import type { ContractCase } from "./case.ts";

/** A store on fresh data, and two ways to come back to that data. */
export interface EventStoreSubject {
  store: EventStore;
  /** Closes the store (or lets its process die, with "crash") and opens another on the same data. */
  reopen(how?: "crash"): Promise<EventStore>;
  /** Another process on the same data, at the same time. */
  second(): Promise<EventStore>;
  close(): Promise<void>;
}

const NOON = Date.parse("2025-03-10T12:00:00Z");
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const SITE = "shop";
/** What one process has stored, another's report shows within this time. */
const FRESH_MS = 2_000;

let made = 0;

/** An event with an id of its own; `day` follows `at` in UTC unless given. */
function event(fields: Partial<StoredEvent> = {}): StoredEvent {
  const n = made++;
  const at = fields.at ?? NOON;
  return {
    id: `evt_contract${n}`,
    siteId: SITE,
    type: "pageview",
    at,
    day: new Date(at).toISOString().slice(0, 10),
    visitorId: "vis_a",
    sessionId: "sess_a",
    visit: 1,
    path: "/",
    ...(fields.type === "event" || fields.type === "engagement" ? {} : { pageviewId: `pv_contract${n}` }),
    ...fields,
  };
}

function query(fields: Partial<ReportQuery> = {}): ReportQuery {
  return { siteId: SITE, timeZone: "UTC", days: 7, limit: 50, includeBots: false, now: NOON + HOUR, ...fields };
}

async function idsOf(store: EventStore, range?: { from?: number; to?: number }, siteId = SITE): Promise<string[]> {
  const ids: string[] = [];
  for await (const { id } of store.read(siteId, range)) ids.push(id);
  return ids.sort();
}

const sorted = (events: StoredEvent[]) => events.map(({ id }) => id).sort();

/** Asks until the answer fits or the time for it is over. */
async function eventually(ask: () => Promise<Report>, check: (report: Report) => void): Promise<void> {
  const until = performance.now() + FRESH_MS;
  for (;;) {
    const report = await ask();
    try {
      return check(report);
    } catch (error) {
      if (performance.now() > until) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

function storeCase(name: string, run: (subject: EventStoreSubject) => Promise<void>): ContractCase<EventStoreSubject> {
  return {
    name,
    async run(create) {
      const subject = await create();
      try {
        await run(subject);
      } finally {
        await subject.close();
      }
    },
  };
}

/** What every `EventStore` promises. Each case gets a fresh store and closes it. */
export const eventStoreCases: ContractCase<EventStoreSubject>[] = [
  storeCase("an appended event is read back with every field", async ({ store }) => {
    const full = event({
      type: "event", name: "Purchase Completed", data: { "2": "b", nested: { list: [1, null, "Zoë 😀"] } }, value: 12.5, currency: "EUR",
      url: "https://shop.example/cart", path: "/cart", country: "DE", browser: "Firefox", os: "Linux", device: "desktop",
      campaign: { source: "mail" }, tier: "client", quality: "good", userId: "u1", assigned: true,
    });
    await store.append({ events: [full] });
    const read: StoredEvent[] = [];
    for await (const found of store.read(SITE)) read.push(found);
    assert.deepEqual(read, [full]);
  }),
  storeCase("an acknowledged event outlives a crash right after", async ({ store, reopen }) => {
    const events = Array.from({ length: 50 }, (_, i) => event({ at: NOON + i, sessionId: `s${i}`, visitorId: `v${i}` }));
    await Promise.all(events.map((one) => store.append({ events: [one] })));
    const again = await reopen("crash");
    assert.deepEqual(await idsOf(again), sorted(events));
    assert.equal((await again.report(query())).totalPageviews, 50);
  }),
  storeCase("events and reports outlive a close, twice", async ({ store, reopen }) => {
    const events = [event(), event({ sessionId: "sess_b", visitorId: "vis_b" }), event({ type: "event", name: "Signed Up" })];
    await store.append({ events });
    const before = await store.report(query());
    await reopen();
    const again = await reopen();
    assert.deepEqual(await idsOf(again), sorted(events));
    assert.deepEqual(await again.report(query()), before);
  }),
  storeCase("the same event id counts once, in one batch, in two, and after a restart", async ({ store, reopen }) => {
    const one = event();
    const other = event({ type: "event", name: "Signed Up" });
    await store.append({ events: [one, one, other] });
    await store.append({ events: [one, other] });
    const again = await reopen("crash");
    await again.append({ events: [one, other] });
    const report = await again.report(query());
    assert.deepEqual([report.totalPageviews, report.totalEvents], [1, 1]);
    assert.deepEqual(await idsOf(again), sorted([one, other]));
  }),
  storeCase("the same id at another site is another event", async ({ store }) => {
    const one = event();
    await store.append({ events: [one, { ...one, siteId: "blog" }] });
    assert.deepEqual([await idsOf(store), await idsOf(store, {}, "blog")], [[one.id], [one.id]]);
    assert.equal((await store.report(query())).totalPageviews, 1);
  }),
  storeCase("pageviews, events, sessions and visitors are counted", async ({ store }) => {
    await store.append({
      events: [
        event({ path: "/" }),
        event({ path: "/pricing", at: NOON + MINUTE }),
        event({ type: "event", name: "Signed Up", at: NOON + 2 * MINUTE }),
        event({ path: "/", visitorId: "vis_b", sessionId: "sess_b", visit: 3, country: "DE" }),
      ],
    });
    const report = await store.report(query());
    assert.deepEqual([report.totalPageviews, report.totalEvents, report.totalSessions, report.uniqueVisitors], [3, 1, 2, 2]);
    assert.equal(report.totalCountries, 1);
    assert.equal(report.returningVisitorRate, 0.5);
    assert.deepEqual(report.topPages.map(({ path, views }) => [path, views]), [["/", 2], ["/pricing", 1]]);
    assert.deepEqual(report.visitors.map(({ visitorId, visitCount }) => [visitorId, visitCount]), [["vis_a", 1], ["vis_b", 3]]);
  }),
  storeCase("one page, no event and under 10 s engaged is a bounce; more is not", async ({ store }) => {
    const page = (id: string, fields: Partial<StoredEvent> = {}) => event({ sessionId: id, visitorId: id, pageviewId: `pv_${id}`, ...fields });
    await store.append({
      events: [
        page("left"),
        page("read"), page("read", { type: "engagement", engagedSeconds: 10, at: NOON + 10_000 }),
        page("acted"), page("acted", { type: "event", name: "Signed Up" }),
        page("browsed"), page("browsed", { pageviewId: "pv_second", at: NOON + 1 }),
      ],
    });
    const report = await store.report(query());
    assert.deepEqual([report.bounceRate, report.singlePageRate], [0.25, 0.75]);
  }),
  storeCase("of cumulative engagement the largest counts, however often and in whatever order it comes", async ({ store, second }) => {
    const engaged = (seconds: number) => event({ type: "engagement", pageviewId: "pv_x", engagedSeconds: seconds, at: NOON + seconds * 1000 });
    await store.append({ events: [engaged(5), engaged(42)] });
    const other = await second();
    await other.append({ events: [engaged(15), event({ pageviewId: "pv_x" })] });
    await eventually(() => store.report(query()), (report) => {
      assert.deepEqual([report.totalPageviews, report.avgTimeOnPage, report.medianTimeOnPage, report.timeOnPageCoverage], [1, 42, 42, 1]);
    });
  }),
  storeCase("without a report, time on page is the gap to the session's next page; the last page has none", async ({ store }) => {
    await store.append({ events: [event({ path: "/a" }), event({ path: "/b", at: NOON + 30_000 })] });
    const report = await store.report(query());
    assert.deepEqual([report.avgTimeOnPage, report.timeOnPageCoverage], [30, 0.5]);
    assert.deepEqual(report.topPages, [{ path: "/a", views: 1, avgTimeOnPage: 30 }, { path: "/b", views: 1, avgTimeOnPage: 0 }]);
  }),
  storeCase("a day is the day the event names, in the site's time zone", async ({ store }) => {
    const late = Date.parse("2025-03-10T02:30:00Z"); // 9 March, 22:30 in New York
    await store.append({ events: [event({ at: late, day: "2025-03-09" })] });
    const report = await store.report(query({ timeZone: "America/New_York", days: 2, now: late + MINUTE }));
    assert.deepEqual(report.pageviewsByDay, [{ date: "2025-03-08", views: 0 }, { date: "2025-03-09", views: 1 }]);
  }),
  storeCase("days without a view are listed, and what lies before the range plays no part", async ({ store }) => {
    await store.append({ events: [event(), event({ at: NOON - 5 * 24 * HOUR, visitorId: "old", sessionId: "old" })] });
    const report = await store.report(query({ days: 3 }));
    assert.deepEqual(report.pageviewsByDay.map(({ views }) => views), [0, 0, 1]);
    assert.deepEqual([report.uniqueVisitors, report.totalPageviews], [1, 1]);
    assert.equal((await store.report(query({ days: 7 }))).uniqueVisitors, 2);
  }),
  storeCase("the country filter leaves only events from there", async ({ store }) => {
    await store.append({ events: [event({ country: "DE" }), event({ country: "FR", visitorId: "b", sessionId: "b" }), event({ visitorId: "c", sessionId: "c" })] });
    const report = await store.report(query({ country: "FR" }));
    assert.deepEqual([report.totalPageviews, report.uniqueVisitors, report.totalCountries], [1, 1, 1]);
    assert.deepEqual(report.visitors.map(({ visitorId }) => visitorId), ["b"]);
  }),
  storeCase("bots are left out and counted apart, or counted with their label", async ({ store }) => {
    await store.append({ events: [event(), event({ visitorId: "bot", sessionId: "bot", bot: ["user agent"] })] });
    const without = await store.report(query());
    assert.deepEqual([without.totalPageviews, without.uniqueVisitors, without.excluded.bot], [1, 1, 1]);
    const counted = await store.report(query({ includeBots: true }));
    assert.deepEqual([counted.totalPageviews, counted.uniqueVisitors, counted.excluded.bot], [2, 2, 0]);
    assert.deepEqual(counted.visitors.find(({ visitorId }) => visitorId === "bot")?.bot, ["user agent"]);
  }),
  storeCase("visitors are listed most recent first, no more than asked for", async ({ store }) => {
    await store.append({ events: ["a", "b", "c"].map((id, i) => event({ visitorId: id, sessionId: id, at: NOON + i * MINUTE })) });
    const report = await store.report(query({ limit: 2 }));
    assert.deepEqual(report.visitors.map(({ visitorId, lastSeen }) => [visitorId, lastSeen]), [["c", NOON + 2 * MINUTE], ["b", NOON + MINUTE]]);
    assert.equal(report.uniqueVisitors, 3);
  }),
  storeCase("a visitor is active for 5 minutes after any signal", async ({ store }) => {
    await store.append({ events: [event({ at: NOON })] });
    assert.equal((await store.report(query({ now: NOON + 5 * MINUTE - 1 }))).activeVisitors, 1);
    assert.equal((await store.report(query({ now: NOON + 5 * MINUTE }))).activeVisitors, 0);
  }),
  storeCase("sessions assigned to one visitor within 30 minutes are one; sent ones stay as sent", async ({ store, second }) => {
    const other = await second();
    await store.append({ events: [event({ sessionId: "one", assigned: true }), event({ sessionId: "x", visitorId: "b" })] });
    await other.append({ events: [event({ sessionId: "two", assigned: true, at: NOON + 30 * MINUTE }), event({ sessionId: "y", visitorId: "b" })] });
    await eventually(() => other.report(query()), (report) => assert.equal(report.totalSessions, 3));
  }),
  storeCase("what another process stored is in every report within 2 seconds", async ({ store, second }) => {
    const other = await second();
    await store.append({ events: [event({ visitorId: "a", sessionId: "a" })] });
    await other.append({ events: [event({ visitorId: "b", sessionId: "b" })] });
    for (const one of [store, other]) {
      await eventually(() => one.report(query()), (report) => assert.deepEqual([report.totalPageviews, report.uniqueVisitors], [2, 2]));
    }
    assert.equal((await idsOf(store)).length, 2);
  }),
  storeCase("a read goes by time, then by id, and goes on behind any event of it, also after a restart", async ({ store, reopen }) => {
    const events = Array.from({ length: 12 }, (_, i) => event({ at: NOON + ((i * 7) % 4) * HOUR, visitorId: `v${i % 3}` }));
    for (const one of events) await store.append({ events: [one] });
    const ordered = events.toSorted((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1)).map(({ id }) => id);
    const read = async (from: EventStore, after?: StoredEvent) => {
      const ids: string[] = [];
      for await (const { id } of from.read(SITE, { after })) ids.push(id);
      return ids;
    };
    assert.deepEqual(await read(store), ordered);
    const again = await reopen();
    for (const one of events) assert.deepEqual(await read(again, one), ordered.slice(ordered.indexOf(one.id) + 1));
  }),
  storeCase("a range reads from its start up to, not including, its end", async ({ store }) => {
    const events = [event({ at: NOON - 1 }), event({ at: NOON }), event({ at: NOON + 1 })];
    await store.append({ events });
    assert.deepEqual(await idsOf(store, { from: NOON, to: NOON + 1 }), [events[1]!.id]);
  }),
  storeCase("a timeline is one visitor's, newest first, page by page", async ({ store }) => {
    const events = Array.from({ length: 5 }, (_, i) => event({ at: NOON + i }));
    await store.append({ events: [...events, event({ visitorId: "vis_ab" })] });
    const first = await store.timeline(SITE, "vis_a", { limit: 3 });
    const rest = await store.timeline(SITE, "vis_a", { limit: 3, cursor: first.cursor });
    assert.deepEqual([...first.events, ...rest.events].map(({ id }) => id), events.map(({ id }) => id).toReversed());
    assert.equal(rest.cursor, undefined);
    assert.deepEqual(await store.timeline("blog", "vis_a"), { events: [] });
  }),
  storeCase("an erased visitor is gone from reads, timeline and report, also after a restart", async ({ store, reopen }) => {
    const kept = event({ visitorId: "keep", sessionId: "keep" });
    await store.append({ events: [event({ visitorId: "gone", sessionId: "gone" }), kept] });
    await store.erase(SITE, "gone");
    for (const one of [store, await reopen()]) {
      assert.deepEqual(await idsOf(one), [kept.id]);
      assert.deepEqual((await one.timeline(SITE, "gone")).events, []);
      const report = await one.report(query());
      assert.deepEqual([report.totalPageviews, report.visitors.map(({ visitorId }) => visitorId)], [1, ["keep"]]);
    }
  }),
  storeCase("a visitor who comes back after erasure is counted anew", async ({ store }) => {
    await store.append({ events: [event({ at: Date.now() - HOUR })] });
    await store.erase(SITE, "vis_a");
    const back = event({ at: Date.now() + MINUTE });
    await store.append({ events: [back] });
    assert.deepEqual(await idsOf(store), [back.id]);
  }),
  storeCase("close can be called twice, and stores what was appended", async ({ store, reopen }) => {
    const one = event();
    const stored = store.append({ events: [one] });
    await Promise.all([store.close(), store.close(), stored]);
    assert.deepEqual(await idsOf(await reopen()), [one.id]);
  }),
];
