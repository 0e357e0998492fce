import { expect, it } from "vitest";
import { isAutomatic, readAction } from "../../src/ingest/automatic.ts";

const nameOf = (eventName: string, eventData?: Record<string, unknown>) =>
  readAction({ siteId: "shop", pageUrl: "https://shop.example/a", eventName, eventData }).name;

it.each([
  ["Button Clicked", "$click", {}],
  ["Link Clicked", "$click", { url: "https://shop.example/b" }],
  ["Outbound Link Clicked", "$auxclick", { url: "https://other.example/b" }],
  ["Outbound Link Clicked", "$click", { url: "[email]" }],
  ["File Downloaded", "$click", { url: "https://shop.example/Prices.PDF" }],
  ["File Downloaded", "$click", { url: "https://shop.example/export", download: "" }],
  ["Button Clicked", "$click", { url: "javascript:open('/b')" }],
  ["Form Submitted", "$submit", {}],
  ["Rage Click", "$rage", { url: "https://shop.example/b" }],
] as const)("is called %s: %s %o", (name, eventName, data) => {
  expect(nameOf(eventName, data)).toBe(name);
});

it("a name of the site's own is left alone", () => {
  expect(["Purchase Completed", "click", "$other"].some(isAutomatic)).toBe(false);
});

it("an element's own name is the event's, and its other properties are its data", () => {
  const eventData = { text: "Pro", wysleapEvent: " Plan Chosen ", wysleapPlan: "pro", wysleapSeatCount: "5", wysleapUnmask: "", wysleap: "x" };
  expect(readAction({ siteId: "shop", eventName: "$click", eventData })).toEqual({
    name: "Plan Chosen", data: { text: "Pro", plan: "pro", seatCount: "5", wysleap: "x" }, isClick: false,
  });
  expect(readAction({ siteId: "shop", eventName: "$rage", eventData: { wysleapEvent: "x".repeat(500) } }).name).toHaveLength(100);
  expect(readAction({ siteId: "shop", eventName: "$click", eventData: { wysleapEvent: 7 } })).toMatchObject({ name: "Button Clicked", isClick: true });
});

it("a link's code and an address in a file's name are not kept", () => {
  const dataOf = (eventData: Record<string, unknown>) => readAction({ siteId: "shop", eventName: "$click", eventData }).data;
  expect(dataOf({ url: "javascript:pay('4111')", text: "Pay" })).toEqual({ text: "Pay" });
  expect(dataOf({ url: "https://shop.example/i", download: "invoice-jo@shop.example.pdf" })).toEqual({ url: "https://shop.example/i", download: "[email]" });
});
