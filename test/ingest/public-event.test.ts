import { expect, it } from "vitest";
import { toPublicEvent } from "../../src/ingest/public-event.ts";
import { NOON } from "./setup.ts";

const base = { siteId: "demo", at: NOON, day: "2025-01-15", visitorId: "v", sessionId: "s", visit: 1 };

it("an event is shown under the names it was sent with, without what is absent", () => {
  expect(toPublicEvent({ ...base, id: "evt_1", type: "event", name: "Paid", data: { plan: "pro" }, country: "DE" })).toStrictEqual({
    eventId: "evt_1", type: "event", timestamp: "2025-01-15T12:00:00Z", sessionId: "s", visit: 1, eventName: "Paid", eventData: { plan: "pro" }, countryCode: "DE",
  });
  expect(toPublicEvent({ ...base, id: "evt_2", type: "pageview", url: "https://a.example/", path: "/", title: "A" })).toMatchObject({
    pageUrl: "https://a.example/", path: "/", pageTitle: "A",
  });
});
