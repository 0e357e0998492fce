import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { until } from "./browser.ts";
import { hasChromium, launchBrowser } from "./chromium.ts";
import { createPageServer } from "./page-server.ts";

/** Words that public lists of blocked addresses look for. */
const TELLING = /track|telemetr|analytic|event|collect|beacon|pixel|stat|metric|replay|record|session|visit|log|wysleap/i;

describe.skipIf(!hasChromium && process.env.CI !== "true")("addresses of the owner's choice", { timeout: 60_000 }, () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(() => browser.close());

  it.each(["", "data-hash-routing", "data-session-replay"])("with trackerPath a page asks for nothing that a list could name, %s", async (attributes) => {
    const server = await createPageServer({ trackerPath: "/ui/app.js", replay: true });
    server.attributes = attributes;
    const page = await browser.newPage();
    const asked = new Set<string>();
    page.on("request", (request) => asked.add(`${request.method()} ${request.url().slice(server.origin.length)}`));
    await page.goto(server.origin);
    await until(() => server.pageviews().length === 1 && asked.has("POST /api/ui/app.js"));
    if (attributes.includes("replay")) await until(async () => (await server.analytics.getReplays("demo")).replays.length);
    expect([...asked].filter((url) => TELLING.test(url))).toEqual([]);
    const more = attributes === "" ? [] : ["GET /api/ui/app.js?full"];
    const replay = attributes.includes("replay") ? ["GET /api/ui/app.js?rec", "POST /api/ui/app.js?rec"] : [];
    expect([...asked].toSorted()).toEqual(["GET /", "GET /api/ui/app.js", ...more, ...replay, "POST /api/ui/app.js"].toSorted());
    expect((await fetch(`${server.origin}/api/tracker.js`)).status).toBe(404);
    await page.close();
    await server.close();
  });
});
