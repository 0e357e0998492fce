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
];

describe("createAnalytics throws at once, and names the option, for", () => {
  test.each(wrong)("%s", (_, options, message) => {
    expect(() => createAnalytics(options as AnalyticsOptions)).toThrow(TypeError);
    expect(() => createAnalytics(options as AnalyticsOptions)).toThrow(message);
  });
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
