import { describe, expect, it } from "vitest";
import { createPageStep, parsePage, parseReferrer } from "../../src/ingest/page.ts";
import type { Labelled } from "../../src/ingest/stages.ts";
import { event, facts, pageview, site } from "./setup.ts";

const none = new Set<string>();

describe("a page's URL", () => {
  it.each([
    ["https://ann:secret@Shop.Example:443/a?id=7&utm_source=news&token=x#top", "https://shop.example/a?utm_source=news", "/a"],
    ["http://shop.example:8080", "http://shop.example:8080/", "/"],
    ["https://shop.example/café?q=1", "https://shop.example/caf%C3%A9", "/caf%C3%A9"],
    ["https://shop.example/u/ann@example.com/edit", "https://shop.example/u/[email]/edit", "/u/[email]/edit"],
    ["https://shop.example/u/ann%40example.com", "https://shop.example/u/[email]", "/u/[email]"],
    ["https://shop.example/@ann/v1.2", "https://shop.example/@ann/v1.2", "/@ann/v1.2"],
    ["https://shop.example/a?utm_content=ann@example.com", "https://shop.example/a?utm_content=%5Bemail%5D", "/a"],
    ["https://shop.example/app?id=7#/u/ann@example.com/edit?tab=2", "https://shop.example/app#/u/[email]/edit", "/app#/u/[email]/edit"],
    ["https://shop.example/app?utm_id=5#!/cart", "https://shop.example/app?utm_id=5#!/cart", "/app#!/cart"],
    ["https://shop.example/app#access_token=/x", "https://shop.example/app", "/app"],
    ["https://shop.example/a?utm_id=5&UTM_SOURCE=x", "https://shop.example/a?utm_id=5", "/a"],
  ])("%s is kept as %s", (raw, url, path) => {
    expect(parsePage(raw, none)).toMatchObject({ url, path });
  });

  it("keeps the query parameters the owner asks for", () => {
    expect(parsePage("https://shop.example/?id=7&q=shoes", new Set(["q"]))?.url).toBe("https://shop.example/?q=shoes");
  });

  it("tells the campaign; the first of a repeated parameter counts, an empty one does not", () => {
    const page = parsePage("https://a.example/?utm_source=news&utm_source=b&utm_medium=mail&utm_campaign=&utm_term=t&utm_content=c", none);
    expect(page?.campaign).toEqual({ source: "news", medium: "mail", term: "t", content: "c" });
    expect(parsePage("https://a.example/?utm_id=1", none)?.campaign).toBeUndefined();
  });

  it("takes no parameter for a campaign's that only every object has", () => {
    const page = parsePage("https://a.example/?constructor=secret&toString=a&__proto__=b&hasOwnProperty=c", none);
    expect(page).toMatchObject({ url: "https://a.example/", campaign: undefined });
  });

  it("that is none is undefined", () => {
    expect(parsePage("nope", none)).toBeUndefined();
  });
});

it("a referrer is its host without www", () => {
  expect(parseReferrer("https://www.google.com/search?q=x")).toBe("google.com");
  expect(parseReferrer("http://news.example:81/")).toBe("news.example");
  expect([parseReferrer("nope"), parseReferrer("ftp://a.example/")]).toEqual([undefined, undefined]);
});

describe("where a visitor came from", () => {
  const step = createPageStep();
  const from = (referrer: string, origins?: string[]) =>
    step({} as Labelled, { site: { ...site, origins }, input: pageview({ referrer, pageUrl: "https://www.shop.example/" }), facts: facts() }).referrer;

  it("is told when it is elsewhere, the second time as the first", () => {
    expect([from("https://google.com/"), from("https://google.com/"), from("https://blog.shop.example/")]).toEqual(["google.com", "google.com", "blog.shop.example"]);
  });

  it("is none when it is the site itself or nothing usable", () => {
    expect([from("https://shop.example/a"), from("https://www.shop.example/a"), from("nope"), from("nope")]).toEqual([undefined, undefined, undefined, undefined]);
    expect(from("https://blog.shop.example/", ["https://*.shop.example"])).toBeUndefined();
    expect(from("https://www.other.example/", ["https://www.other.example"])).toBeUndefined();
  });

  it("is not asked of an event, and an event needs no page", () => {
    const placed = step({} as Labelled, { site, input: event(), facts: facts() });
    expect([placed.page, placed.referrer]).toEqual([undefined, undefined]);
  });
});

it("a URL is parsed once; one too long to remember still comes out right", () => {
  const step = createPageStep();
  const at = (pageUrl: string) => step({} as Labelled, { site, input: pageview({ pageUrl }), facts: facts() }).page;
  expect(at("https://a.example/x")).toBe(at("https://a.example/x"));
  const long = `https://a.example/${"x".repeat(600)}`;
  expect(at(long)).toEqual(at(long));
  expect(at(long)).not.toBe(at(long));
});
