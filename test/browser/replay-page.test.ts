import type { Page } from "playwright-core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { hasChromium } from "./chromium.ts";
import { isChunk, onReplayStage, type ReplayStage, until } from "./replay-stage.ts";

describe.skipIf(!hasChromium && process.env.CI !== "true")("a page that is recorded", { timeout: 120_000 }, () => {
  let stage: ReplayStage;
  let page: Page;
  let errors: string[];

  onReplayStage((...made) => ([stage, page] = made));
  beforeEach(() => {
    errors = [];
    page.on("pageerror", (error) => errors.push(String(error)));
  });
  afterEach(() => expect(errors).toEqual([]));

  const shown = async (sessionId: string) => JSON.stringify(await stage.events(sessionId));
  const write = (text: string) => page.evaluate((text) => void (document.querySelector("#p")!.textContent = text), text);

  it("under a strict CSP with Trusted Types sends its recording without one report", async () => {
    stage.policy = "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; require-trusted-types-for 'script'; trusted-types 'none'; base-uri 'none'";
    stage.body = '<p id="p">one</p><my-box></my-box><form><input></form>';
    const reports: string[] = [];
    page.on("console", (message) => reports.push(message.text()));
    const first = page.waitForRequest(isChunk);
    await page.goto(`${stage.origin}/page`);
    await first;
    await page.fill("input", "typed");
    await write("two");
    await page.goto(`${stage.origin}/page/2`);
    const replay = await until(async () => (await stage.replays()).find(({ pages }) => pages > 1));
    expect(await shown(replay.sessionId)).toContain('"two"');
    expect(reports.filter((text) => !text.includes("favicon"))).toEqual([]);
  });

  it("loses nothing of a recording while the server fails, and stores each part once", async () => {
    stage.body = '<p id="p">0</p>';
    const tried: number[] = [];
    let failing = true;
    await page.route(/\?rec$/, async (route) => {
      if (route.request().method() !== "POST") return route.continue();
      tried.push(Date.now());
      // one is stored and its answer lost
      if (failing && tried.length === 2) await route.fetch();
      return failing ? route.fulfill({ status: 503, body: "{}" }) : route.continue();
    });
    await page.goto(`${stage.origin}/page`);
    for (let n = 1; tried.length < 3; n++) {
      await write(`text ${n}`);
      await page.waitForTimeout(500);
    }
    failing = false;
    await write("the last");
    const replay = await until(async () => (await stage.replays())[0], 60_000);
    await until(async () => (await shown(replay.sessionId)).includes("the last"), 60_000);
    const events = await stage.events(replay.sessionId);
    const texts = events.flatMap(({ data }) => (data.adds ?? []).map((add: any) => add.node.textContent)).filter(Boolean);
    // the second try stored what was lost on the way, so every text is there, in order and once
    const numbers = texts.filter((text: string) => text.startsWith("text ")).map((text: string) => Number(text.slice(5)));
    expect(numbers.length).toBeGreaterThan(3);
    expect(numbers).toEqual(numbers.map((_: unknown, at: number) => numbers[0]! + at));
    expect(new Set(events.map((event) => JSON.stringify(event))).size).toBe(events.length);
    // with growing pauses
    expect(tried[2]! - tried[1]!).toBeGreaterThan(tried[1]! - tried[0]!);
  });

  it("on-intent sends what it holds when the visitor's intent turns high", async () => {
    stage.attributes = 'data-session-replay="on-intent"';
    stage.body = '<p id="p">before</p>';
    await page.goto(`${stage.origin}/page`);
    const visitorId = await until(() => page.evaluate(() => window.WysLeap?.getVisitorId()));
    await page.waitForTimeout(3_000);
    await write("undecided");
    const asked = page.waitForRequest((request) => isChunk(request) && !request.postData()?.includes('"events"'), { timeout: 30_000 });
    await asked;
    expect(await stage.replays()).toEqual([]);
    for (const eventName of ["Pricing Viewed", "Added To Cart", "Checkout Started", "Purchase Completed"]) {
      await stage.analytics.trackEvent({ siteId: "shop", visitorId, eventName, eventData: { value: 900 } });
    }
    const high = (await stage.analytics.getVisitor("shop", visitorId))!.intentScore.level;
    expect(high).toBe("high");
    const replay = await until(async () => (await stage.replays())[0], 40_000);
    const events = await stage.events(replay.sessionId);
    expect(events.slice(0, 2).map(({ type }) => type)).toEqual([4, 2]);
    expect(JSON.stringify(events)).toContain("undecided");
    expect(events.find(({ data }) => data.payload?.trigger)?.data.payload.trigger).toBe("intent");
  });

  it("is as it was where the recorder is blocked", async () => {
    await page.route(/\?rec$/, (route) => route.abort());
    const batch = page.waitForRequest((request) => request.method() === "POST" && request.url().endsWith("tracker.js"));
    await page.goto(`${stage.origin}/page`);
    await batch;
    await page.waitForTimeout(500);
    expect(await page.evaluate(() => typeof window.WysLeap!.trackEvent)).toBe("function");
  });

  it("is recorded no longer when the visitor opts out in another tab, or stop() is called", async () => {
    stage.body = '<p id="p">a</p>';
    const first = page.waitForRequest(isChunk);
    await page.goto(`${stage.origin}/page`);
    await first;
    await page.evaluate(() => window.WysLeap!.stop());
    await page.waitForTimeout(500);
    const sent: string[] = [];
    page.on("request", (request) => isChunk(request) && sent.push(request.url()));
    await write("after stop()");
    await page.waitForTimeout(6_000);
    expect(sent).toEqual([]);

    const second = page.waitForRequest(isChunk);
    await page.goto(`${stage.origin}/page`);
    await second;
    const other = await page.context().newPage();
    await other.goto(`${stage.origin}/page`);
    await until(() => other.evaluate(() => window.WysLeap?.getSessionId()));
    await other.evaluate(() => window.WysLeap!.optOut());
    sent.length = 0;
    await write("after optOut()");
    await page.waitForTimeout(6_000);
    await page.goto("about:blank");
    expect(sent).toEqual([]);
  });
});
