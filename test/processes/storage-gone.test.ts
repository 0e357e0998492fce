// Redis stops answering for a while without closing its connections, as a machine that hangs does.
// GONE_MS=60000 makes it a minute.
import { expect, test } from "vitest";
import { startRedis } from "../contract/redis.ts";
import { type Answer, createClient, pause, until } from "./client.ts";
import { startLoad } from "./load.ts";
import { createPlace, describeOn } from "./places.ts";
import { startWorker } from "./worker.ts";

const GONE_MS = Number(process.env.GONE_MS ?? 9_000);
/** The guard gives up after 5 s; a hit that waited for that twice would take 10 s. */
const LONGEST_ANSWER_MS = 7_000;
const BACK_WITHIN_MS = 3_000;
const GROWTH_BYTES = 64 * 1024 * 1024;

describeOn(["redis"], "while storage hangs", (driver) => {
  test("hits are refused in time and told when to come again, the host's own routes answer, and nothing acknowledged is lost", { timeout: 60_000 + GONE_MS * 2 }, async () => {
    const { process: redis } = await startRedis();
    const worker = await startWorker({ place: await createPlace(driver) });
    const client = createClient();
    const answers: { answer: Answer; at: number }[] = [];
    const load = startLoad({
      client,
      origin: () => worker.origin,
      // known visitors and new ones: a hit of the first waits for its segment only, the others' for a profile too
      createHit: (n) => ({ siteId: "shop", eventId: `evt_${n}`, eventName: "Sent", visitorId: n % 4 === 0 ? `new_${Math.floor(n / 8)}` : `vis_${n % 20}` }),
      onAnswer: (answer) => answers.push({ answer, at: performance.now() }),
    });
    await until(async () => load.acknowledged.size, (count) => count > 500, 10_000);
    const before = await worker.memory();

    redis.kill("SIGSTOP");
    const gone = performance.now();
    const own: number[] = [];
    const reports: Answer[] = [];
    try {
      while (performance.now() - gone < GONE_MS) {
        const answer = await client.ask(worker.origin, "/own");
        expect([answer.status, answer.text]).toEqual([200, "own"]);
        own.push(answer.tookMs);
        if (own.length === 5) void client.ask(worker.origin, "/api/visitors/shop").then((report) => reports.push(report));
        await pause(100);
      }
    } finally {
      redis.kill("SIGCONT");
    }
    const back = performance.now();
    await until(async () => answers, () => answers.some(({ answer, at }) => at > back && answer.status === 200), BACK_WITHIN_MS);
    const firstBack = answers.find(({ answer, at }) => at > back && answer.status === 200);
    const grown = (await worker.memory()) - before;
    await pause(500);
    await load.finish();

    const refused = answers.filter(({ answer }) => answer.status !== 200);
    const slowest = Math.max(...answers.map(({ answer }) => answer.tookMs));
    process.stdout.write(
      `storage gone for ${GONE_MS} ms: ${load.acknowledged.size} acknowledged, ${refused.length} refused, slowest answer ${Math.round(slowest)} ms, ` +
        `slowest own route ${Math.round(Math.max(...own))} ms, first 200 ${firstBack ? Math.round(firstBack.at - back) : "never"} ms after its return, memory +${Math.round(grown / 1e6)} MB\n`,
    );
    expect(new Set(refused.map(({ answer }) => answer.status))).toEqual(new Set([503]));
    expect(refused.filter(({ answer }) => !(Number(answer.headers["retry-after"]) >= 1))).toEqual([]);
    expect(slowest).toBeLessThan(LONGEST_ANSWER_MS);
    expect([0, 503]).toContain(reports[0]?.status ?? 0);
    expect(firstBack).toBeDefined();
    expect(grown).toBeLessThan(GROWTH_BYTES);
    const ids = (await client.getExport(worker)).map(({ id }) => id);
    expect(ids.length).toBe(new Set(ids).size);
    const stored = new Set(ids);
    expect([...load.acknowledged].filter((id) => !stored.has(id))).toEqual([]);
    expect(ids.filter((id) => !load.sent.has(id))).toEqual([]);
    await worker.stop("SIGKILL");
    expect(worker.output()).toBe("");
    client.close();
  });
});
