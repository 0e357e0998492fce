import { gzipSync } from "node:zlib";
import express5 from "express";
// @ts-expect-error Express 4 brings no types under this name
import express4 from "express4";
import { afterEach, describe, expect, it } from "vitest";
import { wysleap } from "../../adapters/express.ts";
import { abortUpload, createEcho, listen, strays } from "./server.ts";

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const server of open.splice(0)) await server.close();
});

async function start(listener: Parameters<typeof listen>[0]) {
  const server = await listen(listener);
  open.push(server);
  return server;
}

const post = (url: string, body: string | Buffer, headers: Record<string, string> = {}) =>
  fetch(url, { method: "POST", body: body as BodyInit, headers: { "content-type": "application/json", ...headers } });

for (const [version, express] of [["4", express4 as typeof express5], ["5", express5]] as const) {
  describe(`Express ${version}`, () => {
    it("reads the body itself when no parser stands before it", async () => {
      const app = express().use("/api", wysleap(createEcho().analytics));
      const { url } = await start(app);
      const response = await post(`${url}/api/telemetry/pageview?a=1`, '{"siteId":"shop"}');
      expect(await response.json()).toMatchObject({ method: "POST", path: "/telemetry/pageview?a=1", text: '{"siteId":"shop"}' });
    });

    it.each([
      ["json", express.json(), "application/json", { siteId: "shop" }],
      ["text", express.text({ type: "*/*" }), "text/plain", '{"siteId":"shop"}'],
      ["raw", express.raw({ type: "*/*" }), "application/json", { buffer: '{"siteId":"shop"}' }],
    ])("takes over what express.%s has parsed, also of a compressed body", async (_name, parser, type, parsed) => {
      const app = express().use(parser).use("/api", wysleap(createEcho().analytics));
      const { url } = await start(app);
      const plain = await post(`${url}/api/telemetry/event`, '{"siteId":"shop"}', { "content-type": type });
      expect((await plain.json()).parsed).toEqual(parsed);
      const gzip = { "content-type": type, "content-encoding": "gzip" };
      const packed = await post(`${url}/api/telemetry/event`, gzipSync('{"siteId":"shop"}'), gzip);
      expect((await packed.json()).parsed).toEqual(parsed);
    });

    it("takes over a form that express.urlencoded has parsed", async () => {
      const app = express().use(express.urlencoded({ extended: true })).use("/api", wysleap(createEcho().analytics));
      const { url } = await start(app);
      const response = await post(`${url}/api/telemetry/event`, "siteId=shop", { "content-type": "application/x-www-form-urlencoded" });
      expect((await response.json()).parsed).toEqual({ siteId: "shop" });
    });

    it("reads a body that the parser before it left alone because of its type", async () => {
      const app = express().use(express.json()).use("/api", wysleap(createEcho().analytics));
      const { url } = await start(app);
      const response = await post(`${url}/api/telemetry/event`, '{"siteId":"shop"}', { "content-type": "text/plain" });
      expect(await response.json()).toMatchObject({ text: '{"siteId":"shop"}' });
    });

    it("leaves the host's routes below the same prefix alone, before and after it, with their bodies", async () => {
      const app = express();
      app.get("/api/before", (_request, response) => void response.send("before"));
      app.use("/api", wysleap(createEcho().analytics));
      app.post("/api/after", express.json(), (request, response) => void response.json(request.body));
      const { url } = await start(app);
      expect(await (await fetch(`${url}/api/before`)).text()).toBe("before");
      expect(await (await post(`${url}/api/after`, '{"own":[1,2]}')).json()).toEqual({ own: [1, 2] });
      const missing = await fetch(`${url}/api/nowhere`);
      expect([missing.status, missing.headers.get("x-wysleap-route")]).toEqual([404, null]);
      expect(await missing.text()).toContain("Cannot GET /api/nowhere");
    });

    it("takes the client's address from the host's trust proxy", async () => {
      const forged = { "x-forwarded-for": "203.0.113.9" };
      const trusting = express().set("trust proxy", 1).use("/api", wysleap(createEcho().analytics));
      const wary = express().use("/api", wysleap(createEcho().analytics));
      const ipFrom = async (app: typeof wary) =>
        (await (await fetch(`${(await start(app)).url}/api/visitors/shop`, { headers: forged })).json()).ip;
      expect(await ipFrom(trusting)).toBe("203.0.113.9");
      expect(await ipFrom(wary)).toBe("127.0.0.1");
    });

    it("answers HEAD and OPTIONS", async () => {
      const { url } = await start(express().use("/api", wysleap(createEcho().analytics)));
      const head = await fetch(`${url}/api/visitors/shop`, { method: "HEAD" });
      expect([head.status, head.headers.get("x-echo"), await head.text()]).toEqual([200, "yes", ""]);
      const options = await fetch(`${url}/api/telemetry/event`, { method: "OPTIONS" });
      expect(await options.json()).toMatchObject({ method: "OPTIONS" });
    });

    it("gives an unexpected failure to the host's error handler, once", async () => {
      const errors: unknown[] = [];
      const app = express().use("/api", wysleap(createEcho(() => Promise.reject(new Error("unexpected"))).analytics));
      app.use(((error, _request, response, _next) => {
        errors.push(error);
        response.status(500).send("host's own page");
      }) as import("express").ErrorRequestHandler);
      const { url } = await start(app);
      const response = await fetch(`${url}/api/telemetry/event`);
      expect([response.status, await response.text()]).toEqual([500, "host's own page"]);
      expect(errors).toEqual([new Error("unexpected")]);
    });

    it("is silent when the host has answered in the meantime", async () => {
      const app = express();
      app.use((_request, response, next) => {
        next();
        response.status(503).write("the host ");
        setTimeout(() => response.end("was faster"), 20);
      });
      app.use("/api", wysleap(createEcho().analytics));
      const { url } = await start(app);
      const found = await strays(async () => {
        const response = await fetch(`${url}/api/visitors/shop`);
        expect([response.status, await response.text()]).toEqual([503, "the host was faster"]);
      });
      expect(found).toEqual([]);
    });

    it("ends quietly when the client goes away in the middle of its upload", async () => {
      const errors: unknown[] = [];
      const echo = createEcho(async (request) => {
        await request.text().catch(() => {});
        return new Response("too late");
      });
      const app = express().use("/api", wysleap(echo.analytics));
      app.use(((error, _request, _response, next) => {
        errors.push(error);
        next(error);
      }) as import("express").ErrorRequestHandler);
      const { url } = await start(app);
      const found = await strays(() => abortUpload(`${url}/api/telemetry/event`, ["{", '"siteId"']));
      expect(echo.calls).toHaveLength(1);
      expect([found, errors]).toEqual([[], []]);
    });

    it("stops an export whose reader has gone", async () => {
      let cancel = () => {};
      const cancelled = new Promise<void>((resolve) => (cancel = resolve));
      const echo = createEcho(async () => new Response(new ReadableStream({
        pull: (controller) => controller.enqueue(Buffer.alloc(64_000)),
        cancel,
      })));
      const { url } = await start(express().use("/api", wysleap(echo.analytics)));
      const found = await strays(async () => {
        const reader = (await fetch(`${url}/api/visitors/shop`)).body!.getReader();
        await reader.read();
        await reader.cancel();
        await cancelled;
      });
      expect(found).toEqual([]);
    });

    it("adds nothing to the host's request and response", async () => {
      const added = async (mount: express5.RequestHandler) => {
        const keys: PropertyKey[] = [];
        const app = express().use((request, response, next) => {
          const before = new Set([...Reflect.ownKeys(request), ...Reflect.ownKeys(response)]);
          response.on("finish", () => {
            keys.push(...[...Reflect.ownKeys(request), ...Reflect.ownKeys(response)].filter((key) => !before.has(key)));
          });
          next();
        });
        const { url } = await start(app.use("/api", mount));
        await (await post(`${url}/api/telemetry/event`, "{}")).text();
        return keys;
      };
      const without = await added((request, response) => void request.resume().on("end", () => response.writeHead(200).end("{}")));
      const withUs = await added(wysleap(createEcho().analytics));
      expect(withUs.filter((key) => !without.includes(key))).toEqual([]);
    });
  });
}

describe("without Express", () => {
  it("serves a plain Node server and calls next for what is not ours", async () => {
    const middleware = wysleap(createEcho().analytics);
    const { url } = await start((request, response) => middleware(request, response, () => response.end("next")));
    expect(await (await fetch(`${url}/visitors/shop`)).json()).toMatchObject({ path: "/visitors/shop", ip: "127.0.0.1" });
    expect(await (await fetch(`${url}/other`)).text()).toBe("next");
  });
});
