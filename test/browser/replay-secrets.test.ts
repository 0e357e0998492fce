import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { hasChromium } from "./chromium.ts";
import { isChunk, onReplayStage, type ReplayStage, until } from "./replay-stage.ts";

/** Each place in which something may be typed or stand; `$` stands for the secret. `type` types it, the rest sets it. */
const PLACES: { name: string; html: string; act?: "type" | "fill" | "none"; at?: string; after?: string }[] = [
  ...["text", "email", "search", "tel", "url"].map((type) => ({ name: `input ${type}`, html: `<input type=${type}>` })),
  { name: "input without type", html: "<input>" },
  { name: "input of an unknown type", html: "<input type=fancy>" },
  { name: "password", html: "<input type=password>" },
  { name: "password shown by a toggle", html: "<input type=password>", after: "el.type = 'text'; el.value += 'x'; el.dispatchEvent(new Event('input', { bubbles: true }))" },
  { name: "password shown by another field", html: "<input type=password name=pw1>", after: "const b = document.createElement('input'); b.name = 'pw1'; b.dataset.wysleapUnmask = ''; b.value = el.value; el.replaceWith(b)" },
  { name: "unmasked password", html: "<div data-wysleap-unmask><input type=password></div>", at: "input" },
  { name: "unmasked one-time code", html: "<input data-wysleap-unmask autocomplete=one-time-code>" },
  { name: "unmasked card number", html: "<input data-wysleap-unmask autocomplete='billing cc-number'>" },
  { name: "unmasked field called cvc", html: "<input data-wysleap-unmask name=cvc>" },
  { name: "hidden input", html: "<input type=hidden value=$>", act: "none" },
  { name: "unmasked hidden input", html: "<div data-wysleap-unmask><input type=hidden value=$></div>", act: "none" },
  { name: "hidden input changed later", html: "<input type=hidden>", act: "none", after: "el.setAttribute('value', '$')" },
  { name: "value set by script", html: "<input>", act: "none", after: "el.value = '$'" },
  { name: "value as attribute", html: "<input>", act: "none", after: "el.setAttribute('value', '$')" },
  { name: "filled in by the server", html: "<input value=$>", act: "none" },
  { name: "textarea", html: "<textarea></textarea>" },
  { name: "textarea with text", html: "<textarea>$</textarea>", act: "none" },
  { name: "contenteditable", html: "<div contenteditable>-</div>" },
  { name: "contenteditable, changed by script", html: "<div contenteditable=true><p>-</p></div>", act: "none", after: "el.firstChild.textContent = '$'; el.append('$')" },
  { name: "a frame in design mode", html: "<iframe class=design srcdoc='<p>-'></iframe>" },
  { name: "select", html: "<select><option value=a>a<option value=$>b</select>", act: "none", after: "el.selectedIndex = 1; el.dispatchEvent(new Event('change', { bubbles: true }))" },
  { name: "radio", html: "<input type=radio name=r value=$>", act: "none", after: "el.click()" },
  { name: "datalist field", html: "<input list=l><datalist id=l></datalist>" },
  { name: "in shadow DOM", html: "<x-field></x-field>", after: "", at: "input" },
  { name: "masked text and its attributes", html: "<p data-wysleap-mask title=$ data-id=$ aria-label=$>$ <img alt=$></p>", act: "none" },
  { name: "masked text put in later", html: "<p data-wysleap-mask></p>", act: "none", after: "el.innerHTML = '<b title=$>$</b>'; el.append('$')" },
  { name: "attributes of a field", html: "<input data-value=$ title=$ aria-valuetext=$>", act: "none" },
  { name: "blocked", html: "<section data-wysleap-block>$</section>", act: "none" },
  { name: "in a frame", html: "<iframe srcdoc='<input>'></iframe>", at: "input" },
  { name: "link's query", html: "<a href='/x?token=$#$'>x</a>", act: "none" },
  { name: "card number as plain text", html: "<p>4242 4242 4242 4242</p>", act: "none" },
];

describe.skipIf(!hasChromium && process.env.CI !== "true")("what is typed while a session is recorded", { timeout: 180_000 }, () => {
  let stage: ReplayStage;
  let page: Page;

  onReplayStage((...made) => ([stage, page] = made));

  const secretOf = (at: number) => `geheim${String(at).padStart(2, "0")}q`;

  async function typeAll(): Promise<void> {
    stage.body = `<script>customElements.define("x-field", class extends HTMLElement { connectedCallback() { this.attachShadow({ mode: "open" }).innerHTML = "<input>"; } });</script>
<p>public words</p>${PLACES.map(({ html }, at) => `<div id=place${at}>${html.replaceAll("$", secretOf(at))}</div>`).join("\n")}`;
    const first = page.waitForRequest(isChunk);
    await page.goto(`${stage.origin}/page`);
    await first;
    await page.evaluate(() => {
      for (const { contentDocument } of document.querySelectorAll<HTMLIFrameElement>("iframe.design")) contentDocument!.designMode = "on";
    });
    for (const [at, { act = "type", at: inner, after }] of PLACES.entries()) {
      const secret = secretOf(at);
      const place = page.locator(`#place${at}`);
      const frame = /^(?:in )?a frame/.test(PLACES[at]!.name) && page.frameLocator(`#place${at} iframe`);
      const field = frame ? frame.locator("input, p").first() : inner ? place.locator(inner).first() : place.locator(":scope > *").first();
      if (frame) {
        // what is edited there is not always a field that could be focused
        await field.click();
        await page.keyboard.type(secret);
      } else if (act === "type") await field.pressSequentially(secret);
      if (after) await page.evaluate(([id, code]) => new Function("el", code!)(document.querySelector(`#${id} > *`)), [`place${at}`, after.replaceAll("$", secret)]);
    }
    await page.waitForTimeout(300);
    await page.goto("about:blank");
    await page.waitForTimeout(800);
  }

  it.each([["by default", ""], ["with all text masked", 'data-mask-text="all"']])(`is in no stored value, of ${PLACES.length} secrets in as many places, %s`, async (_, attributes) => {
    stage.attributes += ` ${attributes}`;
    await typeAll();
    const replay = await until(async () => (await stage.replays())[0]);
    const stored = await stage.storedText();
    const found = PLACES.filter((_, at) => stored.includes(secretOf(at))).map(({ name }) => name);
    expect(found).toEqual([]);
    expect(stored).not.toContain("4242 4242");
    // the scan would find it: what is not secret is there, unless all text is masked
    expect(stored.includes("public words")).toBe(attributes === "");
    expect((await stage.events(replay.sessionId)).filter(({ data }) => data.source === 5).length).toBeGreaterThan(15);
  });

  /** What leaves the browser while `act` happens on a page with this body: the server has not looked at it yet. */
  async function sentWhile(body: string, act: () => Promise<unknown>): Promise<string> {
    stage.body = body;
    // else it is compressed, and nobody could read it here
    await page.addInitScript("delete window.CompressionStream");
    const sent: string[] = [];
    page.on("request", (request) => isChunk(request) && sent.push(request.postData() ?? ""));
    const first = page.waitForRequest(isChunk);
    await page.goto(`${stage.origin}/page`);
    await first;
    await act();
    await page.waitForTimeout(300);
    await page.evaluate(() => document.body.append("the end"));
    await until(async () => sent.join("").includes("the end"));
    return sent.join("\n").replaceAll('\\"', '"');
  }

  const CARD = "5555 5555 5555 4444";
  const KEY = "sk_live_51HABCDEFGHIJKLMNOP";

  it("stays masked where it begins like a card number or a key, key by key, in fields that are unmasked", async () => {
    const fields = ["<input id=a>", "<textarea id=a></textarea>", "<div id=a contenteditable data-wysleap-unmask>-</div>"];
    for (const [at, field] of fields.entries()) {
      const sent = await sentWhile(`<div data-wysleap-unmask>${field}<p>Call 0800 1234567</p></div>`, async () => {
        await page.locator("#a").pressSequentially(`Berlin ${CARD} ${KEY} `);
        // taken back from its beginning until few digits are left
        if (at === 0) for (let n = 0; n < 24; n++) await page.locator("#a").press("Home").then(() => page.locator("#a").press("Delete"));
      });
      expect(sent).toContain("Berlin");
      expect(sent).toContain("0800 1234567");
      expect(sent).not.toMatch(/5555 5555|55 4444|sk_|live_|51H/);
    }
  });

  it.each([
    ["", 0], ["", 2], ["", 9], ["<i></i>", 2], ["<i></i>", 9],
  ])("stays masked when the password is shown by another field without a name (%j around it, %i typed before)", async (wrap, typed) => {
    const put = `(type, value = "") => {
      const box = document.querySelector("#box");
      box.innerHTML = "";
      const home = ${JSON.stringify(wrap)} ? box.appendChild(document.createElement("i")) : box;
      const field = home.appendChild(document.createElement("input"));
      field.type = type;
      field.setAttribute("value", value);
      field.value = value;
    }`;
    const sent = await sentWhile(`<div data-wysleap-unmask><p id=box></p><p><input type=password id=gone><input class=city></p></div><script>const put = ${put}; put("password")</script>`, async () => {
      await page.locator("#box input").pressSequentially("HUNTER2PW".slice(0, typed));
      await page.evaluate("put('text', document.querySelector('#box input').value)");
      await page.locator("#box input").press("End");
      await page.locator("#box input").pressSequentially("MORESECRET");
      // a field that stood beside a password is none when that one goes
      await page.evaluate(() => document.querySelector("#gone")!.remove());
      await page.locator(".city").pressSequentially("Berlin");
    });
    expect(sent).toContain("Berlin");
    expect(sent).not.toMatch(/HU|MO|SECRET/);
  });

  it("is not in the page's title where that is an e-mail address", async () => {
    const sent = await sentWhile("<script>document.title = 'Order of ann@example.com'</script>", () =>
      page.evaluate(() => void ((document.querySelector("title")!.firstChild as Text).data = "Thanks, bob@example.com")),
    );
    expect(sent).toContain("Order of [email]");
    expect(sent).not.toMatch(/ann@|bob@/);
  });
});
