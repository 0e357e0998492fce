// Kills a server under load at random moments and compares, id by id, what it acknowledged with what is stored.
// `npm run test:crash` kills 200 times a driver, and 200 times with webhooks, in about 15 minutes; KILLS=1000 npm run
// test:crash, 1,000 times.
// SEED=<number> repeats the moments of a run; the seed and the figures of each round are printed.
import { expect, test } from "vitest";
import { createClient, createRandom, pause } from "./client.ts";
import { type Hit, startLoad } from "./load.ts";
import { createPlace, describeOn, type Place } from "./places.ts";
import { startWorker, type Worker } from "./worker.ts";

const KILLS = Number(process.env.KILLS ?? 8);
const SEED = Number(process.env.SEED ?? Math.floor(Math.random() * 1e9));
/** Then the data is checked, and a fresh place is taken. */
const KILLS_A_ROUND = 20;

describeOn(["fs", "redis"], "killed at any moment under load", (driver) => {
  test("a server has stored all that it acknowledged, nothing twice, and its report says the same", { timeout: 120_000 + KILLS * 4_000 }, async () => {
    const random = createRandom(SEED);
    for (let left = KILLS; left > 0; left -= KILLS_A_ROUND) await playRound(driver, Math.min(left, KILLS_A_ROUND), random);
  });
});

async function playRound(driver: Place["driver"], kills: number, random: () => number): Promise<void> {
  const place = await createPlace(driver);
  const client = createClient();
  let worker: Worker | undefined = await startWorker({ place });
  const load = startLoad({ client, origin: () => worker?.origin, createHit });
  for (let kill = 0; kill < kills; kill++) {
    await pause(50 + random() * 750);
    // every third one is killed while it closes, and so while it makes a checkpoint
    if (random() < 1 / 3) {
      worker.child.send("close");
      await pause(random() * 60);
    }
    const killed: Worker = worker;
    worker = undefined;
    await killed.stop("SIGKILL");
    expect(killed.output()).toBe("");
    worker = await startWorker({ place });
  }
  await load.finish();

  const { sent, acknowledged } = load;
  const stored = await client.getExport(worker);
  const ids = new Set(stored.map(({ id }) => id));
  const { site } = await client.getReport(worker);
  process.stdout.write(
    `crash ${driver}: seed ${SEED}, ${kills} kills, ${sent.size} sent, ${acknowledged.size} acknowledged, ${ids.size} stored, answers ${JSON.stringify([...load.answers])}\n`,
  );
  expect({ lost: [...acknowledged].filter((id) => !ids.has(id)) }).toEqual({ lost: [] });
  expect({ invented: [...ids].filter((id) => !sent.has(id)) }).toEqual({ invented: [] });
  expect(stored.length).toBe(ids.size);
  expect(acknowledged.size).toBeGreaterThan(kills);
  const views = stored.filter(({ type }) => type === "pageview").length;
  expect([site.totalPageviews, site.totalEvents]).toEqual([views, stored.length - views]);
  expect([...load.answers.keys()].filter((status) => ![0, 200, 503].includes(status))).toEqual([]);
  expect(await worker.stop("SIGKILL")).toBe("SIGKILL");
  client.close();
}

/** Pageviews as a simple client sends them, without a `pageviewId`, and events; of visitors old and new. */
function createHit(n: number): Hit {
  const hit = { siteId: "shop", eventId: `evt_${n}`, visitorId: `vis_${n % 3 === 0 ? n : n % 50}` };
  return n % 2 === 0 ? { ...hit, pageUrl: `https://shop.example/p/${n % 7}` } : { ...hit, eventName: "Sent" };
}
