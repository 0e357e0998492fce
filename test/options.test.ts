import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { createAnalytics } from "../src/index.ts";
import type { AnalyticsOptions } from "../src/index.ts";

const KEY = "a-secret-key-of-24-chars-or-more";
const site = { id: "shop", apiKey: KEY };
const hook = { url: "https://hooks.example/in", secret: "whsec_d3lzbGVhcC10ZXN0LXZlY3Rvci1zZWNyZXQtMzJieXQ=" };

const wrong: [what: string, options: unknown, message: string][] = [
  ["nothing", undefined, "options is missing"],
  ["no sites", {}, "sites is missing"],
  ["sites that are no list", { sites: "shop" }, "sites must be a list"],
  ["a site that is no object", { sites: [null] }, "sites[0] must be an object"],
  ["an id with a slash", { sites: [{ id: "a/b", apiKey: KEY }] }, "sites[0].id must be"],
  ["no key", { sites: [site, { id: "blog" }] }, "sites[1].apiKey is missing; give site 'blog' a key"],
  ["an empty key", { sites: [{ id: "shop", apiKey: [] }] }, "sites[0].apiKey is missing"],
  ["half a digest", { sites: [{ id: "shop", apiKey: "sha256:abc" }] }, "sites[0].apiKey must have 64 hex digits"],
  ["one key for both", { sites: [{ ...site, writeKey: KEY }] }, "sites[0].writeKey must differ from apiKey"],
  ["an id twice", { sites: [site, site] }, 'sites[1].id is "shop" a second time'],
  ["an unknown plan", { sites: [{ ...site, plan: "gold" }] }, "sites[0].plan must be"],
  ["a plan of the prototype's", { sites: [{ ...site, plan: "constructor" }] }, "sites[0].plan must be"],
  ["an origin with a path", { sites: [{ ...site, origins: ["https://a.example/x"] }] }, "sites[0].origins[0] must be an origin"],
  ["a made-up time zone", { sites: [{ ...site, timeZone: "Mars/Base" }] }, 'sites[0].timeZone is "Mars/Base"'],
  ["a webhook to an inner address", { sites: [{ ...site, webhooks: [{ ...hook, url: "https://10.0.0.1/" }] }] }, "sites[0].webhooks[0].url"],
  ["a webhook over http", { sites: [{ ...site, webhooks: [{ ...hook, url: "http://hooks.example/" }] }] }, "sites[0].webhooks[0].url"],
  ["a webhook without a secret", { sites: [{ ...site, webhooks: [{ url: hook.url }] }] }, "sites[0].webhooks[0].secret is missing"],
  ["an unknown webhook event", { sites: [{ ...site, webhooks: [{ ...hook, events: ["click"] }] }] }, 'sites[0].webhooks[0].events has "click"'],
  ["medium above high", { sites: [site], intent: { medium: 80 } }, "intent.medium must be below intent.high"],
  ["a negative retention", { sites: [site], retention: { days: -1 } }, "retention.days must be a number from 1 to 3650"],
  ["a proxy that is no range", { sites: [site], trustProxy: ["10.0.0.0/33"] }, "trustProxy[0]"],
  ["bots misspelt", { sites: [site], bots: "keep" }, "bots must be one of exclude, count"],
  ["a logger that lacks a level", { sites: [site], logger: { info() {} } }, "logger.debug must be a function"],
  ["a limiter that cannot count", { sites: [site], rateLimit: { limiter: {} } }, "rateLimit.limiter must have a consume"],
  ["a tracker's path that is taken", { sites: [site], trackerPath: "/telemetry/x.js" }, 'trackerPath is "/telemetry/x.js", which the library needs'],
  ["a tracker's path that is none", { sites: [site], trackerPath: "app.js" }, "trackerPath must be a path"],
  ["a clock that is a number", { sites: [site], now: 5 }, "now must be a function"],
  ["an option misspelt", { sites: [site], stroage: 1 }, "stroage is unknown; there are sites, storage,"],
  ["a site's field misspelt", { sites: [{ ...site, orgins: [] }] }, "sites[0].orgins is unknown; there are id, name, apiKey,"],
  ["a webhook's field misspelt", { sites: [{ ...site, webhooks: [{ ...hook, foo: 1 }] }] }, "sites[0].webhooks[0].foo is unknown"],
  ["a nested option misspelt", { sites: [site], intent: { hihg: 3 } }, "intent.hihg is unknown; there are high, medium"],
  ["a replay's option misspelt", { sites: [site], replay: { foo: 1 } }, "replay.foo is unknown"],
  ["a hook misspelt", { sites: [site], hooks: { droped() {} } }, "hooks.droped is unknown; there are dropped,"],
  ["a name of Object's", { sites: [site], constructor: 5 }, "constructor is unknown"],
  ["no id", { sites: [{ apiKey: KEY }] }, "sites[0].id is missing"],
  ["origins that are a text", { sites: [{ ...site, origins: "https://x" }] }, "sites[0].origins must be a list"],
  ["an origin that is a number", { sites: [{ ...site, origins: [5] }] }, "sites[0].origins[0] must be an origin"],
  ["webhooks that are no list", { sites: [{ ...site, webhooks: {} }] }, "sites[0].webhooks must be a list"],
  ["a webhook that is null", { sites: [{ ...site, webhooks: [null] }] }, "sites[0].webhooks[0] must be an object like"],
  ["no webhook events", { sites: [{ ...site, webhooks: [{ ...hook, events: [] }] }] }, "sites[0].webhooks[0].events must be a list"],
  ["webhook events that are a text", { sites: [{ ...site, webhooks: [{ ...hook, events: "event" }] }] }, "sites[0].webhooks[0].events must be a list"],
  ["an order that is a text", { sites: [{ ...site, webhooks: [{ ...hook, ordered: "y" }] }] }, "sites[0].webhooks[0].ordered must be true or false"],
  ["a secret that is a number", { sites: [{ ...site, webhooks: [{ ...hook, secret: 5 }] }] }, "sites[0].webhooks[0].secret is missing"],
  ["half a request a minute", { sites: [{ ...site, plan: 1.5 }] }, "sites[0].plan must be a whole number"],
  ["a plan that is null", { sites: [{ ...site, plan: null }] }, "sites[0].plan must be"],
  ["requireOrigin as a text", { sites: [{ ...site, requireOrigin: "yes" }] }, "sites[0].requireOrigin must be true or false"],
  ["a time zone that is a number", { sites: [{ ...site, timeZone: 5 }] }, "sites[0].timeZone is"],
  ["a name that is a number", { sites: [{ ...site, name: 5 }] }, "sites[0].name must be a text"],
  ["storage that is a path", { sites: [site], storage: "./data" }, "storage must be an unstorage driver like"],
  ["storage that is empty", { sites: [site], storage: {} }, "storage must be an unstorage driver"],
  ["storage that is null", { sites: [site], storage: null }, "storage must be an unstorage driver"],
  ["a driver that was not made", { sites: [site], storage: () => {} }, "storage must be an unstorage driver"],
  ["storage that cannot write", { sites: [site], storage: { getItem() {}, removeItem() {}, getKeys() {} } }, "storage must be an unstorage driver like fsDriver({ base }), or a Storage; this one cannot write"],
  ["an event store that is none", { sites: [site], events: {} }, "events must be an EventStore, with append,"],
  ["a clock that answers a text", { sites: [site], now: () => "x" }, "now must return epoch milliseconds"],
  ["a retention that is a number", { sites: [site], retention: 395 }, "retention must be an object with days"],
  ["intent that is a number", { sites: [site], intent: 5 }, "intent must be an object with high, medium"],
  ["webhooks that are a list", { sites: [site], webhooks: [] }, "webhooks must be an object with transport,"],
  ["a hook that is a number", { sites: [site], hooks: { dropped: 5 } }, "hooks.dropped must be a function"],
  ["a transport that is a number", { sites: [site], webhooks: { transport: 5 } }, "webhooks.transport must be a function"],
  ["allowInsecure as a number", { sites: [site], webhooks: { allowInsecure: 1 } }, "webhooks.allowInsecure must be true or false"],
  ["a network that is none", { sites: [site], webhooks: { allowPrivateNetwork: ["x"] } }, 'webhooks.allowPrivateNetwork[0] must be one: "x" is not a CIDR range'],
  ["a network that is a text", { sites: [site], webhooks: { allowPrivateNetwork: "false" } }, "webhooks.allowPrivateNetwork must be a list of CIDR ranges, or true or false"],
  ["a header that is a number", { sites: [site], geo: { header: 5 } }, "geo.header must be a header's name"],
  ["bytes that are no MMDB", { sites: [site], geo: { mmdb: new Uint8Array(10) } }, "geo.mmdb must be the bytes of an MMDB file"],
  ["a logger that is true", { sites: [site], logger: true }, "logger.debug must be a function"],
  ["a logger that is null", { sites: [site], logger: null }, "logger.debug must be a function"],
];

describe("createAnalytics throws at once, and names the option, for", () => {
  test.each(wrong)("%s", (_, options, message) => {
    expect(() => createAnalytics(options as AnalyticsOptions)).toThrow(TypeError);
    expect(() => createAnalytics(options as AnalyticsOptions)).toThrow(message);
  });
});

test("an option that is undefined has its default", () => {
  const names = ["storage", "events", "intent", "geo", "replay", "retention", "webhooks", "hooks", "logger", "now"];
  const undefineds = Object.fromEntries(names.map((name) => [name, undefined]));
  expect(() => createAnalytics({ sites: [{ ...site, plan: undefined, webhooks: undefined }], ...undefineds })).not.toThrow();
});

test("what is allowed but unwise is told once, to the logger only", () => {
  const lines: string[] = [];
  const log = (line: string) => lines.push(line);
  createAnalytics({ sites: [{ id: "shop", apiKey: "short", origins: ["https://a.example"] }], logger: { debug: log, info: log, warn: log, error: log } });
  expect(lines.join("\n")).toMatch(/sites\[0\]\.apiKey is shorter than 24/);
  expect(lines.join("\n")).toMatch(/origins but no writeKey/);
  expect(lines.join("\n")).not.toContain('"short"');
});

test("no key or secret shows when the object is logged", () => {
  const analytics = createAnalytics({ sites: [{ ...site, webhooks: [hook] }] });
  expect(inspect(analytics, { depth: 20, showHidden: true })).not.toContain(KEY);
  expect(JSON.stringify(analytics)).not.toContain(KEY);
});

test("a site that was looked up and is none is answered 500, with the field in the log only", async () => {
  const lines: string[] = [];
  const log = (line: string) => lines.push(line);
  const logger = { debug: log, info: log, warn: log, error: log };
  const analytics = createAnalytics({ sites: (id) => ({ id, apiKey: KEY, plan: "gold" as never }), logger });
  const ask = async () => analytics.fetch(new Request("http://host/visitors/shop", { headers: { "x-api-key": KEY } }));
  const answers = [await ask(), await ask()];
  expect(answers.map(({ status }) => status)).toEqual([500, 500]);
  expect(await answers[0]!.text()).not.toContain("plan");
  expect(lines.filter((line) => line.includes('sites("shop").plan must be "free", "pro", "business"'))).toHaveLength(1);
  await expect(analytics.getVisitors("shop")).rejects.toMatchObject({ name: "AnalyticsError", code: "SERVER_ERROR" });
  await analytics.close();
});
