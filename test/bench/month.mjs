// A month of traffic on disk: 50,000 visitors, 200 pages.
import { setTimeout as pause } from "node:timers/promises";
import fsDriver from "unstorage/drivers/fs";
import { createAnalytics } from "wysleap";
import { createFolder } from "./children.mjs";
import { SECRET_KEY } from "./hit.mjs";

const VISITORS = 50_000;
const PAGES_A_SESSION = 2.8;
const DAY_MS = 86_400_000;
const AT_ONCE = 500;

export const open = (base) => createAnalytics({ storage: fsDriver({ base }), sites: [{ id: "demo", apiKey: SECRET_KEY }] });

function createRandom(seed) {
  let state = seed; // mulberry32
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function* traffic(pageviews) {
  const random = createRandom(42);
  const end = Date.now();
  const start = end - 29 * DAY_MS;
  const sessions = Math.round(pageviews / PAGES_A_SESSION);
  let made = 0;
  for (let n = 0; n < sessions; n++) {
    const visitor = Math.floor(random() ** 1.5 * VISITORS);
    let at = start + ((end - start) * n) / sessions;
    for (let page = 0; page === 0 || (made < pageviews && random() < 1 - 1 / PAGES_A_SESSION); page++) {
      made++;
      yield { visitorId: `vis_${visitor}`, sessionId: `sess_${n}`, timestamp: Math.round(Math.min(at, end)), pageUrl: `https://shop.example/p/${Math.floor(random() ** 2 * 200)}` };
      at += 5_000 + random() * 90_000;
    }
  }
}

const filled = new Map();

/** Stores about so many pageviews in a folder of its own; the same ones are stored once for all benchmarks. */
export function fillMonth(pageviews) {
  const filling = filled.get(pageviews) ?? fill(pageviews);
  filled.set(pageviews, filling);
  return filling;
}

/** As a client does: later, when there is no room now. */
async function store(analytics, hit) {
  for (;;) {
    try {
      return await analytics.trackPageview(hit);
    } catch (error) {
      if (error.code !== "UNAVAILABLE") throw error;
      await pause(error.retryAfter * 1_000);
    }
  }
}

async function fill(pageviews) {
  const base = createFolder();
  const analytics = open(base);
  const since = performance.now();
  let batch = [];
  let count = 0;
  for (const hit of traffic(pageviews)) {
    batch.push(store(analytics, { siteId: "demo", timeZone: "Europe/Berlin", ...hit }));
    count++;
    if (batch.length < AT_ONCE) continue;
    await Promise.all(batch);
    batch = [];
  }
  await Promise.all(batch);
  // makes the checkpoint that a quarter of an hour would have brought: a month that arrives in minutes leaves its last days unsummed
  await analytics.eraseVisitor("demo", "nobody");
  await analytics.close();
  return { base, count, tookMs: performance.now() - since };
}
