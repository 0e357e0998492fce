import { expect, test } from "vitest";
import { type Client, createClient, pause, until } from "./client.ts";
import { limitFiles } from "./full-disk.ts";
import { type Load, startLoad } from "./load.ts";
import { createFolder, describeOn, type Place } from "./places.ts";
import { startWorker, type Worker } from "./worker.ts";

const MAX_FILES = 64;
/** Less than a segment takes: the first half of a value fits. */
const TORN_BYTES = 300;
/** The breaker asks storage again after a second or two. */
const BACK_WITHIN_MS = 10_000;

const startTraffic = (client: Client, worker: Worker, senders: number): Load =>
  startLoad({
    client,
    senders,
    origin: () => worker.origin,
    createHit: (n) => ({ siteId: "shop", eventId: `evt_${senders}_${n}`, eventName: "Sent", visitorId: `vis_${n % 3 === 0 ? n : n % 50}`, eventData: { note: "x".repeat(200) } }),
  });

/** All that was acknowledged is there once, also for the process that starts next. */
async function check(worker: Worker, place: Place, loads: Load[]): Promise<void> {
  const client = createClient();
  expect(await worker.stop("SIGTERM")).toBe(0);
  expect(worker.output()).toBe("");
  const next = await startWorker({ place });
  const ids = (await client.getExport(next)).map(({ id }) => id);
  const stored = new Set(ids);
  expect(ids.length).toBe(stored.size);
  const acknowledged = loads.flatMap((load) => [...load.acknowledged]);
  expect(acknowledged.filter((id) => !stored.has(id))).toEqual([]);
  const answers = loads.map((load) => Object.fromEntries(load.answers));
  expect(answers.flatMap(Object.keys).filter((status) => !["0", "200", "503"].includes(status))).toEqual([]);
  process.stdout.write(`resources: ${acknowledged.length} acknowledged, ${stored.size} stored, answers ${JSON.stringify(answers)}\n`);
  const { site } = await client.getReport(next);
  expect(site.totalEvents).toBe(stored.size);
  await next.stop("SIGKILL");
  client.close();
}

/** A worker that has acknowledged some and gets more; `end` closes the connections. */
async function startUnderLoad(senders: number, maxFiles?: number) {
  const place: Place = { driver: "fs", base: createFolder() };
  const worker = await startWorker({ place, maxFiles });
  const client = createClient();
  const load = startTraffic(client, worker, senders);
  await until(async () => load.acknowledged.size, (count) => count > 100, 10_000);
  return { place, worker, load, end: client.close };
}

/** Waits until ten more hits were refused. */
async function expectRefusals({ answers }: Load): Promise<void> {
  const refused = answers.get(503) ?? 0;
  expect(await until(async () => answers.get(503) ?? 0, (count) => count > refused + 10, 15_000)).toBeGreaterThan(refused + 10);
}

/** Waits until a hundred more were acknowledged. */
async function expectRecovery({ acknowledged }: Load): Promise<void> {
  const before = acknowledged.size;
  expect(await until(async () => acknowledged.size, (count) => count > before + 100, BACK_WITHIN_MS)).toBeGreaterThan(before + 100);
}

describeOn(["fs"], "when the process is out of something", () => {
  test("file descriptors: hits are refused, nothing acknowledged is lost, and it goes on when there are some again", async () => {
    const { place, worker, load: calm, end } = await startUnderLoad(4, MAX_FILES);
    const many = createClient();
    const flood = startTraffic(many, worker, MAX_FILES * 2);
    await pause(3_000);
    const refused = (flood.answers.get(503) ?? 0) + (flood.answers.get(0) ?? 0) + (calm.answers.get(503) ?? 0);
    await flood.abandon();
    many.close();
    expect(refused).toBeGreaterThan(0);
    await expectRecovery(calm);
    await calm.finish();
    end();
    await check(worker, place, [calm, flood]);
  });

  test("disk space: hits are refused, nothing acknowledged is lost, and it goes on when there is some again", async () => {
    const { place, worker, load, end } = await startUnderLoad(8);
    for (const bytes of [TORN_BYTES, 0]) {
      limitFiles(worker, bytes);
      await expectRefusals(load);
    }
    limitFiles(worker, "unlimited");
    await expectRecovery(load);
    await load.finish();
    end();
    await check(worker, place, [load]);
  });

  test("disk space: a process that is killed while there is none has acknowledged nothing that is not stored", async () => {
    const { place, worker, load, end } = await startUnderLoad(8);
    limitFiles(worker, 0);
    await expectRefusals(load);
    await worker.stop("SIGKILL");
    await load.abandon();
    end();
    await check(await startWorker({ place }), place, [load]);
  });
});
