import assert from "node:assert/strict";
import type { ContractCase, HttpSubject } from "./case.ts";
import { assertError, assertOk, eventually, httpCase, KEYS, pageview, send, TIMESTAMP } from "./http-client.ts";

const READ = { key: KEYS.secret };
/** Unlike any other case's, also when a host gives all cases the same server. */
const fresh = (name: string) => `vis_${name}_${Date.now()}_${Math.random().toString(36).slice(2)}`;

async function exported(server: HttpSubject, query = ""): Promise<any[]> {
  const answer = await send(server, `/events/demo${query}`, READ);
  assertOk(answer);
  assert.match(answer.headers.get("content-type") ?? "", /^application\/x-ndjson\b/);
  assert.ok(answer.text === "" || answer.text.endsWith("\n"));
  return answer.text.split("\n").filter(Boolean).map((line) => JSON.parse(line));
}

/** What was sent can be read, exported and erased. */
export const dataCases: ContractCase<HttpSubject>[] = [
  httpCase("a batch answers each item in its place, and a bad one does not spoil the others", async (server) => {
    const visitorId = fresh("batch");
    const items = [
      { type: "pageview", pageUrl: "https://shop.example/a", pageviewId: "pv_a" },
      { type: "event", eventName: "Add to Cart" },
      { type: "pageview", pageUrl: "javascript:alert(1)" },
      { type: "nonsense" },
      "text",
      { type: "engagement", pageUrl: "https://shop.example/a", pageviewId: "pv_a", engagedSeconds: 12, scrollDepth: 80 },
    ];
    const answer = await send(server, "/telemetry/batch", { ...READ, body: { siteId: "demo", visitorId, sessionId: "sess_b", items } });
    assertOk(answer);
    const { success, results } = answer.json;
    assert.equal(success, true);
    assert.deepEqual(results.map((result: { success: boolean }) => result.success), [true, true, false, false, false, true]);
    assert.deepEqual([results[0].visitorId, results[0].sessionId, results[0].pageviewId], [visitorId, "sess_b", "pv_a"]);
    assert.match(results[1].timestamp, TIMESTAMP);
    assert.ok(results[1].eventId);
    for (const at of [2, 3, 4]) {
      assert.deepEqual(Object.keys(results[at]), ["success", "error", "code"]);
      assert.equal(results[at].code, "VALIDATION_ERROR");
    }
    assert.match(results[2].error, /pageUrl/);
    await eventually(async () => {
      const events = (await exported(server)).filter((event) => event.visitorId === visitorId);
      assert.deepEqual(events.map(({ type }) => type).sort(), ["engagement", "event", "pageview"]);
    });
  }),
  httpCase("a batch takes 100 items and no more, and nothing but a list", async (server) => {
    const item = { type: "event", eventName: "Tick" };
    const batch = (items: unknown) => send(server, "/telemetry/batch", { ...READ, body: { siteId: "demo", items } });
    const full = await batch(Array.from({ length: 100 }, () => item));
    assertOk(full);
    assert.equal(full.json.results.length, 100);
    assertError(await batch(Array.from({ length: 101 }, () => item)), 413, "PAYLOAD_TOO_LARGE");
    assertError(await batch({ length: 1 }), 400, "VALIDATION_ERROR", /items/);
    assertError(await batch(undefined), 400, "VALIDATION_ERROR", /items/);
  }),
  httpCase("the same event id, or Idempotency-Key, is answered the same and counted once", async (server) => {
    const visitorId = fresh("twice");
    const eventId = `evt_${visitorId}`;
    const body = { siteId: "demo", eventName: "Paid", visitorId, eventId };
    const first = await send(server, "/telemetry/event", { ...READ, body });
    const second = await send(server, "/telemetry/event", { ...READ, body });
    const { eventId: _, ...bare } = body;
    const third = await send(server, "/telemetry/event", { ...READ, body: bare, headers: { "idempotency-key": eventId } });
    assert.equal(first.json.eventId, eventId);
    for (const again of [second, third]) {
      assertOk(again);
      assert.deepEqual(again.json, first.json);
    }
    await eventually(async () => {
      assert.equal((await exported(server)).filter((event) => event.visitorId === visitorId).length, 1);
    });
  }),
  httpCase("a bot's hit is answered 200, with the reason, and is not counted", async (server) => {
    const visitorId = fresh("bot");
    const bot = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";
    const answer = await send(server, "/telemetry/pageview", { ...READ, body: pageview({ visitorId, userAgent: bot }) });
    assertOk(answer);
    assert.equal(answer.json.success, true);
    assert.equal(answer.headers.get("x-wysleap-dropped"), "bot");
    const person = await send(server, "/telemetry/pageview", { ...READ, body: pageview({ visitorId: fresh("person") }) });
    assert.equal(person.headers.get("x-wysleap-dropped"), null);
    const { json } = await send(server, "/visitors/demo?limit=1000", READ);
    assert.ok(!json.visitors.some((row: { visitorId: string }) => row.visitorId === visitorId));
  }),
  httpCase("with the write key the page cannot say who it is: userAgent and ip are what the server sees", async (server) => {
    const visitorId = fresh("forged");
    const body = pageview({ visitorId, userAgent: "Googlebot/2.1", ip: "not an address" });
    const answer = await send(server, "/telemetry/pageview", { key: KEYS.write, body });
    assertOk(answer);
    assert.equal(answer.headers.get("x-wysleap-dropped"), null);
    const trusted = await send(server, "/telemetry/pageview", { ...READ, body });
    assertError(trusted, 400, "VALIDATION_ERROR", /ip/);
  }),
  httpCase("a visitor can be read, and once erased is nowhere", async (server) => {
    const visitorId = fresh("erased");
    const at = `/visitors/demo/${visitorId}`;
    assertOk(await send(server, "/telemetry/pageview", { ...READ, body: pageview({ visitorId }) }));
    await eventually(async () => {
      const one = await send(server, at, READ);
      assertOk(one);
      assert.equal(one.json.visitorId, visitorId);
      assert.ok((await exported(server)).some((event) => event.visitorId === visitorId));
    });
    const erased = await send(server, at, { ...READ, method: "DELETE" });
    assertOk(erased);
    assert.equal(erased.json.success, true);
    await eventually(async () => {
      assertError(await send(server, at, READ), 404, "NOT_FOUND");
      assert.ok(!(await exported(server)).some((event) => event.visitorId === visitorId));
      const { json } = await send(server, "/visitors/demo?limit=1000", READ);
      assert.ok(!json.visitors.some((row: { visitorId: string }) => row.visitorId === visitorId));
    });
  }),
  httpCase("the export is a line of JSON per event of the range", async (server) => {
    const visitorId = fresh("export");
    const start = Date.now() - 1_000;
    for (const eventName of ["One", "Two"]) {
      assertOk(await send(server, "/telemetry/event", { ...READ, body: { siteId: "demo", visitorId, eventName } }));
    }
    const own = async (query: string) => (await exported(server, query)).filter((event) => event.visitorId === visitorId);
    await eventually(async () => {
      const events = await own(`?from=${start}`);
      assert.deepEqual(events.map(({ name }) => name).sort(), ["One", "Two"]);
      assert.match(events[0].timestamp, TIMESTAMP);
    });
    assert.equal((await own(`?to=${start}`)).length, 0);
    assert.equal((await own(`?from=${new Date(start).toISOString()}&to=2100-01-01`)).length, 2);
    const [first, second] = await own(`?from=${start}`);
    const after = (event: { at: number; id: string }) => own(`?from=${start}&cursor=${encodeURIComponent(`${event.at},${event.id}`)}`);
    assert.deepEqual(await after(first), [second]);
    assert.deepEqual(await after(second), []);
    for (const query of ["from=x", "from=2&to=1", "to=", "from=1&from=2", "cursor=1", "cursor=x,evt_1", "cursor=1,"]) {
      assertError(await send(server, `/events/demo?${query}`, READ), 400, "VALIDATION_ERROR", /from|to|cursor/);
    }
  }),
  httpCase("health tells counts and no secrets", async (server) => {
    const answer = await send(server, "/health");
    assertOk(answer);
    assert.equal(typeof answer.json.http.requests, "number");
    const before = answer.json.http.rejected.UNAUTHORIZED ?? 0;
    await send(server, "/visitors/demo");
    const after = await send(server, "/health");
    assert.ok(after.json.http.requests > answer.json.http.requests);
    assert.equal(after.json.http.rejected.UNAUTHORIZED, before + 1);
  }),
];
