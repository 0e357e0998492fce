import { describe, expect, test } from "vitest";
import { HOUR_MS, MINUTE_MS } from "../../src/clock.ts";
import type { Site } from "../../src/site.ts";
import { MAX_PENDING } from "../../src/webhooks/lane.ts";
import { endpoint, header, setUp, siteWith, URL_A } from "./outbox-setup.ts";

describe("a failing endpoint", () => {
  test("is probed by one delivery at a time after five failures; the others use up no attempts", async () => {
    const { outbox, time, sent, lines, raise, state } = setUp({ answer: () => 500 });
    for (let count = 0; count < 50; count++) raise(`n${count}`);
    await time.advance(0);
    const before = sent.length;
    expect(before).toBeGreaterThanOrEqual(5);
    expect(before).toBeLessThanOrEqual(8); // four were under way when the fifth failed
    expect(outbox.stats().endpoints[0]?.circuit).toBe("open");
    expect(lines.filter((line) => line.includes("keep failing: status 500"))).toHaveLength(1);
    await time.advance(10 * MINUTE_MS);
    const gaps = sent.slice(before).map(({ at }, index, all) => at - (all[index - 1]?.at ?? 0)).slice(1);
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(5_000);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(61_000);
    state.answer = () => 200;
    await time.advance(3 * MINUTE_MS);
    expect(outbox.stats().endpoints[0]?.circuit).toBe("closed");
    expect(outbox.stats().pending).toBeLessThan(25); // only those in the wait of their own second failure
    await time.advance(HOUR_MS);
    expect(outbox.stats()).toMatchObject({ delivered: 50, pending: 0, gaveUp: 0 });
  });

  test("that answers 410 is switched off at once, until it is enabled", async () => {
    const { outbox, time, sent, told, raise, state } = setUp({ answer: () => 410 });
    const [first] = raise("x");
    await time.advance(0);
    expect(told).toContainEqual(["disabled", { siteId: "shop", url: URL_A, reason: "gone" }]);
    expect(told).toContainEqual(["failed", { siteId: "shop", id: first?.id, url: URL_A, status: 410 }]);
    raise("y");
    await time.advance(100 * HOUR_MS);
    expect(sent).toHaveLength(1);
    expect(outbox.stats()).toMatchObject({ refused: 1, pending: 0 });
    state.answer = () => 200;
    outbox.enable("shop", URL_A);
    raise("z");
    await time.advance(0);
    expect(sent).toHaveLength(2);
  });

  test("that fails for 72 hours is switched off, and what it is owed is given up and listed", async () => {
    const { outbox, time, told, raise } = setUp({ answer: () => 500 });
    for (let hour = 0; hour < 72; hour++) {
      raise(`n${hour}`);
      await time.advance(HOUR_MS);
    }
    expect(outbox.stats().endpoints[0]?.disabled).toBeUndefined();
    raise("n72");
    await time.advance(2 * MINUTE_MS);
    expect(told.filter(([kind]) => kind === "disabled")).toEqual([["disabled", { siteId: "shop", url: URL_A, reason: "failing" }]]);
    expect(outbox.stats().pending).toBe(0);
    expect(outbox.deadLetters("shop")).toHaveLength(73);
  });

  test("that is owed more than 100,000 deliveries loses the oldest, told", async () => {
    const { outbox, time, told } = setUp({ answer: () => "hang" });
    const delivery = (index: number) => ({ id: `msg_${index}`, siteId: "shop", endpoint: "e", event: "event", draft: "{}", at: 0 });
    outbox.enqueue(Array.from({ length: MAX_PENDING }, (_, index) => delivery(index)));
    expect(outbox.stats()).toMatchObject({ pending: MAX_PENDING, gaveUp: 0 });
    outbox.enqueue([delivery(MAX_PENDING)]);
    expect(outbox.stats()).toMatchObject({ pending: MAX_PENDING, gaveUp: 1 });
    expect(told).toMatchObject([["failed", { id: "msg_0" }]]);
    expect(outbox.deadLetters("shop")).toMatchObject([{ delivery: { id: "msg_0" }, reason: "too many pending" }]);
    void time;
  });

  test("that is owed more than 64 MiB loses the oldest, told", () => {
    const { outbox } = setUp();
    const draft = "x".repeat(60 * 1024);
    outbox.enqueue(Array.from({ length: 1_100 }, (_, index) => ({ id: `msg_${index}`, siteId: "shop", endpoint: "e", event: "event", draft, at: 0 })));
    expect(outbox.stats().pending).toBe(Math.floor((64 * 1024 * 1024) / (60 * 1024 + 300)));
  });

  test("that was taken out of the configuration is owed nothing any more", async () => {
    const { outbox, time, sent, raise, state } = setUp({ answer: () => 500 });
    raise("x");
    await time.advance(0);
    state.site = siteWith(endpoint("https://elsewhere.example/"));
    await time.advance(MINUTE_MS);
    expect(sent).toHaveLength(1);
    expect(outbox.deadLetters("shop")).toMatchObject([{ reason: "endpoint removed" }]);
  });
});

describe("looking up a site", () => {
  test("may take its time: deliveries wait and keep their order", async () => {
    const site = siteWith(endpoint(URL_A, { ordered: true }));
    let asked = 0;
    const { time, raise, names } = setUp({ site, sites: () => new Promise((resolve) => (asked++, time.startTimer(() => resolve(site), 500))) });
    for (const name of ["a", "b", "c"]) raise(name);
    await time.advance(499);
    expect(names()).toEqual([]);
    await time.advance(1);
    expect(names()).toEqual(["a", "b", "c"]);
    expect(asked).toBe(1);
  });

  test("that works again after 81 hours sends what is young enough, and gives up the rest", async () => {
    let works = false;
    const site = siteWith(endpoint());
    const { outbox, time, raise, names } = setUp({ site, sites: () => (works ? site : Promise.reject(new Error("database down"))) });
    raise("old");
    await time.advance(2 * HOUR_MS);
    raise("young");
    await time.advance(79 * HOUR_MS);
    works = true;
    await time.advance(MINUTE_MS);
    expect(names()).toEqual(["young"]);
    expect(outbox.deadLetters("shop")).toMatchObject([{ reason: "too old", attempts: 0 }]);
  });

  test.each<[string, () => Promise<Site>]>([
    ["rejects", () => Promise.reject(new Error("database down"))],
    ["throws", () => { throw new Error("database down"); }],
    ["never answers", () => new Promise<Site>(() => {})],
  ])("that %s costs no attempt and is asked again", async (_, failing) => {
    let works = false;
    const site = siteWith(endpoint());
    const { outbox, time, sent, lines, raise } = setUp({ site, sites: () => (works ? site : failing()) });
    raise("x");
    await time.advance(30_000);
    expect(lines[0]).toContain("looking up site shop");
    expect(sent).toHaveLength(0);
    works = true;
    await time.advance(20_000);
    expect(sent.map((one) => header(one, "x-wysleap-attempt"))).toEqual(["1"]);
    expect(outbox.stats()).toMatchObject({ delivered: 1, failedAttempts: 0 });
  });
});

describe("closing", () => {
  test("sends what is due first, and answers how much is left", async () => {
    const { outbox, time, raise, names } = setUp({ answer: (_, index) => (index === 0 ? 500 : 200) });
    for (let count = 0; count < 20; count++) raise(`n${count}`);
    expect(await outbox.close(5_000)).toBe(1); // the first waits for its second attempt
    expect(names()).toHaveLength(20);
    raise("late");
    await time.advance(HOUR_MS);
    expect(names()).toHaveLength(20);
    expect(outbox.stats().refused).toBe(1);
    expect(time.nextAt()).toBeUndefined();
  });

  test("stops what is still under way at the deadline, without counting it, and is idempotent", async () => {
    const { outbox, time, sent, lines, raise } = setUp({ answer: () => "hang" });
    raise("x");
    await time.advance(0);
    const closed = outbox.close(20);
    expect(outbox.close(20)).toBe(closed);
    expect(await closed).toBe(1);
    await time.settle();
    expect(sent[0]?.signal.aborted).toBe(true);
    expect(outbox.stats()).toMatchObject({ failedAttempts: 0, inFlight: 0, pending: 1 });
    expect(lines.join()).toContain("1 webhooks were not delivered");
    expect(time.nextAt()).toBeUndefined();
  });

  test("an outbox without work closes at once", async () => {
    expect(await setUp().outbox.close(60_000)).toBe(0);
  });
});
