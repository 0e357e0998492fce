import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { until } from "./browser.ts";
import { hasChromium, openUnwatched } from "./chromium.ts";
import { createPageServer, type PageServer } from "./page-server.ts";

const paths = (server: PageServer) => server.pageviews().map((item) => new URL(item.pageUrl).pathname);
/** What the page says to the test. */
const say = (text: string) => `fetch("/api/health?" + ${text})`;

describe.skipIf(!hasChromium && process.env.CI !== "true")("in a browser that nobody watches", { timeout: 60_000 }, () => {
  let server: PageServer;
  let close: (() => Promise<void>) | undefined;

  beforeEach(async () => {
    server = await createPageServer();
  });
  afterEach(async () => {
    await close?.();
    await server.close();
  });
  const heard = (name: string) => server.asked.find((path) => path.startsWith(`/health?${name}`));

  it("a page that Chromium prerenders counts when it is shown, and not before", async () => {
    const rules = '<script type="speculationrules">{ "prerender": [{ "source": "list", "urls": ["/next"], "eagerness": "immediate" }] }</script>';
    server.pages.set("/", { html: `<!doctype html><title>First</title>${server.tag()}${rules}<script>setTimeout(() => (location.href = "/next"), 3_000)</script>` });
    server.pages.set("/next", {
      html: `<!doctype html><title>Next</title>${server.tag()}<script>${say('"prerendering=" + document.prerendering')};
        document.addEventListener("prerenderingchange", () => ${say('"shown=" + Date.now()')});</script>`,
    });
    close = openUnwatched(`${server.origin}/`);
    await until(() => paths(server).includes("/next"));
    await until(() => heard("shown"));
    expect(heard("prerendering")).toBe("/health?prerendering=true");
    expect(paths(server)).toEqual(["/", "/next"]);
    const shown = Number(heard("shown")!.split("=")[1]);
    expect(server.pageviews()[1]!.timestamp).toBeGreaterThan(shown - 100);
    expect(server.pageviews()[1]!["pageTitle"]).toBe("Next");
  });

  it("a page that comes back from Chromium's back/forward cache counts again", async () => {
    server.pages.set("/first", {
      html: `<!doctype html><title>First</title>${server.tag()}<script>addEventListener("pageshow", (event) => event.persisted && ${say('"restored"')});
        setTimeout(() => (location.href = "/second"), 2_000)</script>`,
    });
    server.pages.set("/second", { html: `<!doctype html><title>Second</title>${server.tag()}<script>setTimeout(() => history.back(), 2_000)</script>` });
    close = openUnwatched(`${server.origin}/first`);
    await until(() => heard("restored"));
    await until(() => paths(server).length === 3);
    expect(paths(server)).toEqual(["/first", "/second", "/first"]);
    expect(new Set(server.pageviews().map((item) => item["pageviewId"])).size).toBe(3);
    expect(new Set(server.accepted().map((item) => item["sessionId"])).size).toBe(1);
  });
});
