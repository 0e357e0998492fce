import { type RequestListener, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import express5 from "express";
// @ts-expect-error Express 4 brings no types under this name
import express4 from "express4";
import { H3, toNodeHandler as toH3Handler } from "h3";
import { createApp, eventHandler, fromWebHandler, toNodeListener } from "h3v1";
import { toNodeHandler } from "srvx/node";
import { wysleap as wysleapExpress } from "../../adapters/express.ts";
import { wysleap as wysleapH3 } from "../../adapters/h3.ts";
import { type Analytics, type AnalyticsOptions, createAnalytics } from "../../src/index.ts";
import { CONTRACT_SITES, type HttpSubject } from "../../src/testing/case.ts";
import { type NitroVersion, buildNitro, startNitro } from "../fixtures/nitro.ts";

/** A way to run the library for real: every one of them keeps the whole HTTP contract. */
export interface Host {
  name: string;
  /** A server of its own on loopback, with nothing stored yet. */
  create(): Promise<HttpSubject>;
  /** Cases that the host's own parser decides before the request comes to us. They are expected to fail. */
  decidedBefore?: string[];
}

type Express = typeof express5;

/** Below this path every host but the bare one mounts the library. */
const PREFIX = "/api";

/** express.json's own 100 kB would answer before us. */
const PARSER_LIMIT = "10mb";

/** A parser that takes every type answers unknown encodings itself, and reads a refused body to its end. */
const TAKES_ALL = ["a compressed body is inflated, once", "a chunked body is cut off at its limit"];
/** body-parser 1 knows no brotli. */
const NO_BROTLI = "a bomb is refused: 8 MB of spaces in a few bytes";
const REPLACES_UTF8 = "broken UTF-8 is a 400, a byte order mark is none of the text, another charset is a 415";

export const hosts: Host[] = [
  { name: "bare fetch", create: () => serve((analytics) => toNodeHandler(analytics.fetch) as RequestListener, "") },
  ...expressHosts("Express 4", express4),
  ...expressHosts("Express 5", express5),
  { name: "h3 2", create: () => serve((analytics) => toH3Handler(h3App(analytics)) as RequestListener) },
  { name: "h3 1", create: () => serve((analytics) => toNodeListener(h3v1App(wysleapH3(analytics)))) },
  {
    name: "h3 1 through fromWebHandler",
    create: () => serve((analytics) => toNodeListener(h3v1App(fromWebHandler(wysleapH3(analytics))))),
  },
  nitroHost(2),
  nitroHost(3),
];

function expressHosts(name: string, express: Express): Host[] {
  const create = (parser?: express5.RequestHandler) => () => serve((analytics) => {
    const app = express();
    app.get(`${PREFIX}/earlier`, (_request, response) => void response.send("earlier"));
    if (parser) app.use(parser);
    app.use(PREFIX, wysleapExpress(analytics));
    app.get(`${PREFIX}/own`, (_request, response) => void response.type("text").send("own"));
    return app;
  });
  const all = { type: "*/*", limit: PARSER_LIMIT };
  const taken = express === express5 ? TAKES_ALL : [...TAKES_ALL, NO_BROTLI];
  return [
    { name, create: create() },
    { name: `${name} behind express.json`, create: create(express.json({ limit: PARSER_LIMIT })) },
    { name: `${name} behind express.text`, create: create(express.text(all)), decidedBefore: [...taken, REPLACES_UTF8] },
    { name: `${name} behind express.raw`, create: create(express.raw(all)), decidedBefore: taken },
  ];
}

function h3App(analytics: Analytics): H3 {
  return new H3().get(`${PREFIX}/earlier`, () => "earlier").mount(PREFIX, wysleapH3(analytics)).get(`${PREFIX}/own`, () => "own");
}

function h3v1App(handler: ReturnType<typeof eventHandler>) {
  return createApp()
    .use(`${PREFIX}/earlier`, eventHandler(() => "earlier"))
    .use(PREFIX, handler)
    .use(`${PREFIX}/own`, eventHandler(() => "own"));
}

function nitroHost(version: NitroVersion): Host {
  return {
    name: `Nitro ${version}`,
    async create() {
      const { url, close } = await startNitro(await buildNitro(version));
      return { base: url + PREFIX, ownRoute: `${url}${PREFIX}/own`, close: async () => void (await close()) };
    },
  };
}

/** The library over the contract's sites on a real socket; `mount` puts it into the host. */
export async function serve(
  mount: (analytics: Analytics) => RequestListener,
  prefix = PREFIX,
  options: Partial<AnalyticsOptions> = {},
): Promise<HttpSubject> {
  const analytics = createAnalytics({ sites: CONTRACT_SITES, ...options });
  const server = createServer(mount(analytics));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    base: url + prefix,
    ownRoute: prefix ? `${url}${prefix}/own` : undefined,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await analytics.close();
    },
  };
}
