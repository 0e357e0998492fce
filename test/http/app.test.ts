import { describe, expect, test } from "vitest";
import { AnalyticsError, unavailable } from "../../src/errors.ts";
import type { StoredEvent } from "../../src/event.ts";
import type { AnalyticsApi } from "../../src/http/api.ts";
import type { App, AppParts } from "../../src/http/app.ts";
import { createSites } from "../../src/site.ts";
import { KEYS } from "../../src/testing/http-client.ts";
import { createApi, createLog, createTestApp, serveApp } from "./stand-in.ts";

const post = (body: object, more: Record<string, string> = {}, path = "/telemetry/event") =>
  new Request(`http://x${path}`, { method: "POST", body: JSON.stringify(body), headers: { "x-api-key": KEYS.secret, ...more } });
const get = (path: string, more: Record<string, string> = {}) =>
  new Request(`http://x${path}`, { headers: { "x-api-key": KEYS.secret, ...more } });
const EVENT = { siteId: "demo", eventName: "Sent" };

/** An app whose inside is replaced in part. */
function createBroken(inside: Partial<AnalyticsApi>, parts: Partial<AppParts> = {}) {
  const log = createLog();
  return { app: createTestApp({ api: { ...createApi(), ...inside }, reporter: log, ...parts }), log };
}

describe("a fault inside", () => {
  test("shows nothing but an id that is also in the log", async () => {
    const { app, log } = createBroken({ track: () => Promise.reject(new Error("password of the database: hunter2")) });
    const answer = await app.fetch(post(EVENT));
    const text = await answer.text();
    expect(answer.status).toBe(500);
    expect(text).toBe('{"error":"Internal server error","code":"SERVER_ERROR"}');
    const id = answer.headers.get("x-request-id")!;
    expect(id).toMatch(/^req_/);
    expect(log.lines).toEqual([`error: POST /telemetry/event answered 500, request ${id}`]);
    expect(answer.headers.get("x-ratelimit-limit")).toBe("10000");
  });

  test.each<[string, Partial<AnalyticsApi>, Request]>([
    ["that throws at once", { getVisitors: () => { throw new Error("x"); } }, get("/visitors/demo")],
    ["that throws no error", { getVisitor: () => Promise.reject(undefined) }, get("/visitors/demo/a")],
    ["while exporting begins", { exportEvents: () => { throw new TypeError("x"); } }, get("/events/demo")],
    ["in health", { health: () => { throw new Error("x"); } }, get("/health")],
    ["in an answer that is no JSON", { health: () => ({ a: 1n }) }, get("/health")],
    ["with a message of its own", { getVisitors: () => Promise.reject(new AnalyticsError("SERVER_ERROR", "secret")) }, get("/visitors/demo")],
  ])("%s is a 500 too", async (_name, inside, request) => {
    const { app, log } = createBroken(inside);
    const answer = await app.fetch(request);
    expect([answer.status, await answer.text()]).toEqual([500, '{"error":"Internal server error","code":"SERVER_ERROR"}']);
    expect(log.lines).toHaveLength(1);
  });

  test("of storage is a 503 with Retry-After, its cause in the log only", async () => {
    const { app, log } = createBroken({ track: () => Promise.reject(unavailable("Storage is down", new Error("hunter2"), 3)) });
    const answer = await app.fetch(post(EVENT));
    expect([answer.status, answer.headers.get("retry-after")]).toEqual([503, "3"]);
    expect(await answer.json()).toEqual({ error: "Storage is down", code: "UNAVAILABLE" });
    expect(log.lines).toEqual(["error: POST /telemetry/event answered 503: Storage is down"]);
  });

  test("of the owner's site look-up is a 500 or 503", async () => {
    const log = createLog();
    const sites = createSites(() => Promise.reject(new Error("x")), { now: Date.now, reporter: log });
    expect((await createTestApp({ sites, reporter: log }).fetch(post(EVENT))).status).toBe(500);
    const slow = createSites(() => new Promise(() => {}), { now: Date.now, reporter: log, deadlineMs: 10 });
    expect((await createTestApp({ sites: slow, reporter: log }).fetch(post(EVENT))).status).toBe(503);
  });
});

describe("a batch", () => {
  const batch = { siteId: "demo", items: [{ type: "event", eventName: "A" }, { type: "nonsense" }, { type: "event", eventName: "B" }] };

  test("of which nothing could be stored is a 503, so that it is sent again", async () => {
    const { app } = createBroken({ track: () => Promise.reject(unavailable("Storage is down")) });
    expect((await app.fetch(post(batch, {}, "/telemetry/batch"))).status).toBe(503);
  });

  test("of which one item met a fault tells so at its place", async () => {
    const whole = createApi();
    const { app, log } = createBroken({
      track: (site, input, facts) =>
        input.type === "event" && input.eventName === "B" ? Promise.reject(new Error("hunter2")) : whole.track(site, input, facts),
    });
    const answer = (await (await app.fetch(post(batch, {}, "/telemetry/batch"))).json()) as { results: { success: boolean; code?: string; error?: string }[] };
    expect(answer.results.map(({ success, code }) => code ?? success)).toEqual([true, "VALIDATION_ERROR", "SERVER_ERROR"]);
    expect(answer.results[2]!.error).toBe("Internal server error");
    expect(log.lines).toEqual(["error: a part of an answer failed"]);
  });

  test("with an Idempotency-Key is counted once however often it comes", async () => {
    const api = createApi();
    const app = createTestApp({ api });
    for (let sent = 0; sent < 3; sent++) await app.fetch(post(batch, { "idempotency-key": '"batch-1"' }, "/telemetry/batch"));
    expect(api.events.map(({ id }) => id)).toEqual(["batch-1:0", "batch-1:2"]);
  });

  test("counts as one request", async () => {
    const app = createTestApp();
    const answer = await app.fetch(post(batch, {}, "/telemetry/batch"));
    expect(answer.headers.get("x-ratelimit-remaining")).toBe("9999");
  });
});

describe("what is not ours", () => {
  test("is a 404 that says so, with its body untouched", async () => {
    const app = createTestApp();
    for (const path of ["/", "", "/telemetry", "//telemetry/event", "/telemetry/event/", "/visitors/", "/visitors/demo/", "/a#/health", "/Health"]) {
      const request = new Request(`http://x${path}`, { method: "POST", body: "mine" });
      const answer = await app.fetch(request);
      expect([path, answer.status, answer.headers.get("x-wysleap-route")]).toEqual([path, 404, "none"]);
      expect(await request.text()).toBe("mine");
    }
    expect(app.stats().requests).toBe(0);
  });

  test("an unknown visitor or site is ours", async () => {
    const app = createTestApp();
    for (const path of ["/visitors/demo/vis_x", "/visitors/nobody"]) {
      const answer = await app.fetch(get(path));
      expect([answer.status, answer.headers.get("x-wysleap-route")]).toEqual([404, null]);
    }
  });

  test("the path may come from the host", async () => {
    const app = createTestApp();
    expect((await app.fetch(get("/api/health"), { path: "/health?x=1" })).status).toBe(200);
    expect((await app.fetch(get("/health"), { path: "/api/health" })).status).toBe(404);
  });
});

test("HEAD has GET's headers and no body, on hosts that do not care for it themselves too", async () => {
  const app = createTestApp();
  for (const path of ["/visitors/demo", "/events/demo", "/tracker.js", "/health"]) {
    const head = { method: "HEAD", headers: { "x-api-key": KEYS.secret } };
    const answer = await app.fetch(new Request(`http://x${path}`, head));
    expect([path, answer.status, await answer.text()]).toEqual([path, 200, ""]);
    expect(answer.headers.get("content-type")).toBe((await app.fetch(get(path))).headers.get("content-type"));
  }
});

describe("counts", () => {
  test("add up: accepted, rejected by code, dropped by reason", async () => {
    const app = createTestApp();
    await app.fetch(post(EVENT));
    await app.fetch(post({ ...EVENT, userAgent: "Googlebot" }));
    await app.fetch(post({ siteId: "demo", __proto__: 1 }));
    await app.fetch(post(EVENT, { "x-api-key": "wrong" }));
    await app.fetch(new Request("http://x/telemetry/event", { method: "POST", body: '{"__proto__":{}}' }));
    await app.fetch(get("/telemetry/event"));
    expect(app.stats()).toEqual({
      requests: 6,
      inFlight: 0,
      accepted: 2,
      rejectedItems: {},
      rejected: { VALIDATION_ERROR: 1, UNAUTHORIZED: 2, METHOD_NOT_ALLOWED: 1 },
      dropped: { bot: 1 },
      discarded: 0,
      cleaned: 1,
    });
  });
});

describe("bounds", () => {
  test("1,000 requests are in flight at a time; the next gets 503 before it is read", async () => {
    let release = () => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    const whole = createApi();
    const { app } = createBroken({ getVisitors: (site, query) => held.then(() => whole.getVisitors(site, query)) });
    const running = Array.from({ length: 1_000 }, () => app.fetch(get("/visitors/demo")));
    const request = post(EVENT);
    const refused = await app.fetch(request);
    expect([refused.status, refused.headers.get("retry-after"), request.bodyUsed]).toEqual([503, "1", false]);
    release();
    expect(new Set((await Promise.all(running)).map(({ status }) => status))).toEqual(new Set([200]));
    expect((await app.fetch(post(EVENT))).status).toBe(200);
  });

  test("600 telemetry requests a minute and network with the public key; the key and other networks are not touched", async () => {
    const app = createTestApp({ trustProxy: 1, perNetwork: 3 });
    const hit = async (address: string, key: string) =>
      app.fetch(Object.assign(post(EVENT, { "x-api-key": key, "x-forwarded-for": address, origin: "https://shop.example" }), { ip: "10.0.0.1" }));
    for (let sent = 0; sent < 3; sent++) expect((await hit("1.2.3.4", KEYS.write)).status).toBe(200);
    const refused = await hit("1.2.3.4", KEYS.write);
    expect([refused.status, refused.headers.get("x-ratelimit-limit"), refused.headers.get("ratelimit-policy")]).toEqual([429, "3", '"network";q=3;w=60']);
    // the page must be able to read how long to wait
    expect(refused.headers.get("access-control-allow-origin")).toBe("https://shop.example");
    expect(refused.headers.get("access-control-expose-headers")).toMatch(/retry-after/i);
    const other = await hit("1.2.3.5", KEYS.write);
    expect([other.status, other.headers.get("x-ratelimit-remaining")]).toEqual([200, "9996"]);
    expect((await hit("1.2.3.4", KEYS.secret)).status).toBe(200);
  });
});

describe("an export", () => {
  const event = (at: number): StoredEvent =>
    ({ id: `evt_${at}`, siteId: "demo", type: "event", at, day: "2025-01-15", visitorId: "vis_a", sessionId: "sess_a", visit: 1, name: "x".repeat(1_000) });

  function createSource(count: number, failAt = Number.POSITIVE_INFINITY) {
    const seen = { given: 0, isClosed: false };
    async function* events() {
      try {
        for (let at = 0; at < count; at++) {
          if (at === failAt) throw new Error("disk");
          seen.given++;
          yield event(at);
        }
      } finally {
        seen.isClosed = true;
      }
    }
    return { seen, ...createBroken({ exportEvents: () => events() }) };
  }

  test("is read no faster than the client takes it, and given up when the client goes", async () => {
    const { app, seen } = createSource(100_000);
    const server = await serveApp(app);
    const stop = new AbortController();
    const response = await fetch(`${server.base}/events/demo`, { headers: { "x-api-key": KEYS.secret }, signal: stop.signal });
    const reader = response.body!.getReader();
    await reader.read();
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(seen.given).toBeLessThan(50_000);
    stop.abort();
    await expect.poll(() => seen.isClosed).toBe(true);
    await server.close();
  });

  test("comes whole", async () => {
    const { app } = createSource(5_000);
    const lines = (await (await app.fetch(get("/events/demo"))).text()).trimEnd().split("\n");
    expect(lines.map((line) => (JSON.parse(line) as StoredEvent).id)).toEqual(Array.from({ length: 5_000 }, (_, at) => `evt_${at}`));
  });

  test("lets everybody else have their turn, however fast it is taken", async () => {
    const { app } = createSource(5_000);
    let turns = 0;
    let isRunning = true;
    const turn = () => void (isRunning && ++turns && setImmediate(turn));
    setImmediate(turn);
    await (await app.fetch(get("/events/demo"))).text();
    isRunning = false;
    expect(turns).toBeGreaterThan(50);
  });

  test("that breaks off is not taken for a whole one", async () => {
    const { app, log } = createSource(500, 400);
    const server = await serveApp(app);
    const response = await fetch(`${server.base}/events/demo`, { headers: { "x-api-key": KEYS.secret } });
    await expect(response.text()).rejects.toThrow();
    expect(log.lines).toEqual(["error: a part of an answer failed"]);
    await server.close();
  });

  test("that cannot begin is an error with its status", async () => {
    const events: AsyncIterator<StoredEvent> = { next: () => Promise.reject(unavailable("Storage is down")) };
    const { app } = createBroken({ exportEvents: () => ({ [Symbol.asyncIterator]: () => events }) });
    expect((await app.fetch(get("/events/demo"))).status).toBe(503);
  });
});

describe("origins", () => {
  const asked = async (app: App, origin: string | undefined) =>
    (await app.fetch(post({ siteId: "s", eventName: "A" }, { "x-api-key": "w", ...(origin !== undefined && { origin }) }))).status;
  const create = (more: object) =>
    createTestApp({ sites: createSites([{ id: "s", apiKey: "k", writeKey: "w", ...more }], { now: Date.now, reporter: createLog() }) });

  test("without a list every page may send, but no page without an origin of its own", async () => {
    const app = create({});
    expect([await asked(app, "https://a.example"), await asked(app, undefined), await asked(app, "null")]).toEqual([200, 200, 403]);
  });

  test("with requireOrigin a request without one is refused", async () => {
    const app = create({ requireOrigin: true, origins: ["https://a.example"] });
    expect([await asked(app, "https://a.example"), await asked(app, undefined)]).toEqual([200, 403]);
  });

  test("have a port, and the default one is none", async () => {
    const app = create({ origins: ["http://localhost:3000", "https://a.example:443", "https://*.b.example:8443"] });
    const origins = ["http://localhost:3000", "http://localhost", "https://a.example", "https://x.b.example:8443", "https://x.b.example"];
    expect(await Promise.all(origins.map((origin) => asked(app, origin)))).toEqual([200, 403, 200, 200, 403]);
  });
});
