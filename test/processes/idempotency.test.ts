import { expect, test } from "vitest";
import { createClient, pause } from "./client.ts";
import { createPlace, describeOn } from "./places.ts";
import { startWorker } from "./worker.ts";

/** When another process's hits are known. */
const BEHIND_MS = 2_000;

const pageview = () => ({ siteId: "shop", visitorId: "vis_1", sessionId: "sess_1", pageUrl: "https://shop.example/cart", timestamp: Date.now() });

describeOn(["fs", "redis"], "a hit that is sent again", (driver) => {
  test("is answered the same and counted once, by eventId or Idempotency-Key, also after a restart", async () => {
    const place = await createPlace(driver);
    const client = createClient();
    let worker = await startWorker({ place });
    const hit = pageview();
    const byId = () => client.ask(worker.origin, "/api/telemetry/pageview", { ...hit, eventId: "evt_by_id" });
    const byKey = () => client.ask(worker.origin, "/api/telemetry/pageview", hit, { "idempotency-key": "evt_by_key" });

    // whoever is nobody yet gets an id by chance: the same one again
    const byNobody = () => client.ask(worker.origin, "/api/telemetry/pageview", { siteId: "shop", pageUrl: hit.pageUrl, eventId: "evt_of_nobody" });
    const first = await byNobody();
    expect(first.text).toContain('"pageviewId":"evt_of_nobody"');
    expect((await byNobody()).text).toBe(first.text);

    const together = await Promise.all([byId(), byId(), byKey(), byKey()]);
    const later = [await byId(), await byKey()];
    await worker.stop("SIGKILL");
    worker = await startWorker({ place });
    const restarted = [await byId(), await byKey()];

    const texts = [...together, ...later, ...restarted].map(({ status, text }) => `${status} ${text}`);
    expect(texts[0]).toMatch(/^200 .*"pageviewId":"evt_by_id"/);
    expect(texts[2]).toMatch(/^200 .*"pageviewId":"evt_by_key"/);
    expect(texts).toEqual([0, 0, 2, 2, 0, 2, 0, 2].map((first) => texts[first]));
    expect((await client.getExport(worker)).map(({ id }) => id).sort()).toEqual(["evt_by_id", "evt_by_key", "evt_of_nobody"]);
    expect((await client.getReport(worker)).site).toMatchObject({ totalPageviews: 3, totalSessions: 2 });
    expect(await client.getVisitor(worker, "vis_1")).toMatchObject({ pageviews: 2, visitCount: 1 });
    await worker.stop("SIGKILL");
    client.close();
  });

  test("through another process, as a tracker's retry, is answered the same and counted once by both", async () => {
    const place = await createPlace(driver);
    const client = createClient();
    const workers = await Promise.all([startWorker({ place }), startWorker({ place })]);
    const hit = { ...pageview(), eventId: "evt_retried" };
    const answers = [];
    for (const [tries, worker] of workers.entries()) {
      answers.push(await client.ask(worker.origin, "/api/telemetry/pageview", tries > 0 ? { ...hit, retry: true } : hit));
    }
    expect(answers[0]!.status).toBe(200);
    expect(answers[1]!.text).toBe(answers[0]!.text);
    await pause(BEHIND_MS);
    for (const worker of workers) {
      expect((await client.getExport(worker)).map(({ id }) => id)).toEqual(["evt_retried"]);
      expect((await client.getReport(worker)).site).toMatchObject({ totalPageviews: 1, totalSessions: 1 });
      expect(await client.getVisitor(worker, "vis_1")).toMatchObject({ pageviews: 1, visitCount: 1 });
      await worker.stop("SIGKILL");
    }
    client.close();
  });
});
