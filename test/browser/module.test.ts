import type { Page } from "playwright-core";
import { expect, it } from "vitest";
import { describeInBrowser, drain, settled, until } from "./browser.ts";

const START = `<script type="module">
  import { init } from "/wysleap.mjs";
  const options = { siteId: "demo", key: "wk_demo_public_of_the_tests", api: "/api", exclude: ["/private*"], keepQuery: ["page"], scrollRoot: "#main",
    beforeSend: (item) => item.eventName !== "Secret" && { ...item, pageTitle: "Changed" } };
  window.api = init(options);
  window.same = init(options) === window.api && window.WysLeap === window.api;
</script>`;

/** How vue-router 4 and React Router write to history: a replace of the state that is left, then a push. */
const go = (page: Page, path: string) =>
  page.evaluate((path) => {
    history.replaceState({ ...history.state, forward: path, scroll: { left: 0, top: scrollY } }, "", location.href);
    history.pushState({ back: location.pathname, current: path, position: history.length }, "", path);
    setTimeout(() => (document.title = path), 20);
  }, path);

describeInBrowser("in an app", (stage) => {
  it("init() of wysleap/tracker takes the same options as an object, and beforeSend changes or drops", async () => {
    stage.server.pages.set("/app", { html: `<!doctype html><title>App</title>${START}<div id="main" style="height:200px;overflow:auto"><p style="height:1000px">Long` });
    const page = await stage.open("/app?page=2&token=1");
    await page.evaluate(() => {
      (window as any).api.trackEvent("Secret");
      (window as any).api.trackEvent("Open");
      history.pushState({}, "", "/private/a");
      (window as any).api.trackEvent("Open");
      history.pushState({}, "", "/app");
    });
    await page.waitForTimeout(1_200);
    await drain(stage, page);
    await settled(page);
    expect(await page.evaluate(() => (window as any).same)).toBe(true);
    const stored = await stage.server.stored();
    expect(stage.server.accepted().map((item) => item.eventName).filter(Boolean)).toEqual(["Open", "Drained"]);
    expect(stage.server.pageviews().map((item) => [item.pageUrl, item.pageTitle])).toEqual([
      [`${stage.server.origin}/app?page=2`, "Changed"],
      [`${stage.server.origin}/app`, "Changed"],
    ]);
    expect(JSON.stringify(stored)).not.toMatch(/Secret|token|private/);
    expect(stage.server.accepted().find((item) => item.type === "engagement")?.scrollDepth).toBe(19);
  });

  it("calls made before the script has loaded are kept by the stub and run in order", async () => {
    stage.server.pages.set("/stub", {
      html: `<!doctype html><title>Stub</title><script>
        WysLeap = new Proxy({ q: [] }, { get: (stub, name) => stub[name] || ((...args) => void stub.q.push([name, args])) });
        WysLeap.beforeSend((item) => item.eventName !== "Unwanted" && item);
        WysLeap.identify("user-1");
        WysLeap.trackEvent("Early", { a: 1 });
        WysLeap.trackEvent("Unwanted");
      </script>${stage.server.tag()}`,
    });
    await drain(stage, await stage.open("/stub"));
    expect(stage.server.named("Early")).toMatchObject([{ eventData: { a: 1 }, userId: "user-1" }]);
    expect(stage.server.named("Unwanted")).toEqual([]);
  });

  it("a router's navigations count once each, with the title that it sets afterwards", async () => {
    const page = await stage.open("/");
    await until(() => stage.server.pageviews().length === 1);
    for (const path of ["/list", "/list/1", "/list"]) {
      await go(page, path);
      await page.waitForTimeout(60);
    }
    await page.goBack();
    await page.waitForTimeout(60);
    await drain(stage, page);
    const paths = stage.server.pageviews().map((item) => new URL(item.pageUrl).pathname);
    expect(paths).toEqual(["/", "/list", "/list/1", "/list", "/list/1"]);
    expect(stage.server.pageviews()[1]!.pageTitle).toBe("/list");
  });

  it("a page that comes back from the browser's own back/forward cache counts again", async () => {
    const page = await stage.open("/first");
    await page.evaluate(() => addEventListener("pageshow", (event) => ((window as any).restored = event.persisted)));
    await page.goto(`${stage.server.origin}/second`);
    await page.goBack();
    const restored = await page.evaluate(() => (window as any).restored);
    await drain(stage, page);
    expect(stage.server.pageviews().map((item) => new URL(item.pageUrl).pathname)).toEqual(["/first", "/second", "/first"]);
    // without the cache it is a load, and counts as one
    expect([true, undefined]).toContain(restored);
  });

  it("clicks inside Shadow DOM and events in a frame are recorded", async () => {
    stage.server.pages.set("/frame", { html: `<!doctype html><title>Frame</title>${stage.server.tag()}<button>In frame</button>` });
    stage.server.body = `<div id="host"></div><iframe src="/frame"></iframe><script>
      document.getElementById("host").attachShadow({ mode: "open" }).innerHTML = "<button id=inside><b>Shadow</b> button</button>"</script>`;
    const page = await stage.open("/");
    await page.click("#host b");
    await page.frameLocator("iframe").locator("button").click();
    await drain(stage, page);
    await until(async () => (await stage.server.stored()).filter((event) => event.name === "Button Clicked").length === 2);
    const texts = (await stage.server.stored()).filter((event) => event.name === "Button Clicked").map((event) => event.data!["text"]);
    expect(texts.toSorted()).toEqual(["In frame", "Shadow button"]);
  });

  it("on a page of 10,000 nodes that changes all the time nothing of ours forces a layout", async () => {
    stage.server.body = `<div>${"<p><a href='#x'>text</a></p>".repeat(5_000)}</div>`;
    const page = await stage.open("/", async (page) => {
      const session = await page.context().newCDPSession(page);
      await session.send("Emulation.setCPUThrottlingRate", { rate: 4 });
      await page.addInitScript(() => {
        (window as any).ours = [];
        new PerformanceObserver((list) => {
          for (const entry of list.getEntries() as any[]) {
            for (const script of entry.scripts) if (script.sourceURL.includes("tracker.js")) (window as any).ours.push(script.toJSON());
          }
        }).observe({ type: "long-animation-frame", buffered: true });
      });
    });
    for (let n = 0; n < 10; n++) {
      await page.evaluate((n) => {
        scrollTo(0, n * 3_000);
        document.body.append("more");
      }, n);
      await page.click(`p:nth-of-type(${n + 1}) a`, { force: true });
      await page.waitForTimeout(150);
    }
    const ours: { duration: number; forcedStyleAndLayoutDuration: number }[] = await page.evaluate(() => (window as any).ours);
    await drain(stage, page);
    expect(ours.filter((script) => script.forcedStyleAndLayoutDuration > 1)).toEqual([]);
    expect((await stage.server.stored()).some((event) => event.name === "Link Clicked")).toBe(true);
  });

  it("automatic clicks leave a visit of one page a bounce; a custom event or a sent form does not", async () => {
    stage.server.body = `<button>Look</button>`;
    const page = await stage.open("/");
    await page.click("button");
    await drain(stage, page, "$click");
    await settled(page);
    const { site } = await stage.server.analytics.getVisitors("demo");
    expect(site.bounceRate).toBe(1);
    await drain(stage, page, "Custom");
    await settled(page);
    expect((await stage.server.analytics.getVisitors("demo")).site.bounceRate).toBe(0);
  });

  it("value and currency among an event's data are the event's", async () => {
    const page = await stage.open("/");
    await page.evaluate(() => window.WysLeap!.trackEvent("Purchase Completed", { value: 49.5, currency: "eur" }));
    await drain(stage, page);
    await settled(page);
    expect((await stage.server.stored()).find((event) => event.name === "Purchase Completed")).toMatchObject({ value: 49.5, currency: "EUR" });
  });

  it("the script is served compressed, with an ETag, and revalidates", async () => {
    const { origin } = stage.server;
    const { createHash } = await import("node:crypto");
    const first = await fetch(`${origin}/api/tracker.js`, { headers: { "accept-encoding": "br" } });
    expect(Object.fromEntries(first.headers)).toMatchObject({
      "content-type": "text/javascript; charset=utf-8", "content-encoding": "br", "vary": "Accept-Encoding",
      "cache-control": "public, max-age=3600", "x-content-type-options": "nosniff", "cross-origin-resource-policy": "cross-origin",
    });
    const again = await fetch(`${origin}/api/tracker.js`, { headers: { "if-none-match": first.headers.get("etag")! } });
    expect(again.status).toBe(304);
    // the SRI hash that the build prints holds whatever the coding
    const text = await first.text();
    const integrity = `sha384-${createHash("sha384").update(text).digest("base64")}`;
    stage.server.pages.set("/sri", { html: `<!doctype html><title>SRI</title>${stage.server.tag().replace("defer", `defer integrity="${integrity}"`)}` });
    await drain(stage, await stage.open("/sri"));
    expect(await (await fetch(`${origin}/api/tracker.js?full`)).text()).toContain("const start");
  });
});
