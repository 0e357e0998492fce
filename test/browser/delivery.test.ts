import type { Page } from "playwright-core";
import { expect, it } from "vitest";
import { describeInBrowser, drain, runUntil, settled, trackEvent, until, withClock } from "./browser.ts";

const kept = (page: Page) =>
  page.evaluate(() => JSON.parse(localStorage["wysleap-demo"] ?? '{"items":[]}') as { items: { eventName?: string }[]; failures: number });
/** Names of the custom events that wait. */
const custom = async (page: Page) => (await kept(page)).items.flatMap((item) => item.eventName ?? []);
const names = (count: number) => Array.from({ length: count }, (_, index) => `Event ${index}`);

describeInBrowser("delivery", (stage) => {
  /** Every event arrived, none was answered 200 twice. */
  const expectOnceEach = (expected: string[]) => {
    const accepted = stage.server.accepted().filter((item) => item.eventName?.startsWith("Event "));
    expect(accepted.map((item) => item.eventName).toSorted()).toEqual(expected.toSorted());
    expect(new Set(accepted.map((item) => item.eventId)).size).toBe(expected.length);
  };

  it("what happens offline arrives when the browser is online again, once", async () => {
    const page = await stage.open("/", withClock);
    await page.clock.runFor(200);
    await settled(page);
    await stage.context.setOffline(true);
    for (const name of names(5)) await trackEvent(page, name);
    await page.clock.runFor(600_000);
    expect(await custom(page)).toEqual(names(5));
    const before = stage.server.batches.length;
    await stage.context.setOffline(false);
    await runUntil(page, () => stage.server.named("Event 4").length);
    expectOnceEach(names(5));
    expect(stage.server.batches.length).toBe(before + 1);
  });

  it("a tab closed offline leaves its events to the next page", async () => {
    const page = await stage.open("/");
    await settled(page);
    await stage.context.setOffline(true);
    for (const name of names(3)) await trackEvent(page, name);
    await until(async () => (await custom(page)).length === 3);
    await page.close();
    await stage.context.setOffline(false);
    await stage.open("/later");
    await until(() => stage.server.named("Event 2").length);
    expectOnceEach(names(3));
  });

  it("a failing server is asked again after 1 s, 2 s, … (±20 %), with the same ids, flagged as retry", async () => {
    stage.server.answer = { status: 500 };
    const page = await stage.open("/", withClock);
    await trackEvent(page, "Event 0");
    await page.clock.runFor(200);
    await until(async () => (await kept(page)).failures === 1);
    await page.clock.runFor(700);
    expect(stage.server.batches).toHaveLength(1);
    await page.clock.runFor(600);
    await until(async () => (await kept(page)).failures === 2);
    await page.clock.runFor(1_500);
    expect(stage.server.batches).toHaveLength(2);
    stage.server.answer = {};
    await trackEvent(page, "Event 1");
    await page.clock.runFor(1_100);
    await until(() => stage.server.named("Event 1").length);
    expectOnceEach(names(2));
    expect(stage.server.batches.map((batch) => batch.retry)).toEqual([false, true, true]);
    const ids = stage.server.batches.map((batch) => batch.items[0]!.eventId);
    expect(new Set(ids).size).toBe(1);
    await until(async () => (await kept(page)).items.length === 0);
  });

  it("Retry-After is honoured, also by the next page", async () => {
    stage.server.answer = { status: 429, headers: { "retry-after": "60" } };
    const page = await stage.open("/", withClock);
    await trackEvent(page, "Event 0");
    await page.clock.runFor(200);
    await until(async () => (await kept(page)).failures === 1);
    stage.server.answer = {};
    await page.clock.runFor(40_000);
    await page.goto(`${stage.server.origin}/next`);
    await page.clock.runFor(10_000);
    expect(stage.server.batches).toHaveLength(1);
    await page.clock.runFor(15_000);
    await until(() => stage.server.pageviews().length === 2);
    expectOnceEach(names(1));
  });

  it("a refused batch is dropped, and the site's owner is told once", async () => {
    const warnings: string[] = [];
    stage.server.answer = { status: 401 };
    const page = await stage.open("/", async (page) => {
      page.on("console", (message) => message.type() === "warning" && warnings.push(message.text()));
      await withClock(page);
    });
    for (const name of names(2)) {
      await trackEvent(page, name);
      await page.clock.runFor(1_500);
      await until(async () => stage.server.batches.length && !(await kept(page)).items.length);
    }
    await page.clock.runFor(60_000);
    expect(stage.server.batches.flatMap((batch) => batch.items.map((item) => item.eventName)).filter(Boolean)).toEqual(names(2));
    expect(warnings).toEqual(["WysLeap 401"]);
  });

  it("a server that hangs holds up neither the page nor its load event", async () => {
    stage.server.answer = { hang: true };
    stage.server.body = '<a href="/next">Next</a>';
    const page = await stage.open("/");
    await until(() => stage.server.batches.length);
    expect(await page.evaluate(() => performance.getEntriesByType("navigation")[0]!.toJSON().loadEventEnd)).toBeGreaterThan(0);
    for (const name of names(20)) await trackEvent(page, name);
    await page.evaluate(() => window.WysLeap!.flush());
    expect(stage.server.batches).toHaveLength(1);
    await page.click("a");
    await page.waitForURL("**/next");
  });

  it("a tab closed while its request is under way loses nothing: the next page asks again with the same ids", async () => {
    stage.server.answer = { hang: true };
    const page = await stage.open("/", withClock);
    await trackEvent(page, "Event 0");
    await page.clock.runFor(200);
    await until(() => stage.server.batches.length);
    stage.server.answer = {};
    await page.close();
    // at the latest when the request that nobody waits for any more has had its time
    const next = await stage.open("/next", withClock);
    await next.clock.runFor(32_000);
    await until(() => stage.server.named("Event 0").length);
    expectOnceEach(names(1));
    expect(stage.server.batches.filter((batch) => batch.retry)).toHaveLength(1);
    const first = stage.server.batches[0]!.items.find((item) => item.eventName === "Event 0");
    expect(stage.server.named("Event 0")[0]!.eventId).toBe(first!.eventId);
  });

  it("every body stays under 48 KiB", async () => {
    const page = await stage.open("/");
    await page.evaluate((names) => {
      for (const name of names) window.WysLeap!.trackEvent(name, { text: "界".repeat(3_000) });
    }, names(12));
    await until(() => stage.server.named("Event 11").length);
    expectOnceEach(names(12));
    expect(stage.server.batches.length).toBeGreaterThan(2);
    expect(Math.max(...stage.server.batches.map((batch) => batch.bytes))).toBeLessThan(48 * 1024);
  });

  it("an item that fits no request is discarded and counted, and holds up no other", async () => {
    const page = await stage.open("/");
    await page.evaluate(() => {
      window.WysLeap!.trackEvent("Too large", { text: "x".repeat(20_000) });
      window.WysLeap!.trackEvent("Cannot be written", { loop: window });
      window.WysLeap!.trackEvent("Fits", { text: "x".repeat(14_000) });
    });
    await until(() => stage.server.named("Fits").length);
    expect(stage.server.batches.map((batch) => batch.discarded)).toContain(1);
    expect([...stage.server.named("Too large"), ...stage.server.named("Cannot be written")]).toEqual([]);
  });

  it("a page in an endless loop of events sends 100 and counts the rest", async () => {
    const page = await stage.open("/");
    await page.evaluate(() => {
      for (let n = 0; n < 1e5; n++) window.WysLeap!.trackEvent("Runaway");
    });
    await until(() => stage.server.batches.some((batch) => batch.discarded));
    await until(() => stage.server.named("Runaway").length >= 99);
    // the hundredth is the pageview
    expect(stage.server.named("Runaway")).toHaveLength(99);
    expect(stage.server.batches.map((batch) => batch.discarded)).toContain(1e5 - 99);
  });

  it("offline, the oldest beyond 200 are discarded and counted", async () => {
    const page = await stage.open("/", withClock);
    await page.clock.runFor(200);
    await settled(page);
    await stage.context.setOffline(true);
    for (let round = 0; round < 3; round++) {
      await page.evaluate((round) => {
        for (let n = 0; n < 80; n++) window.WysLeap!.trackEvent(`Event ${round * 80 + n}`);
      }, round);
      await page.clock.runFor(16_000);
    }
    const { items } = await kept(page);
    expect(items).toHaveLength(200);
    expect(items.at(-1)!.eventName ?? items.at(-2)!.eventName).toBe("Event 239");
    await stage.context.setOffline(false);
    await runUntil(page, () => stage.server.named("Event 239").length);
    expect(stage.server.batches.some((batch) => batch.discarded >= 40)).toBe(true);
    expect(stage.server.named("Event 0")).toEqual([]);
  });

  it("what is older than 48 hours is not sent any more", async () => {
    const page = await stage.open("/", withClock);
    await page.clock.runFor(200);
    await settled(page);
    await stage.context.setOffline(true);
    await trackEvent(page, "Event 0");
    await page.clock.runFor(200);
    await page.clock.fastForward("47:30:00");
    await trackEvent(page, "Event 1");
    await page.clock.runFor(200);
    await page.clock.fastForward("01:00:00");
    await stage.context.setOffline(false);
    await runUntil(page, () => stage.server.named("Event 1").length);
    expectOnceEach(["Event 1"]);
  });

  it("two tabs share visitor and session", async () => {
    const one = await stage.open("/one");
    await drain(stage, one, "One");
    const two = await stage.open("/two");
    await drain(stage, two, "Two");
    const ids = await Promise.all([one, two].map((page) => page.evaluate(() => [window.WysLeap!.getVisitorId(), window.WysLeap!.getSessionId()])));
    expect(ids[0]).toEqual(ids[1]);
    expect(stage.server.batches.map((batch) => [batch.visitorId, batch.sessionId])).toEqual(stage.server.batches.map(() => ids[0]));
  });

  it("a visitor who comes back after 31 minutes starts another session", async () => {
    const page = await stage.open("/", withClock);
    await drain(stage, page, "First");
    await page.clock.fastForward("00:29:00");
    await drain(stage, page, "Same");
    await page.clock.fastForward("00:31:00");
    await drain(stage, page, "Second");
    const session = (name: string) => stage.server.named(name)[0]!.sessionId;
    expect(session("Same")).toBe(session("First"));
    expect(session("Second")).not.toBe(session("First"));
    expect(new Set(stage.server.batches.map((batch) => batch.visitorId)).size).toBe(1);
  });

  it("a session ends after 24 hours, however busy", async () => {
    const page = await stage.open("/", withClock);
    const seen = new Set<string>();
    for (let minutes = 0; minutes <= 24 * 60 + 20; minutes += 20) {
      await drain(stage, page, `Minute ${minutes}`);
      seen.add(stage.server.named(`Minute ${minutes}`)[0]!.sessionId);
      if (minutes < 24 * 60) expect(seen.size).toBe(1);
      await page.clock.fastForward("20:00");
    }
    expect(seen.size).toBe(2);
  });
});
