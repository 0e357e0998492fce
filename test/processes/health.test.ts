import { readdirSync, readFileSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createClient, type Health, until } from "./client.ts";
import { limitFiles } from "./full-disk.ts";
import { createPlace, describeOn } from "./places.ts";
import { startWorker } from "./worker.ts";

const SMALL_PLAN = 5;
const AT_ONCE = 20;
const ROUNDS = 20; // with more, the wrong keys would be too many from one address
/** A crawler's, so that the hit is a bot's. */
const CRAWLER = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";

const sum = (counts: Record<string, number>) => Object.values(counts).reduce((total, count) => total + count, 0);

/** Counted by hand: every hit ends in exactly one of these. */
interface Sent {
  accepted: number;
  dropped: Record<string, number>;
  rejected: Record<string, number>;
  rejectedItems: Record<string, number>;
}

describeOn(["fs"], "what /health counts", (driver) => {
  test("accepted, dropped and rejected hits add up to those that were sent, and what was accepted is stored", async () => {
    const worker = await startWorker({ place: await createPlace(driver), smallPlan: SMALL_PLAN });
    const client = createClient();
    const sent: Sent = { accepted: 0, dropped: {}, rejected: {}, rejectedItems: {} };
    const count = (counts: Record<string, number>, name: string) => (counts[name] = (counts[name] ?? 0) + 1);
    const post = (path: string, body: object, headers?: Record<string, string>) => client.ask(worker.origin, `/api/telemetry/${path}`, body, headers);

    async function sendOne(n: number): Promise<void> {
      const hit = { siteId: "shop", visitorId: `vis_${n % 40}`, pageUrl: "https://shop.example/p" };
      const kind = n % 8;
      if (kind === 0) count(sent.rejected, "UNAUTHORIZED");
      else if (kind === 1 || kind === 2) count(sent.rejected, "VALIDATION_ERROR");
      else if (kind === 3) count(sent.dropped, "bot");
      else if (kind !== 5) sent.accepted++;
      if (kind === 0) await post("pageview", hit, { "x-api-key": "a-wrong-key-of-many-characters" });
      else if (kind === 1) await post("pageview", { ...hit, pageUrl: "nonsense" });
      else if (kind === 2) await post("event", { siteId: "shop" });
      else if (kind === 3) await post("pageview", { ...hit, userAgent: CRAWLER });
      else if (kind === 4) await post("pageview", hit);
      else if (kind === 5) {
        const items = [{ type: "event", eventName: "Good" }, { type: "event" }, { type: "pageview", pageUrl: hit.pageUrl }, { type: "unknown" }];
        sent.accepted += 2;
        for (let bad = 0; bad < 2; bad++) count(sent.rejectedItems, "VALIDATION_ERROR");
        await post("batch", { siteId: "shop", visitorId: hit.visitorId, items });
      } else {
        // one id twice, at once: one of the two is the duplicate
        const twice = { ...hit, eventId: `evt_${n}` };
        count(sent.dropped, "duplicate");
        await Promise.all([post("pageview", twice), post("pageview", twice)]);
      }
    }

    for (let round = 0; round < ROUNDS; round++) await Promise.all(Array.from({ length: AT_ONCE }, (_, i) => sendOne(round * AT_ONCE + i)));
    for (let n = 0; n < SMALL_PLAN * 3; n++) {
      await post("event", { siteId: "small", eventName: "Sent" });
      if (n < SMALL_PLAN) sent.accepted++;
      else count(sent.rejected, "RATE_LIMIT_EXCEEDED");
    }

    const health = await client.getHealth(worker);
    const { accepted, dropped, http } = health;
    const nonZero = Object.fromEntries(Object.entries(dropped).filter(([, times]) => times > 0));
    expect({ accepted, dropped: nonZero, rejected: http.rejected, rejectedItems: http.rejectedItems }).toEqual(sent);
    expect(http.dropped["bot"]).toBe(nonZero["bot"]);
    expect(http.requests).toBe(http.accepted + sum(http.rejected) + http.inFlight);
    expectStored(health);
    // the crawlers' hits are stored, with their label
    const found = await client.getExport(worker);
    expect(found.length).toBe(health.stored - SMALL_PLAN);
    await worker.stop("SIGKILL");
    client.close();
  });

  test("a repeat after a restart, a write that was tried again and a damaged segment show", async () => {
    const place = await createPlace(driver);
    const client = createClient();
    const send = (origin: string, id: string) => client.ask(origin, "/api/telemetry/event", { siteId: "shop", eventId: id, eventName: "Sent", visitorId: "vis_1" });
    const first = await startWorker({ place });
    for (const id of ["evt_a", "evt_b"]) expect((await send(first.origin, id)).status).toBe(200);
    await first.stop("SIGKILL");
    const journal = readdirSync(join(place.base, "journal"), { recursive: true, encoding: "utf8", withFileTypes: true }).filter((entry) => entry.isFile());
    const damaged = journal.map((entry) => join(entry.parentPath, entry.name)).find((file) => readFileSync(file).includes("evt_a"))!;
    truncateSync(damaged, 100);

    const second = await startWorker({ place });
    expect((await send(second.origin, "evt_b")).status).toBe(200);
    limitFiles(second, 0);
    const waiting = send(second.origin, "evt_c");
    await until(async () => (await client.getHealth(second)).retried, (retried) => retried > 0, 5_000);
    limitFiles(second, "unlimited");
    expect((await waiting).status).toBe(200);
    const health = await client.getHealth(second);
    expect(health).toMatchObject({ accepted: 2, repeated: 1, stored: 1, torn: 1 });
    expectStored(health);
    await second.stop("SIGKILL");
    client.close();
  });
});

function expectStored({ accepted, dropped, stored, repeated, unflushed }: Health): void {
  expect(unflushed).toBe(0);
  expect(stored + repeated).toBe(accepted + dropped["bot"]!);
}
