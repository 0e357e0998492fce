import { afterAll, describe, expect, test } from "vitest";
import { createAnalytics } from "../src/index.ts";

const analytics = createAnalytics({ sites: [{ id: "shop", apiKey: "a-secret-key-of-24-chars-or-more" }], now: () => Date.parse("2025-01-15T10:30:00Z") });
// whatever a caller without types may hand in
const any = analytics as never as Record<string, (...given: unknown[]) => Promise<unknown>>;
const webhooks = analytics.webhooks as never as typeof any;
afterAll(() => analytics.close());

const exported = async (range?: unknown) => {
  const found = [];
  for await (const event of analytics.exportEvents("shop", range as never)) found.push(event.name);
  return found;
};

describe("a call in this process that HTTP would refuse rejects with VALIDATION_ERROR:", () => {
  test.each<[what: string, call: () => Promise<unknown>, message: string]>([
    ["trackEvent()", () => any["trackEvent"]!(), "The hit must be an object"],
    ["trackPageview(null)", () => any["trackPageview"]!(null), "The hit must be an object"],
    ["trackEvent with a context of null", () => any["trackEvent"]!({ siteId: "shop", eventName: "x" }, null), "The context must be an object"],
    ["trackEvent with headers as a text", () => any["trackEvent"]!({ siteId: "shop", eventName: "x" }, { headers: "x" }), "headers must be an object"],
    ["trackEvent without a name", () => any["trackEvent"]!({ siteId: "shop" }), "Missing required field: eventName"],
    ["getVisitors()", () => any["getVisitors"]!(), "Missing required field: siteId"],
    ["getVisitors with a query of null", () => any["getVisitors"]!("shop", null), "The query must be an object"],
    ["getVisitors with a query as a text", () => any["getVisitors"]!("shop", "days=5"), "The query must be an object"],
    ...[1e9, -1, Number.NaN, 396, 0, 1.5, "x", null].map((days): [string, () => Promise<unknown>, string] => [
      `getVisitors of ${days} days`, () => any["getVisitors"]!("shop", { days }), "days must be an integer from 1 to 395",
    ]),
    ["getVisitors with a limit of -1", () => any["getVisitors"]!("shop", { limit: -1 }), "limit must be an integer from 1 to 1000"],
    ["getVisitors with a limit of 1,001", () => any["getVisitors"]!("shop", { limit: 1_001 }), "limit must be an integer from 1 to 1000"],
    ["getVisitors of USA", () => any["getVisitors"]!("shop", { country: "USA" }), "country must be an ISO 3166-1 alpha-2 code"],
    ["getVisitors of a country that is a number", () => any["getVisitors"]!("shop", { country: 49 }), "country must be"],
    ["getVisitor without a visitor", () => any["getVisitor"]!("shop"), "Missing required field: visitorId"],
    ["eraseVisitor without a visitor", () => any["eraseVisitor"]!("shop"), "visitorId must be 1 to 128 characters"],
    ["eraseVisitor of an id with a slash", () => any["eraseVisitor"]!("shop", "a/b"), "visitorId must be 1 to 128 characters"],
    ["getReplays of an unknown level", () => any["getReplays"]!("shop", { level: "x" }), "level must be low, medium or high"],
    ["readReplay without a session", () => any["readReplay"]!("shop"), "Missing required field: sessionId"],
    ["readReplay of a tab that is none", () => any["readReplay"]!("shop", "s", 5), "tab must be one"],
    ["exportEvents from NaN", () => exported({ from: Number.NaN }), "from must be an ISO 8601 date or epoch milliseconds"],
    ["exportEvents from no date", () => exported({ from: "yesterday" }), "from must be"],
    ["exportEvents to an invalid Date", () => exported({ to: new Date("x") }), "to must be"],
    ["exportEvents from later than to", () => exported({ from: 5, to: 1 }), "from must not be later than to"],
    ["exportEvents after a text", () => exported({ after: "5,evt" }), "after must be { at, id }"],
    ["exportEvents of null", () => exported(null), "The range must be an object"],
    ["deliveries of an unknown status", () => webhooks["deliveries"]!("shop", { status: "x" }), "status must be one of pending, delivered, failed"],
    ["deliveries of an unknown event", () => webhooks["deliveries"]!("shop", { event: "x" }), "event must be one of pageview,"],
    ["deliveries with a limit of 501", () => webhooks["deliveries"]!("shop", { limit: 501 }), "limit must be an integer from 1 to 500"],
    ["deliveries with an endpoint that is a number", () => webhooks["deliveries"]!("shop", { endpoint: 5 }), "endpoint must be a text"],
    ["deliveries with a cursor of another kind", () => webhooks["deliveries"]!("shop", { cursor: 5 }), "cursor must be"],
    ["recover without since", () => webhooks["recover"]!("shop"), "Missing required parameter: since"],
    ["recover since no date", () => webhooks["recover"]!("shop", "x"), "since must be an ISO 8601 date"],
    ["retry without an id", () => webhooks["retry"]!("shop"), "Missing required field: id"],
  ])("%s", async (_, call, message) => {
    await expect(call()).rejects.toMatchObject({ name: "AnalyticsError", code: "VALIDATION_ERROR", message: expect.stringContaining(message) });
  });
});

test("an endpoint that the site does not have is not found, as over HTTP", async () => {
  for (const call of [() => webhooks["test"]!("shop", "https://nope"), () => webhooks["recover"]!("shop", 0, "https://nope")]) {
    await expect(call()).rejects.toMatchObject({ code: "NOT_FOUND", message: "The site has no such endpoint" });
  }
});

test("the times of an export are a Date, ISO 8601 or epoch milliseconds", async () => {
  for (const [day, eventName] of [["14", "early"], ["15", "late"]]) {
    await analytics.trackEvent({ siteId: "shop", eventName: eventName! }, { timestamp: `2025-01-${day}T08:00:00Z` });
  }
  expect(await exported()).toEqual(["early", "late"]);
  for (const noon of ["2025-01-14T12:00:00Z", new Date("2025-01-14T12:00:00Z"), Date.parse("2025-01-14T12:00:00Z")]) {
    expect([await exported({ from: noon }), await exported({ to: noon })]).toEqual([["late"], ["early"]]);
  }
  expect(await exported({ from: "2030-01-01" })).toEqual([]);
  expect(await exported({ from: undefined, to: Infinity })).toEqual(["early", "late"]);
});

test("a country may be in any case, and a malformed visitor is nobody", async () => {
  expect((await analytics.getVisitors("shop", { country: "de", days: 2 })).visitors).toEqual([]);
  expect(await analytics.getVisitor("shop", "a/b")).toBeUndefined();
});

test("on throws at once for an event that does not exist and for a listener that is none", () => {
  expect(() => analytics.on("nope" as never, () => {})).toThrow(new TypeError('analytics.on: there is no event "nope"; there are pageview, event, visitor_identified, high_intent_visitor'));
  expect(() => analytics.on("event", undefined as never)).toThrow(new TypeError('analytics.on: the listener of "event" must be a function'));
});

test.each([["a URL", "http://host/health"], ["nothing", undefined], ["an empty object", {}]])("fetch answers %s in place of a Request 400 and does not reject", async (_, given) => {
  for (const context of [undefined, { path: "/health" }]) {
    const response = await analytics.fetch(given as never, context);
    expect([response.status, await response.json()]).toEqual([400, { error: expect.stringContaining("fetch needs a Request"), code: "VALIDATION_ERROR" }]);
  }
});
