import { H3, readBody, toNodeHandler } from "h3";
import { createApp, createRouter, eventHandler, fromWebHandler, readBody as readBodyV1, toNodeListener, useBase } from "h3v1";
import { afterEach, describe, expect, it } from "vitest";
import { wysleap } from "../../adapters/h3.ts";
import { abortUpload, createEcho, listen, strays } from "./server.ts";

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const server of open.splice(0)) await server.close();
});

async function start(listener: Parameters<typeof listen>[0]) {
  const server = await listen(listener);
  open.push(server);
  return server.url;
}

const post = (url: string, body: string) => fetch(url, { method: "POST", body, headers: { "content-type": "application/json" } });

describe("h3 2", () => {
  it("answers below its mount, with the path relative to it and the socket's address", async () => {
    const url = await start(toNodeHandler(new H3().mount("/api", wysleap(createEcho().analytics))));
    const response = await post(`${url}/api/telemetry/pageview?a=1`, '{"siteId":"shop"}');
    expect(await response.json()).toEqual({ method: "POST", path: "/telemetry/pageview?a=1", ip: "127.0.0.1", text: '{"siteId":"shop"}' });
  });

  it("leaves the address to the analytics object, which knows the trusted proxies", async () => {
    const echo = createEcho();
    const url = await start(toNodeHandler(new H3().mount("/api", wysleap(echo.analytics))));
    await fetch(`${url}/api/visitors/shop`, { headers: { "x-forwarded-for": "203.0.113.9" } });
    expect(echo.calls[0]!.context.ip).toBeUndefined();
  });

  it("leaves the host's routes below the same prefix alone, before and after it, with their bodies", async () => {
    const app = new H3();
    app.get("/api/before", () => "before");
    app.mount("/api", wysleap(createEcho().analytics));
    app.post("/api/after", (event) => readBody(event));
    app.all("/api/**", () => "the host's catch-all");
    app.get("/apiary", () => "not below the mount");
    const url = await start(toNodeHandler(app));
    expect(await (await fetch(`${url}/api/before`)).text()).toBe("before");
    expect(await (await post(`${url}/api/after`, '{"own":1}')).json()).toEqual({ own: 1 });
    expect(await (await fetch(`${url}/api/elsewhere`)).text()).toBe("the host's catch-all");
    expect(await (await fetch(`${url}/apiary`)).text()).toBe("not below the mount");
    expect((await fetch(`${url}/nowhere`)).status).toBe(404);
    expect(await (await fetch(`${url}/api/visitors/shop`)).json()).toMatchObject({ path: "/visitors/shop" });
  });

  it("works at the root, twice in one app, and with the host's middleware around it", async () => {
    const app = new H3();
    app.use((event) => void event.res.headers.set("x-host", "was here"));
    app.mount("/one", wysleap(createEcho().analytics));
    app.mount("", wysleap(createEcho().analytics));
    const url = await start(toNodeHandler(app));
    const response = await fetch(`${url}/one/visitors/shop`);
    expect([response.headers.get("x-host"), response.headers.get("x-echo")]).toEqual(["was here", "yes"]);
    expect(await response.json()).toMatchObject({ path: "/visitors/shop" });
    expect(await (await fetch(`${url}/visitors/shop`)).json()).toMatchObject({ path: "/visitors/shop" });
  });

  it("answers HEAD and OPTIONS", async () => {
    const url = await start(toNodeHandler(new H3().mount("/api", wysleap(createEcho().analytics))));
    const head = await fetch(`${url}/api/visitors/shop`, { method: "HEAD" });
    expect([head.status, head.headers.get("x-echo"), await head.text()]).toEqual([200, "yes", ""]);
    expect(await (await fetch(`${url}/api/telemetry/event`, { method: "OPTIONS" })).json()).toMatchObject({ method: "OPTIONS" });
  });
});

const mounts = {
  "app.use": (handler) => createApp().use("/api", handler),
  "a router": (handler) => createApp().use(createRouter({ preemptive: true }).use("/api/**", handler)),
  useBase: (handler) => createApp().use(createRouter().use("/api/**", useBase("/api", handler))),
} satisfies Record<string, (handler: ReturnType<typeof eventHandler>) => ReturnType<typeof createApp>>;

describe.each(Object.entries(mounts))("h3 1 through %s", (_name, mount) => {
  it("answers below its mount, with the path relative to it and the socket's address", async () => {
    const url = await start(toNodeListener(mount(wysleap(createEcho().analytics))));
    const response = await post(`${url}/api/telemetry/pageview?a=1`, '{"siteId":"shop"}');
    expect(await response.json()).toEqual({ method: "POST", path: "/telemetry/pageview?a=1", ip: "127.0.0.1", text: '{"siteId":"shop"}' });
  });

  it("hands an encoded path on as it came", async () => {
    const url = await start(toNodeListener(mount(wysleap(createEcho().analytics))));
    const { path } = await (await fetch(`${url}/api/visitors/a%20b?c=%3F`)).json();
    expect(path.replace(" ", "%20")).toBe("/visitors/a%20b?c=%3F");
  });

  it("answers through fromWebHandler too", async () => {
    const url = await start(toNodeListener(mount(fromWebHandler(wysleap(createEcho().analytics)))));
    const response = await post(`${url}/api/telemetry/pageview?a=1`, '{"siteId":"shop"}');
    expect(await response.json()).toMatchObject({ method: "POST", path: "/telemetry/pageview?a=1", text: '{"siteId":"shop"}' });
    expect(await (await fetch(`${url}/api/visitors/shop`)).json()).toMatchObject({ method: "GET", path: "/visitors/shop" });
  });
});

describe("h3 1", () => {
  it("leaves the host's routes below the same prefix alone, before and after it, with their bodies", async () => {
    const app = createApp();
    app.use("/api/before", eventHandler(() => "before"));
    app.use("/api", wysleap(createEcho().analytics));
    app.use("/api/after", eventHandler((event) => readBodyV1(event)));
    const url = await start(toNodeListener(app));
    expect(await (await fetch(`${url}/api/before`)).text()).toBe("before");
    expect(await (await post(`${url}/api/after`, '{"own":1}')).json()).toEqual({ own: 1 });
    expect((await fetch(`${url}/api/nowhere`)).status).toBe(404);
  });

  it("goes on to the host's routes through fromWebHandler", async () => {
    const app = createApp();
    app.use("/api", fromWebHandler(wysleap(createEcho().analytics)));
    app.use("/api/after", eventHandler(() => "after"));
    const url = await start(toNodeListener(app));
    expect(await (await fetch(`${url}/api/after`)).text()).toBe("after");
  });

  it("takes the address that the platform gives", async () => {
    const echo = createEcho();
    const app = createApp({ onRequest: (event) => void (event.context.clientAddress = "203.0.113.9") });
    const url = await start(toNodeListener(app.use("/api", wysleap(echo.analytics))));
    expect(await (await fetch(`${url}/api/visitors/shop`)).json()).toMatchObject({ ip: "203.0.113.9" });
  });

  it("takes over a body that an Express parser around it has read", async () => {
    const { default: express } = await import("express");
    const h3App = createApp().use("/api", wysleap(createEcho().analytics));
    const url = await start(express().use(express.json()).use(toNodeListener(h3App)));
    expect(await (await post(`${url}/api/telemetry/event`, '{"siteId":"shop"}')).json()).toMatchObject({ parsed: { siteId: "shop" } });
  });

  it("survives a body that is refused before it has arrived", async () => {
    const refuse = (request: Request) => {
      const reader = request.body?.getReader();
      return reader && reader.read().then(() => reader.cancel()).then(() => new Response("too large", { status: 413 }));
    };
    for (const wrap of [fromWebHandler, (handler: unknown) => handler] as ((handler: unknown) => ReturnType<typeof eventHandler>)[]) {
      const app = createApp().use("/api", wrap(wysleap(createEcho(refuse).analytics)));
      const url = await start(toNodeListener(app));
      const found = await strays(async () => {
        await abortUpload(`${url}/api/telemetry/event`, ["a".repeat(1_000), "b".repeat(1_000)]);
        const body = new ReadableStream({
          async start(controller) {
            for (let part = 0; part < 5; part++) {
              controller.enqueue(Buffer.from("a".repeat(1_000)));
              await new Promise((resolve) => setTimeout(resolve, 5));
            }
            controller.close();
          },
        });
        await fetch(`${url}/api/telemetry/event`, { method: "POST", body, duplex: "half" } as RequestInit).catch(() => {});
      });
      expect(found).toEqual([]);
      expect((await fetch(`${url}/api/visitors/shop`)).status).toBe(200);
    }
  });
});
