import type { Page } from "playwright-core";
import { expect, it } from "vitest";
import { describeInBrowser, kept, pass, runUntil, settled, trackEvent, until, withClock } from "./browser.ts";

/** Names of the custom events that wait. */
const custom = async (page: Page) => (await kept(page)).flatMap((item) => item.eventName ?? []);
const names = (count: number) => Array.from({ length: count }, (_, index) => `Event ${index}`);

describeInBrowser("delivery", (stage) => {
  /** The library has stored every event, and each once. */
  const expectOnceEach = async (expected: string[]) => {
    const stored = (await stage.server.stored()).filter((event) => event.name?.startsWith("Event "));
    expect(stored.map((event) => event.name).toSorted()).toEqual(expected.toSorted());
    expect(new Set(stored.map((event) => event.id)).size).toBe(expected.length);
  };

  it("what happens offline arrives when the browser is online again, once", async () => {
    const page = await stage.open("/", withClock);
    await pass(page, 2_000);
    await stage.context.setOffline(true);
    for (const name of names(5)) await trackEvent(page, name);
    await page.clock.runFor(600_000);
    expect(await custom(page)).toEqual(names(5));
    const before = stage.server.batches.length;
    await stage.context.setOffline(false);
    await runUntil(page, () => stage.server.named("Event 4").length);
    await expectOnceEach(names(5));
    expect(stage.server.batches.length).toBe(before + 1);
  });

  it("a tab closed offline leaves its events to the next page", async () => {
    const page = await stage.open("/");
    await until(() => stage.server.pageviews().length);
    await settled(page);
    await stage.context.setOffline(true);
    for (const name of names(3)) await trackEvent(page, name);
    await until(async () => (await custom(page)).length === 3);
    await page.close();
    await stage.context.setOffline(false);
    await stage.open("/later");
    await until(() => stage.server.named("Event 2").length);
    await expectOnceEach(names(3));
  });

  it("a failing server is asked again after 1 s, 2 s, 4 s, … (±20 %), with the same ids, and stores each once", async () => {
    stage.server.answer = { status: 500 };
    const page = await stage.open("/", withClock);
    await trackEvent(page, "Event 0");
    const at: number[] = [];
    for (let second = 0; second < 20; second++) {
      const before = stage.server.batches.length;
      await page.clock.runFor(1_000);
      await page.waitForTimeout(100);
      if (stage.server.batches.length > before) at.push(second);
    }
    const gaps = at.slice(1).map((second, index) => second - at[index]!);
    // a tick's second is the grain
    expect(gaps.slice(0, 3).every((gap, index) => gap >= 2 ** index * 0.8 && gap <= 2 ** index * 1.2 + 1)).toBe(true);
    stage.server.answer = {};
    await trackEvent(page, "Event 1");
    await runUntil(page, () => stage.server.named("Event 1").length);
    await expectOnceEach(names(2));
    const ids = stage.server.batches.map((batch) => batch.items[0]!.eventId);
    expect(new Set(ids).size).toBe(1);
    await until(async () => (await kept(page)).length === 0);
  });

  it("is asked every five minutes for as long as it fails, and the page that stays open goes on by itself", async () => {
    stage.server.answer = { status: 503, headers: { "retry-after": "9999" } };
    const page = await stage.open("/", withClock);
    await trackEvent(page, "Event 0");
    for (let asked = 1; asked <= 14; asked++) {
      await runUntil(page, () => stage.server.batches.length >= asked);
      await page.clock.fastForward(298_000);
      expect(stage.server.batches).toHaveLength(asked);
    }
    stage.server.answer = {};
    await runUntil(page, () => stage.server.named("Event 0").length);
    await expectOnceEach(names(1));
  });

  it("Retry-After is honoured, also by the next page", async () => {
    stage.server.answer = { status: 429, headers: { "retry-after": "60" } };
    const page = await stage.open("/", withClock);
    await trackEvent(page, "Event 0");
    await page.clock.runFor(1_100);
    await until(() => stage.server.batches.length);
    await page.waitForTimeout(100);
    stage.server.answer = {};
    await page.clock.runFor(40_000);
    await page.goto(`${stage.server.origin}/next`);
    await page.clock.runFor(10_000);
    expect(stage.server.batches).toHaveLength(1);
    await page.clock.runFor(15_000);
    await until(() => stage.server.pageviews().length === 2);
    await expectOnceEach(names(1));
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
      await runUntil(page, async () => stage.server.batches.some((batch) => batch.items.some((item) => item.eventName === name)) && !(await kept(page)).length);
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
    const page = await stage.open("/");
    await trackEvent(page, "Event 0");
    await until(() => stage.server.batches.length);
    stage.server.answer = {};
    await page.close();
    await stage.open("/next");
    await until(() => stage.server.named("Event 0").length);
    await expectOnceEach(names(1));
    const first = stage.server.batches[0]!.items.find((item) => item.eventName === "Event 0");
    expect(stage.server.named("Event 0")[0]!.eventId).toBe(first!.eventId);
  });

  it("what a beacon took and the network lost arrives with the next page; what it had not lost counts once", async () => {
    stage.server.answer = { hang: true };
    const page = await stage.open("/");
    await trackEvent(page, "Event 0");
    await page.evaluate(() => dispatchEvent(new Event("pagehide")));
    await until(() => stage.server.batches.length);
    stage.server.answer = {};
    await page.evaluate(() => {
      window.WysLeap!.trackEvent("Event 1");
      dispatchEvent(new Event("pagehide"));
    });
    await until(() => stage.server.named("Event 1").length);
    await page.close();
    const next = await stage.open("/next");
    await until(() => stage.server.pageviews().length === 2);
    await settled(next);
    await expectOnceEach(names(2));
    expect(stage.server.batches.flatMap((batch) => batch.items).filter((item) => item.eventName === "Event 1").length).toBeGreaterThan(1);
  });

  it("of a tab closed in the middle of 30 events, 30 arrive", async () => {
    const page = await stage.open("/");
    await page.evaluate(async (names) => {
      for (const name of names) {
        window.WysLeap!.trackEvent(name);
        await new Promise((resolve) => setTimeout(resolve, 40));
      }
    }, names(30));
    await page.close({ runBeforeUnload: true });
    await until(() => new Set(stage.server.accepted().map((item) => item.eventName)).size >= 30);
    await expectOnceEach(names(30));
  });

  it("two tabs that write at the same moment lose and double nothing", async () => {
    const tabs = [await stage.open("/one"), await stage.open("/two")];
    const start = Date.now() + 500;
    await Promise.all(
      tabs.map((page, tab) =>
        page.evaluate(
          async ([tab, start]) => {
            while (Date.now() < start!) await new Promise((resolve) => setTimeout(resolve));
            for (let n = tab!; n < 120; n += 2) {
              window.WysLeap!.trackEvent(`Event ${n}`);
              window.WysLeap!.flush();
              await new Promise((resolve) => setTimeout(resolve, 5));
            }
          },
          [tab, start],
        ),
      ),
    );
    for (const page of tabs) await settled(page);
    await expectOnceEach(names(120));
    const visitors = new Set((await stage.server.stored()).map((event) => event.visitorId));
    expect(visitors.size).toBe(1);
  });

  it("what waits in two tabs is sent by one of them", async () => {
    stage.server.answer = { status: 503, headers: { "retry-after": "3" } };
    const tabs = [await stage.open("/one"), await stage.open("/two")];
    for (const [at, page] of tabs.entries()) await trackEvent(page, `Event ${at}`);
    await until(async () => (await custom(tabs[0]!)).length === 2 && stage.server.batches.length);
    await tabs[0]!.waitForTimeout(500);
    stage.server.batches.length = 0;
    stage.server.answer = {};
    // the one that asks first waits for its answer, and the other looks every second
    await stage.context.route("**/api/tracker.js", async (route) => {
      await new Promise((resolve) => setTimeout(resolve, 2_500));
      await route.continue().catch(() => {}); // the tab may be closed by then
    });
    await until(() => stage.server.named("Event 0").length && stage.server.named("Event 1").length);
    await tabs[0]!.waitForTimeout(1_500);
    const sent = stage.server.batches.flatMap((batch) => batch.items.map((item) => item.eventName)).filter((name) => name?.startsWith("Event "));
    expect(sent.toSorted()).toEqual(names(2));
    await expectOnceEach(names(2));
  });

  it("what the browser takes no beacon for is sent otherwise when the page is left", async () => {
    const page = await stage.open("/", (page) => page.addInitScript(() => (navigator.sendBeacon = () => false)));
    await until(() => stage.server.pageviews().length);
    await settled(page);
    await trackEvent(page, "Event 0");
    await page.close({ runBeforeUnload: true });
    await until(() => stage.server.named("Event 0").length);
    await expectOnceEach(names(1));
  });

  it("every body stays under 48 KiB", async () => {
    const page = await stage.open("/");
    await page.evaluate((names) => {
      for (const name of names) window.WysLeap!.trackEvent(name, { text: "界".repeat(3_000) });
    }, names(12));
    await until(() => stage.server.named("Event 11").length);
    await expectOnceEach(names(12));
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
    await pass(page, 2_000);
    await stage.context.setOffline(true);
    for (let round = 0; round < 3; round++) {
      await page.evaluate((round) => {
        for (let n = 0; n < 80; n++) window.WysLeap!.trackEvent(`Event ${round * 80 + n}`);
      }, round);
      await page.clock.runFor(16_000);
    }
    const items = await kept(page);
    expect(items).toHaveLength(200);
    expect(items.at(-1)!.eventName ?? items.at(-2)!.eventName).toBe("Event 239");
    await stage.context.setOffline(false);
    await runUntil(page, () => stage.server.named("Event 239").length);
    expect(stage.server.batches.some((batch) => batch.discarded >= 40)).toBe(true);
    expect(stage.server.named("Event 0")).toEqual([]);
  });

  it("what is older than 48 hours is not sent any more", async () => {
    const page = await stage.open("/", withClock);
    await pass(page, 2_000);
    await stage.context.setOffline(true);
    await trackEvent(page, "Event 0");
    await page.clock.runFor(1_000);
    await page.clock.fastForward("47:30:00");
    await trackEvent(page, "Event 1");
    await page.clock.runFor(1_000);
    await page.clock.fastForward("01:00:00");
    await stage.context.setOffline(false);
    await runUntil(page, () => stage.server.named("Event 1").length);
    await expectOnceEach(["Event 1"]);
  });
});
