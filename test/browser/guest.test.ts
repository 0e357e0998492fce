import { expect, it } from "vitest";
import { describeInBrowser, drain, runUntil, trackEvent, until, withClock } from "./browser.ts";

describeInBrowser("a good guest", (stage) => {
  it("sets one global, and none of its listeners stops an event", async () => {
    stage.server.body = '<a href="#here">Here</a><form><button>Go</button></form>';
    const before = await (await stage.open("/bare", (page) => page.route("**/tracker.js", (route) => route.abort()))).evaluate(() => Object.getOwnPropertyNames(window));
    const page = await stage.open("/");
    const added = (await page.evaluate(() => Object.getOwnPropertyNames(window))).filter((name) => !before.includes(name));
    expect(added).toEqual(["WysLeap"]);
    await page.evaluate(() => {
      (window as any).stopped = [];
      for (const type of ["click", "submit"]) {
        addEventListener(type, (event) => {
          (window as any).stopped.push(event.defaultPrevented);
          if (type === "submit") event.preventDefault();
        });
      }
    });
    await page.click("a");
    await page.click("button");
    expect(await page.evaluate(() => (window as any).stopped)).toEqual([false, false, false]);
  });

  it("all listeners are passive", async () => {
    const page = await stage.open("/", (page) =>
      page.addInitScript(() => {
        const original = EventTarget.prototype.addEventListener;
        (window as any).active = [];
        EventTarget.prototype.addEventListener = function (type: string, run: any, options: any) {
          if (!options?.passive && new Error().stack!.includes("tracker.js")) (window as any).active.push(type);
          original.call(this, type, run, options);
        };
      }),
    );
    // these two are no input events: nothing waits for them
    expect((await page.evaluate(() => (window as any).active)).filter((type: string) => !["currententrychange", "abort"].includes(type))).toEqual([]);
  });

  it("works under a strict CSP with Trusted Types, without one report", async () => {
    const reports: string[] = [];
    stage.server.pages.set("/strict", {
      html: `<!doctype html><title>Strict</title>${stage.server.tag()}<p>Text</p>`,
      headers: {
        "content-security-policy":
          "default-src 'none'; script-src 'self'; connect-src 'self'; require-trusted-types-for 'script'; trusted-types 'none'",
      },
    });
    const page = await stage.open("/strict", async (page) => {
      page.on("console", (message) => reports.push(message.text()));
    });
    await page.evaluate(() => history.pushState({}, "", "/strict/next"));
    await drain(stage, page);
    expect(stage.server.pageviews()).toHaveLength(2);
    expect(reports.filter((text) => !text.includes("favicon"))).toEqual([]);
  });

  it("loaded twice it is active once", async () => {
    stage.server.pages.set("/twice", {
      html: `<!doctype html><title>Twice</title>${stage.server.tag()}${stage.server.tag()}<body><button>Go</button>`,
    });
    const page = await stage.open("/twice");
    await page.evaluate(() => history.pushState({}, "", "/twice/next"));
    await page.click("button");
    await drain(stage, page);
    expect(stage.server.pageviews()).toHaveLength(2);
    expect(stage.server.named("$click")).toHaveLength(1);
  });

  it("works on a page with frozen prototypes that later replaces fetch and JSON", async () => {
    const page = await stage.open("/", (page) =>
      page.addInitScript(() => {
        for (const builtin of [Object, Array, Function, String, RegExp, Promise, Map, Set, Error, Date, EventTarget, History]) {
          Object.freeze(builtin);
          Object.freeze(builtin.prototype);
        }
        addEventListener("load", () => {
          const broken = () => {
            throw new Error("page's own");
          };
          window.fetch = broken;
          JSON.parse = JSON.stringify = broken;
        });
      }),
    );
    await page.evaluate(() => {
      history.pushState({}, "", "/frozen");
      window.WysLeap!.trackEvent("Still here", {});
    });
    await until(() => stage.server.named("Still here").length);
    expect(stage.server.pageviews()).toHaveLength(2);
  });

  it("never throws into a page on which nothing works", async () => {
    const page = await stage.open("/", (page) =>
      page.addInitScript(() => {
        const broken = () => {
          throw new Error("page's own");
        };
        Object.assign(window, { fetch: broken, setTimeout: broken });
        Object.assign(JSON, { parse: broken, stringify: broken });
        crypto.getRandomValues = broken as never;
        navigator.sendBeacon = broken as never;
        history.pushState = broken as never;
        for (const name of ["localStorage", "navigation"]) Object.defineProperty(window, name, { get: broken });
      }),
    );
    await page.click("html");
    await page.evaluate(() => {
      window.WysLeap?.trackEvent("Nothing");
      window.WysLeap?.trackPageView();
      window.WysLeap?.optOut();
      window.WysLeap?.stop();
      dispatchEvent(new Event("pagehide"));
    });
    expect(stage.server.batches).toEqual([]);
  });

  for (const [browser, made] of [
    ["Temporal", 0],
    ["no Temporal", 1],
  ] as const) {
    it(`with ${browser} a page makes ${made} DateTimeFormat, whose first one is a long task, and the time zone is sent`, async () => {
      const page = await stage.open("/", (page) =>
        page.addInitScript((made) => {
          if (made) Object.defineProperty(window, "Temporal", { value: undefined });
          const original = Intl.DateTimeFormat;
          (window as any).formats = [];
          Intl.DateTimeFormat = new Proxy(original, {
            apply: (target, _, args) => ((window as any).formats.push(1), target(...args)),
            construct: (target, args) => ((window as any).formats.push(1), new target(...args)),
          });
        }, made),
      );
      await until(() => stage.server.pageviews().length);
      expect(await page.evaluate(() => (window as any).formats.length)).toBe(made);
      expect(stage.server.batches[0]!.timeZone).toBe(await page.evaluate(() => Intl.DateTimeFormat().resolvedOptions().timeZone));
    });
  }

  it("a queue of 100 is written once an item, and each is deleted once", async () => {
    const page = await stage.open("/", async (page) => {
      await page.addInitScript(() => {
        // counts what the tracker writes and deletes, through the object that it takes at its start
        const work: string[] = ((window as any).work = []);
        const real = localStorage;
        const storage = new Proxy({} as Record<string, string>, {
          get: (_, key: string) => real.getItem(key) ?? undefined,
          set: (_, key: string, value) => (work.push(`set ${key}`), real.setItem(key, value), true),
          deleteProperty: (_, key: string) => (work.push(`delete ${key}`), real.removeItem(key), true),
          ownKeys: () => Object.keys(real),
          getOwnPropertyDescriptor: (_, key: string) => ({ value: real.getItem(key), enumerable: true, configurable: true, writable: true }),
        });
        Object.defineProperty(window, "localStorage", { value: storage });
      });
      await withClock(page);
    });
    await page.evaluate(() => {
      for (let n = 0; n < 99; n++) window.WysLeap!.trackEvent(`Event ${n}`, { text: "x".repeat(100) });
    });
    const items = () => page.evaluate(() => (window as any).work.filter((line: string) => line.includes("-evt_")).toSorted());
    // nothing of an item is written where the page tracks it
    expect(await items()).toEqual([]);
    await runUntil(page, () => stage.server.named("Event 98").length);
    await runUntil(page, async () => (await items()).length >= 200);
    const written: string[] = await items();
    expect(written).toHaveLength(200);
    expect(new Set(written).size).toBe(200);
  });

  it("wrong use does not throw", async () => {
    const page = await stage.open("/");
    await page.evaluate(() => {
      const { WysLeap } = window as any;
      WysLeap.trackEvent();
      WysLeap.trackEvent(Symbol("x"), 5n);
      WysLeap.trackPageView({ pageUrl: "http://[" });
      WysLeap.trackPageView(7);
      WysLeap.identify({});
      const { trackEvent } = WysLeap;
      trackEvent("Without this");
    });
    await drain(stage, page);
    expect(stage.server.named("Without this")).toHaveLength(1);
  });

  it("stop() sends what waits and leaves the page as it was", async () => {
    const page = await stage.open("/", (page) =>
      page.addInitScript(() => {
        Object.defineProperty(window, "navigation", { value: undefined });
        (window as any).before = [history.pushState, history.replaceState];
      }),
    );
    await trackEvent(page, "Last");
    expect(await page.evaluate(() => history.pushState === (window as any).before[0])).toBe(false);
    await page.evaluate(() => window.WysLeap!.stop());
    await until(() => stage.server.named("Last").length);
    const sent = stage.server.batches.length;
    const same = await page.evaluate(() => [history.pushState, history.replaceState].map((now, index) => now === (window as any).before[index]));
    expect(same).toEqual([true, true]);
    await page.evaluate(() => {
      history.pushState({}, "", "/after");
      window.WysLeap!.trackEvent("After");
      dispatchEvent(new Event("pagehide"));
    });
    await page.click("html");
    await page.waitForTimeout(400);
    expect(stage.server.batches.length).toBe(sent);
  });
});
