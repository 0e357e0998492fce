import { describe, expect, it } from "vitest";
import { filterCss } from "../../src/replay/css-filter.ts";
import { filterEvent, MAX_EVENT_DEPTH, MAX_EVENT_LENGTH } from "../../src/replay/event-filter.ts";
import { hideSecrets, hideTyped } from "../../src/replay/secrets.ts";

const filter = (event: object) => filterEvent(JSON.stringify({ timestamp: 1, ...event }));
const data = (event: object) => {
  const verdict = filter(event);
  return typeof verdict === "object" && "text" in verdict ? JSON.parse(verdict.text).data : verdict;
};

describe("an event of a recording", () => {
  it.each([
    ["is not valid JSON", "{"],
    ["is not an object", "null"],
    ["has no type from 0 to 6", '{"type":7,"timestamp":1}'],
    ["has no type from 0 to 6", '{"type":"3","timestamp":1}'],
    ["has no timestamp", '{"type":3}'],
    ["has no timestamp", '{"type":3,"timestamp":1e999}'],
    [`is larger than ${MAX_EVENT_LENGTH} bytes`, " ".repeat(MAX_EVENT_LENGTH + 1)],
    [`is nested deeper than ${MAX_EVENT_DEPTH} levels`, "[".repeat(MAX_EVENT_DEPTH + 1)],
  ])("that %s is refused", (refused, json) => {
    expect(filterEvent(json)).toEqual({ refused });
  });

  it("at the bounds is taken", () => {
    const event = `{"type":0,"timestamp":1,"x":${"[".repeat(MAX_EVENT_DEPTH - 1)}${"]".repeat(MAX_EVENT_DEPTH - 1)}}`;
    expect(filterEvent(event.padEnd(MAX_EVENT_LENGTH))).toMatchObject({ timestamp: 1 });
  });

  it("of a kind that is not replayed is dropped", () => {
    for (const event of [{ type: 6, data: {} }, { type: 5, data: { tag: "theirs" } }, { type: 3, data: { source: 9 } }, { type: 3, data: { source: 7 } }, { type: 2, data: {} }]) {
      expect(filter(event)).toBe("dropped");
    }
  });

  it("keeps a page's address without query, fragment, user and e-mail", () => {
    expect(data({ type: 4, data: { href: "https://me:pw@a.example/u/me@b.example/x?token=1#y" } }).href).toBe("https://a.example/u/[email]/x");
    expect(data({ type: 4, data: { href: "javascript:alert(1)" } }).href).toBe("");
  });

  it("keeps a page's title without e-mail addresses, and those that stand on the page", () => {
    const html = ["title", "p"].map((tagName, at) => ({ type: 2, id: 3 + at, tagName, attributes: {}, childNodes: [{ type: 3, id: 7 + at, textContent: "Order of me@b.example | Shop" }] }));
    const { childNodes } = data({ type: 2, data: { node: { type: 0, id: 1, childNodes: html } } }).node;
    expect(childNodes.map((one: any) => one.childNodes[0].textContent)).toEqual(["Order of [email] | Shop", "Order of me@b.example | Shop"]);
  });

  it("keeps what it shows", () => {
    const node = { type: 2, id: 3, tagName: "p", attributes: { class: "a b", style: "color: red", "data-x": "1", title: "hint" }, childNodes: [{ type: 3, id: 4, textContent: "Hello" }] };
    expect(data({ type: 3, data: { source: 0, adds: [{ parentId: 1, nextId: null, node }], removes: [], texts: [], attributes: [] } }).adds[0].node).toEqual(node);
  });

  it("never shows the value of a password, a hidden or a card's field, whatever the browser sent", () => {
    for (const attributes of [{ type: "password" }, { type: "hidden" }, { autocomplete: "cc-number" }, { type: "text", "data-rr-is-password": "true" }]) {
      const node = { type: 2, id: 3, tagName: "input", attributes: { ...attributes, value: "geheim" }, childNodes: [] };
      expect(JSON.stringify(data({ type: 3, data: { source: 0, adds: [{ parentId: 1, nextId: null, node }] } }))).not.toContain("geheim");
    }
  });
});

describe("the second look for secrets", () => {
  it.each([
    "4242424242424242", "4242 4242 4242 4242", "4242-4242-4242-4242", "3782 822463 10005", "6011000990139424", "12 4242 4242 4242 4242 77",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl", "sk_live_abcdefghijklmnop1234", "Bearer abcdef0123456789",
    "password: hunter2hunter2", "078-05-1120", "-----BEGIN PRIVATE KEY-----\nMIIEvQ",
  ])("hides %s", (secret) => {
    const hidden = hideSecrets(`before ${secret} after`);
    expect(hidden).toMatch(/^before .*\*{4}/s);
    expect(hidden).not.toContain(secret);
  });

  it.each(["Order 1234567890123", "2025-01-15 10:30:00 1736937000000", "4242 4242 4242 4241", "+49 170 1234567", "The pin is round", "EUR 1 234 567.89"])("leaves %s", (text) => {
    expect(hideSecrets(text)).toBe(text);
  });

  it.each(["4242424242424242", "5555 5555 5555 4444", "3782-822463-10005", "4000.0566.5566.5556", "5555  5555\u00a05555 4444", "sk_live_51HABCDEFGHIJKLMNOP", "ghp_abcdefghijklmnopqrst", "AKIAIOSFODNN7EXAMPLE", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2ln", "Bearer abcdef0123456789", "pin: 73915"])("hides each beginning of %s that is typed, wherever the server sees it", (secret) => {
    for (const lead of ["", "mine is "]) {
      for (let length = 1; length <= secret.length; length++) {
        const text = lead + secret.slice(0, length);
        const node = { type: 2, id: 3, tagName: "input", attributes: { value: text }, childNodes: [] };
        const area = { type: 2, id: 4, tagName: "textarea", attributes: {}, childNodes: [{ type: 3, id: 5, textContent: text }] };
        const stored = [
          data({ type: 3, data: { source: 5, id: 3, text } }).text,
          data({ type: 3, data: { source: 0, attributes: [{ id: 3, attributes: { value: text } }] } }).attributes[0].attributes.value,
          data({ type: 3, data: { source: 0, adds: [{ parentId: 1, nextId: null, node }] } }).adds[0].node.attributes.value,
          data({ type: 3, data: { source: 0, adds: [{ parentId: 1, nextId: null, node: area }] } }).adds[0].node.childNodes[0].textContent,
        ];
        // six digits name the bank; what stands before a key names its kind
        for (const kept of stored) {
          expect(kept.replace(/\D/g, "").length).toBeLessThan(7);
          expect(kept).not.toMatch(/(?:sk_|ghp_|AKIA|eyJ|Bearer |pin: )[^*]/);
        }
      }
    }
  });

  it("leaves what stands on a button, and the words that are typed", () => {
    const node = { type: 2, id: 3, tagName: "input", attributes: { type: "submit", value: "Call 0800 1234567" }, childNodes: [] };
    expect(data({ type: 3, data: { source: 0, adds: [{ parentId: 1, nextId: null, node }] } }).adds[0].node).toEqual(node);
    for (const text of ["Berlin", "a desk-top for 12 people", "npm install", "Main Street 12, 10115 Berlin", "ask_me", "Asia"]) expect(hideTyped(text)).toBe(text);
  });

  it("hides a typed code, and nothing that is a year in a sentence", () => {
    expect(hideTyped("482911")).toBe("******");
    expect(hideTyped("in 2025 or so")).toBe("in 2025 or so");
  });
});

describe("CSS", () => {
  it.each([
    "a{color:red;background:url(#x)}", "a{background:url(\"data:image/png;base64,AAAA\")}", ".sm\\:p-2{padding:2px}", "i::before{content:\"\\f101\"}", "@media (min-width:1px){a{b:c}}",
  ])("that fetches nothing stays: %s", (css) => {
    expect(filterCss(css).replace(/url\("#x"\)/, "url(#x)")).toBe(css);
  });

  it.each(["url(//e/)", "URL( '//e/' )", "\\75\\72\\6c(//e/)", "u\\72l(//e/)", "@import '//e/'", "@\\49mport '//e/'", "image-set('//e/' 1x)", "src('//e/')", "url(//e/", "url(\"//e/\" format(x))"])("that fetches does not: %s", (css) => {
    expect(filterCss(`a{b:${css}}`)).not.toMatch(/url\(\s*['"]?\/\/|@import|image-set\(|\bsrc\(/i);
  });
});
