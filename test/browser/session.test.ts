import { expect, it } from "vitest";
import { describeInBrowser, drain, withClock } from "./browser.ts";

describeInBrowser("visitor and session", (stage) => {
  it("two tabs share visitor and session", async () => {
    const one = await stage.open("/one");
    await drain(stage, one, "One");
    const two = await stage.open("/two");
    await drain(stage, two, "Two");
    const ids = await Promise.all([one, two].map((page) => page.evaluate(() => [window.WysLeap!.getVisitorId(), window.WysLeap!.getSessionId()])));
    expect(ids[0]).toEqual(ids[1]);
    for (const batch of stage.server.batches) {
      expect([batch.visitorId, ...new Set(batch.items.map((item) => item.sessionId))]).toEqual(ids[0]);
    }
  });

  it("a visitor who comes back after 31 minutes starts another session", async () => {
    const page = await stage.open("/", withClock);
    await drain(stage, page, "First");
    await page.clock.fastForward("00:29:00");
    await drain(stage, page, "Same");
    await page.clock.fastForward("00:31:00");
    const asked = await page.evaluate(() => {
      window.WysLeap!.trackEvent("Back");
      return window.WysLeap!.getSessionId();
    });
    await drain(stage, page, "Second");
    const session = (name: string) => stage.server.named(name)[0]!.sessionId;
    expect(session("Same")).toBe(session("First"));
    expect(session("Second")).not.toBe(session("First"));
    expect([session("Back"), asked]).toEqual([session("Second"), session("Second")]);
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
