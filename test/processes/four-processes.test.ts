// Four processes on one storage, started at the same moment, their clocks up to a minute off. Every 2 s one of them is
// killed or told to close, and another joins in its place. Each hit is sent up to three times, to any of them.
// SECONDS=600 makes it long; SEED=<number> repeats a run's choices.
import { beforeAll, expect, test } from "vitest";
import { type Client, createClient, createRandom, pause, until } from "./client.ts";
import { type Hit, startLoad } from "./load.ts";
import { createPlace, describeOn, type Place } from "./places.ts";
import { startWorker, type Worker } from "./worker.ts";

const SECONDS = Number(process.env.SECONDS ?? 9);
const SEED = Number(process.env.SEED ?? Math.floor(Math.random() * 1e9));
const OFFSETS_MS = [-60_000, -20_000, 20_000, 60_000];
const REPLACE_EVERY_MS = 2_000;
/** How far behind the others a process may be. */
const BEHIND_MS = 2_000;
/** How long one that was further behind is asked on, to tell late from never. */
const GIVE_UP_MS = 20_000;
const SESSION_GAP_MS = 30 * 60_000;
/** Older than the slowest clock, so that no process moves it to its own present. */
const AGE_MS = 120_000;

interface Sent extends Hit {
  visitorId: string;
  sessionId?: string;
  timestamp?: number;
}

describeOn(["fs", "redis"], "four processes on one storage", (driver) => {
  let outcome: Awaited<ReturnType<typeof play>>;
  beforeAll(async () => {
    outcome = await play(driver);
  }, 90_000 + SECONDS * 3_000);

  test("all answer the exact totals 2 s after the last hit", () => {
    for (const found of outcome.totals) expect(found).toEqual(outcome.expected);
  });

  test("all know a visitor who alternates between them as one process would", () => {
    expect(outcome.strangers).toEqual([]);
  });
});

async function play(driver: Place["driver"]) {
  const random = createRandom(SEED);
  const pick = <T>(of: T[]): T => of[Math.floor(random() * of.length)]!;
  const place = await createPlace(driver);
  const client = createClient();
  const start = (offsetMs: number) => startWorker({ place, offsetMs });
  const workers: (Worker | undefined)[] = await Promise.all(OFFSETS_MS.map(start));
  const alive = () => workers.filter((worker) => worker !== undefined);

  const hits: Sent[] = [];
  const repeats: Promise<unknown>[] = [];
  const createHit = (n: number) => {
    const hit = createVisit(n, random);
    hits.push(hit);
    // a client that heard nothing sends it again, to whichever process it meets
    for (let more = Math.floor(random() * 3); more > 0; more--) repeats.push(repeat(hit));
    return hit;
  };
  const repeat = async (hit: Sent) => {
    // it waits for an answer first
    do await pause(50);
    while (!load.acknowledged.has(hit.eventId));
    await pause(random() * 300);
    await client.ask(pick(alive()).origin, pathOf(hit), { ...hit, retry: true });
  };
  const load = startLoad({ client, origin: () => pick(alive()).origin, createHit, senders: 8, gapMs: 30 });

  const end = performance.now() + SECONDS * 1_000;
  let replaced = 0;
  for (let next = performance.now(); performance.now() < end || replaced < 2; replaced++) {
    next += REPLACE_EVERY_MS;
    await pause(Math.max(0, next - performance.now()));
    const n = replaced % workers.length;
    const victim = workers[n]!;
    workers[n] = undefined;
    expect(await victim.stop(replaced % 2 === 0 ? "SIGKILL" : "SIGTERM")).toBe(replaced % 2 === 0 ? "SIGKILL" : 0);
    expect(victim.output()).toBe("");
    workers[n] = await start(OFFSETS_MS[n]!);
  }
  await load.finish();
  await Promise.all(repeats);
  expect(load.acknowledged.size).toBe(hits.length);

  const expected = recount(hits);
  const last = performance.now();
  const behindMs: number[] = [];
  const misses: object[] = [];
  const totals = await Promise.all(alive().map(untilExact));

  async function untilExact(worker: Worker, n: number) {
    const ask = async () => {
      const askedMs = performance.now() - last;
      const report = await client.getReport(worker).catch((error: Error) => error); // 503: ask again
      if (report instanceof Error) return { askedMs, totals: report.message };
      const { site, uniqueVisitors } = report;
      const totals = { views: site.totalPageviews, events: site.totalEvents, sessions: site.totalSessions, visitors: uniqueVisitors };
      return { askedMs, totals };
    };
    const isExact = ({ totals }: Awaited<ReturnType<typeof ask>>) => JSON.stringify(totals) === JSON.stringify(expected);
    // the question that counts is one that was asked late enough, however long the answer to an earlier one took
    const found = await until(ask, (answer) => isExact(answer) || answer.askedMs > BEHIND_MS, Infinity);
    behindMs.push(Math.round(performance.now() - last));
    if (!isExact(found)) misses.push(await explain(n, worker, found, () => until(ask, isExact, GIVE_UP_MS)));
    return found.totals;
  }

  /** Which events a process missed, and whether it ever comes to know of them. */
  async function explain(process: number, worker: Worker, found: object, untilRight: () => Promise<object>) {
    const unread = async () => {
      const read = new Set((await client.getExport(worker)).map(({ id }) => id));
      return hits.filter(({ eventId }) => !read.has(eventId));
    };
    const missing = await unread().catch(String);
    const later = await untilRight();
    const health = await client.getHealth(worker).catch(String);
    return { process, found, missing, later, stillMissing: await unread().catch(String), health };
  }

  const alone = await playAlone(hits.filter(({ visitorId }) => visitorId.startsWith("alternating")));
  const strangers: unknown[] = [];
  let asked = 0;
  for (const [visitorId, right] of alone) {
    for (const [n, worker] of alive().entries()) {
      asked++;
      const found = await knownOf(client, worker, visitorId);
      const same = found.visits === right.visits && found.pageviews === right.pageviews && found.events === right.events;
      if (!same || Math.abs(found.score - right.score) > 1) strangers.push({ visitorId, process: n, found, right });
    }
  }
  process.stdout.write(
    `four processes ${driver}: seed ${SEED}, ${replaced} replaced, ${hits.length} hits in ${hits.length + repeats.length} requests, last looked after ` +
      `${behindMs.join("/")} ms, ${asked - strangers.length} of ${asked} profiles right, answers ${JSON.stringify([...load.answers])}` +
      `${strangers.length > 0 ? `, wrong: ${JSON.stringify(strangers.slice(0, 4))}` : ""}` +
      `${misses.length > 0 ? `, missed: ${JSON.stringify(misses)}, expected ${JSON.stringify(expected)}` : ""}\n`,
  );
  for (const worker of alive()) {
    await worker.stop("SIGKILL");
    expect(worker.output()).toBe("");
  }
  client.close();
  return { expected, totals, strangers };
}

const pathOf = (hit: Hit) => (hit["pageUrl"] ? "/api/telemetry/pageview" : "/api/telemetry/event");

/** Who comes: with sessions of their own, without, after a pause of an hour or two, and some who alternate slowly. */
function createVisit(n: number, random: () => number): Sent {
  const kind = Math.floor(random() * 4);
  const pages = ["/", "/pricing", "/product/plum-cup", "/blog/how-we-glaze", "/cart"];
  const what = random() < 0.7 ? { pageUrl: `https://shop.example${pages[Math.floor(random() * pages.length)]}` } : { eventName: "Looked Closer" };
  const hit = { siteId: "shop", eventId: `evt_${n}`, ...what };
  const who = Math.floor(random() * 12);
  const now = Date.now() - AGE_MS;
  if (kind === 0) return { ...hit, visitorId: `alternating_${who}`, timestamp: now };
  if (kind === 1) return { ...hit, visitorId: `sessioned_${who}`, sessionId: `sess_${who}_${Math.floor(random() * 3)}` };
  if (kind === 2) return { ...hit, visitorId: `returning_${who}`, timestamp: now - Math.floor(random() * 6) * 65 * 60_000 + Math.floor(random() * 60_000) - 60_000 };
  return { ...hit, visitorId: `assigned_${n % 200}` };
}

/** By the definitions: hits, not requests; sessions as sent, or 30 minutes without activity. */
function recount(hits: Sent[]) {
  const sent = new Set(hits.filter(({ sessionId }) => sessionId).map(({ sessionId }) => sessionId));
  const times = new Map<string, number[]>();
  for (const { visitorId, sessionId, timestamp = 0 } of hits) {
    if (!sessionId) times.set(visitorId, [...(times.get(visitorId) ?? []), timestamp]);
  }
  let assigned = 0;
  for (const of of times.values()) {
    const sorted = of.toSorted((a, b) => a - b);
    assigned += sorted.filter((at, i) => i === 0 || at - sorted[i - 1]! > SESSION_GAP_MS).length;
  }
  const views = hits.filter((hit) => hit["pageUrl"]).length;
  const visitors = new Set(hits.map(({ visitorId }) => visitorId)).size;
  return { views, events: hits.length - views, sessions: sent.size + assigned, visitors };
}

interface Known {
  visits: number;
  pageviews: number;
  events: number;
  score: number;
}

async function knownOf(client: Client, worker: Worker, visitorId: string): Promise<Known> {
  const { visitCount, pageviews, events, intentScore } = await client.getVisitor(worker, visitorId);
  return { visits: visitCount, pageviews, events, score: intentScore.score };
}

/** What one process knows of the visitors after the same hits. */
async function playAlone(hits: Sent[]): Promise<Map<string, Known>> {
  const client = createClient();
  const worker = await startWorker({ place: await createPlace("fs") });
  const rest = hits.values();
  const send = async () => {
    for (const hit of rest) expect((await client.ask(worker.origin, pathOf(hit), hit)).status).toBe(200);
  };
  await Promise.all(Array.from({ length: 8 }, send));
  const known = new Map<string, Known>();
  for (const { visitorId } of hits) if (!known.has(visitorId)) known.set(visitorId, await knownOf(client, worker, visitorId));
  await worker.stop("SIGKILL");
  client.close();
  return known;
}
