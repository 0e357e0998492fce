import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import type { VisitorDetail, VisitorsAnswer } from "../../src/index.ts";
import { hasChromium, launchBrowser } from "../browser/chromium.ts";
import { createDataFolder, getJson, isBuilt, notBuilt, SECRET_KEY, startPlayground, stopAll, WRITE_KEY } from "./start.ts";

afterEach(stopAll);

const inCi = process.env.CI === "true";
const test_ = isBuilt || inCi ? test : test.skip;
const canBrowse = (isBuilt && hasChromium) || inCi;
/** A browser on a busy machine takes its time. */
const BROWSER_MS = 120_000;
const browserTest = (name: string, run: () => Promise<void>) => (canBrowse ? test : test.skip)(name, run, BROWSER_MS);

if (!isBuilt && !inCi) test.skip(notBuilt, () => {});
if (!hasChromium && !inCi) test.skip("/usr/bin/chromium is missing", () => {});

interface Received {
  verified: boolean;
  payload: { event: string };
}

const getReceived = async (origin: string) => (await getJson<{ received: Received[] }>(`${origin}/webhooks/data`)).received;

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
  const hooks = await until(() => getReceived(origin), (received) => received.length >= 2);
  expect(hooks.map(({ verified, payload }) => [payload.event, verified]).sort()).toEqual([["pageview", true], ["visitor_identified", true]]);
  expect((await fetch(`${origin}/insights/visitor/vis_nobody`)).status).toBe(404);
  expect((await fetch(`${origin}/no/such/page`)).status).toBe(404);
  expect(await playground.stop("SIGTERM")).toBe(0);
});

test_("a webhook whose body was changed on the way is refused and shown as not verified", async () => {
  const playground = await startPlayground(createDataFolder());
  const { origin } = playground;
  await fetch(`${origin}/api/telemetry/pageview`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-api-key": WRITE_KEY, origin },
    body: JSON.stringify({ siteId: "demo", pageUrl: `${origin}/` }),
  });
  const [good] = await until(() => getReceived(origin), (received) => received.length > 0);
  const deliver = async (payload: object) => {
    const headers = { "content-type": "application/json" };
    return (await fetch(`${origin}/receiver`, { method: "POST", headers, body: JSON.stringify(payload) })).status;
  };
  expect(await deliver(good!.payload)).toBe(204);
  expect(await deliver({ ...good!.payload, siteId: "another" })).toBe(401);
  expect((await fetch(`${origin}/receiver`, { method: "POST", headers: { "content-type": "application/json" }, body: "{" })).status).toBe(400);
  expect((await getReceived(origin)).slice(0, 2).map(({ verified }) => verified)).toEqual([false, true]);
  expect(await playground.stop("SIGTERM")).toBe(0);
});

test_("when its port is taken it says so and takes the next", async () => {
  const other = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => other.once("listening", resolve));
  const { port } = other.address() as AddressInfo;
  try {
    const playground = await startPlayground(createDataFolder(), port);
    expect(playground.output()).toContain(`Port ${port} is taken; trying ${port + 1}.`);
    expect(Number(new URL(playground.origin).port)).toBeGreaterThan(port);
    expect((await fetch(`${playground.origin}/api/health`)).status).toBe(200);
    expect(await playground.stop("SIGTERM")).toBe(0);
  } finally {
    other.close();
  }
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
    expect(visitor!.accuracyMetrics.fingerprintQuality).toMatch(/good|fair|poor|excellent/);
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

browserTest("someone who buys is told apart by it, and what the cart held is gone", async () => {
  const playground = await startPlayground(createDataFolder());
  const { origin } = playground;
  const browser = await launchBrowser();
  try {
    const page = await browser.newPage();
    await page.goto(`${origin}/product/plum-cup`);
    await page.click("[data-add]");
    await page.click("#added a");
    await page.click("#cart .button");
    await page.waitForURL("**/checkout");
    await page.fill("[name=name]", "Ada");
    await page.fill("[name=email]", "ada@shop.example");
    await page.click("#checkout .button");
    await page.getByText("Nothing was charged").waitFor();
    await page.goto(`${origin}/cart`);
    await page.getByText("Nothing in it yet").waitFor();
    const { visitors } = await until(
      () => getJson<VisitorsAnswer>(`${origin}/api/visitors/demo`),
      ({ visitors: [visitor] }) => visitor?.intentScore.level === "high",
    );
    expect(visitors[0]!.intentScore.level).toBe("high");
    const namesOf = ({ timeline }: VisitorDetail) => timeline.events.map(({ eventName }) => eventName);
    const wanted = ["Added To Cart", "Checkout Started", "Purchase Completed"];
    const visitor = await until(
      () => getJson<VisitorDetail>(`${origin}/api/visitors/demo/${visitors[0]!.visitorId}`),
      (found) => wanted.every((name) => namesOf(found).includes(name)),
    );
    expect(namesOf(visitor)).toEqual(expect.arrayContaining(wanted));
    const { timeline } = visitor;
    const purchase = timeline.events.find(({ eventName }) => eventName === "Purchase Completed");
    expect(purchase!.eventData).toEqual({ items: 1, value: 19, currency: "EUR" });
    expect(JSON.stringify(timeline)).not.toContain("ada@shop.example");
  } finally {
    await browser.close();
    await playground.stop("SIGTERM");
  }
});

browserTest("markup in what visitors send is shown as text on the owner's pages", async () => {
  const playground = await startPlayground(createDataFolder());
  const { origin } = playground;
  const markup = '"><img src=x onerror="document.title=1"><script>document.title=1</script>';
  for (const hit of [
    { path: "pageview", pageUrl: `${origin}/<b class=planted>`, pageTitle: markup },
    { path: "event", eventName: markup, eventData: { [markup]: markup } },
  ]) {
    const { path, ...fields } = hit;
    const answer = await fetch(`${origin}/api/telemetry/${path}`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-api-key": SECRET_KEY },
      body: JSON.stringify({ siteId: "demo", visitorId: "vis_hostile", userId: markup, ...fields }),
    });
    expect(answer.status).toBe(200);
  }
  await until(() => getReceived(origin), (received) => received.length >= 3);
  const browser = await launchBrowser();
  try {
    const page = await browser.newPage();
    await page.goto(`${origin}/insights`);
    await page.locator("#visitors .row").click();
    await page.locator("dialog .timeline li", { hasText: "onerror" }).waitFor();
    expect(await page.locator("main img, main script, .planted").count()).toBe(0);
    expect(await page.title()).toBe("Insights");
    await page.goto(`${origin}/webhooks`);
    await page.locator(".hook .what", { hasText: "onerror" }).waitFor();
    expect(await page.locator("main img, main script, .planted").count()).toBe(0);
    expect(await page.title()).toBe("Webhooks");
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
