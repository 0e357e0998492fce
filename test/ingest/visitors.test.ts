import { describe, expect, it } from "vitest";
import { DAY_MS } from "../../src/clock.ts";
import type { StoredEvent } from "../../src/event.ts";
import type { Report, ReportQuery } from "../../src/events/event-store.ts";
import { createVisitorReports } from "../../src/ingest/visitors.ts";
import { memoryProfiles, NOON, site } from "./setup.ts";

const report: Report = {
  totalPageviews: 15_234, totalEvents: 3_456, totalSessions: 5_000, avgTimeOnPage: 127.4567, medianTimeOnPage: 60.04, timeOnPageCoverage: 0.912345,
  bounceRate: 0.423456, singlePageRate: 0.5, pageviewsByDay: [{ date: "2025-01-15", views: 234 }],
  topPages: [{ path: "/products", views: 1_234, avgTimeOnPage: 145.25 }],
  visitors: [
    { visitorId: "known", lastSeen: NOON, visitCount: 5, country: "US", browser: "Chrome", os: "Windows", device: "desktop" },
    { visitorId: "unknown", lastSeen: NOON - 1_000, visitCount: 1 },
  ],
  uniqueVisitors: 1_234, activeVisitors: 23, totalCountries: 45, returningVisitorRate: 0.381234, excluded: { bot: 7 },
};
const hit = (over: Partial<StoredEvent> = {}): StoredEvent => ({
  id: "evt_1", siteId: "demo", type: "pageview", at: NOON, day: "2025-01-15", visitorId: "known", sessionId: "s", visit: 1, path: "/checkout",
  url: "https://shop.example/checkout", title: "Checkout", browser: "Firefox", os: "Linux", device: "desktop", country: "DE", tier: "client", quality: "excellent", userId: "u-1", ...over,
});

function setup(timeline: StoredEvent[] = [], options: Parameters<typeof createVisitorReports>[0]["options"] = {}) {
  const clock = { at: NOON };
  const asked: ReportQuery[] = [];
  const profiles = memoryProfiles();
  const events = {
    async report(query: ReportQuery) {
      asked.push(query);
      return report;
    },
    timeline: async () => ({ events: timeline, cursor: timeline.length > 1 ? "next" : undefined }),
  };
  return { clock, asked, profiles, reports: createVisitorReports({ events, profiles, now: () => clock.at, options }) };
}

describe("the visitors of a site", () => {
  it("have the reference's shape, in its order, ours after it", async () => {
    const { reports, profiles } = setup();
    profiles.record(hit());
    const answer = await reports.getVisitors(site);
    expect(Object.keys(answer)).toEqual(["site", "visitors", "uniqueVisitors", "activeVisitors", "totalCountries", "patterns", "excluded"]);
    expect(Object.keys(answer.site).slice(0, 6)).toEqual(["totalPageviews", "totalEvents", "avgTimeOnPage", "bounceRate", "pageviewsByDay", "topPages"]);
    expect(Object.keys(answer.visitors[0] ?? {}).slice(0, 7)).toEqual(["visitorId", "lastVisit", "visitCount", "country", "browser", "intentScore", "accuracyMetrics"]);
    expect(answer.site).toMatchObject({ totalPageviews: 15_234, avgTimeOnPage: 127.5, bounceRate: 0.4235, medianTimeOnPage: 60, timeOnPageCoverage: 0.9123 });
    expect(answer.site.topPages).toEqual([{ path: "/products", views: 1_234, avgTimeOnPage: 145.3 }]);
    expect(answer).toMatchObject({ uniqueVisitors: 1_234, activeVisitors: 23, totalCountries: 45, patterns: { returningVisitorRate: 0.3812 }, excluded: { bot: 7 } });
    expect(JSON.parse(JSON.stringify(answer))).toEqual(answer);
  });

  it("are described by the report and by what is known of each", async () => {
    const { reports, profiles } = setup();
    profiles.record(hit());
    const [known, unknown] = (await reports.getVisitors(site)).visitors;
    expect(known).toMatchObject({
      visitorId: "known", lastVisit: "2025-01-15T12:00:00Z", visitCount: 5, country: "United States", countryCode: "US", browser: "Chrome", userId: "u-1",
      accuracyMetrics: { fingerprintQuality: "excellent" },
    });
    expect(known?.intentScore.score).toBeGreaterThan(0);
    expect(unknown).toEqual({
      visitorId: "unknown", lastVisit: "2025-01-15T11:59:59Z", visitCount: 1, country: "Unknown", browser: "Unknown",
      intentScore: { level: "low", score: 0, factors: [] }, accuracyMetrics: { confidence: 0.3, fingerprintQuality: "poor" },
    });
  });

  it("are those of the days, country and number asked for; 30 days and 50 visitors without", async () => {
    const { reports, asked } = setup();
    await reports.getVisitors({ ...site, timeZone: "Asia/Tokyo" }, { limit: 7, days: 3, country: "DE" });
    await reports.getVisitors(site);
    expect(asked).toEqual([
      { siteId: "demo", timeZone: "Asia/Tokyo", days: 3, limit: 7, country: "DE", includeBots: false, now: NOON },
      { siteId: "demo", timeZone: "UTC", days: 30, limit: 50, country: undefined, includeBots: false, now: NOON },
    ]);
  });

  it("are computed once for all who ask the same at the same time", async () => {
    const { reports, asked } = setup();
    await Promise.all([reports.getVisitors(site), reports.getVisitors(site), reports.getVisitors(site, { days: 5 })]);
    expect(asked).toHaveLength(2);
    await reports.getVisitors(site);
    expect(asked).toHaveLength(3);
    const before = reports.getVisitors(site);
    reports.forget(); // somebody was erased
    await Promise.all([before, reports.getVisitors(site)]);
    expect(asked).toHaveLength(5);
  });

  it("include bots, with the label, when the owner counts them", async () => {
    const { reports, asked, profiles } = setup([], { bots: "count" });
    profiles.record(hit());
    profiles.record(hit({ id: "evt_2", bot: ["webdriver"] }));
    const answer = await reports.getVisitors(site);
    expect(asked[0]?.includeBots).toBe(true);
    expect(answer.visitors[0]?.bot).toEqual(["webdriver"]);
  });

  it("who turn out to be bots intend nothing otherwise", async () => {
    const { reports, profiles } = setup();
    profiles.record(hit());
    profiles.record(hit({ id: "evt_2", bot: ["webdriver"] }));
    expect((await reports.getVisitors(site)).visitors[0]).toMatchObject({ bot: ["webdriver"], intentScore: { level: "low", score: 0, factors: [] } });
  });
});

describe("an intent score in an answer", () => {
  it("is of now: it fades with absence", async () => {
    const { reports, profiles, clock } = setup();
    profiles.record(hit());
    const today = (await reports.getVisitors(site)).visitors[0]?.intentScore.score ?? 0;
    clock.at += 60 * DAY_MS;
    const later = (await reports.getVisitors(site)).visitors[0]?.intentScore.score ?? 0;
    expect(later).toBeLessThan(today);
  });
});

describe("one visitor", () => {
  it("is a profile, a score that adds up, and a timeline in the words it was sent in", async () => {
    const { reports, profiles } = setup([hit({ id: "evt_2", type: "event", name: "Paid", data: { plan: "pro" }, at: NOON + 1_000 }), hit()]);
    profiles.record(hit());
    const visitor = await reports.getVisitor(site, "known");
    expect(visitor).toMatchObject({
      visitorId: "known", firstVisit: "2025-01-15T12:00:00Z", lastVisit: "2025-01-15T12:00:00Z", visitCount: 1, country: "Germany", countryCode: "DE",
      browser: "Firefox", os: "Linux", userId: "u-1", pageviews: 1, events: 0, engagedSeconds: 0,
      timeline: { cursor: "next", events: [{ eventId: "evt_2", eventName: "Paid", eventData: { plan: "pro" }, timestamp: "2025-01-15T12:00:01Z" }, { pageUrl: "https://shop.example/checkout", pageTitle: "Checkout" }] },
    });
    const points = visitor?.intentScore.contributions.reduce((sum, one) => sum + one.points, 0) ?? 0;
    expect(Math.round(points * 10) / 10).toBe(visitor?.intentScore.score);
    expect(JSON.parse(JSON.stringify(visitor))).toEqual(visitor);
  });

  it("of whom only the timeline is left is still told", async () => {
    const { reports } = setup([hit({ at: NOON, bot: ["user agent"] })]);
    expect(await reports.getVisitor(site, "known")).toMatchObject({ visitCount: 1, browser: "Firefox", bot: ["user agent"], intentScore: { score: 0 }, timeline: { events: [{ eventId: "evt_1" }] } });
  });

  it("nobody knows is undefined", async () => {
    expect(await setup().reports.getVisitor(site, "nobody")).toBeUndefined();
  });
});
