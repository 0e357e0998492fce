import { createHmac, timingSafeEqual } from "node:crypto";
import { Agent, createServer, request as httpRequest } from "node:http";
import type { RequestListener, Server } from "node:http";
import type { AddressInfo } from "node:net";
import { destr } from "destr";
import express from "express";
import fastify from "fastify";
import { H3, readBody } from "h3";
import { toNodeHandler } from "h3/node";
import * as h3v1 from "h3v1";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createPayload, withSignature } from "../../src/webhooks/payload.ts";
import { signBody, verifyWebhook } from "../../src/webhooks/signature.ts";
import { seeded } from "./fake-time.ts";

const SECRET = "whsec_d3lzbGVhcC10ZXN0LXZlY3Rvci1zZWNyZXQtMzJieXQ=";
const SEED = Number(process.env.SEED ?? 20_250_115);
const PAYLOADS = Number(process.env.PAYLOADS ?? 10_000);

const STRINGS = [
  "", "a", "Zoë 😀", "</script><!--", "\u2028\u2029", "\u0000\u001f\u007f", 'quo"te\\', "\ud800", "x\udc00y", "\ufeff", "ﷺ", "1e21", "__proto__", "constructor", "\\ud800", "//", "2025-01-15T10:30:00Z",
];
const KEYS = [...STRINGS, "0", "2", "10", "01", "-1", "4294967294", "4294967295", "toString", "prototype", "signature", "hasOwnProperty", "length"];
const NUMBERS = [0, -0, 1, -1, 0.1, 1e21, 1e-7, 5e-324, Number.MAX_VALUE, Number.MAX_SAFE_INTEGER, 2 ** 53 + 2, -1.5e300, Number.NaN, Number.POSITIVE_INFINITY];

/** Any JSON value, with what parsers stumble over more often than by chance. */
function anyValue(random: () => number, depth: number): unknown {
  const pick = <Item>(items: Item[]) => items[Math.floor(random() * items.length)] as Item;
  const text = () => (random() < 0.7 ? pick(STRINGS) : String.fromCharCode(...Array.from({ length: random() * 12 }, () => Math.floor(random() * 65_536))));
  const kind = random() * (depth > 0 ? 8 : 5);
  if (kind < 1) return random() < 0.5 ? random() > 0.5 : null;
  if (kind < 3) return random() < 0.6 ? pick(NUMBERS) : (random() - 0.5) * 10 ** Math.floor(random() * 40 - 20);
  if (kind < 5) return text();
  const size = Math.floor(random() * 5);
  if (kind < 6) return Array.from({ length: size }, () => anyValue(random, depth - 1));
  const object: Record<string, unknown> = {};
  for (let index = 0; index < size; index++) {
    const key = random() < 0.8 ? pick(KEYS) : text();
    Object.defineProperty(object, key, { value: anyValue(random, depth - 1), enumerable: true, configurable: true, writable: true });
  }
  return object;
}

const random = seeded(SEED);
const bodies = Array.from({ length: PAYLOADS }, (_, index) => {
  const data = { eventName: "Any", eventData: { value: anyValue(random, 5) }, [KEYS[index % KEYS.length] ?? ""]: anyValue(random, 3) };
  const unsigned = createPayload({ event: "event", siteId: "shop", at: 1_736_937_000_000 + index, data, id: `msg_${index}` });
  return withSignature(unsigned, signBody(unsigned, SECRET));
});

/** The check of the API reference, on what a receiver's parser made of the body. */
function referenceCheck(parsed: unknown): boolean {
  const { signature, ...payload } = parsed as { signature: string };
  const expected = `sha256=${createHmac("sha256", SECRET).update(JSON.stringify(payload)).digest("hex")}`;
  return timingSafeEqual(Buffer.from(signature), Buffer.from(expected));
}
const verdict = (parsed: unknown) => ({ reference: referenceCheck(parsed), ours: verifyWebhook(parsed as object, (parsed as { signature: string }).signature, SECRET) });
const BOTH = { reference: true, ours: true };

test(`bodies are JSON of well-formed text, at most 64 KiB (${PAYLOADS} of seed ${SEED})`, () => {
  for (const body of bodies) {
    expect(Buffer.byteLength(body)).toBeLessThanOrEqual(64 * 1024);
    expect(body).not.toMatch(/(?<!\\)(\\\\)*\\ud/); // an escape of half a surrogate pair, not an escaped backslash before "ud"
  }
});

test.each([["JSON.parse", JSON.parse], ["destr", destr]] as const)("every signature holds after %s", (_, parse) => {
  for (const body of bodies) expect(verdict(parse(body)), body).toEqual(BOTH);
});

test("every signature holds over the raw text", () => {
  for (const body of bodies) expect(verifyWebhook(body, JSON.parse(body).signature, SECRET), body).toBe(true);
});

const app1 = h3v1.createApp();
app1.use("/", h3v1.eventHandler(async (event) => verdict(await h3v1.readBody(event))));
const app5 = fastify();
app5.post("/", (request, reply) => void reply.send(verdict(request.body)));
beforeAll(() => app5.ready());
afterAll(() => app5.close());
const hosts: [string, RequestListener][] = [
  ["express.json()", express().use(express.json()).post("/", (request, response) => void response.json(verdict(request.body))) as RequestListener],
  ["Fastify's parser", (request, response) => app5.routing(request, response)],
  ["h3 1's readBody", h3v1.toNodeListener(app1)],
  ["h3 2's readBody", toNodeHandler(new H3().post("/", async (event) => verdict(await readBody(event)))) as RequestListener],
];

describe.each(hosts)("%s", (_, listener) => {
  let server: Server;
  beforeAll(() => new Promise<void>((resolve) => (server = createServer(listener)).listen(0, "127.0.0.1", resolve)));
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  test("every signature holds", { timeout: 120_000 }, async () => {
    const agent = new Agent({ keepAlive: true });
    const { port } = server.address() as AddressInfo;
    const post = (body: string) =>
      new Promise<string>((resolve, reject) => {
        const headers = { "content-type": "application/json; charset=utf-8", "content-length": Buffer.byteLength(body) };
        const sent = httpRequest({ agent, port, host: "127.0.0.1", method: "POST", headers }, async (response) => {
          let text = "";
          for await (const chunk of response) text += chunk;
          resolve(text);
        });
        sent.on("error", reject).end(body);
      });
    const queue = bodies.values();
    const work = async () => {
      for (const body of queue) expect(await post(body), body).toBe(JSON.stringify(BOTH));
    };
    await Promise.all([work(), work(), work(), work()]);
    agent.destroy();
  });
});
