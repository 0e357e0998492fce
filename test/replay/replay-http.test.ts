import { gzipSync } from "node:zlib";
import { createStorage } from "unstorage";
import memoryDriver from "unstorage/drivers/memory";
import { expect, it } from "vitest";
import { createAnalytics } from "../../src/analytics.ts";

const SECRET = "secret-key-of-the-shop-0000";
const WRITE = "write-key-of-the-shop-00000";

function setup(replay: boolean | object = true) {
  const storage = createStorage({ driver: memoryDriver() });
  const analytics = createAnalytics({ sites: [{ id: "shop", apiKey: SECRET, writeKey: WRITE }, { id: "other", apiKey: `${SECRET}2` }], storage, replay });
  const send = async (path: string, init: RequestInit & { key?: string } = {}) => {
    const { key = WRITE, headers, ...rest } = init;
    const answer = await analytics.fetch(new Request(`http://x${path}`, { ...rest, headers: { "x-api-key": key, ...headers } }));
    const text = await answer.text();
    return { status: answer.status, text, body: text.startsWith("{") && !text.includes("\n") ? JSON.parse(text) : undefined };
  };
  const event = (more: object = {}) => JSON.stringify({ type: 4, data: { href: "https://shop.example/", width: 1, height: 1 }, timestamp: Date.now(), ...more });
  const chunk = (more: object = {}) => JSON.stringify({ siteId: "shop", visitorId: "vis_1", sessionId: "sess_1", tab: "a", seq: 0, sentAt: Date.now(), events: [event()], ...more });
  const post = (body: string | Uint8Array, headers: Record<string, string> = {}) => send("/telemetry/replay", { method: "POST", body: body as BodyInit, headers });
  return { analytics, storage, send, post, chunk, event };
}

it("a recording is taken with the write key, listed and streamed with the secret one, and of another site unknown", async () => {
  const { post, send, chunk } = setup();
  expect((await post(chunk())).body).toEqual({ success: true, accepted: true, record: false, dropped: 0 });
  expect((await post(gzipSync(chunk({ seq: 1 })), { "content-encoding": "gzip" })).body).toMatchObject({ accepted: true });
  const list = await send("/replays/shop", { key: SECRET });
  expect(list.body.replays).toMatchObject([{ sessionId: "sess_1", visitorId: "vis_1", pages: 2, entryPage: "https://shop.example/", intent: { level: "low" } }]);
  expect(list.body.budgetBytes).toBe(1024 ** 3);
  expect((await send("/replays/shop/sess_1", { key: SECRET })).text.trim().split("\n").map((line) => JSON.parse(line).type)).toEqual([4, 4]);
  for (const path of ["/replays/shop", "/replays/shop/sess_1"]) {
    expect([(await send(path)).status, (await send(path, { key: "wrong" })).status]).toEqual([403, 401]);
  }
  const foreign = await send("/replays/other/sess_1", { key: `${SECRET}2` });
  expect(foreign).toEqual(await send("/replays/other/unknown", { key: `${SECRET}2` }));
  expect(foreign.status).toBe(404);
});

it("is filtered and paged", async () => {
  const { post, send, chunk } = setup();
  for (const n of [1, 2, 3]) await post(chunk({ visitorId: `vis_${n}`, sessionId: `sess_${n}` }));
  const get = async (query: string) => (await send(`/replays/shop?${query}`, { key: SECRET })).body;
  expect((await get("visitorId=vis_2")).replays).toHaveLength(1);
  expect((await get("level=high")).replays).toEqual([]);
  expect((await get("minSeconds=10")).replays).toEqual([]);
  const first = await get("limit=2");
  const second = await get(`limit=2&cursor=${first.cursor}`);
  expect([...first.replays, ...second.replays].map(({ sessionId }) => sessionId).sort()).toEqual(["sess_1", "sess_2", "sess_3"]);
  expect(second.cursor).toBeUndefined();
  for (const query of ["limit=0", "level=odd", "minSeconds=x", "cursor=x", "visitorId=a%20b", "from=x"]) {
    expect([query, (await send(`/replays/shop?${query}`, { key: SECRET })).status]).toEqual([query, 400]);
  }
});

it("begins and lasts as its events do, by the server's clock", async () => {
  const { post, send, chunk, event } = setup();
  const sentAt = Date.now() - 20 * 24 * 3_600_000;
  const at = (...offsets: number[]) => offsets.map((ms) => event({ timestamp: sentAt + ms }));
  await post(chunk({ sessionId: "short", sentAt, events: at(-8_200, -5_000) }));
  await post(chunk({ sessionId: "ahead", visitorId: "vis_2", sentAt, events: at(30_000) }));
  await post(chunk({ sessionId: "old", visitorId: "vis_3", sentAt, events: at(-7_000_000, 0) }));
  const get = async (query: string) => (await send(`/replays/shop?${query}`, { key: SECRET })).body.replays as { sessionId: string; startedAt: string; durationSeconds: number }[];
  const [ahead, short, old] = await get("");
  const age = (one: { startedAt: string }) => Math.round((Date.now() - Date.parse(one.startedAt)) / 1_000);
  expect([ahead!.sessionId, ahead!.durationSeconds, short!.sessionId, short!.durationSeconds, old!.sessionId, old!.durationSeconds]).toEqual(["ahead", 0, "short", 3, "old", 3_600]);
  for (const [one, seconds] of [[ahead!, 0], [short!, 8], [old!, 3_600]] as const) expect(Math.abs(age(one) - seconds)).toBeLessThan(4);
  expect(await get("minSeconds=3")).toHaveLength(2);
  expect(await get("minSeconds=4")).toHaveLength(1);
});

it("a bomb is cut at 8 MiB, more than 1 MiB is not read, and what is no recording is a 400 that says why", async () => {
  const { post, chunk, event } = setup();
  expect((await post(gzipSync(Buffer.alloc(200 * 1024 * 1024, 32)), { "content-encoding": "gzip" })).status).toBe(413);
  expect((await post(" ".repeat(1024 * 1024 + 1))).status).toBe(413);
  const wrong: [string, object][] = [
    ["visitorId", { visitorId: undefined }], ["sessionId", { sessionId: "a b" }], ["seq", { seq: -1 }], ["seq", { seq: 10_000 }], ["events", { events: [{}] }],
    ["events", { events: Array(10_001).fill("{}") }], ["events.1", { events: [event(), "x"] }], ["events.0", { events: [event({ timestamp: Date.now() - 3 * 3_600_000 })] }],
    ["events.0", { events: [event({ timestamp: Date.UTC(2100, 0) })] }], ["events.0", { events: [event({ timestamp: 0 })] }],
  ];
  for (const [field, more] of wrong) {
    const { status, body } = await post(chunk(more));
    expect([field, status, body?.error]).toEqual([field, 400, expect.stringContaining(field)]);
  }
});

it("nothing is kept while replay is off, or under Global Privacy Control", async () => {
  const off = setup(false);
  expect((await off.post(off.chunk())).body).toMatchObject({ accepted: false, reason: "off" });
  const { post, chunk, send, storage } = setup();
  expect((await post(chunk(), { "sec-gpc": "1" })).body).toMatchObject({ accepted: false, reason: "opt_out" });
  expect((await send("/replays/shop", { key: SECRET })).body.replays).toEqual([]);
  expect(await storage.getKeys("replay:")).toEqual([]);
});

it("who erases a visitor erases their recordings", async () => {
  const { post, chunk, send, storage } = setup();
  await post(chunk());
  expect((await send("/visitors/shop/vis_1", { key: SECRET, method: "DELETE" })).status).toBe(200);
  expect(await storage.getKeys("replay:")).toEqual([]);
  expect((await send("/replays/shop", { key: SECRET })).body.replays).toEqual([]);
});

it("tells an on-intent recorder when the visitor's intent is high", async () => {
  const { analytics, post, chunk } = setup();
  const ask = async () => (await post(chunk({ events: undefined, seq: undefined }))).body.record;
  expect(await ask()).toBe(false);
  const who = { siteId: "shop", visitorId: "vis_1", sessionId: "sess_1" };
  for (const path of ["/product/1", "/product/1", "/pricing", "/cart", "/checkout"]) await analytics.trackPageview({ ...who, pageUrl: `https://shop.example${path}` });
  for (const eventName of ["Added To Cart", "Checkout Started", "Purchase Completed"]) await analytics.trackEvent({ ...who, eventName });
  expect(await ask()).toBe(true);
});
