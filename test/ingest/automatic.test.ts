import { expect, it } from "vitest";
import { isAutomatic, nameOfAutomatic } from "../../src/ingest/automatic.ts";

const nameOf = (eventName: string, eventData?: Record<string, unknown>) =>
  nameOfAutomatic({ siteId: "shop", pageUrl: "https://shop.example/a", eventName, eventData });

it.each([
  ["Button Clicked", "$click", {}],
  ["Link Clicked", "$click", { url: "https://shop.example/b" }],
  ["Outbound Link Clicked", "$auxclick", { url: "https://other.example/b" }],
  ["Outbound Link Clicked", "$click", { url: "[email]" }],
  ["File Downloaded", "$click", { url: "https://shop.example/Prices.PDF" }],
  ["File Downloaded", "$click", { url: "https://shop.example/export", download: "" }],
  ["Form Submitted", "$submit", {}],
  ["Rage Click", "$rage", { url: "https://shop.example/b" }],
] as const)("is called %s: %s %o", (name, eventName, data) => {
  expect(nameOf(eventName, data)).toBe(name);
});

it("a name of the site's own is left alone", () => {
  expect(["Purchase Completed", "click", "$other"].some(isAutomatic)).toBe(false);
});
