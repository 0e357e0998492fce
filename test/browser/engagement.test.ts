import { expect, it } from "vitest";
import { describeInBrowser, drain, pass, withClock } from "./browser.ts";

const TALL = '<style>body { margin: 0 }</style><div id="tall" style="height: 3000px"></div>';

describeInBrowser("engagement", (stage) => {
  const reports = () => stage.server.accepted().filter((item) => item.type === "engagement");
  const seconds = () => reports().map((item) => item.engagedSeconds);

  it("engaged time adds up for each pageview, and stops a minute after the last input", async () => {
    const page = await stage.open("/", withClock);
    await page.clock.runFor(10_000);
    await drain(stage, page, "10 s");
    await page.clock.runFor(5_000);
    await drain(stage, page, "15 s");
    await pass(page, 120_000);
    await drain(stage, page, "Idle");
    await page.mouse.move(10, 10);
    await page.clock.runFor(5_000);
    await drain(stage, page, "65 s");
    const totals = [...new Set(seconds())].toSorted((a, b) => a - b);
    expect(totals.filter((value) => [10, 15, 60, 65].includes(value))).toEqual([10, 15, 60, 65]);
    expect(totals.at(-1)).toBe(65);
    const { pageviewId } = stage.server.pageviews()[0]!;
    expect(new Set(reports().map((item) => item.pageviewId))).toEqual(new Set([pageviewId]));
  });

  it("is reported every 15 seconds while the visitor is there, and not while they are idle", async () => {
    const page = await stage.open("/", withClock);
    await pass(page, 5_000);
    await page.clock.runFor(5_000);
    await pass(page, 7_000);
    expect(seconds()).toEqual([15]);
    await pass(page, 60_000);
    await drain(stage, page, "Idle");
    const reported = seconds().length;
    await pass(page, 60_000);
    await drain(stage, page, "Still idle");
    expect(seconds()).toHaveLength(reported);
  });

  it("time in another window does not count", async () => {
    const page = await stage.open("/", withClock);
    await page.clock.runFor(4_000);
    await page.evaluate(() => {
      document.hasFocus = () => false;
      dispatchEvent(new Event("blur"));
    });
    await pass(page, 30_000);
    await page.evaluate(() => {
      document.hasFocus = () => true;
      dispatchEvent(new Event("focus"));
    });
    await page.clock.runFor(3_000);
    await drain(stage, page);
    expect(Math.max(...seconds())).toBe(7);
  });

  it("each page of a single-page app has its own time", async () => {
    const page = await stage.open("/a", withClock);
    await page.clock.runFor(8_000);
    await page.evaluate(() => history.pushState({}, "", "/b"));
    await page.clock.runFor(3_000);
    await drain(stage, page);
    const [a, b] = stage.server.pageviews();
    const longest = (id: string) => Math.max(...reports().filter((item) => item.pageviewId === id).map((item) => item.engagedSeconds));
    expect([longest(a!.pageviewId), longest(b!.pageviewId)]).toEqual([8, 3]);
    expect(reports().find((item) => item.pageviewId === a!.pageviewId)!.pageUrl).toBe(`${stage.server.origin}/a`);
  });

  it("scroll depth is the deepest content seen, in % of the document's height at that time", async () => {
    stage.server.body = TALL;
    const page = await stage.open("/", (page) => page.setViewportSize({ width: 800, height: 600 }));
    const depth = () => reports().at(-1)!.scrollDepth;
    await page.waitForTimeout(1_200);
    await drain(stage, page, "Top");
    expect(depth()).toBe(20);
    await page.evaluate(() => scrollTo(0, 1_200));
    // it is looked at once a second, and not while it scrolls
    await page.waitForTimeout(1_200);
    await page.evaluate(() => scrollTo(0, 0));
    await drain(stage, page, "Scrolled");
    expect(depth()).toBe(60);
    await page.evaluate(() => {
      document.getElementById("tall")!.style.height = "6000px";
      scrollTo(0, 6_000);
    });
    await page.waitForTimeout(1_200);
    await drain(stage, page, "Grown");
    expect(depth()).toBe(100);
  });

  it("a page that cannot scroll reports no depth, nor does one with data-track-scroll=false", async () => {
    const page = await stage.open("/", withClock);
    await page.clock.runFor(2_000);
    await drain(stage, page, "Short");
    stage.server.body = TALL;
    stage.server.attributes = 'data-track-scroll="false"';
    const tall = await stage.open("/tall", withClock);
    await tall.clock.runFor(2_000);
    await drain(stage, tall, "Tall");
    expect(reports().length).toBeGreaterThanOrEqual(2);
    expect(reports().filter((item) => item.scrollDepth != null)).toEqual([]);
  });
});
