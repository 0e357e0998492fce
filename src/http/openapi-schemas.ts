import type { ErrorCode } from "../errors.ts";
import { STATUS_BY_CODE } from "../errors.ts";
import { count, id, list, moment, object, ref, type Schema, share, text, timestamp } from "./openapi-fields.ts";
import { profile, site, visitor } from "./openapi-visitors.ts";

const telemetry: Record<string, Schema> = {
  siteId: id("Your site's id."),
  visitorId: id("Made when omitted."),
  sessionId: id("Made when omitted."),
  eventId: id("The same one again within 24 hours is answered the same and counted once."),
  retry: { type: "boolean", description: "This eventId was sent before and no answer was heard: it may have reached another process." },
  timestamp: moment,
  sentAt: { ...moment, description: "The client's clock when it sent this: corrects a wrong clock." },
  userAgent: text("The visitor's; with the secret key only."),
  ip: text("The visitor's; with the secret key only. Never stored."),
  language: text("Browser language, e.g. en-US."),
  timeZone: text("IANA time zone, e.g. America/New_York."),
  userId: text("Your own signed-in user."),
  _apiKey: text("The API key, when it is not in the X-API-Key header."),
};

const pageUrl = text("Full http(s) URL of the page.", { format: "uri", maxLength: 2_048 });
const money = { value: { type: "number" }, currency: text("ISO 4217, with value.") };
const whole = { type: "integer", minimum: 0, maximum: 100_000 };

const pageview: Record<string, Schema> = {
  ...telemetry,
  pageUrl,
  pageTitle: text("document.title"),
  referrer: text("Referring URL."),
  pageviewId: id("Made when omitted; engagement refers to it."),
  screenWidth: whole,
  screenHeight: whole,
  languages: list({ type: "string" }),
  devicePixelRatio: { type: "number" },
  colorDepth: whole,
  availWidth: whole,
  availHeight: whole,
  platform: { type: "string" },
  hardwareConcurrency: whole,
  deviceMemory: { type: "number" },
  maxTouchPoints: whole,
  ...money,
};

const event: Record<string, Schema> = {
  ...telemetry,
  eventName: text("Title Case by custom, e.g. Purchase Completed. What is longer than 100 characters is cut.", { minLength: 1 }),
  eventData: { type: "object", description: "Any JSON: at most 16 KiB, 200 keys, 8 levels." },
  pageUrl,
  ...money,
};

const engagement: Record<string, Schema> = {
  ...telemetry,
  pageUrl,
  pageviewId: id("The pageview it reports on."),
  engagedSeconds: { type: "number", minimum: 0, description: "Cumulative per pageview; the largest counts." },
  scrollDepth: { type: ["number", "null"], minimum: 0, maximum: 100, description: "Deepest content seen, in %; null where nothing scrolls." },
};

const item = (type: string, properties: Record<string, Schema>, required: string[]): Schema =>
  object({ type: { const: type }, ...properties }, ["type", ...required]);

const success = { success: { const: true } };

const counts = (description: string): Schema => ({ type: "object", description, additionalProperties: count("So far.") });

/** All since the process started. */
const health = object({
  status: { type: "string", enum: ["ok", "degraded", "closing"] },
  storage: { type: "string", enum: ["closed", "open", "probing"], description: "The breaker: open while storage is down." },
  accepted: count("Hits stored and counted, those tracked in-process included."),
  dropped: counts("Hits answered and not counted, by reason: accepted + dropped + http.rejected + http.rejectedItems = hits sent."),
  stored: count("Events written: accepted + dropped.bot - repeated, and those of a write that seemed to fail, was answered 503 and was stored after all."),
  repeated: count("Accepted events whose id an earlier start or another process had stored: not stored again."),
  unflushed: count("Events that wait to be stored."),
  retried: count("Writes that were tried again."),
  torn: count("Stored values found damaged and left out."),
  webhooks: object({
    pending: count("Deliveries on their way."),
    inFlight: count("Attempts under way."),
    delivered: count("So far."),
    failedAttempts: count("So far."),
    gaveUp: count("Deliveries given up."),
    refused: count("Deliveries not taken, because their endpoint is switched off."),
  }),
  replay: object({ sessions: count("Recordings kept."), bytes: count("Of them."), evicted: count("Recordings that made room.") }),
  http: object({
    requests: count("To a path of ours: accepted + rejected + inFlight."),
    inFlight: count("Being answered, this one included."),
    accepted: count("Requests answered without an error, dropped hits included."),
    rejected: counts("Requests refused, by error code."),
    rejectedItems: counts("Items of batches that failed, by error code; their batch is accepted."),
    dropped: counts("Hits that came over HTTP and were not counted, by reason; repeats aside, which are answered as the first."),
    discarded: count("Items that browsers could not keep, as their trackers say."),
    cleaned: count("Bodies from which a key that reaches a prototype was removed."),
  }),
});

export const schemas: Record<string, Schema> = {
  Pageview: object(pageview, ["siteId", "pageUrl"]),
  PageviewAnswer: object(
    { ...success, message: { type: "string" }, visitorId: id("Kept or made."), sessionId: id("Kept or made."), timestamp, pageviewId: id("Of this pageview.") },
    ["success", "message", "visitorId", "sessionId", "timestamp", "pageviewId"],
  ),
  Event: object(event, ["siteId", "eventName"]),
  EventAnswer: object({ ...success, message: { type: "string" }, eventId: id("Of this event."), timestamp }, [
    "success",
    "message",
    "eventId",
    "timestamp",
  ]),
  Batch: object(
    {
      siteId: id("Your site's id."),
      visitorId: id("Of all items that name none."),
      sessionId: id("Of all items that name none."),
      timeZone: telemetry["timeZone"]!,
      sentAt: telemetry["sentAt"]!,
      webdriver: { type: "boolean", description: "`navigator.webdriver`: a bot." },
      discarded: count("Items that the browser could not keep: counted in /health."),
      _apiKey: telemetry["_apiKey"]!,
      items: {
        type: "array",
        maxItems: 100,
        items: {
          oneOf: [
            item("pageview", pageview, ["pageUrl"]),
            item("event", event, ["eventName"]),
            item("engagement", engagement, ["pageUrl", "engagedSeconds"]),
          ],
        },
      },
    },
    ["siteId", "items"],
  ),
  BatchAnswer: object(
    {
      ...success,
      results: list({
        oneOf: [
          object(
            { ...success, visitorId: id("Kept or made."), sessionId: id("Kept or made."), eventId: id("Kept or made."), timestamp, pageviewId: id("Of a pageview."), dropped: text("Why it was not counted.") },
            ["success", "visitorId", "sessionId", "eventId", "timestamp"],
          ),
          object({ success: { const: false }, error: { type: "string" }, code: ref("ErrorCode") }, ["success", "error", "code"]),
        ],
      }),
    },
    ["success", "results"],
  ),
  ReplayChunk: object(
    {
      siteId: id("Your site's id."),
      visitorId: id("Whose session it is."),
      sessionId: id("Which session."),
      tab: id("Which tab of it; each numbers its own chunks."),
      seq: { type: "integer", minimum: 0, maximum: 9_999, description: "The same number of the same tab again is stored once." },
      sentAt: { type: "integer", description: "The client's clock, epoch milliseconds; events lie at most 2 hours before." },
      events: { type: "array", maxItems: 10_000, items: text("An rrweb event as JSON.", { maxLength: 1_048_576 }) },
      _apiKey: telemetry["_apiKey"]!,
    },
    ["siteId", "visitorId", "sessionId"],
  ),
  ReplayChunkAnswer: object(
    {
      ...success,
      accepted: { type: "boolean" },
      reason: text("Why it was not kept, and the recorder stops: off, opt_out, empty, session_full, visitor_limit, budget, gone, other_visitor."),
      duplicate: { const: true },
      record: { type: "boolean", description: "The visitor's intent is high." },
      dropped: count("Events that are not replayed."),
    },
    ["success", "accepted", "record", "dropped"],
  ),
  Replays: object(
    {
      replays: list(
        object({
          sessionId: id("Of the session."),
          visitorId: id("Of the visitor."),
          startedAt: timestamp,
          durationSeconds: count("From the first event to the last."),
          pages: count("Seen while recording."),
          entryPage: text("URL without query."),
          actions: count("Clicks, scrolls and inputs."),
          intent: object({ level: { type: "string", enum: ["low", "medium", "high"] }, score: count("0 to 100.") }),
          identified: { type: "boolean" },
          converted: { type: "boolean" },
          bytes: count("As stored."),
          tabs: list(text("For `tab` of the stream.")),
        }),
      ),
      totalBytes: count("Of all recordings of the site."),
      budgetBytes: count("What they may have."),
      cursor: text("Asks for the next page; absent on the last."),
    },
    ["replays", "totalBytes", "budgetBytes"],
  ),
  Visitor: profile,
  Visitors: object({
    site,
    visitors: list(object(visitor)),
    uniqueVisitors: count("In the range."),
    activeVisitors: count("Any signal in the last 5 minutes."),
    totalCountries: count("In the range."),
    patterns: object({ returningVisitorRate: share("Share of visitors with an earlier session.") }),
    excluded: object({ bot: count("Hits left out of every number above.") }),
    distinctError: { type: "number", description: "Set when distinct counts are estimates: the relative standard error." },
  }),
  Erased: object({ ...success, message: { type: "string" }, visitorId: id("Who is no longer known.") }, ["success", "message", "visitorId"]),
  Health: health,
  Deliveries: object(
    {
      deliveries: list(
        object(
          {
            id: text("webhook-id"),
            event: { type: "string" },
            endpoint: text("The endpoint's URL without user info and query."),
            status: { type: "string", enum: ["pending", "delivered", "failed"] },
            attempts: count("Made so far."),
            lastCode: { type: "integer", description: "HTTP status of the last answer." },
            lastError: text("Why there was none, or why it was given up."),
            timestamp,
            nextAttemptAt: timestamp,
            deliveredAt: timestamp,
            failedAt: timestamp,
          },
          ["id", "event", "endpoint", "status", "attempts", "timestamp"],
        ),
      ),
      cursor: text("Absent on the last page."),
    },
    ["deliveries"],
  ),
  Retried: object({ ...success, id: text("webhook-id"), endpoints: count("Endpoints it goes to.") }, ["success", "id", "endpoints"]),
  WebhookTest: object(
    {
      success: { type: "boolean", description: "Every endpoint answered 2xx." },
      results: list(
        object(
          { endpoint: text("Its URL."), id: text("webhook-id"), ok: { type: "boolean" }, lastCode: { type: "integer" }, lastError: { type: "string" }, durationMs: count("Milliseconds.") },
          ["endpoint", "id", "ok", "durationMs"],
        ),
      ),
    },
    ["success", "results"],
  ),
  Recovery: object({ ...success, queued: count("Deliveries."), complete: { type: "boolean" } }, ["success", "queued", "complete"]),
  ErrorCode: { type: "string", enum: Object.keys(STATUS_BY_CODE) satisfies string[] as ErrorCode[] },
  Error: object(
    { error: text("For people."), code: ref("ErrorCode"), retryAfter: { type: "integer", description: "Seconds; with RATE_LIMIT_EXCEEDED." } },
    ["error", "code"],
  ),
};
