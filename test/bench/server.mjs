// One server under load: node server.mjs <host> <driver>. Prints its port. Hosts: bare, fetch, h3, express-bare, express.
import { monitorEventLoopDelay } from "node:perf_hooks";
import express from "express";
import { H3, HTTPResponse, toNodeHandler } from "h3";
import { createServer } from "node:http";
import * as v from "valibot";

const [host = "h3", driver = "memory"] = process.argv.slice(2);

async function openStorage() {
  if (driver === "fs") {
    const { default: fs } = await import("unstorage/drivers/fs");
    return fs({ base: process.env.BENCH_BASE });
  }
  if (driver === "redis") {
    const { default: redis } = await import("unstorage/drivers/redis");
    return redis({ host: "127.0.0.1", port: Number(process.env.REDIS_PORT ?? 6379), base: `bench${process.pid}` });
  }
  const { default: memory } = await import("unstorage/drivers/memory");
  return memory();
}

/** What a careful person would write by hand: read, validate, answer the same bytes. */
const schema = v.object({
  siteId: v.string(), pageUrl: v.pipe(v.string(), v.url()), pageTitle: v.optional(v.string()), referrer: v.optional(v.string()),
  visitorId: v.optional(v.string()), sessionId: v.optional(v.string()), userAgent: v.optional(v.string()),
  screenWidth: v.optional(v.number()), screenHeight: v.optional(v.number()), language: v.optional(v.string()), timeZone: v.optional(v.string()),
  _apiKey: v.string(),
});
// the same bytes as the library answers
const headers = {
  "content-type": "application/json; charset=utf-8", "x-content-type-options": "nosniff", vary: "Origin",
  "x-ratelimit-limit": "10000000", "x-ratelimit-remaining": "9999999", "x-ratelimit-reset": "1795523818",
  "ratelimit-policy": '"key";q=10000000;w=60', ratelimit: '"key";r=9999999;t=60',
};

function bareAnswer(received) {
  const body = v.parse(schema, received);
  return JSON.stringify({
    success: true, message: "Pageview tracked successfully", visitorId: body.visitorId, sessionId: body.sessionId,
    timestamp: "2025-01-15T10:30:00Z", pageviewId: "pv_0123456789abcdef",
  });
}

const bareH3 = () => new H3().post("/api/telemetry/pageview", async (event) => new HTTPResponse(bareAnswer(await event.req.json()), { headers }));

function bareExpress() {
  const app = express();
  app.get("/own", (_, res) => res.send("own"));
  app.post("/api/telemetry/pageview", express.json(), (req, res) => res.set(headers).send(bareAnswer(req.body)));
  return app;
}

/** To see what everything but the store costs. */
const nullStore = {
  append: async () => {}, report: async () => ({}), timeline: async () => ({ events: [] }), erase: async () => {},
  async *read() {}, close: async () => {},
};

const webhook = (url) => ({ url, secret: "whsec_d3lzbGVhcC10ZXN0LXZlY3Rvci1zZWNyZXQtMzJieXQ=", events: ["pageview"] });

let close = async () => {};

async function createHost() {
  if (host === "bare") return createServer(toNodeHandler(bareH3()));
  if (host === "express-bare") return createServer(bareExpress());
  const { createAnalytics } = await import("wysleap");
  const analytics = createAnalytics({
    ...(driver === "null" ? { events: nullStore } : { storage: await openStorage() }),
    sites: [{ id: "demo", apiKey: "secret-key-of-the-demo-site", writeKey: "public-key-of-the-demo-site", plan: 10_000_000, webhooks: process.env.BENCH_WEBHOOK ? [webhook(process.env.BENCH_WEBHOOK)] : undefined }],
    webhooks: { allowPrivateNetwork: true },
    rateLimit: { perNetwork: 1_000_000 },
  });
  close = () => analytics.close();
  if (host === "express") {
    const { wysleap } = await import("wysleap/express");
    const app = express();
    app.get("/own", (_, res) => res.send("own"));
    app.use("/api", wysleap(analytics));
    return createServer(app);
  }
  if (host === "fetch") {
    const { toNodeHandler: toHandler } = await import("srvx/node");
    return createServer(toHandler((request) => analytics.fetch(request, { path: request.url.slice(request.url.indexOf("/api") + 4) })));
  }
  const { wysleap } = await import("wysleap/h3");
  return createServer(toNodeHandler(new H3().mount("/api", wysleap(analytics))));
}

const server = await createHost();
const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();
server.listen(0, "127.0.0.1", () => process.send?.({ port: server.address().port }));
process.once("disconnect", () => process.exit(1)); // whoever measures is gone
process.on("message", async (message) => {
  if (message === "stats") {
    const { rss, heapTotal, heapUsed, external } = process.memoryUsage();
    const { user, system } = process.cpuUsage();
    process.send({ rss, heapTotal, heapUsed, external, cpuUs: user + system, delay: delay.percentile(99.9) / 1e6, worst: delay.max / 1e6 });
    delay.reset();
  }
  if (message === "stop") {
    server.closeAllConnections();
    server.close();
    await close();
    process.exit(0);
  }
});
