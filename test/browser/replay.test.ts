import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { hasChromium } from "./chromium.ts";
import { isChunk, onReplayStage, type ReplayStage, until, visibleText } from "./replay-stage.ts";

const SHOP = `
<h1>Shop</h1><nav><a href="#" id="to-cups">Cups</a></nav><main id="view"><p>Welcome</p></main>
<form><input id="name" placeholder="Your name"><textarea id="note"></textarea></form>
<dialog id="modal"><p>Really buy?</p></dialog><my-badge></my-badge><div style="height:3000px">tall</div><footer>The end</footer>
<script>
customElements.define("my-badge", class extends HTMLElement { connectedCallback() { this.attachShadow({ mode: "open" }).innerHTML = "<style>b{color:red}</style><b>0 in cart</b>"; } });
</script>`;

describe.skipIf(!hasChromium && process.env.CI !== "true")("session replay", { timeout: 120_000 }, () => {
  let stage: ReplayStage;
  let page: Page;

  onReplayStage((...made) => ([stage, page] = made), { viewport: { width: 1000, height: 700 } });

  /** Leaves the page and waits until what was recorded of it is stored. */
  async function leave(): Promise<void> {
    await page.goto("about:blank");
    await page.waitForTimeout(500);
  }
  const requests = () => {
    const sent: string[] = [];
    page.on("request", (request) => sent.push(`${request.method()} ${request.url()}`));
    return sent;
  };
  const recording = async () => (await stage.replays())[0];
  const recorded = () => page.waitForRequest(isChunk);

  it("of typing, scrolling, navigation, a modal and Shadow DOM shows the same text at five moments", async () => {
    stage.body = SHOP;
    const first = recorded();
    await page.goto(`${stage.origin}/page?secret=in-the-query#and-here`);
    await first;
    const moments: { at: number; text: string }[] = [];
    const remember = async () => {
      await page.waitForTimeout(250);
      moments.push(await page.evaluate(`({ at: Date.now(), text: (${visibleText})(document.body) })`) as { at: number; text: string });
      await page.waitForTimeout(250);
    };
    await page.fill("#name", "Erika Mustermann");
    await page.locator("#note").pressSequentially("hello you");
    await remember();
    await page.mouse.wheel(0, 2_000);
    await page.evaluate(() => document.querySelector("my-badge")!.shadowRoot!.querySelector("b")!.replaceChildren("3 in cart"));
    await remember();
    await page.evaluate(() => {
      history.pushState({}, "", "/page/cups");
      document.querySelector("#view")!.innerHTML = "<h2>Cups</h2><ul><li>Plum</li><li>Moss</li></ul>";
    });
    await remember();
    await page.evaluate(() => (document.querySelector("#modal") as HTMLDialogElement).showModal());
    await remember();
    await page.evaluate(() => {
      (document.querySelector("#modal") as HTMLDialogElement).close();
      const late = document.createElement("div");
      late.attachShadow({ mode: "open" }).innerHTML = "<p>Thank you</p>";
      document.querySelector("#view")!.append(late);
    });
    await remember();
    await leave();

    const replay = await until(recording);
    expect(replay.pages).toBe(2);
    const events = await stage.events(replay.sessionId);
    await stage.play(page, events);
    const player = page.frames().find((frame) => frame.url().endsWith("/player"))!;
    for (const { at, text } of moments) {
      const shown = await player.evaluate(`(async () => {
        const { replayer } = window;
        replayer.pause(${at} - replayer.getMetaData().startTime);
        await new Promise((resolve) => setTimeout(resolve, 200));
        return (${visibleText})(replayer.iframe.contentDocument.body);
      })()`);
      expect(shown).toBe(text);
      // that something was typed is seen, and no more
      expect(await player.evaluate("replayer.iframe.contentDocument.querySelector('#name').value")).toMatch(/^\*{5} \*{10}$/);
    }
    expect(moments.map(({ text }) => text).join()).toMatch(/Really buy.*Thank you/);
    const stored = await stage.storedText();
    for (const secret of ["Mustermann", "hello you", "in-the-query", "and-here"]) expect(stored).not.toContain(secret);
  });

  it("goes on in the same tab after a navigation, and each tab of a session is on its own", async () => {
    stage.body = "<p>one</p>";
    const first = recorded();
    await page.goto(`${stage.origin}/page/1`);
    await first;
    const second = recorded();
    await page.goto(`${stage.origin}/page/2`);
    await second;
    const other = await page.context().newPage();
    const third = other.waitForRequest(isChunk);
    await other.goto(`${stage.origin}/page/3`);
    await third;
    await leave();
    const replay = await until(async () => ((await recording())?.pages === 3 ? recording() : undefined));
    expect(replay.tabs).toHaveLength(2);
    const hrefs = (await stage.events(replay.sessionId, replay.tabs[0])).filter(({ type }) => type === 4).map(({ data }) => new URL(data.href).pathname);
    expect(hrefs).toEqual(["/page/1", "/page/2"]);
  });

  it("records nothing when it is off, not sampled, opted out of, or under Global Privacy Control", async () => {
    const sent = requests();
    const visit = async (attributes: string, before?: () => Promise<unknown>, timeout = 5_000) => {
      sent.length = 0;
      stage.attributes = attributes;
      await before?.();
      const recording = page.waitForRequest(isChunk, { timeout }).catch(() => undefined);
      await page.goto(`${stage.origin}/page`);
      await recording;
      return sent.filter((url) => url.endsWith("?rec"));
    };
    expect((await visit('data-session-replay="true"', undefined, 30_000)).length).toBe(2);
    expect(await visit("")).toEqual([]);
    expect(await visit('data-session-replay="true" data-replay-sample="0.00001"')).toEqual([]);
    expect(await visit('data-session-replay="true"', () => page.evaluate(() => window.WysLeap!.optOut()))).toEqual([]);
    await page.context().close();
    page = await (await page.context().browser()!.newContext()).newPage();
    page.on("request", (request) => sent.push(`${request.method()} ${request.url()}`));
    expect(await visit('data-session-replay="true"', () => page.addInitScript(() => Object.defineProperty(navigator, "globalPrivacyControl", { value: true })))).toEqual([]);
    const events = [JSON.stringify({ type: 4, data: { href: "https://a.example/" }, timestamp: Date.now() })];
    const old = { siteId: "shop", visitorId: "vis_old_script", sessionId: "s", seq: 0, events };
    expect(await stage.post("/telemetry/replay", old, { "sec-gpc": "1" })).toMatchObject({ status: 200, accepted: false, reason: "opt_out" });
  });

  it("stops within the tick of optOut()", async () => {
    stage.body = '<p id="p">a</p>';
    const first = recorded();
    await page.goto(`${stage.origin}/page`);
    await first;
    const sent = requests();
    await page.evaluate(() => {
      document.querySelector("#p")!.textContent = "b";
      window.WysLeap!.optOut();
      document.querySelector("#p")!.textContent = "c";
    });
    await page.waitForTimeout(6_000);
    await page.goto("about:blank");
    await page.waitForTimeout(300);
    expect(sent.filter((one) => /^POST .*\?rec$/.test(one))).toEqual([]);
  });

  it.each([
    ["an error is thrown", () => setTimeout(() => { throw new Error("boom"); }), "error"],
    ["a named event happens", () => window.WysLeap!.trackEvent("Checkout Started"), "event Checkout Started"],
  ])("on-intent sends nothing until %s, and then the minute before it", async (_, happens, trigger) => {
    stage.body = '<p id="p">before</p>';
    stage.attributes = 'data-session-replay="on-intent" data-replay-events="Checkout Started"';
    const sent = requests();
    await page.goto(`${stage.origin}/page`);
    await page.waitForTimeout(2_500);
    await page.evaluate(() => { document.querySelector("#p")!.textContent = "something before"; });
    await page.waitForTimeout(5_500);
    expect(sent.filter((one) => /^POST .*\?rec$/.test(one))).toEqual([]);
    const first = recorded();
    await page.evaluate(happens);
    await first;
    await leave();
    const replay = await until(recording);
    const events = await stage.events(replay.sessionId);
    expect(events.slice(0, 2).map(({ type }) => type)).toEqual([4, 2]);
    expect(JSON.stringify(events)).toContain("something before");
    expect(events.find(({ data }) => data.payload?.trigger)?.data.payload.trigger).toBe(trigger);
  });

  it("of a page that changes all the time steps down, and says so", async () => {
    stage.body = "<div id=list></div>";
    const first = recorded();
    await page.goto(`${stage.origin}/page`);
    await first;
    await page.evaluate(() => {
      const list = document.querySelector("#list")!;
      setInterval(() => { for (let n = 0; n < 400; n++) list.innerHTML = `<ul>${"<li class=a title=b>x</li>".repeat(20)}</ul>`; }, 50);
    });
    await page.waitForTimeout(11_000);
    const events = await stage.events((await until(recording)).sessionId);
    const steps = events.flatMap(({ data }) => data.payload?.stepDown ?? []);
    expect(steps).toEqual(["no new snapshots", "stopped"]);
    const sent = requests();
    await page.waitForTimeout(6_000);
    expect(sent.filter((one) => /^POST .*\?rec$/.test(one))).toEqual([]);
  });
});
