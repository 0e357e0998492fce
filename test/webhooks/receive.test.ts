import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import express from "express";
// @ts-expect-error Express 4 brings no types under this name
import express4 from "express4";
import { H3 } from "h3";
import { toNodeHandler } from "h3/node";
import * as h3v1 from "h3v1";
import { afterEach, describe, expect, test } from "vitest";
import { toRequest } from "../../src/webhooks/attempt-request.ts";
import type { WebhookPayload } from "../../src/webhooks/notices.ts";
import { createPayload } from "../../src/webhooks/payload.ts";
import { createWebhookHandler, type WebhookHandler } from "../../src/webhooks/receive.ts";
import { generateWebhookSecret } from "../../src/webhooks/signature.ts";

const secret = generateWebhookSecret();
const NOW = Date.parse("2025-01-15T10:30:00Z");
const data = { eventName: "Purchase", eventData: { "2": "b", "10": "a", name: "Zoë 😀" }, visitorId: "vis_1", sessionId: "sess_1" };
let count = 0;
const open: (() => void)[] = [];
afterEach(() => {
  for (const close of open.splice(0)) close();
});

function attempt({ key = secret as string | string[], at = NOW, id = `msg_${count++}` } = {}) {
  const unsigned = createPayload({ event: "event", siteId: "shop", at: NOW, data, id });
  return toRequest({ id, event: "event", unsigned }, { url: "https://x.example", secret: key }, 1, at);
}

function setUp(options: Partial<Parameters<typeof createWebhookHandler>[0]> = {}) {
  const got: WebhookPayload<"event">[] = [];
  const handler = createWebhookHandler({ secret, on: { event: (payload) => void got.push(payload) }, now: () => NOW, ...options });
  const send = async ({ headers, body } = attempt()) => (await handler(new Request("http://host/hook", { method: "POST", headers, body }))).status;
  return { got, handler, send };
}

const asExpress = (app: unknown) => app as RequestListener;
const hosts: [string, (handler: WebhookHandler) => RequestListener][] = [
  ["Express 5", (handler) => asExpress(express().post("/hook", handler as never))],
  ["Express 5 behind express.json()", (handler) => asExpress(express().use(express.json()).post("/hook", handler as never))],
  ["Express 5 behind express.raw()", (handler) => asExpress(express().use(express.raw({ type: "*/*" })).post("/hook", handler as never))],
  ["Express 4", (handler) => asExpress(express4().post("/hook", handler as never))],
  ["Express 4 behind express.json()", (handler) => asExpress(express4().use(express4.json()).post("/hook", handler as never))],
  ["h3 2", (handler) => toNodeHandler(new H3().post("/hook", (event) => handler(event as never))) as RequestListener],
  ["h3 1", (handler) => h3v1.toNodeListener(h3v1.createApp().use("/hook", h3v1.eventHandler((event) => handler(event as never))))],
];

describe.each(hosts)("%s", (_, mount) => {
  test("a webhook is handled once, a forged one is not", async () => {
    const { got, handler } = setUp();
    const server = createServer(mount(handler));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    open.push(() => server.close().closeAllConnections());
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
    const { id, headers, body } = attempt();
    const post = async (text: string) => (await fetch(url, { method: "POST", headers, body: text })).status;
    expect(await post(body.replace("Purchase", "Refund!!"))).toBe(401);
    expect(got).toEqual([]);
    expect(await post(body)).toBe(204);
    expect(await post(body)).toBe(204);
    expect(got).toMatchObject([{ event: "event", siteId: "shop", id, data }]);
  });
});

test("an attempt's clock may be five minutes off and no more, either way", async () => {
  const { send } = setUp();
  for (const [seconds, status] of [[-300, 204], [-301, 401], [300, 204], [301, 401]] as const) {
    expect([seconds, await send(attempt({ at: NOW + seconds * 1_000 }))]).toEqual([seconds, status]);
  }
});

test("while a secret is rotated either side may hold both", async () => {
  const old = generateWebhookSecret();
  const both = setUp({ secret: [secret, old] });
  expect(await both.send(attempt({ key: old }))).toBe(204);
  expect(await both.send(attempt({ key: secret }))).toBe(204);
  expect(await setUp().send(attempt({ key: [old, secret] }))).toBe(204);
  expect(await setUp().send(attempt({ key: old }))).toBe(401);
});

test("when your function throws it is told and answered 500, and the next attempt is handled", async () => {
  const errors: unknown[] = [];
  let calls = 0;
  const { send } = setUp({
    on: {
      event() {
        if (++calls === 1) throw new Error("database down");
      },
    },
    onError: (error) => errors.push(error),
  });
  const again = attempt();
  expect([await send(again), await send(again), await send(again), calls]).toEqual([500, 204, 204, 2]);
  expect(String(errors)).toContain("database down");
});

test("the same one twice at the same time calls your function once", async () => {
  let release = () => {};
  let calls = 0;
  const { send } = setUp({ on: { event: () => (calls++, new Promise<void>((resolve) => (release = resolve))) } });
  const one = attempt();
  const both = [send(one), send(one)];
  await new Promise((resolve) => setTimeout(resolve, 20));
  release();
  expect([await Promise.all(both), calls]).toEqual([[204, 204], 1]);
});

test("ids may be remembered in a store of your own", async () => {
  const ids = new Set<string>();
  const { send, got } = setUp({ seen: { has: async (id) => ids.has(id), add: async (id) => ids.add(id) } });
  const one = attempt();
  await send(one);
  expect([...ids]).toEqual([one.id]);
  expect(await setUp({ seen: { has: () => true, add() {} } }).send(one)).toBe(204);
  expect(got).toHaveLength(1);
});

test("no headers, no POST, too long a body and an event nobody handles have their answers", async () => {
  const { handler, send, got } = setUp({ on: {} });
  expect(await send()).toBe(204);
  expect(got).toEqual([]);
  expect((await handler(new Request("http://host/hook"))).status).toBe(405);
  expect((await handler(new Request("http://host/hook", { method: "POST", body: "{}" }))).status).toBe(401);
  expect((await handler(new Request("http://host/hook", { method: "POST", body: "x".repeat(128 * 1024 + 1) }))).status).toBe(413);
});

describe("createWebhookHandler throws at once, and names the option, for", () => {
  test.each<[what: string, options: unknown, message: string]>([
    ["nothing", undefined, "secret is missing"],
    ["no secret", { on: {} }, "secret is missing"],
    ["an empty secret", { secret: "", on: {} }, "secret is missing"],
    ["no secret in a list", { secret: [], on: {} }, "secret is an empty list"],
    ["an empty secret in a list", { secret: [secret, ""], on: {} }, "secret is missing"],
    ["a secret that is a number", { secret: 5, on: {} }, "secret is missing"],
    ["a secret that is not base64", { secret: "whsec_!!!", on: {} }, "secret begins with whsec_ but"],
    ["no functions", { secret }, "on is missing"],
    ["functions that are a text", { secret, on: "event" }, "on is missing"],
    ["an event that does not exist", { secret, on: { high_intent: () => {} } }, "on.high_intent is unknown; there are pageview, event,"],
    ["an event's function that is none", { secret, on: { event: 5 } }, "on.event must be a function"],
    ["a tolerance that is a text", { secret, on: {}, toleranceSeconds: "300" }, "toleranceSeconds must be a number of seconds from 0"],
    ["a tolerance that is not a number", { secret, on: {}, toleranceSeconds: Number.NaN }, "toleranceSeconds must be"],
    ["a tolerance without end", { secret, on: {}, toleranceSeconds: Infinity }, "toleranceSeconds must be"],
    ["a tolerance below zero", { secret, on: {}, toleranceSeconds: -1 }, "toleranceSeconds must be"],
    ["a store that cannot add", { secret, on: {}, seen: { has: () => false } }, "seen.add must be a function"],
    ["a store that is null", { secret, on: {}, seen: null }, "seen.has must be a function"],
    ["a clock that is a number", { secret, on: {}, now: 5 }, "now must be a function"],
  ])("%s", (_, options, message) => {
    const create = () => createWebhookHandler(options as Parameters<typeof createWebhookHandler>[0]);
    expect(create).toThrow(TypeError);
    expect(create).toThrow(`createWebhookHandler: ${message}`);
  });
});

test("what is left undefined has its default", async () => {
  const { send } = setUp({ toleranceSeconds: undefined, seen: undefined, onError: undefined, on: { event: undefined } });
  expect([await send(), await send(attempt({ at: NOW - 301_000 }))]).toEqual([204, 401]);
});

test("a tolerance of 0 takes the attempt's own second only", async () => {
  const { send } = setUp({ toleranceSeconds: 0 });
  expect([await send(), await send(attempt({ at: NOW - 1_000 }))]).toEqual([204, 401]);
});
