import type { Page } from "playwright-core";
import { expect, it } from "vitest";
import { describeInBrowser, drain, pass, settled, until, withClock } from "./browser.ts";

/** Chromium has the Navigation API; this is a browser without. */
const withoutNavigationApi = (page: Page) =>
  page.addInitScript(() => Object.defineProperty(window, "navigation", { value: undefined }));

const paths = (items: { pageUrl: string }[]) => items.map((item) => new URL(item.pageUrl).pathname);

describeInBrowser("pageviews", (stage) => {
  it("a loaded page counts once, with what the browser says of itself", async () => {
    const page = await stage.open("/products?utm_source=news&secret=1&my_utm_key=2#part", (page) => page.setViewportSize({ width: 800, height: 600 }));
    await drain(stage, page);
    expect(stage.server.pageviews()).toEqual([
      expect.objectContaining({
        type: "pageview",
        pageUrl: `${stage.server.origin}/products?utm_source=news`,
        pageTitle: "/products",
        pageviewId: expect.stringMatching(/^pv_[\w-]{16,}$/),
        eventId: expect.stringMatching(/^evt_[\w-]{16,}$/),
        sessionId: expect.stringMatching(/^sess_[\w-]{16,}$/),
        timestamp: expect.any(Number),
        language: "en-US",
        languages: ["en-US", "en"],
        screenWidth: 800,
        screenHeight: 600,
        colorDepth: 24,
        devicePixelRatio: 1,
        hardwareConcurrency: expect.any(Number),
        maxTouchPoints: 0,
      }),
    ]);
    expect(stage.server.batches[0]).toMatchObject({
      siteId: "demo",
      visitorId: expect.stringMatching(/^vis_[\w-]{16,}$/),
      _apiKey: expect.stringMatching(/^wk_demo/),
      timeZone: expect.any(String),
      webdriver: true,
      sentAt: expect.any(Number),
      contentType: "text/plain;charset=UTF-8",
    });
  });

  for (const [browser, prepare] of [
    ["the Navigation API", undefined],
    ["a wrapped history", withoutNavigationApi],
  ] as const) {
    it(`a single-page app with ${browser} counts each navigation once`, async () => {
      const page = await stage.open("/", prepare);
      await page.evaluate(() => history.pushState({}, "", "/a"));
      await page.evaluate(() => history.pushState({}, "", "/b"));
      await page.evaluate(() => {
        history.pushState({}, "", "/c");
        history.replaceState({ scroll: 1 }, "", "/c");
      });
      await page.evaluate(() => history.back());
      await page.waitForURL("**/b");
      await drain(stage, page);
      expect(paths(stage.server.pageviews())).toEqual(["/", "/a", "/b", "/c", "/b"]);
      expect(stage.server.pageviews()[1]!.referrer).toBe(`${stage.server.origin}/`);
    });

    it(`with ${browser}, replaceState counts only when the path changes`, async () => {
      const page = await stage.open("/list?page=1", prepare);
      await drain(stage, page, "Loaded");
      await page.evaluate(() => {
        history.replaceState({}, "", "/list?page=2");
        history.replaceState({}, "", "/list#top");
        history.pushState({}, "", "/list?page=3");
      });
      await drain(stage, page, "Same path");
      expect(paths(stage.server.pageviews())).toEqual(["/list"]);
      await page.evaluate(() => history.replaceState({}, "", "/detail"));
      await drain(stage, page, "Other path");
      expect(paths(stage.server.pageviews())).toEqual(["/list", "/detail"]);
    });

    it(`with ${browser}, a redirect is one page`, async () => {
      const page = await stage.open("/", prepare);
      await drain(stage, page, "Loaded");
      await page.evaluate(() => {
        history.pushState({}, "", "/old");
        history.replaceState({}, "", "/new");
      });
      await drain(stage, page, "Redirected");
      expect(paths(stage.server.pageviews())).toEqual(["/", "/new"]);
    });
  }

  it("the title is the one that the router sets after it navigated", async () => {
    const page = await stage.open("/", withClock);
    await pass(page, 1_950);
    await page.evaluate(() => {
      history.pushState({}, "", "/late");
      setTimeout(() => (document.title = "Late title, write to jo@example.com"), 300);
    });
    // the tracker's second falls between the two
    await pass(page, 2_000);
    expect(stage.server.pageviews().map((item) => item.pageTitle)).toEqual(["/", "Late title, write to [email]"]);
  });

  it("an app that navigates all the time is counted meanwhile", async () => {
    const page = await stage.open("/", withClock);
    await page.evaluate(() => {
      let step = 0;
      setInterval(() => history.pushState({}, "", `/${step++}`), 700);
    });
    await pass(page, 20_000);
    expect(stage.server.pageviews().length).toBeGreaterThan(10);
  });

  it("a router sees its own call, this, answer, name and length", async () => {
    const page = await stage.open("/", async (page) => {
      await withoutNavigationApi(page);
      await page.addInitScript(() => {
        const original = history.pushState;
        history.pushState = function pushState(this: History, state: unknown, title: string) {
          (window as any).seen = [this === history, state, title, arguments.length];
          original.call(this, state, title, arguments[2]);
          return "answer" as never;
        };
      });
    });
    const result = await page.evaluate(() => {
      const answer = history.pushState({ a: 1 }, "title", "/x");
      return [answer, history.pushState.length, history.pushState.name, (window as any).seen, location.pathname];
    });
    expect(result).toEqual(["answer", 2, "pushState", [true, { a: 1 }, "title", 3], "/x"]);
  });

  it("a page that comes back from the back/forward cache counts again", async () => {
    const page = await stage.open("/first");
    await drain(stage, page);
    await page.evaluate(() => {
      window.dispatchEvent(new PageTransitionEvent("pageshow", { persisted: false }));
      window.dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true }));
    });
    await until(() => stage.server.pageviews().length === 2);
    expect(paths(stage.server.pageviews())).toEqual(["/first", "/first"]);
    const [first, second] = stage.server.pageviews();
    expect(second!.pageviewId).not.toBe(first!.pageviewId);
  });

  it("a prerendered page counts when it is shown, and not before", async () => {
    const page = await stage.open("/", (page) =>
      page.addInitScript(() => Object.defineProperty(document, "prerendering", { value: true, configurable: true })),
    );
    await page.evaluate(() => {
      window.WysLeap!.trackEvent("Prerendered");
      dispatchEvent(new Event("pagehide"));
    });
    await page.waitForTimeout(1_200);
    expect(stage.server.batches).toEqual([]);
    await page.evaluate(() => document.dispatchEvent(new Event("prerenderingchange")));
    await drain(stage, page, "Shown");
    expect(paths(stage.server.pageviews())).toEqual(["/"]);
  });

  it("with hash routing the route after # is a page of its own", async () => {
    stage.server.attributes = "data-hash-routing";
    const page = await stage.open("/app?utm_medium=mail#/a");
    await page.evaluate(() => (location.hash = "#/b?token=1"));
    await drain(stage, page);
    expect(stage.server.pageviews().map((item) => item.pageUrl.slice(stage.server.origin.length))).toEqual([
      "/app?utm_medium=mail#/a",
      "/app?utm_medium=mail#/b",
    ]);
  });

  it("with data-auto=false only trackPageView() counts", async () => {
    stage.server.attributes = 'data-auto="false"';
    const page = await stage.open("/");
    await page.evaluate(() => history.pushState({}, "", "/a"));
    await drain(stage, page, "Quiet");
    expect(stage.server.pageviews()).toEqual([]);
    await page.evaluate(() => window.WysLeap!.trackPageView({ pageUrl: "/virtual?x=1", pageTitle: "Virtual", value: 3 }));
    await drain(stage, page, "Asked");
    expect(stage.server.pageviews()).toMatchObject([
      { pageUrl: `${stage.server.origin}/virtual`, pageTitle: "Virtual", value: 3 },
    ]);
  });

  it("e-mail addresses in the path do not leave the browser", async () => {
    const page = await stage.open("/users/jo@example.com/edit?token=abc");
    await page.evaluate(() => history.pushState({}, "", "/reset/ann%40example.com?code=1"));
    await drain(stage, page);
    expect(paths(stage.server.pageviews())).toEqual(["/users/[email]/edit", "/reset/[email]"]);
    expect(JSON.stringify(stage.server.batches)).not.toMatch(/jo@|ann%40|abc|code=/);
  });

  it("excluded paths and foreign hosts record nothing", async () => {
    stage.server.attributes = 'data-exclude="/admin*,/preview" data-domains="127.0.0.1,localhost"';
    const page = await stage.open("/admin/users");
    for (const path of ["/preview", "/preview/not", "/admins", "/shop"]) {
      await page.evaluate((path) => {
        history.pushState({}, "", path);
        window.WysLeap!.trackEvent("Seen");
      }, path);
    }
    await drain(stage, page);
    expect(paths(stage.server.pageviews())).toEqual(["/preview/not", "/shop"]);
    expect(paths(stage.server.named("Seen"))).toEqual(["/preview/not", "/shop"]);

    await settled(page);
    stage.server.batches.length = 0;
    stage.server.attributes = 'data-domains="shop.example"';
    const foreign = await stage.open("/");
    await foreign.evaluate(() => window.WysLeap!.trackEvent("Foreign"));
    stage.server.attributes = 'data-domains="127.0.0.1"';
    await drain(stage, await stage.open("/own"));
    expect(paths(stage.server.pageviews())).toEqual(["/own"]);
    expect(stage.server.named("Foreign")).toEqual([]);
  });

  it("the site's id may stand in the script's address", async () => {
    stage.server.pages.set("/bare", { html: '<!doctype html><title>Bare</title><script defer src="/api/tracker.js?site=other" data-key="wk_other_public"></script>' });
    await drain(stage, await stage.open("/bare"));
    expect(stage.server.batches[0]!.siteId).toBe("other");
  });
});
