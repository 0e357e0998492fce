// Reports over a month of traffic: node report.mjs [pageviews]. 50,000 visitors, 200 pages, on the fs driver.
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fsDriver from "unstorage/drivers/fs";
import { createAnalytics } from "wysleap";

const PAGEVIEWS = Number(process.argv[2] ?? 1_000_000);
const VISITORS = 50_000;
const PAGES_A_SESSION = 2.8;
const DAY_MS = 86_400_000;
const AT_ONCE = 500;

const base = process.env.BENCH_BASE ?? mkdtempSync(join(process.env.BENCH_DIR ?? tmpdir(), "wysleap-report-"));
const open = () => createAnalytics({ storage: fsDriver({ base }), sites: [{ id: "demo", apiKey: "secret-key-of-the-demo-site" }] });
const ms = (since) => Math.round(performance.now() - since);

let seed = 42; // mulberry32
const random = () => {
  seed = (seed + 0x6d2b79f5) | 0;
  let mixed = Math.imul(seed ^ (seed >>> 15), seed | 1);
  mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
};

function* traffic() {
  const end = Date.now();
  const start = end - 29 * DAY_MS;
  const sessions = Math.round(PAGEVIEWS / PAGES_A_SESSION);
  let made = 0;
  for (let n = 0; n < sessions; n++) {
    const visitor = Math.floor(random() ** 1.5 * VISITORS);
    let at = start + ((end - start) * n) / sessions;
    for (let page = 0; page === 0 || (made < PAGEVIEWS && random() < 1 - 1 / PAGES_A_SESSION); page++) {
      made++;
      yield { visitorId: `vis_${visitor}`, sessionId: `sess_${n}`, timestamp: Math.round(at), pageUrl: `https://shop.example/p/${Math.floor(random() ** 2 * 200)}` };
      at += 5_000 + random() * 90_000;
    }
  }
}

if (!process.env.BENCH_BASE) {
  const analytics = open();
  const since = performance.now();
  let batch = [];
  let count = 0;
  for (const hit of traffic()) {
    batch.push(analytics.trackPageview({ siteId: "demo", timeZone: "Europe/Berlin", ...hit, timestamp: Math.min(hit.timestamp, Date.now()) }));
    count++;
    if (batch.length < AT_ONCE) continue;
    await Promise.all(batch);
    batch = [];
  }
  await Promise.all(batch);
  console.log(`stored ${count} pageviews in ${ms(since)} ms`);
  await analytics.close();
}

let bytes = 0;
const files = readdirSync(base, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
const byKind = {};
for (const file of files) {
  const { size } = statSync(join(file.parentPath ?? file.path, file.name));
  const kind = (file.parentPath ?? file.path).slice(base.length + 1).split("/")[0];
  byKind[kind] = (byKind[kind] ?? 0) + size;
  bytes += size;
}
console.log(`${files.length} files, ${Math.round(bytes / PAGEVIEWS)} bytes a pageview`, byKind);

const analytics = open();
globalThis.gc?.();
const begun = performance.now();
await analytics.getVisitor("demo", "nobody"); // what was left is looked for
console.log(`started in ${ms(begun)} ms`);
const before = process.memoryUsage().rss;
for (const query of [{ days: 30 }, { days: 30 }, { days: 30 }, { days: 7 }, { days: 30, country: "DE" }]) {
  const since = performance.now();
  const report = await analytics.getVisitors("demo", { ...query, limit: 50 });
  console.log(JSON.stringify(query), `${ms(since)} ms`, report.site.totalPageviews, report.uniqueVisitors, report.site.totalSessions, `rss +${Math.round((process.memoryUsage().rss - before) / 1e6)} MB`);
}
await analytics.close();
if (!process.env.BENCH_KEEP) rmSync(base, { recursive: true, force: true });
else console.log(base);
