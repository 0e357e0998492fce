// Reports over a month of traffic on the fs driver.
import { printTable, spread, whole } from "./figures.mjs";
import { fillMonth, open } from "./month.mjs";

const QUERIES = [{ days: 30 }, { days: 7 }, { days: 30, country: "DE" }];

export async function benchReport({ pageviews = 1_000_000, rounds = 3 } = {}) {
  const { base, count, tookMs } = await fillMonth(pageviews);
  const rows = [];
  for (const query of QUERIES) {
    const first = [];
    const again = [];
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
      await analytics.close();
    }
    rows.push([JSON.stringify(query), spread(first), spread(again), whole(report.site.totalPageviews), whole(report.uniqueVisitors), whole(grown / 1e6)]);
  }
  printTable(
    `Reports over ${whole(count)} pageviews (stored in-process in ${whole(tookMs / 1_000)} s)`,
    ["query", "first after a start, ms", "again, ms", "pageviews", "visitors", "RSS + MB"],
    rows,
  );
}
