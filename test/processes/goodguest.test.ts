import { expect, test } from "vitest";
import { createClient, pause, until } from "./client.ts";
import { startLoad } from "./load.ts";
import { createPlace, describeOn } from "./places.ts";
import { startWorker } from "./worker.ts";

/** From `server.close()` to the end of a process that never calls `analytics.close()`. */
const EXIT_WITHIN_MS = 5_000;

const createHit = (n: number) => ({ siteId: "shop", eventId: `evt_${n}`, eventName: "Sent", visitorId: `vis_${n % 50}` });

describeOn(["fs"], "a good guest", (driver) => {
  test("does not keep a process alive whose server is closed, though nobody calls close()", async () => {
    const worker = await startWorker({ place: await createPlace(driver) });
    const client = createClient();
    const load = startLoad({ client, origin: () => worker.origin, createHit });
    await until(async () => load.acknowledged.size, (count) => count > 50, 10_000);
    await load.finish();
    await client.getReport(worker);
    client.close();
    await pause(100); // its connections are closed on both sides
    expect(await Promise.race([worker.stop("SIGUSR2"), pause(EXIT_WITHIN_MS)])).toBe(0);
    expect(worker.output()).toBe("");
  });

  test("leaves the host alone when its storage fails at every call: the host's routes answer, and the process ends by itself", async () => {
    const worker = await startWorker({ place: await createPlace("broken") });
    const client = createClient();
    const load = startLoad({ client, origin: () => worker.origin, createHit });
    await until(async () => load.answers.get(503) ?? 0, (count) => count > 100, 10_000);
    expect((await client.ask(worker.origin, "/own")).text).toBe("own");
    expect((await client.ask(worker.origin, "/api/visitors/shop")).status).toBe(503);
    await load.abandon();
    client.close();
    expect([...load.answers.keys()]).toEqual([503]);
    await pause(100);
    expect(await Promise.race([worker.stop("SIGUSR2"), pause(EXIT_WITHIN_MS)])).toBe(0);
    expect(worker.output()).toBe("");
  });

  test("has stored what it acknowledged when the process ends on SIGTERM in the middle of traffic", async () => {
    const place = await createPlace(driver);
    const worker = await startWorker({ place });
    const client = createClient();
    const load = startLoad({ client, origin: () => worker.origin, createHit });
    await until(async () => load.acknowledged.size, (count) => count > 200, 10_000);
    const began = performance.now();
    const ended = worker.stop("SIGTERM");
    expect(await Promise.race([ended, pause(12_000)])).toBe(0);
    process.stdout.write(`SIGTERM: ended after ${Math.round(performance.now() - began)} ms\n`);
    await load.abandon();
    expect(worker.output()).toBe("");
    const next = await startWorker({ place });
    const ids = new Set((await client.getExport(next)).map(({ id }) => id));
    expect([...load.acknowledged].filter((id) => !ids.has(id))).toEqual([]);
    await next.stop("SIGKILL");
    client.close();
  });
});
