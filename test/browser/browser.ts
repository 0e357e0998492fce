import { type Browser, type BrowserContext, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { CHROMIUM, hasChromium, launchBrowser } from "./chromium.ts";
import { createPageServer, type PageServer } from "./page-server.ts";

const missing = !hasChromium;

export interface Stage {
  server: PageServer;
  browser: Browser;
  context: BrowserContext;
  /** A new tab in which an error or an unhandled rejection fails the test. */
  open(path?: string, before?: (page: Page) => Promise<unknown>): Promise<Page>;
}

/** A group of tests with one Chromium, and for each test a fresh server and profile. */
export function describeInBrowser(name: string, tests: (stage: Stage) => void): void {
  if (missing && process.env.CI === "true") {
    describe(name, () => {
      it("has a browser", () => expect.fail(`${CHROMIUM} is missing; install it (apt-get install chromium)`));
    });
    return;
  }
  describe.skipIf(missing)(missing ? `${name} (skipped: ${CHROMIUM} is missing)` : name, () => {
    const stage = {} as Stage;
    let errors: string[] = [];

    beforeAll(async () => {
      stage.browser = await launchBrowser();
    });
    afterAll(() => stage.browser?.close());
    beforeEach(async () => {
      errors = [];
      stage.server = await createPageServer();
      stage.context = await stage.browser.newContext();
      stage.open = async (path = "/", before) => {
        const page = await stage.context.newPage();
        page.on("pageerror", (error) => errors.push(String(error)));
        await before?.(page);
        await page.goto(stage.server.origin + path);
        // where the page asks for more, the script has loaded its larger self by then
        const active = () => page.evaluate(() => "WysLeap" in window);
        for (let tries = 0; tries < 40 && !(await active()); tries++) await page.waitForTimeout(10);
        return page;
      };
    });
    afterEach(async () => {
      await stage.context.close();
      await stage.server.close();
      expect(errors).toEqual([]);
    });
    tests(stage);
  });
}

/** Waits until `check` holds; the test's own time limit ends a vain wait. */
export async function until(check: () => unknown): Promise<void> {
  while (!(await check())) await new Promise((resolve) => setTimeout(resolve, 10));
}

const START = Date.UTC(2026, 0, 15, 10, 30);

/** Time in the page stands still but for `page.clock.runFor()` and `fastForward()`. */
export async function withClock(page: Page): Promise<void> {
  await page.clock.install({ time: START });
  await page.clock.pauseAt(START + 1_000);
}

const REQUEST_MS = 200;

/** Lets time pass in the page, second by second, until `check` holds; requests take their real time. */
export const runUntil = (page: Page, check: () => unknown): Promise<void> =>
  until(async () => {
    await page.clock.runFor(1_000);
    await page.waitForTimeout(REQUEST_MS);
    return check();
  });

/**
 * Lets time pass in the page, and every request be answered before its own time is up. What waits behind one that was
 * not answered yet leaves with the next second.
 */
export async function pass(page: Page, ms: number): Promise<void> {
  await page.waitForTimeout(REQUEST_MS);
  for (let left = ms; left > 0; left -= 5_000) {
    await page.clock.runFor(Math.min(left, 5_000));
    for (let tries = 0; tries < 20 && (await kept(page)).length > 0; tries++) await page.waitForTimeout(20);
  }
}

/** All that was sent has been answered, so that nothing is under way. */
export const settled = (page: Page): Promise<void> =>
  until(async () => (await kept(page)).length === 0);

/** The items that wait in the page's storage for an answer, oldest first. */
export const kept = (page: Page): Promise<{ type: string; eventName?: string }[]> =>
  page.evaluate(() =>
    Object.keys(localStorage)
      .filter((key) => key.startsWith("wysleap-demo-evt_"))
      .toSorted()
      .map((key) => JSON.parse(localStorage[key])),
  );

/** Runs in the page: the page's own use of the tracker. */
export const trackEvent = (page: Page, name: string, data?: Record<string, unknown>) =>
  page.evaluate(([name, data]) => window.WysLeap!.trackEvent(name, data), [name, data] as const);

/** Everything that waits in the page leaves, as when the page is left; resolves when it has arrived. */
export async function drain({ server }: Stage, page: Page, name = "Drained"): Promise<void> {
  await page.evaluate((name) => {
    window.WysLeap!.trackEvent(name);
    dispatchEvent(new Event("pagehide"));
  }, name);
  await until(() => server.named(name).length);
}
