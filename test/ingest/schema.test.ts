import { describe, expect, it } from "vitest";
import { AnalyticsError } from "../../src/errors.ts";
import { parseBatch, parseEngagement, parseEvent, parsePageview } from "../../src/ingest/schema.ts";

const view = (over: Record<string, unknown> = {}) => ({ siteId: "demo", pageUrl: "https://shop.example/", ...over });
const custom = (over: Record<string, unknown> = {}) => ({ siteId: "demo", eventName: "Sign Up Success", ...over });

function errorOf(run: () => unknown): AnalyticsError {
  try {
    run();
  } catch (error) {
    if (error instanceof AnalyticsError) return error;
    throw error;
  }
  throw new Error("no error");
}
const messageOf = (run: () => unknown) => errorOf(run).message;

describe("the reference's own examples", () => {
  it("a pageview", () => {
    const body = {
      siteId: "your-site-id", pageUrl: "https://example.com/products", pageTitle: "Products - Example Store",
      referrer: "https://google.com", visitorId: "vis_abc123", sessionId: "sess_xyz789", userAgent: "Mozilla/5.0...",
      screenWidth: 1920, screenHeight: 1080, language: "en-US", timeZone: "America/New_York",
    };
    expect(parsePageview({ ...body, _apiKey: "your-api-key" })).toEqual({ type: "pageview", ...body });
  });
  it("a custom event", () => {
    const body = {
      siteId: "your-site-id", eventName: "Purchase Completed", visitorId: "vis_abc123", pageUrl: "https://example.com/checkout/success",
      eventData: { productId: "prod_123", productName: "Premium Plan", currency: "USD" },
    };
    expect(parseEvent({ ...body, _apiKey: "your-api-key" })).toEqual({ type: "event", ...body });
  });
});

describe("a missing required field is named", () => {
  it.each([undefined, null])("when it is %s", (nothing) => {
    expect(errorOf(() => parsePageview(view({ pageUrl: nothing })))).toMatchObject({ code: "VALIDATION_ERROR", status: 400, message: "Missing required field: pageUrl" });
    expect(messageOf(() => parsePageview(view({ siteId: nothing })))).toBe("Missing required field: siteId");
    expect(messageOf(() => parseEvent(custom({ eventName: nothing })))).toBe("Missing required field: eventName");
    expect(messageOf(() => parseEngagement(view({ engagedSeconds: nothing })))).toBe("Missing required field: engagedSeconds");
  });
});

describe("an optional field that is null counts as absent", () => {
  it("whatever its type", () => {
    const nulls = { pageTitle: null, referrer: null, visitorId: null, screenWidth: null, languages: null, timestamp: null, value: null, webdriver: null };
    expect(parsePageview(view(nulls))).toEqual({ type: "pageview", ...view() });
    expect(parseEvent(custom({ eventData: null, pageUrl: null }))).toEqual({ type: "event", ...custom() });
  });
});

describe("wrong types and values are a 400 that names the field and the rule", () => {
  const idRule = "must be 1 to 128 characters of [A-Za-z0-9_.:-]";
  const integerRule = "must be an integer from 0 to 100000";
  const urlRule = "must be an http or https URL";
  const timeRule = "must be ISO 8601 or epoch milliseconds";
  it.each([
    ["screenWidth", "1920", integerRule], ["screenWidth", -1, integerRule], ["screenWidth", 100_001, integerRule],
    ["screenWidth", 1.5, integerRule], ["screenWidth", 1e308, integerRule], ["screenWidth", true, integerRule], ["screenWidth", Number.NaN, integerRule],
    ["visitorId", "../../x", idRule], ["visitorId", "a?b", idRule], ["visitorId", "", idRule], ["visitorId", "a".repeat(129), idRule],
    ["visitorId", 7, idRule], ["sessionId", "a b", idRule], ["eventId", "é", idRule], ["pageviewId", "a\n", idRule], ["siteId", {}, idRule],
    ["pageUrl", "javascript:alert(1)", urlRule], ["pageUrl", "data:text/html,x", urlRule], ["pageUrl", "file:///etc/passwd", urlRule],
    ["pageUrl", "/relative", urlRule], ["pageUrl", "shop.example", urlRule], ["pageUrl", "", urlRule], ["pageUrl", "http://", urlRule],
    ["pageUrl", "https://[", urlRule], ["pageUrl", 5, urlRule], ["pageUrl", ["https://a.example"], urlRule],
    ["pageUrl", `https://a.example/${"x".repeat(2_048)}`, "must be at most 2048 characters"],
    ["pageTitle", 5, "must be a string"], ["referrer", {}, "must be a string"], ["language", [], "must be a string"],
    ["languages", "de", "must be a list of strings"], ["languages", [1], "must be a list of strings"],
    ["webdriver", "true", "must be true or false"], ["ip", "1.2.3", "must be an IP address"], ["ip", 5, "must be an IP address"],
    ["timestamp", "yesterday", timeRule], ["timestamp", "5", timeRule], ["timestamp", {}, timeRule], ["timestamp", 1e20, timeRule], ["sentAt", true, timeRule],
    ["value", "9", "must be a number from -1000000000000 to 1000000000000"], ["value", 1e13, "must be a number from -1000000000000 to 1000000000000"],
    ["currency", "EURO", "must be a three-letter ISO 4217 code"], ["currency", 1, "must be a three-letter ISO 4217 code"],
    ["userId", "", "must be 1 to 128 characters"], ["userId", "x".repeat(129), "must be 1 to 128 characters"],
    ["devicePixelRatio", 101, "must be a number from 0 to 100"],
  ])("%s: %j", (field, value, rule) => {
    expect(messageOf(() => parsePageview(view({ [field]: value })))).toBe(`${field} ${rule}`);
  });
  it.each<unknown>(["", "   ", 7, "\u0000"])("an event named %j", (name) => {
    expect(messageOf(() => parseEvent(custom({ eventName: name })))).toBe("eventName must have at least one character");
  });
  it.each([[101, "scrollDepth must be a number from 0 to 100"], [-1, "scrollDepth must be a number from 0 to 100"]])("a scroll depth of %j", (depth, message) => {
    expect(messageOf(() => parseEngagement(view({ engagedSeconds: 1, scrollDepth: depth })))).toBe(message);
  });
  it.each([[[], "must be an object"], ["x", "must be an object"], [{ a: 1n }, "must be plain JSON"]])("event data %#", (data, rule) => {
    expect(messageOf(() => parseEvent(custom({ eventData: data })))).toBe(`eventData ${rule}`);
  });
});

describe("what is at a bound is taken", () => {
  it.each([
    ["screenWidth", 0], ["screenWidth", 100_000], ["visitorId", "a".repeat(128)], ["visitorId", "__proto__"], ["visitorId", "A.b:c-d_9"],
    ["pageUrl", `https://a.example/${"x".repeat(2_048 - 18)}`], ["value", -5.5], ["userId", "x".repeat(128)], ["deviceMemory", 0.25],
  ])("%s: %j", (field, value) => {
    expect(parsePageview(view({ [field]: value }))).toHaveProperty([field], value);
  });
});

describe("text", () => {
  it("is cut by character, trimmed where it is a name, and free of NUL and half characters", () => {
    const input = parsePageview(view({ pageTitle: `${"😀".repeat(511)}a\u0000b😀`, language: "x".repeat(50), languages: ["\ud800"], currency: "eur" }));
    expect(input).toMatchObject({ pageTitle: `${"😀".repeat(511)}a`, language: "x".repeat(35), languages: ["\ufffd"], currency: "EUR" });
    expect(parseEvent(custom({ eventName: ` ${"n".repeat(150)} ` }))).toMatchObject({ eventName: "n".repeat(100) });
  });
  it("takes at most ten languages", () => {
    expect(parsePageview(view({ languages: Array.from({ length: 30 }, () => "de") }))).toHaveProperty("languages.length", 10);
  });
});

describe("a bad referrer counts as none", () => {
  it.each(["", "not a url", "javascript:alert(1)", "android-app://com.google", `https://a.example/${"x".repeat(2_100)}`])("%j", (referrer) => {
    expect((parsePageview(view({ referrer })) as { referrer?: string }).referrer).toBeUndefined();
  });
});

describe("times", () => {
  it.each([[1_736_937_000_000, 1_736_937_000_000], ["2025-01-15T10:30:00Z", 1_736_937_000_000], ["2025-01-15T11:30:00+01:00", 1_736_937_000_000], [1_736_937_000_000.7, 1_736_937_000_000]])(
    "%j is taken", (timestamp, ms) => {
      expect(parsePageview(view({ timestamp, sentAt: timestamp }))).toMatchObject({ timestamp: ms, sentAt: ms });
    });
});

describe("a batch", () => {
  const item = { type: "pageview", pageUrl: "https://shop.example/" };

  it("gives its items what they do not say themselves", () => {
    const items = parseBatch({
      siteId: "demo", visitorId: "v", sessionId: "s", sentAt: 2_000, language: "de", timeZone: "UTC", userAgent: "ua", ip: "203.0.113.1", userId: "u", _apiKey: "k",
      items: [item, { ...item, type: "event", eventName: "Paid", visitorId: "own", timestamp: 1_000 }, { ...item, type: "engagement", engagedSeconds: 3 }],
    });
    const inherited = { siteId: "demo", visitorId: "v", sessionId: "s", sentAt: 2_000, language: "de", timeZone: "UTC", userAgent: "ua", ip: "203.0.113.1", userId: "u" };
    expect(items).toEqual([
      { ...inherited, ...item },
      { ...inherited, ...item, type: "event", eventName: "Paid", visitorId: "own", timestamp: 1_000 },
      { ...inherited, ...item, type: "engagement", engagedSeconds: 3 },
    ]);
  });

  it("keeps a bad item's error in its place", () => {
    const items = parseBatch({ siteId: "demo", items: [{ type: "pageview" }, item, { type: "click" }, {}, null, "x", [item]] });
    expect(items.map((one) => (one instanceof AnalyticsError ? one.message : one.type))).toEqual([
      "Missing required field: pageUrl", "pageview", "type must be pageview, event or engagement", "Missing required field: type",
      "item must be an object", "item must be an object", "item must be an object",
    ]);
  });

  it("does not let an item name another site", () => {
    expect(parseBatch({ siteId: "demo", items: [{ ...item, siteId: "other" }] })).toEqual([{ ...item, siteId: "demo" }]);
  });

  it("is refused as a whole without a list, with a wrong base, and above 100 items", () => {
    expect(messageOf(() => parseBatch({ siteId: "demo" }))).toBe("Missing required field: items");
    expect(messageOf(() => parseBatch({ siteId: "demo", items: {} }))).toBe("items must be an array");
    expect(messageOf(() => parseBatch({ items: [] }))).toBe("Missing required field: siteId");
    expect(messageOf(() => parseBatch({ siteId: "demo", visitorId: "a b", items: [] }))).toMatch(/^visitorId must/);
    expect(parseBatch({ siteId: "demo", items: Array.from({ length: 100 }, () => item) })).toHaveLength(100);
    expect(errorOf(() => parseBatch({ siteId: "demo", items: Array.from({ length: 101 }, () => item) })).code).toBe("PAYLOAD_TOO_LARGE");
  });
});

it("unknown fields and __proto__ are ignored", () => {
  const body = JSON.parse('{"siteId":"demo","pageUrl":"https://a.example/","__proto__":{"polluted":1},"country":"US","intentScore":99,"constructor":{"prototype":{"polluted":1}}}');
  const input = parsePageview(body);
  expect(input).toEqual({ type: "pageview", siteId: "demo", pageUrl: "https://a.example/" });
  expect((input as unknown as Record<string, unknown>)["polluted"]).toBeUndefined();
  expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
});
