import { afterEach, expect, test, vi } from "vitest";
import { createAnalytics } from "../../src/analytics.ts";
import type { Analytics } from "../../src/public-api.ts";
import type { WebhookRequest } from "../../src/webhooks/transport.ts";

const KEY = "a-secret-key-of-the-shop-0000";
const WRITE = "a-public-key-of-the-shop-0000";
const URL_A = "https://hooks.example/a?token=hidden";
const URL_B = "https://hooks.example/b";
const SECRET = "whsec_d3lzbGVhcC10ZXN0LXZlY3Rvci1zZWNyZXQtMzJieXQ=";
let analytics: Analytics;
afterEach(() => analytics.close());

function setUp(answer: (request: WebhookRequest) => number = () => 200) {
  const sent: WebhookRequest[] = [];
  const state = { answer };
  analytics = createAnalytics({
    sites: [
      { id: "shop", apiKey: KEY, writeKey: WRITE, webhooks: [{ url: URL_A, secret: SECRET, events: ["event"] }, { url: URL_B, secret: SECRET, events: ["event", "pageview"] }] },
      { id: "blog", apiKey: "a-secret-key-of-the-blog-0000" },
    ],
    webhooks: {
      async transport(request) {
        sent.push(request);
        return { status: state.answer(request) };
      },
    },
  });
  const call = async (method: string, path: string, key: string | undefined = KEY) => {
    const response = await analytics.fetch(new Request(`http://host${path}`, { method, headers: key ? { "x-api-key": key } : {} }));
    return { status: response.status, body: await response.json() };
  };
  const track = (eventName: string) => analytics.trackEvent({ siteId: "shop", eventName, visitorId: "vis_1" });
  return { sent, state, call, track };
}

test("deliveries are listed newest first, by status, event and endpoint, a page at a time, without secrets", async () => {
  const { call, track, sent } = setUp(({ url }) => (url === URL_B ? 503 : 200));
  for (const name of ["one", "two", "three"]) await track(name);
  await vi.waitFor(() => expect(sent).toHaveLength(6));
  const all = await call("GET", "/webhooks/shop/deliveries");
  expect(all.status).toBe(200);
  expect(all.body.deliveries).toHaveLength(6);
  expect(all.body.deliveries[0].timestamp >= all.body.deliveries[5].timestamp).toBe(true);
  expect(JSON.stringify(all.body)).not.toMatch(/hidden|user|pw@|whsec|unsigned/);

  const delivered = await call("GET", "/webhooks/shop/deliveries?status=delivered");
  expect(delivered.body.deliveries).toHaveLength(3);
  expect(delivered.body.deliveries[0]).toMatchObject({ endpoint: "https://hooks.example/a", event: "event", status: "delivered", attempts: 1, lastCode: 200 });
  const waiting = await call("GET", `/webhooks/shop/deliveries?endpoint=${encodeURIComponent(URL_B)}&event=event`);
  expect(waiting.body.deliveries).toHaveLength(3);
  expect(waiting.body.deliveries[0]).toMatchObject({ status: "pending", attempts: 1, lastCode: 503, nextAttemptAt: expect.stringMatching(/Z$/) });
  expect((await call("GET", "/webhooks/shop/deliveries?event=pageview")).body.deliveries).toEqual([]);

  const seen: unknown[] = [];
  for (let path: string | undefined = "/webhooks/shop/deliveries?limit=2"; path; ) {
    const { body } = await call("GET", path);
    expect(body.deliveries.length).toBeLessThanOrEqual(2);
    seen.push(...body.deliveries);
    path = body.cursor && `/webhooks/shop/deliveries?limit=2&cursor=${body.cursor}`;
  }
  expect(seen).toEqual(all.body.deliveries);
  for (const query of ["status=lost", "event=click", "limit=0", "limit=501", "cursor=x"]) expect((await call("GET", `/webhooks/shop/deliveries?${query}`)).status, query).toBe(400);
});

test("a delivery is tried again by hand; one that arrived, another site's and an unknown one are the same 404", async () => {
  const { call, track, sent, state } = setUp(({ url }) => (url === URL_B ? 500 : 200));
  await track("one");
  await vi.waitFor(() => expect(sent).toHaveLength(2));
  const id = sent[0]!.id;
  state.answer = () => 200;
  expect(await call("POST", `/webhooks/shop/deliveries/${id}/retry`)).toEqual({ status: 200, body: { success: true, id, endpoints: 1 } });
  await vi.waitFor(() => expect(sent).toHaveLength(3));
  expect(sent[2]).toMatchObject({ id, url: URL_B, headers: { "x-wysleap-attempt": "2" } });
  await vi.waitFor(async () => expect((await call("GET", "/health")).body.webhooks).toMatchObject({ pending: 0, delivered: 2, failedAttempts: 1 }));
  const answers = await Promise.all([
    call("POST", `/webhooks/shop/deliveries/${id}/retry`),
    call("POST", "/webhooks/shop/deliveries/msg_unknown/retry"),
    call("POST", `/webhooks/blog/deliveries/${id}/retry`, "a-secret-key-of-the-blog-0000"),
  ]);
  expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
  expect(answers[0].status).toBe(404);
});

test("a test asks every endpoint, or one, and tells what it said", async () => {
  const { call, sent } = setUp(({ url }) => (url === URL_B ? 503 : 204));
  const { body } = await call("POST", "/webhooks/shop/test");
  expect(body).toMatchObject({ success: false, results: [{ endpoint: "https://hooks.example/a", ok: true, lastCode: 204 }, { endpoint: URL_B, ok: false, lastCode: 503 }] });
  expect(JSON.parse(sent[0]!.body)).toMatchObject({ event: "event", siteId: "shop", data: { eventName: "Webhook Test" } });
  expect((await call("POST", `/webhooks/shop/test?endpoint=${encodeURIComponent(URL_A)}`)).body).toMatchObject({ success: true });
  expect(sent).toHaveLength(3);
  expect((await call("POST", "/webhooks/shop/test?endpoint=https://elsewhere.example")).status).toBe(404);
});

test("recovery switches an endpoint on and sends what happened since, with the old ids", async () => {
  const { call, track, sent, state } = setUp(({ url }) => (url === URL_B ? 410 : 200));
  const since = Date.now();
  await track("one");
  await vi.waitFor(() => expect(sent).toHaveLength(2));
  await track("two");
  await vi.waitFor(() => expect(sent).toHaveLength(3));
  state.answer = () => 200;
  expect((await call("POST", `/webhooks/shop/recover?since=${since}`)).body).toEqual({ success: true, queued: 2, complete: true });
  await vi.waitFor(() => expect(sent).toHaveLength(5));
  const toB = sent.filter(({ url }) => url === URL_B);
  expect(toB.map(({ body }) => JSON.parse(body).data.eventName)).toEqual(["one", "one", "two"]);
  expect(new Set(sent.map(({ id }) => id)).size).toBe(2);
  expect((await call("POST", "/webhooks/shop/recover")).status).toBe(400);
});

test("all of it needs the secret key, in a header", async () => {
  const { call } = setUp();
  for (const [method, path] of [["GET", "deliveries"], ["POST", "deliveries/msg_1/retry"], ["POST", "test"], ["POST", "recover?since=0"]] as const) {
    expect([path, (await call(method, `/webhooks/shop/${path}`, WRITE)).status]).toEqual([path, 403]);
    expect([path, (await call(method, `/webhooks/shop/${path}`, "")).status]).toEqual([path, 401]);
    expect([path, (await call(method, `/webhooks/shop/${path}`, "a-secret-key-of-the-blog-0000")).status]).toEqual([path, 401]);
  }
});

test("analytics.on tells the same payload as the webhook, of sites without endpoints too, until it is ended; what a listener throws stays inside", async () => {
  const { track, sent } = setUp();
  const told: { id: string }[] = [];
  const end = analytics.on("event", (payload) => void told.push(payload));
  analytics.on("event", () => {
    throw new Error("the owner's mistake");
  });
  await track("one");
  await vi.waitFor(() => expect(sent).toHaveLength(2));
  const { signature: _signature, ...payload } = JSON.parse(sent[0]!.body);
  expect(told).toEqual([payload]);
  await analytics.trackEvent({ siteId: "blog", eventName: "x" });
  expect(told).toHaveLength(2);
  end();
  await track("two");
  expect(told).toHaveLength(2);
});
