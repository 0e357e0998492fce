import assert from "node:assert/strict";
import type { ContractCase, HttpSubject } from "./case.ts";
import { assertError, assertOk, httpCase, KEYS, pageview, send } from "./http-client.ts";

const BAD_QUERIES = [
  "limit=0", "limit=1001", "limit=1e9", "limit=-1", "limit=1.5", "limit=x", "limit=", "limit=1&limit=2",
  "days=0", "days=396", "days=x", "country=USA", "country=1", "country=", "country=US&country=DE", "limit=%E0%A4%A",
];

/** Rate limits, methods, paths, and the host beside us. */
export const limitCases: ContractCase<HttpSubject>[] = [
  httpCase("every answer for a recognised key tells its rate limit", async (server) => {
    const event = { siteId: "demo", eventName: "Counted" };
    const first = await send(server, "/telemetry/event", { key: KEYS.secret, body: event });
    const second = await send(server, "/telemetry/event", { key: KEYS.secret, body: event });
    const answers = [
      first,
      second,
      await send(server, "/telemetry/event", { key: KEYS.secret, body: { siteId: "demo" } }),
      await send(server, "/visitors/demo", { key: KEYS.secret }),
      await send(server, "/visitors/demo", { key: KEYS.write }),
      await send(server, "/visitors/demo/vis_nobody", { key: KEYS.secret }),
    ];
    assert.deepEqual(answers.map(({ status }) => status), [200, 200, 400, 200, 403, 404]);
    for (const { headers } of answers) {
      assert.equal(headers.get("x-ratelimit-limit"), "10000");
      assert.match(headers.get("x-ratelimit-remaining") ?? "", /^\d{4}$/);
      const wait = Number(headers.get("x-ratelimit-reset")) - Date.now() / 1_000;
      assert.ok(wait > -1 && wait < 62, `X-RateLimit-Reset is ${wait} s away`);
      assert.ok(headers.get("ratelimit") && headers.get("ratelimit-policy"));
    }
    const left = (answer: { headers: Headers }) => Number(answer.headers.get("x-ratelimit-remaining"));
    assert.equal(left(second), left(first) - 1);
    const stranger = await send(server, "/visitors/demo", { key: "wrong" });
    assert.equal(stranger.headers.get("x-ratelimit-limit"), null);
  }),
  httpCase("the 101st request in a minute on the free plan is a 429, and the site's other key is not touched", async (server) => {
    // without a page URL: the limit comes before the fields
    const hit = (key: string) => send(server, "/telemetry/pageview", { key, body: { siteId: "small" } });
    const first = await hit(KEYS.smallSecret);
    assert.equal(first.headers.get("x-ratelimit-limit"), "100");
    assert.equal(first.headers.get("x-ratelimit-remaining"), "99");
    for (let sent = 1; sent < 100; sent += 11) {
      const answers = await Promise.all(Array.from({ length: 11 }, () => hit(KEYS.smallSecret)));
      assert.ok(answers.every(({ status }) => status === 400), "one of the first hundred was refused");
    }
    const refused = await hit(KEYS.smallSecret);
    assertError(refused, 429, "RATE_LIMIT_EXCEEDED", "Rate limit exceeded");
    assert.deepEqual(Object.keys(refused.json), ["error", "code", "retryAfter"]);
    assert.ok(refused.json.retryAfter >= 1 && refused.json.retryAfter <= 60);
    assert.equal(refused.headers.get("retry-after"), String(refused.json.retryAfter));
    assert.equal(refused.headers.get("x-ratelimit-remaining"), "0");
    assertError(await hit(KEYS.smallWrite), 400, "VALIDATION_ERROR");
  }),
  httpCase("a path of ours with another method is a 405 that names the right ones", async (server) => {
    for (const [method, path, allowed] of [
      ["GET", "/telemetry/pageview", "POST"],
      ["PUT", "/telemetry/event", "POST"],
      ["POST", "/visitors/demo", "GET"],
      ["PATCH", "/visitors/demo/vis_1", "DELETE"],
      ["DELETE", "/health", "GET"],
    ] as const) {
      const answer = await send(server, path, { method, key: KEYS.secret });
      assertError(answer, 405, "METHOD_NOT_ALLOWED");
      assert.match(answer.headers.get("allow") ?? "", new RegExp(`\\b${allowed}\\b`));
    }
  }),
  httpCase("HEAD is answered like GET, without the body", async (server) => {
    for (const path of ["/visitors/demo", "/health", "/tracker.js", "/events/demo"]) {
      const answer = await send(server, path, { method: "HEAD", key: KEYS.secret });
      assert.equal(answer.status, 200, path);
      assert.equal(answer.text, "");
    }
    assert.equal((await send(server, "/visitors/demo", { method: "HEAD" })).status, 401);
  }),
  httpCase("the host's own routes below the same prefix go on working", async (server) => {
    if (!server.ownRoute) return;
    const url = server.ownRoute.startsWith("http") ? server.ownRoute : server.base + server.ownRoute;
    for (let round = 0; round < 2; round++) {
      const response = await fetch(url);
      assert.equal(response.status, 200);
      assert.equal(await response.text(), "own");
      assertOk(await send(server, "/telemetry/pageview", { key: KEYS.secret, body: pageview() }));
    }
  }),
  httpCase("a path that nobody has is a 404", async (server) => {
    for (const path of ["/nothing", "/telemetry", "/telemetry/pageviews", "/telemetry/pageview/more", "/visitors/a/b/c"]) {
      assert.equal((await send(server, path, { key: KEYS.secret })).status, 404, path);
      assert.equal((await send(server, path, { method: "POST", body: { a: 1 }, key: KEYS.secret })).status, 404, path);
    }
  }),
  httpCase("hostile paths and queries get a 4xx, never a 500", async (server) => {
    for (const query of BAD_QUERIES) {
      const answer = await send(server, `/visitors/demo?${query}`, { key: KEYS.secret });
      assertError(answer, 400, "VALIDATION_ERROR", /limit|days|country/);
    }
    for (const path of ["/visitors/%E0%A4%A", "/visitors/%00", "/visitors/..%2f..%2fetc", "/visitors/__proto__", "/visitors/demo%3F"]) {
      const { status } = await send(server, path, { key: KEYS.secret });
      assert.ok(status === 400 || status === 404, `${path} got ${status}`);
    }
    assertOk(await send(server, "/visitors/demo?limit=1000&days=395&country=de&unknown=1&unknown=2", { key: KEYS.secret }));
  }),
  httpCase("the tracker is a cacheable script that other sites may load", async (server) => {
    const { status, headers, text } = await send(server, "/tracker.js");
    assert.equal(status, 200);
    assert.match(headers.get("content-type") ?? "", /^text\/javascript\b/);
    assert.ok(text.includes("WysLeap"));
    assert.equal(headers.get("x-content-type-options"), "nosniff");
    assert.equal(headers.get("cross-origin-resource-policy"), "cross-origin");
    assert.match(headers.get("cache-control") ?? "", /max-age=3600/);
    assert.match(headers.get("vary") ?? "", /accept-encoding/i);
    assert.match(headers.get("content-encoding") ?? "", /^(br|gzip)$/);
    const plain = await send(server, "/tracker.js", { headers: { "accept-encoding": "identity" } });
    assert.equal(plain.text, text);
    const etag = headers.get("etag") ?? "";
    assert.match(etag, /^"[^"]+"$/);
    const again = await send(server, "/tracker.js", { headers: { "if-none-match": etag } });
    assert.deepEqual([again.status, again.text], [304, ""]);
    const stale = await send(server, "/tracker.js", { headers: { "if-none-match": '"old"' } });
    assert.equal(stale.status, 200);
  }),
  httpCase("the OpenAPI document names every endpoint and error", async (server) => {
    const { json } = await send(server, "/openapi.json");
    assert.match(json.openapi, /^3\.1\./);
    const paths = ["/telemetry/pageview", "/telemetry/event", "/telemetry/batch", "/visitors/{siteId}"];
    for (const path of [...paths, "/visitors/{siteId}/{visitorId}", "/events/{siteId}", "/tracker.js", "/health"]) {
      assert.ok(json.paths[path], path);
    }
    for (const status of ["400", "401", "403", "404", "413", "415", "429", "500", "503"]) {
      assert.ok(json.paths["/telemetry/pageview"].post.responses[status], status);
    }
  }),
];
