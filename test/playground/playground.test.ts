import { expect, test } from "vitest";
import type { VisitorsAnswer } from "../../src/index.ts";
import { hasChromium, launchBrowser } from "./chromium.ts";
import { createDataFolder, getJson, isBuilt, notBuilt, SECRET_KEY, startPlayground } from "./start.ts";

const inCi = process.env.CI === "true";
const test_ = isBuilt || inCi ? test : test.skip;
const browserTest = (isBuilt && hasChromium) || inCi ? test : test.skip;

if (!isBuilt && !inCi) test.skip(notBuilt, () => {});

async function until<T>(ask: () => Promise<T>, check: (answer: T) => boolean, ms = 10_000): Promise<T> {
  const deadline = performance.now() + ms;
  for (;;) {
    const answer = await ask();
    if (check(answer) || performance.now() > deadline) return answer;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

test_("the playground answers on every page, counts the printed curl line, shows its webhook, and ends on SIGTERM", async () => {
  const playground = await startPlayground(createDataFolder());
  const { origin } = playground;
  for (const path of ["/", "/products", "/product/plum-cup", "/pricing", "/cart", "/checkout", "/blog/how-we-glaze", "/insights", "/webhooks"]) {
    const answer = await fetch(origin + path);
    expect([path, answer.status]).toEqual([path, 200]);
    expect(await answer.text()).not.toContain(SECRET_KEY);
  }
  const body = /-d '(\{.*\})'/.exec(playground.output())![1]!;
  const sent = await fetch(`${origin}/api/telemetry/pageview`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-api-key": SECRET_KEY, "user-agent": "curl/8" },
    body,
  });
  expect(sent.status).toBe(200);
  const report = await getJson<VisitorsAnswer>(`${origin}/api/visitors/demo`);
  expect([report.site.totalPageviews, report.visitors[0]!.visitorId]).toEqual([1, "vis_hello_from_curl"]);
  const hooks = await until(
    () => getJson<{ verified: boolean; payload: { event: string } }[]>(`${origin}/webhooks/data`),
    (received) => received.length >= 2,
  );
  expect(hooks.map(({ verified, payload }) => [payload.event, verified]).sort()).toEqual([["pageview", true], ["visitor_identified", true]]);
  expect(await playground.stop("SIGTERM")).toBe(0);
});

browserTest("someone who looks at three pages, clicks and scrolls sees themselves with a score and why", async () => {
  const playground = await startPlayground(createDataFolder());
  const { origin } = playground;
  const browser = await launchBrowser();
  try {
    const context = await browser.newContext({ timezoneId: "Europe/Berlin", viewport: { width: 1280, height: 800 } });
    const page = await context.newPage();
    const problems: string[] = [];
    page.on("pageerror", (error) => problems.push(error.message));
    await page.goto(`${origin}/`);
    await page.click(".card");
    await page.waitForURL("**/product/**");
    await page.click("[data-add]");
    await page.goto(`${origin}/blog/how-we-glaze`);
    await page.mouse.wheel(0, 4_000);
    await page.waitForTimeout(2_000);
    await page.goto(`${origin}/insights`); // leaves the last page, so that what is left is sent
    const report = await until(
      () => getJson<VisitorsAnswer>(`${origin}/api/visitors/demo`),
      ({ site }) => site.totalPageviews === 3 && site.totalEvents > 0 && site.avgTimeOnPage > 0,
    );
    expect(report.site.totalPageviews).toBe(3);
    expect(report.visitors).toHaveLength(1);
    const [visitor] = report.visitors;
    expect(visitor).toMatchObject({ visitCount: 1, country: "Germany", countryCode: "DE" });
    expect(visitor!.browser).toMatch(/Chrome/);
    expect(visitor!.bot).toContain("webdriver"); // a headless browser, and counted all the same
    expect(visitor!.intentScore.score).toBeGreaterThan(0);
    expect(visitor!.intentScore.factors.length).toBeGreaterThan(0);
    expect(visitor!.accuracyMetrics.confidence).toBeGreaterThan(0.5);
    const shown = page.locator("#visitors .row");
    await shown.first().waitFor();
    expect(await shown.count()).toBe(1);
    await shown.first().click();
    await page.locator("dialog .sum").waitFor();
    expect(await page.locator("dialog .sum").innerText()).toContain(String(visitor!.intentScore.score));
    await page.goto(`${origin}/webhooks`);
    await page.locator(".hook").first().waitFor();
    expect(await page.locator(".bad").count()).toBe(0);
    expect(problems).toEqual([]);
  } finally {
    await browser.close();
    await playground.stop("SIGTERM");
  }
});

test_("killed in the middle of traffic and started again, it has every event that it acknowledged, once", async () => {
  const data = createDataFolder();
  const acknowledged = new Set<string>();
  let sent = 0;
  for (let life = 0; life < 2; life++) {
    const playground = await startPlayground(data);
    const traffic = { on: true };
    const sender = async () => {
      while (traffic.on) {
        const eventId = `evt_kill_${sent++}`;
        try {
          const answer = await fetch(`${playground.origin}/api/telemetry/event`, {
            method: "POST",
            headers: { "content-type": "application/json", "x-api-key": SECRET_KEY },
            body: JSON.stringify({ siteId: "demo", eventName: "Sent", eventId, visitorId: `vis_${sent % 50}` }),
          });
          if (answer.status === 200) acknowledged.add(eventId);
        } catch {
          // the process is gone
        }
      }
    };
    const senders = Array.from({ length: 16 }, sender);
    await new Promise((resolve) => setTimeout(resolve, 700));
    expect(await playground.stop("SIGKILL")).toBe("SIGKILL");
    traffic.on = false;
    await Promise.all(senders);
  }
  expect(acknowledged.size).toBeGreaterThan(50);
  const playground = await startPlayground(data);
  const exported = await fetch(`${playground.origin}/api/events/demo`, { headers: { "x-api-key": SECRET_KEY } });
  const ids = (await exported.text()).trim().split("\n").map((line) => (JSON.parse(line) as { id: string }).id);
  expect(ids.length).toBe(new Set(ids).size);
  expect([...acknowledged].filter((id) => !ids.includes(id))).toEqual([]);
  const { site } = await getJson<VisitorsAnswer>(`${playground.origin}/api/visitors/demo`);
  expect(site.totalEvents).toBe(ids.length);
  await playground.stop("SIGTERM");
});
