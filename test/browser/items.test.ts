import { expect, it } from "vitest";
import { describeInBrowser, drain, pass, trackEvent, withClock } from "./browser.ts";

describeInBrowser("what a page hands over", (stage) => {
  it("is discarded where it became too large for a request, and holds up nothing, on this page or another", async () => {
    const page = await stage.open("/", withClock);
    await page.evaluate(() => {
      document.title = "x".repeat(1_200);
      window.WysLeap!.trackEvent("Large with its title", { text: "y".repeat(14_600) });
    });
    await pass(page, 3_000);
    await page.evaluate(() => {
      document.title = "Short";
      window.WysLeap!.beforeSend((item) => ({ ...item, eventData: { ...item.eventData, more: "z".repeat(3_000) } }));
    });
    await trackEvent(page, "Large when it was seen", { text: "y".repeat(14_000) });
    await trackEvent(page, "Fits");
    await pass(page, 3_000);
    await page.goto(`${stage.server.origin}/next`);
    await drain(stage, page, "Next");
    expect(stage.server.accepted().flatMap((item) => item.eventName ?? [])).toEqual(["Fits", "Next"]);
    expect(stage.server.batches.map((batch) => batch.discarded)).toContain(1);
  });

  it("loses nothing else when beforeSend answers what cannot be sent", async () => {
    const page = await stage.open("/", withClock);
    await page.evaluate(() => {
      const loop: Record<string, unknown> = {};
      loop.loop = loop;
      const answers: Record<string, unknown> = { Cyclic: loop, "Big Number": { n: 1n }, Promise: Promise.resolve(), True: true, "No Id": { type: "event", eventName: "Renamed" } };
      window.WysLeap!.beforeSend((item) => (Object.hasOwn(answers, String(item.eventName)) ? answers[item.eventName!] : item) as never);
      for (const name of [...Object.keys(answers), "Last"]) window.WysLeap!.trackEvent(name);
    });
    await drain(stage, page);
    await pass(page, 3_000);
    expect(stage.server.accepted().flatMap((item) => item.eventName ?? [])).toEqual(expect.arrayContaining(["Renamed", "Last", "Drained"]));
    expect(await page.evaluate(() => Object.keys(localStorage).filter((key) => /undefined|evt_/.test(key)))).toEqual([]);
  });

  it("is recorded by nobody, and harms no page, where the larger script comes from elsewhere than the small one", async () => {
    const text = await (await fetch(`${stage.server.origin}/api/tracker.js`)).text();
    stage.server.pages.set("/static/tracker.js", { html: text, headers: { "content-type": "text/javascript" } });
    stage.server.pages.set("/copy", { html: '<!doctype html><title>Copy</title><script defer src="/static/tracker.js" data-site-id="demo" data-api="/api"></script>' });
    const page = await stage.open("/copy"); // an unhandled rejection fails the test
    await page.waitForTimeout(300);
    expect(await page.evaluate(() => "WysLeap" in window)).toBe(false);
  });

  it("is told apart by its route where a site routes by hash, from the browser to the report", async () => {
    stage.server.attributes = 'data-hash-routing data-exclude="*#/admin*"';
    const page = await stage.open("/app?token=1#/home?tab=2");
    await page.evaluate(() => (location.hash = "#/admin/users"));
    await page.evaluate(() => (location.hash = "#/pricing"));
    await drain(stage, page);
    const { site } = await stage.server.analytics.getVisitors("demo");
    expect(site.topPages.map(({ path }) => path).toSorted()).toEqual(["/app#/home", "/app#/pricing"]);
  });

  it("in development, names that are not in Title Case are named once; the tracker's own are not", async () => {
    const warnings: string[] = [];
    stage.server.attributes = 'data-hash-routing=""';
    stage.server.body = "<button>Go</button>";
    const page = await stage.open("/", async (page) => void page.on("console", (message) => message.type() === "warning" && warnings.push(message.text())));
    await page.goto(`${stage.server.origin.replace("127.0.0.1", "localhost")}/`);
    await page.waitForFunction(() => "WysLeap" in window);
    await page.click("button");
    for (const name of ["Fine Name", "bad_name", "another bad one"]) await trackEvent(page, name);
    expect(warnings).toEqual(["WysLeap bad_name is not in Title Case"]);
  });
});
