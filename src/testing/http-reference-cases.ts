import assert from "node:assert/strict";
import type { ContractCase, HttpSubject } from "./case.ts";
import {
  assertError,
  assertLike,
  assertOk,
  BROWSER,
  eventually,
  httpCase,
  KEYS,
  pageview,
  send,
  TIMESTAMP,
} from "./http-client.ts";

const ID = /^[A-Za-z0-9_-]{16,}$/;

/** The examples of the public API reference, as they stand there. */
export const referenceCases: ContractCase<HttpSubject>[] = [
  httpCase("the reference's pageview is answered as in the reference", async (server) => {
    const answer = await send(server, "/telemetry/pageview", {
      body: {
        siteId: "demo",
        pageUrl: "https://shop.example/products",
        pageTitle: "Products - Example Store",
        referrer: "https://google.com",
        visitorId: "vis_abc123",
        sessionId: "sess_xyz789",
        userAgent: BROWSER,
        screenWidth: 1920,
        screenHeight: 1080,
        language: "en-US",
        timeZone: "America/New_York",
        _apiKey: KEYS.secret,
      },
    });
    assertOk(answer);
    const { timestamp, pageviewId, ...rest } = answer.json;
    const expected = { success: true, message: "Pageview tracked successfully", visitorId: "vis_abc123", sessionId: "sess_xyz789" };
    assert.deepEqual(rest, expected);
    assertLike(answer.json, { ...expected, timestamp: "" });
    assert.match(timestamp, TIMESTAMP);
    assert.ok(Math.abs(Date.parse(timestamp) - Date.now()) < 60_000);
    assert.match(pageviewId, /^[A-Za-z0-9_.:-]{1,128}$/);
    assert.match(answer.headers.get("content-type") ?? "", /^application\/json\b/);
    assert.equal(answer.headers.get("x-content-type-options"), "nosniff");
  }),
  httpCase("ids that the client omits are made, with their prefix and at least 96 random bits", async (server) => {
    const answer = await send(server, "/telemetry/pageview", { key: KEYS.secret, body: pageview() });
    assertOk(answer);
    for (const [name, prefix] of [["visitorId", "vis_"], ["sessionId", "sess_"]] as const) {
      assert.ok(answer.json[name].startsWith(prefix), `${name} is ${answer.json[name]}`);
      assert.match(answer.json[name].slice(prefix.length), ID);
    }
  }),
  httpCase("the reference's event is answered as in the reference", async (server) => {
    const answer = await send(server, "/telemetry/event", {
      body: {
        siteId: "demo",
        eventName: "Purchase Completed",
        eventData: { productId: "prod_123", productName: "Premium Plan", currency: "USD" },
        visitorId: "vis_abc123",
        pageUrl: "https://shop.example/checkout/success",
        _apiKey: KEYS.secret,
      },
    });
    assertOk(answer);
    assert.deepEqual(Object.keys(answer.json), ["success", "message", "eventId", "timestamp"]);
    assert.equal(answer.json.success, true);
    assert.equal(answer.json.message, "Event tracked successfully");
    assert.ok(answer.json.eventId.startsWith("evt_"));
    assert.match(answer.json.eventId.slice(4), ID);
    assert.match(answer.json.timestamp, TIMESTAMP);
  }),
  httpCase("the visitors of a site are answered in the reference's shape", async (server) => {
    const visitorId = `vis_shape${Date.now()}`;
    assertOk(await send(server, "/telemetry/pageview", { key: KEYS.secret, body: pageview({ visitorId }) }));
    await eventually(async () => {
      const answer = await send(server, "/visitors/demo?limit=1000&days=30", { key: KEYS.secret });
      assertOk(answer);
      assertLike(answer.json, {
        site: {
          totalPageviews: 15234,
          totalEvents: 3456,
          avgTimeOnPage: 127.5,
          bounceRate: 0.42,
          pageviewsByDay: [{ date: "2025-01-15", views: 234 }],
          topPages: [{ path: "/products", views: 1234, avgTimeOnPage: 145.2 }],
        },
        visitors: [{ visitorId: "vis_abc123", lastVisit: "2025-01-15T10:30:00Z", visitCount: 5 }],
        uniqueVisitors: 1234,
        activeVisitors: 23,
        totalCountries: 45,
        patterns: { returningVisitorRate: 0.38 },
      });
      const visitor = answer.json.visitors.find((row: { visitorId: string }) => row.visitorId === visitorId);
      assertLike(visitor, {
        visitorId: "",
        lastVisit: "",
        visitCount: 1,
        browser: "Chrome",
        intentScore: { level: "high", score: 85, factors: ["Returning visitor"] },
        accuracyMetrics: { confidence: 0.92, fingerprintQuality: "excellent" },
      });
      assert.match(visitor.lastVisit, TIMESTAMP);
      assert.equal(visitor.browser, "Chrome");
      assert.match(visitor.intentScore.level, /^(low|medium|high)$/);
      assert.match(visitor.accuracyMetrics.fingerprintQuality, /^(excellent|good|fair|poor)$/);
      assert.ok(answer.json.site.totalPageviews >= 1 && answer.json.uniqueVisitors >= 1);
      assert.equal(answer.headers.get("cache-control"), "no-store");
    });
  }),
  httpCase("the reference's errors are answered as in the reference", async (server) => {
    const missing = await send(server, "/telemetry/pageview", { key: KEYS.secret, body: { pageUrl: "https://shop.example/" } });
    assert.deepEqual([missing.status, missing.json], [400, { error: "Missing required field: siteId", code: "VALIDATION_ERROR" }]);
    const wrong = await send(server, "/telemetry/pageview", { key: "wrong", body: pageview() });
    assert.deepEqual([wrong.status, wrong.json], [401, { error: "Invalid API key", code: "UNAUTHORIZED" }]);
    const unknown = await send(server, "/telemetry/pageview", { key: KEYS.secret, body: pageview({ siteId: "nobody" }) });
    assert.deepEqual([unknown.status, unknown.json], [404, { error: "Site not found", code: "NOT_FOUND" }]);
  }),
  httpCase("the first of several mistakes is the one that is answered", async (server) => {
    const at = "/telemetry/pageview";
    const big = { siteId: 1, pageTitle: "x".repeat(70_000) };
    assertError(await send(server, at, { body: big }), 413, "PAYLOAD_TOO_LARGE");
    const plain = { "content-type": "text/plain" };
    assertError(await send(server, at, { body: "{", headers: plain }), 400, "VALIDATION_ERROR", /JSON/);
    assertError(await send(server, at, { body: { pageUrl: 1 } }), 401, "UNAUTHORIZED");
    assertError(await send(server, at, { key: "wrong", body: { pageUrl: 1 } }), 400, "VALIDATION_ERROR", /siteId/);
    assertError(await send(server, at, { key: "wrong", body: { siteId: "nobody", pageUrl: 1 } }), 404, "NOT_FOUND");
    assertError(await send(server, at, { key: "wrong", body: { siteId: "demo", pageUrl: 1 } }), 401, "UNAUTHORIZED");
    const foreign = { origin: "https://evil.example" };
    const sent = { key: KEYS.write, headers: foreign, body: { siteId: "demo", pageUrl: 1 } };
    assertError(await send(server, at, sent), 403, "FORBIDDEN");
    assertError(await send(server, at, { key: KEYS.write, body: { siteId: "demo", pageUrl: 1 } }), 400, "VALIDATION_ERROR", /pageUrl/);
  }),
  httpCase("a wrong field is named together with its rule, and unknown fields are ignored", async (server) => {
    for (const field of ["pageUrl", "screenWidth", "visitorId", "language"]) {
      const answer = await send(server, "/telemetry/pageview", { key: KEYS.secret, body: pageview({ [field]: { no: 1 } }) });
      assertError(answer, 400, "VALIDATION_ERROR", new RegExp(`\\b${field}\\b`));
    }
    const missing = await send(server, "/telemetry/event", { key: KEYS.secret, body: { siteId: "demo" } });
    assertError(missing, 400, "VALIDATION_ERROR", "Missing required field: eventName");
    assertOk(await send(server, "/telemetry/pageview", { key: KEYS.secret, body: pageview({ nobodyKnows: [1] }) }));
  }),
];
