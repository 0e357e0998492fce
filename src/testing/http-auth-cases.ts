import assert from "node:assert/strict";
import type { ContractCase, HttpSubject } from "./case.ts";
import type { Sent } from "./http-client.ts";
import { assertError, assertOk, httpCase, KEYS, pageview, send } from "./http-client.ts";

const EVENT = { siteId: "demo", eventName: "Sign Up Success" };

/** Every endpoint that needs a key: does the write key open it? */
const KEYED: { method: string; path: string; body?: object; write: boolean }[] = [
  { method: "POST", path: "/telemetry/pageview", body: pageview(), write: true },
  { method: "POST", path: "/telemetry/event", body: EVENT, write: true },
  { method: "POST", path: "/telemetry/batch", body: { siteId: "demo", items: [] }, write: true },
  { method: "GET", path: "/visitors/demo", write: false },
  { method: "GET", path: "/visitors/demo/vis_nobody", write: false },
  { method: "DELETE", path: "/visitors/demo/vis_nobody", write: false },
  { method: "GET", path: "/events/demo", write: false },
];

const FOREIGN_ORIGINS = [
  "https://evil.example",
  "http://shop.example",
  "https://shop.example:8443",
  "https://shop.example.evil.io",
  "https://evilshop.example",
  "https://eu.shop.example:8443",
  "https://SHOP.EXAMPLE",
  "https://shop.example.",
  "null",
];

export const authCases: ContractCase<HttpSubject>[] = [
  httpCase("every endpoint opens for the keys it is for and for no other", async (server) => {
    for (const { method, path, body, write } of KEYED) {
      const at = `${method} ${path}`;
      const status = async (sent: Sent) => (await send(server, path, { method, body, ...sent })).status;
      assert.equal(await status({}), 401, `${at} without a key`);
      assert.equal(await status({ key: "wrong" }), 401, `${at} with a wrong key`);
      assert.equal(await status({ key: KEYS.other }), 401, `${at} with another site's key`);
      assert.equal(await status({ key: KEYS.write }), write ? 200 : 403, `${at} with the write key`);
      const secret = method === "GET" && path.endsWith("nobody") ? 404 : 200;
      assert.equal(await status({ key: KEYS.secret }), secret, `${at} with the secret key`);
    }
  }),
  httpCase("what needs no key opens without one", async (server) => {
    for (const path of ["/health", "/openapi.json", "/tracker.js"]) assertOk(await send(server, path));
  }),
  httpCase("the key may come in the body; another one in the header is refused, and one in the URL is not read", async (server) => {
    const at = "/telemetry/event";
    assertOk(await send(server, at, { body: { ...EVENT, _apiKey: KEYS.secret } }));
    assertOk(await send(server, at, { key: KEYS.secret, body: { ...EVENT, _apiKey: KEYS.secret } }));
    const both = { key: KEYS.secret, body: { ...EVENT, _apiKey: KEYS.write } };
    assertError(await send(server, at, both), 401, "UNAUTHORIZED");
    const query = `?_apiKey=${KEYS.secret}&apiKey=${KEYS.secret}&X-API-Key=${KEYS.secret}`;
    assertError(await send(server, at + query, { body: EVENT }), 401, "UNAUTHORIZED");
    assertError(await send(server, `/visitors/demo${query}`), 401, "UNAUTHORIZED");
  }),
  httpCase("a key of one site does not open another, and another site's visitor looks like an unknown one", async (server) => {
    const sent = { key: KEYS.other, body: { siteId: "other", eventName: "Seen", visitorId: "vis_of_the_other" } };
    assertOk(await send(server, "/telemetry/event", sent));
    assertError(await send(server, "/visitors/demo", { key: KEYS.other }), 401, "UNAUTHORIZED");
    const other = await send(server, "/visitors/demo/vis_of_the_other", { key: KEYS.secret });
    const unknown = await send(server, "/visitors/demo/vis_nobody", { key: KEYS.secret });
    assertError(other, 404, "NOT_FOUND");
    assert.equal(other.text, unknown.text);
  }),
  httpCase("a page of an allowed origin may send and read the answer, credentials never", async (server) => {
    for (const origin of ["https://shop.example", "https://eu.shop.example", "https://a.b.shop.example"]) {
      const answer = await send(server, "/telemetry/pageview", { key: KEYS.write, headers: { origin }, body: pageview() });
      assertOk(answer);
      assert.equal(answer.headers.get("access-control-allow-origin"), origin);
      assert.match(answer.headers.get("vary") ?? "", /\borigin\b/i);
      assert.equal(answer.headers.get("access-control-allow-credentials"), null);
      const bad = await send(server, "/telemetry/pageview", { key: KEYS.write, headers: { origin }, body: { siteId: "demo" } });
      assertError(bad, 400, "VALIDATION_ERROR");
      assert.equal(bad.headers.get("access-control-allow-origin"), origin);
    }
  }),
  httpCase("a page of a foreign origin is refused, however like ours it looks", async (server) => {
    for (const origin of FOREIGN_ORIGINS) {
      const sent = { key: KEYS.write, headers: { origin }, body: { ...EVENT } };
      const answer = await send(server, "/telemetry/event", sent);
      assert.equal(answer.status, 403, `${origin} got ${answer.status}`);
      assertError(answer, 403, "FORBIDDEN");
      assert.equal(answer.headers.get("access-control-allow-origin"), null, origin);
    }
  }),
  httpCase("a preflight of telemetry is granted for two hours, of secret routes never", async (server) => {
    const headers = {
      origin: "https://shop.example",
      "access-control-request-method": "POST",
      "access-control-request-headers": "content-type,x-api-key",
    };
    const granted = await send(server, "/telemetry/pageview", { method: "OPTIONS", headers });
    assert.equal(granted.status, 204);
    assert.equal(granted.headers.get("access-control-allow-origin"), "https://shop.example");
    assert.match(granted.headers.get("access-control-allow-methods") ?? "", /\bPOST\b/);
    assert.match(granted.headers.get("access-control-allow-headers") ?? "", /x-api-key/i);
    assert.equal(granted.headers.get("access-control-max-age"), "7200");
    assert.equal(granted.headers.get("access-control-allow-credentials"), null);
    const secret = await send(server, "/visitors/demo", { method: "OPTIONS", headers });
    assert.equal(secret.headers.get("access-control-allow-origin"), null);
    const read = await send(server, "/visitors/demo", { key: KEYS.secret, headers: { origin: "https://shop.example" } });
    assertOk(read);
    assert.equal(read.headers.get("access-control-allow-origin"), null);
  }),
  httpCase("a key is in no answer", async (server) => {
    const visitorId = "vis_key_in_body";
    const body = { ...EVENT, visitorId, eventData: { note: 1 }, _apiKey: KEYS.secret };
    const answers = [
      await send(server, "/telemetry/event", { body }),
      await send(server, "/telemetry/event", { body: { ...EVENT, eventName: "", _apiKey: KEYS.secret } }),
      await send(server, "/health"),
      await send(server, "/openapi.json"),
      await send(server, "/events/demo", { key: KEYS.secret }),
      await send(server, `/visitors/demo/${visitorId}`, { key: KEYS.secret }),
    ];
    assert.ok(answers.some(({ text }) => text.includes(visitorId)), "the event is there");
    for (const { text } of answers) {
      for (const key of Object.values(KEYS)) assert.ok(!text.includes(key), "a key shows");
    }
  }),
];
