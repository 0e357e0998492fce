import { describe, expect, it } from "vitest";
import { HOUR_MS, MINUTE_MS } from "../../src/clock.ts";
import { unavailable } from "../../src/errors.ts";
import { CHROME, engagement, event, GOOGLEBOT, NOON, pageview, setup, site } from "./setup.ts";

describe("a pageview", () => {
  it("is stored with all that is known of it and nothing of the address or user agent", async () => {
    const { track, last } = setup();
    const receipt = await track(
      pageview({
        visitorId: "vis_abc123",
        sessionId: "sess_xyz789",
        eventId: "evt_1",
        pageUrl: "https://shop.example/products?utm_source=news&id=7#top",
        pageTitle: "Products",
        referrer: "https://www.google.com/search?q=shop",
        screenWidth: 1920,
        screenHeight: 1080,
        language: "en-US",
        timeZone: "America/New_York",
        value: 20,
        currency: "EUR",
      }),
    );
    expect(receipt).toEqual({ visitorId: "vis_abc123", sessionId: "sess_xyz789", eventId: "evt_1", pageviewId: receipt.pageviewId, at: NOON });
    expect(receipt.pageviewId).toBe("evt_1"); // repeated through another process it is the same pageview
    expect(last()).toEqual({
      id: "evt_1",
      siteId: "demo",
      type: "pageview",
      at: NOON,
      day: "2025-01-15",
      visitorId: "vis_abc123",
      sessionId: "sess_xyz789",
      visit: 1,
      pageviewId: receipt.pageviewId,
      url: "https://shop.example/products?utm_source=news",
      path: "/products",
      title: "Products",
      referrer: "google.com",
      campaign: { source: "news" },
      value: 20,
      currency: "EUR",
      country: "US",
      browser: "Chrome",
      os: "Windows",
      device: "desktop",
      language: "en-US",
      tier: "client",
      quality: "fair",
    });
    expect(JSON.stringify(last())).not.toMatch(/203\.0|Mozilla/);
    expect((await track(pageview())).pageviewId).toMatch(/^pv_.{16}$/);
  });

  it("falls on the day it has in the site's own zone", async () => {
    const { track, last, clock } = setup();
    const tokyo = { ...site, timeZone: "Asia/Tokyo" };
    clock.at = Date.parse("2025-01-15T14:59:00Z");
    await track(pageview(), {}, tokyo);
    expect(last().day).toBe("2025-01-15");
    clock.at = Date.parse("2025-01-15T15:00:00Z");
    await track(pageview(), {}, tokyo);
    expect(last().day).toBe("2025-01-16");
  });
});

describe("a custom event and an engagement report", () => {
  it("keep their own fields", async () => {
    const { track, last } = setup();
    await track(event({ visitorId: "v", eventName: "Paid", eventData: { plan: "pro" }, value: 9 }));
    expect(last()).toMatchObject({ type: "event", name: "Paid", data: { plan: "pro" }, value: 9 });
    expect(last()).not.toHaveProperty("pageviewId");
    await track(engagement({ visitorId: "v", engagedSeconds: 31, scrollDepth: 80, pageviewId: "pv_7" }));
    expect(last()).toMatchObject({ type: "engagement", engagedSeconds: 31, scrollDepth: 80, pageviewId: "pv_7" });
  });

  it("an engagement report that names no pageview is about the visitor's last one of that page", async () => {
    const { track, last } = setup();
    const view = await track(pageview({ visitorId: "v" }));
    await track(engagement({ visitorId: "v" }));
    expect(last().pageviewId).toBe(view.pageviewId);
    await track(engagement({ visitorId: "v", pageUrl: "https://shop.example/other" }));
    expect(last()).not.toHaveProperty("pageviewId");
  });
});

describe("a visitor without ids", () => {
  it("is the same one within the day and within the visit, and a new visit starts after 31 minutes", async () => {
    const { track, clock, stored } = setup();
    const first = await track(pageview());
    clock.at += 30 * MINUTE_MS;
    const second = await track(event());
    clock.at += 31 * MINUTE_MS;
    const third = await track(pageview());
    expect([second.visitorId, third.visitorId]).toEqual([first.visitorId, first.visitorId]);
    expect(second.sessionId).toBe(first.sessionId);
    expect(third.sessionId).not.toBe(first.sessionId);
    expect(stored().map((e) => [e.visit, e.assigned, e.tier])).toEqual([[1, true, "daily"], [1, true, "daily"], [2, true, "daily"]]);
  });

  it("has one session when two first hits arrive together", async () => {
    const { track } = setup();
    const receipts = await Promise.all([track(pageview()), track(event()), track(event())]);
    expect(new Set(receipts.map((r) => r.sessionId)).size).toBe(1);
  });

  it("follows the owner's session timeout", async () => {
    const { track, clock } = setup({ identity: { sessionTimeoutMinutes: 5 } });
    const first = await track(pageview());
    clock.at += 6 * MINUTE_MS;
    expect((await track(pageview())).sessionId).not.toBe(first.sessionId);
  });
});

describe("a bot", () => {
  it("is answered and stored with its label, but touches no profile and raises no webhook", async () => {
    const { track, last, pipeline, profiles, raised } = setup();
    const receipt = await track(pageview({ visitorId: "v" }), { headers: { "user-agent": GOOGLEBOT } });
    expect(receipt).toMatchObject({ dropped: "bot", visitorId: "v" });
    expect(last()).toMatchObject({ bot: ["user agent"], visitorId: "v" });
    expect([profiles.known.size, profiles.loads, raised]).toEqual([0, 0, []]);
    expect(pipeline.stats()).toMatchObject({ accepted: 0, dropped: { bot: 1 } });
  });

  it("counts like everybody, label kept, with bots: count", async () => {
    const { track, last, pipeline, profiles, raised } = setup({ bots: "count" });
    const receipt = await track(pageview({ visitorId: "v", webdriver: true }));
    expect(receipt).not.toHaveProperty("dropped");
    expect(last().bot).toEqual(["webdriver"]);
    expect(profiles.known.get("demo v")?.visitor.bot).toEqual(["webdriver"]);
    expect(raised).toEqual([["pageview", "visitor_identified"]]);
    expect(pipeline.stats().accepted).toBe(1);
  });
});

describe("a hit that is not counted", () => {
  it("of a foreign page is answered, not stored, and told by reason", async () => {
    const told: unknown[] = [];
    const { track, stored, pipeline } = setup({ hooks: { dropped: (info) => void told.push(info) } });
    const own = { ...site, origins: ["https://shop.example"] };
    const receipt = await track(pageview({ pageUrl: "https://evil.example/", sessionId: "s-1" }), {}, own);
    expect(receipt).toMatchObject({ dropped: "hostname", sessionId: "s-1" });
    expect(receipt.visitorId).toMatch(/^vis_/);
    expect(stored()).toEqual([]);
    expect(told).toEqual([{ siteId: "demo", reason: "hostname" }]);
    expect(pipeline.stats()).toEqual({ accepted: 0, dropped: { bot: 0, hostname: 1, opt_out: 0, visitor_limit: 0, duplicate: 0 } });
  });

  it("still gets its answer when the owner's hook throws", async () => {
    const reports: string[] = [];
    const { track } = setup({
      hooks: { dropped: () => { throw new Error("broken hook"); } },
      reporter: { report: (_level, kind) => void reports.push(kind) },
    });
    expect(await track(pageview(), { headers: { "user-agent": GOOGLEBOT } })).toMatchObject({ dropped: "bot" });
    expect(reports).toContain("hook-dropped");
  });
});

describe("the same event id again", () => {
  it("is answered the same and stored once, also while the first is still under way", async () => {
    const { track, stored, pipeline } = setup();
    const input = pageview({ eventId: "evt_retry" });
    const [first, second] = await Promise.all([track(input), track(input)]);
    const third = await track(pageview({ eventId: "evt_retry", pageUrl: "https://shop.example/changed" }));
    expect([second, third]).toEqual([first, first]);
    expect(stored()).toHaveLength(1);
    expect(pipeline.stats()).toMatchObject({ accepted: 1, dropped: { duplicate: 2 } });
  });

  it("is another event on another site, and after 24 hours", async () => {
    const { track, stored, clock } = setup();
    await track(pageview({ eventId: "evt_1" }));
    await track(pageview({ eventId: "evt_1", siteId: "other" }), {}, { ...site, id: "other" });
    clock.at += 24 * HOUR_MS;
    await track(pageview({ eventId: "evt_1" }));
    expect(stored()).toHaveLength(3);
  });

  it("is tried again after a failure", async () => {
    const { track, stored, failing, profiles } = setup();
    failing.error = unavailable("storage is down");
    const input = pageview({ eventId: "evt_1", visitorId: "v" });
    const both = await Promise.allSettled([track(input), track(input)]);
    expect(both.map((one) => one.status)).toEqual(["rejected", "rejected"]);
    expect(profiles.forgotten).toEqual(["demo v"]);
    failing.error = undefined;
    expect(await track(input)).toMatchObject({ eventId: "evt_1" });
    expect(stored()).toHaveLength(1);
  });
});

describe("storage that fails", () => {
  it("is the caller's error; the profile is forgotten, nothing is counted or delivered", async () => {
    const { track, failing, profiles, delivered, pipeline } = setup();
    failing.error = unavailable("storage is down");
    await expect(track(pageview({ visitorId: "v" }))).rejects.toMatchObject({ code: "UNAVAILABLE" });
    expect([profiles.known.size, profiles.forgotten, delivered]).toEqual([0, ["demo v"], []]);
    expect(pipeline.stats().accepted).toBe(0);
  });

  it("that cannot read a profile does not hold up the visitor's next hit", async () => {
    const parts = setup();
    const { load } = parts.profiles;
    parts.profiles.load = () => Promise.reject(unavailable("storage is down"));
    await expect(parts.track(pageview({ visitorId: "v" }))).rejects.toMatchObject({ code: "UNAVAILABLE" });
    parts.profiles.load = load;
    expect(await parts.track(pageview({ visitorId: "v" }))).toMatchObject({ visitorId: "v" });
  });
});

describe("webhooks", () => {
  it("are stored in the same batch as their event and handed on once that is durable", async () => {
    const { track, batches, raised, delivered } = setup();
    await track(pageview({ visitorId: "v" }));
    await track(event({ visitorId: "v" }));
    await track(engagement({ visitorId: "v" }));
    expect(raised).toEqual([["pageview", "visitor_identified"], ["event"]]);
    expect(batches.map((b) => b.deliveries?.map((d) => d.record))).toEqual([["pageview", "visitor_identified"], ["event"], undefined]);
    expect(delivered.map((d) => d.length)).toEqual([2, 1]);
  });
});

describe("Global Privacy Control", () => {
  const gpc = { headers: { "sec-gpc": "1" } };
  const input = pageview({ visitorId: "stored-id", sessionId: "stored-session", userId: "ann@example.com", screenWidth: 1, eventId: "e" });

  it("counts the visit under a daily hash: no stored id, user, fingerprint or webhook", async () => {
    const { track, last, raised } = setup();
    const receipt = await track(input, gpc);
    expect(receipt.visitorId).not.toBe("stored-id");
    expect(receipt).not.toHaveProperty("dropped");
    expect(last()).toMatchObject({ visitorId: receipt.visitorId, tier: "daily", assigned: true });
    expect(JSON.stringify(last())).not.toMatch(/stored-|ann@|quality/);
    expect(raised).toEqual([]);
  });

  it("drops or ignores it when the owner says so", async () => {
    const dropping = setup({ privacy: { gpc: "drop" } });
    expect(await dropping.track(input, gpc)).toMatchObject({ dropped: "opt_out" });
    expect(dropping.stored()).toEqual([]);
    const ignoring = setup({ privacy: { gpc: "ignore" } });
    expect(await ignoring.track(input, gpc)).toMatchObject({ visitorId: "stored-id", sessionId: "stored-session" });
  });
});

describe("a server that tracks its visitors with the secret key", () => {
  const server = { trust: "secret" as const, ip: "198.51.100.1", headers: { origin: undefined, "user-agent": "node", "accept-language": "*" } };

  it("is not taken for the visitor: its user agent and address do not count", async () => {
    const { track, last } = setup();
    const receipt = await track(event({ visitorId: "v" }), server);
    expect(receipt).not.toHaveProperty("dropped");
    for (const field of ["browser", "bot", "language"]) expect(last()).not.toHaveProperty(field);
  });

  it("may say the visitor's user agent, address and any time in the past", async () => {
    const { track, last } = setup();
    const at = Date.parse("2020-03-01T10:00:00Z");
    const receipt = await track(pageview({ userAgent: CHROME, ip: "203.0.113.9", timestamp: at }), server);
    expect(last()).toMatchObject({ browser: "Chrome", tier: "daily", at, day: "2020-03-01" });
    expect(receipt.at).toBe(at);
  });

  it("finds one visitor a signed-in user when it names no visitor", async () => {
    const { track, last } = setup();
    const first = await track(event({ userId: "u-1" }), server);
    const second = await track(event({ userId: "u-1" }), server);
    const other = await track(event({ userId: "u-2" }), server);
    expect(second.visitorId).toBe(first.visitorId);
    expect(other.visitorId).not.toBe(first.visitorId);
    expect(last()).toMatchObject({ tier: "user", userId: "u-2" });
  });
});

it("a browser cannot say its own address, user agent or an old time", async () => {
  const { track, last } = setup();
  await track(pageview({ userAgent: GOOGLEBOT, ip: "198.51.100.9", timestamp: NOON - 90 * 24 * HOUR_MS }));
  expect(last()).toMatchObject({ browser: "Chrome", at: NOON - 48 * HOUR_MS });
  expect(last()).not.toHaveProperty("bot");
});
