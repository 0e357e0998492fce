import type { Page } from "playwright-core";
import { expect, it } from "vitest";
import { describeInBrowser, drain, settled, trackEvent, until, withClock } from "./browser.ts";

const stored = (page: Page) => page.evaluate(() => JSON.stringify({ ...localStorage }) + document.cookie);
const ids = (page: Page) =>
  page.evaluate(() => [window.WysLeap!.getVisitorId(), window.WysLeap!.getSessionId()].filter(Boolean));
const withGpc = (page: Page) =>
  page.addInitScript(() => Object.defineProperty(navigator, "globalPrivacyControl", { value: true }));
/** Longer than a batch gathers: what was going to be sent has been. */
const quiet = (page: Page) => page.waitForTimeout(400);

describeInBrowser("privacy", (stage) => {
  it("with Global Privacy Control a page counts without any id, signal or identify, and old ids are deleted", async () => {
    const before = await stage.open("/before");
    await drain(stage, before, "Before");
    await settled(before);
    await before.close();
    stage.server.batches.length = 0;
    const page = await stage.open("/", withGpc);
    await page.evaluate(() => window.WysLeap!.identify("user-1", { plan: "pro" }));
    await drain(stage, page);
    expect(stage.server.pageviews()).toHaveLength(1);
    expect(JSON.stringify(stage.server.batches)).not.toMatch(/vis_|sess_|visitorId|sessionId|user-1|hardwareConcurrency|platform/);
    expect(await ids(page)).toEqual([]);
    expect(await stored(page)).not.toMatch(/vis_|sess_/);
  });

  it("with Global Privacy Control an opt-out of before is still one", async () => {
    const page = await stage.open("/");
    await drain(stage, page, "Before");
    await page.evaluate(() => window.WysLeap!.optOut());
    const sent = stage.server.batches.length;
    const later = await stage.open("/later", withGpc);
    await trackEvent(later, "Nothing");
    await later.evaluate(() => dispatchEvent(new Event("pagehide")));
    await quiet(later);
    expect(stage.server.batches).toHaveLength(sent);
  });

  it("a browser that only sends the header is counted by the server under a daily hash, not under the id it sent", async () => {
    await stage.context.setExtraHTTPHeaders({ "sec-gpc": "1" });
    const page = await stage.open("/");
    await drain(stage, page);
    await settled(page);
    const sent = stage.server.batches[0]!.visitorId;
    const stored = await stage.server.stored();
    expect(stored.some((event) => event.type === "pageview")).toBe(true);
    expect(stored.map((event) => event.visitorId)).not.toContain(sent);
  });

  it("optOut() stops at once: nothing more is sent, ids and queue are deleted, in every tab and on later pages", async () => {
    const page = await stage.open("/");
    await drain(stage, page, "Before");
    const other = await stage.open("/other");
    await drain(stage, other, "Other");
    await settled(page);
    const sent = stage.server.batches.length;
    await page.evaluate(() => {
      window.WysLeap!.trackEvent("Not any more");
      window.WysLeap!.optOut();
      window.WysLeap!.trackEvent("Not this either");
      history.pushState({}, "", "/silent");
      dispatchEvent(new Event("pagehide"));
    });
    await trackEvent(other, "Nor in another tab");
    expect(await stored(page)).not.toMatch(/vis_|sess_|evt_/);
    expect([...(await ids(page)), ...(await ids(other))]).toEqual([]);
    await quiet(other);
    const later = await stage.open("/later");
    await trackEvent(later, "Nor later");
    await quiet(later);
    expect(stage.server.batches.length).toBe(sent);
    expect(await stored(later)).not.toMatch(/vis_|sess_|evt_/);
  });

  it("what another tab still writes after optOut() is not sent", async () => {
    const page = await stage.open("/");
    await drain(stage, page, "Before");
    await settled(page);
    const sent = stage.server.batches.length;
    await page.evaluate(() => {
      window.WysLeap!.optOut();
      localStorage["wysleap-demo-evt_" + Date.now() + "1"] = JSON.stringify({ type: "event", eventName: "Late", eventId: "evt_late", timestamp: Date.now() });
      window.WysLeap!.flush();
    });
    await quiet(page);
    expect(stage.server.batches.length).toBe(sent);
  });

  it("an answer that comes after optOut() brings nothing back", async () => {
    stage.server.answer = { hang: true };
    const page = await stage.open("/");
    await until(() => stage.server.batches.length);
    await page.evaluate(() => window.WysLeap!.optOut());
    await stage.context.setOffline(true);
    await stage.server.close();
    await quiet(page);
    expect(await stored(page)).not.toMatch(/vis_|sess_|evt_/);
  });

  it("optIn() goes on with a new visitor and counts the page; without optOut() it does nothing", async () => {
    const page = await stage.open("/");
    await page.evaluate(() => window.WysLeap!.optIn());
    await drain(stage, page, "Before");
    expect(stage.server.pageviews()).toHaveLength(1);
    await page.evaluate(() => {
      window.WysLeap!.optOut();
      window.WysLeap!.optIn();
    });
    await drain(stage, page, "After");
    expect(stage.server.pageviews()).toHaveLength(2);
    expect(new Set(stage.server.batches.map((batch) => batch.visitorId)).size).toBe(2);
  });

  it("of the time before optIn() nothing is kept: no click on the banner, no time, no second session", async () => {
    stage.server.body = '<button onclick="WysLeap.optIn()">Accept</button>';
    const page = await stage.open("/", async (page) => {
      await page.addInitScript(() => ((window as any).WysLeap = { q: [["optOut", []]] }));
      await withClock(page);
    });
    await page.clock.runFor(5_000);
    await page.click("button");
    await page.evaluate(() => {
      window.WysLeap!.optOut();
      window.WysLeap!.trackEvent("While opted out");
      window.WysLeap!.optIn();
    });
    await drain(stage, page, "After");
    expect(stage.server.accepted().map(({ type, eventName }) => eventName ?? type)).toEqual(["pageview", "After"]);
    expect(new Set(stage.server.accepted().map(({ sessionId }) => sessionId)).size).toBe(1);
  });

  it("Do Not Track is respected where the site asks for it", async () => {
    const withDnt = (page: Page) => page.addInitScript(() => Object.defineProperty(navigator, "doNotTrack", { value: "1" }));
    await drain(stage, await stage.open("/counted", withDnt), "Counted");
    stage.server.attributes = "data-respect-dnt";
    const page = await stage.open("/", withDnt);
    await trackEvent(page, "Unwanted");
    await quiet(page);
    expect(stage.server.pageviews().map((item) => item.pageTitle)).toEqual(["/counted"]);
    expect(stage.server.named("Unwanted")).toEqual([]);
  });

  it("identify() ties what follows to the host's user; without an id it unties", async () => {
    const page = await stage.open("/");
    await drain(stage, page, "Before");
    await page.evaluate(() => window.WysLeap!.identify("user-1", { plan: "pro" }));
    await drain(stage, page, "Signed in");
    await page.evaluate(() => window.WysLeap!.identify());
    await drain(stage, page, "Signed out");
    expect(["Before", "Signed in", "Signed out"].map((name) => stage.server.named(name)[0]!.userId)).toEqual([undefined, "user-1", undefined]);
    expect(stage.server.named("User Identified")).toMatchObject([{ userId: "user-1", eventData: { plan: "pro" } }]);
    await settled(page);
    expect(await stored(page)).not.toContain("user-1");
  });

  it("where storage is blocked the tracker works, with ids for this page only", async () => {
    const page = await stage.open("/", (page) =>
      page.addInitScript(() =>
        Object.defineProperty(window, "localStorage", {
          get() {
            throw new DOMException("denied", "SecurityError");
          },
        }),
      ),
    );
    await page.evaluate(() => history.pushState({}, "", "/second"));
    await drain(stage, page, "One");
    await drain(stage, page, "Two");
    expect(stage.server.pageviews()).toHaveLength(2);
    expect(await ids(page)).toEqual([stage.server.batches[0]!.visitorId, stage.server.batches[0]!.items[0]!.sessionId]);
    const own = stage.server.batches.flatMap((batch) => batch.items.map((item) => batch.visitorId + item.sessionId));
    expect(new Set(own).size).toBe(1);
  });

  it("where storage is full the tracker works", async () => {
    const page = await stage.open("/", (page) =>
      page.addInitScript(() => {
        try {
          for (let size = 2 ** 22; size; size >>= 1) {
            try {
              localStorage[`fill-${size}`] = "x".repeat(size);
            } catch {
              // as full as it gets
            }
          }
        } catch {
          // about:blank has no storage
        }
      }),
    );
    await drain(stage, page, "One");
    await drain(stage, page, "Two");
    expect(stage.server.pageviews()).toHaveLength(1);
    expect(new Set(stage.server.batches.map((batch) => batch.visitorId)).size).toBe(1);
    expect(await stored(page)).not.toContain("vis_");
  });

  it("no cookie is set, and localStorage holds only the tracker's own keys", async () => {
    const page = await stage.open("/");
    await drain(stage, page);
    expect(await page.evaluate(() => [document.cookie, [...new Set(Object.keys(localStorage).map((key) => key.slice(0, 13)))].join(), sessionStorage.length])).toEqual(["", "wysleap-demo-", 0]);
  });
});
