import { expect, it } from "vitest";
import { checkHostname, createHostMatcher } from "../../src/ingest/hostname.ts";
import type { Page, Placed } from "../../src/ingest/stages.ts";
import { facts, pageview, site } from "./setup.ts";

const matches = createHostMatcher(["https://shop.example", "https://*.cdn.example:8443", "http://localhost:3000", "https://MÜLLER.example"]);

it.each(["shop.example", "a.cdn.example", "a.b.cdn.example", "localhost", "xn--mller-kva.example"])("%s is one of the site's hosts", (host) => {
  expect(matches(host)).toBe(true);
});

it.each(["evil.example", "evilshop.example", "shop.example.evil.io", "www.shop.example", "cdn.example", ".cdn.example", "evilcdn.example", ""])(
  "%j is not", (host) => {
    expect(matches(host)).toBe(false);
  });

it("a page elsewhere is dropped, only when the site says where its pages are", () => {
  const hit = { page: { host: "evil.example" } as Page } as Placed;
  const check = (origins: string[] | undefined, placed = hit) => checkHostname(placed, { site: { ...site, origins }, input: pageview(), facts: facts() });
  expect(check(["https://shop.example"])).toEqual({ drop: "hostname" });
  expect(check(["https://evil.example"])).toBe(hit);
  expect(check(undefined)).toBe(hit);
  expect(check([])).toBe(hit);
  const nowhere = { page: undefined } as Placed;
  expect(check(["https://shop.example"], nowhere)).toBe(nowhere);
});
