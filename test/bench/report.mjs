// Reports over a month of traffic on the fs driver: the first after a start, again, and while events arrive.
import { setTimeout as pause } from "node:timers/promises";
import { median, printTable, spread, whole } from "./figures.mjs";
import { fillMonth, open } from "./month.mjs";

const QUERIES = [{ days: 30 }, { days: 7 }, { days: 30, country: "DE" }];

const EVENTS_A_SECOND = 1_000;
const ASKS = 12;
const ASK_EVERY_MS = 250;

/** Median time of a report while pageviews of new visitors arrive. */
async function whileEventsArrive(analytics, query) {
  const since = performance.now();
  let sent = 0;
  const stored = [];
  const sending = setInterval(() => {
    for (; sent < ((performance.now() - since) * EVENTS_A_SECOND) / 1_000; sent++) {
      stored.push(analytics.trackPageview({ siteId: "demo", timeZone: "Europe/Berlin", visitorId: `late_${sent % 700}`, sessionId: `late_${sent % 700}`, pageUrl: `https://shop.example/p/${sent % 200}` }));
    }
  }, 5);
  const times = [];
  for (let n = 0; n < ASKS; n++) {
    await pause(ASK_EVERY_MS);
    const asked = performance.now();
    await analytics.getVisitors("demo", { ...query, limit: 50 });
    times.push(performance.now() - asked);
  }
  clearInterval(sending);
  await Promise.all(stored);
  return median(times);
}

export async function benchReport({ pageviews = 1_000_000, rounds = 3 } = {}) {
  const { base, count, tookMs } = await fillMonth(pageviews);
  const rows = [];
  for (const query of QUERIES) {
    const first = [];
    const again = [];
    const busy = [];
    let report;
    let grown = 0;
    for (let round = 0; round < rounds; round++) {
      const analytics = open(base); // nothing is cached
      const before = process.memoryUsage().rss;
      for (const times of [first, again]) {
        const since = performance.now();
        report = await analytics.getVisitors("demo", { ...query, limit: 50 });
        times.push(performance.now() - since);
      }
      grown = Math.max(grown, process.memoryUsage().rss - before);
      if (round === rounds - 1) busy.push(await whileEventsArrive(analytics, query));
      await analytics.close();
    }
    rows.push([JSON.stringify(query), spread(first), spread(again), spread(busy), whole(report.site.totalPageviews), whole(report.uniqueVisitors), whole(grown / 1e6)]);
  }
  printTable(
    `Reports over ${whole(count)} pageviews (stored in-process in ${whole(tookMs / 1_000)} s)`,
    ["query", "first after a start, ms", "again, ms", `at ${whole(EVENTS_A_SECOND)} events/s, ms`, "pageviews", "visitors", "RSS + MB"],
    rows,
  );
}
