import { FastResponse } from "srvx";
import { STATUS_BY_CODE } from "../errors.ts";
import { WEBHOOK_EVENTS } from "../site.ts";
import type { Call, HeaderPair } from "./call.ts";
import { JSON_TYPE, NOSNIFF } from "./call.ts";
import { ref, type Schema } from "./openapi-fields.ts";
import { schemas } from "./openapi-schemas.ts";

const CACHE: HeaderPair = ["cache-control", "public, max-age=3600"];

export function openapiRoute(trackerPath: string) {
  let text: string | undefined;
  return (call: Call): Response => {
    text ??= JSON.stringify(createDocument(trackerPath));
    return new FastResponse(text, { headers: [JSON_TYPE, NOSNIFF, CACHE, ...call.headers] });
  };
}

const json = (schema: Schema, description: string, headers?: Schema): Schema => ({
  description,
  ...(headers && { headers }),
  content: { "application/json": { schema } },
});

const header = (description: string, type = "integer"): Schema => ({ description, schema: { type } });

const rateHeaders = {
  "X-RateLimit-Limit": header("Your total rate limit."),
  "X-RateLimit-Remaining": header("Requests remaining in the current window."),
  "X-RateLimit-Reset": header("Unix timestamp when the current window resets."),
};

const DESCRIPTIONS: Record<keyof typeof STATUS_BY_CODE, string> = {
  VALIDATION_ERROR: "The request is wrong; the message names the field and the rule.",
  UNAUTHORIZED: "No API key, a wrong one, or two different ones.",
  FORBIDDEN: "The key may not do this, or not from this origin.",
  NOT_FOUND: "No such site or visitor.",
  METHOD_NOT_ALLOWED: "The path exists, the method does not; see Allow.",
  REQUEST_TIMEOUT: "The body did not arrive within 10 seconds.",
  PAYLOAD_TOO_LARGE: "The body is larger than this endpoint takes.",
  UNSUPPORTED_ENCODING: "The body is not JSON in UTF-8, or compressed in another way than gzip, br or deflate once.",
  RATE_LIMIT_EXCEEDED: "Too many requests in this minute.",
  SERVER_ERROR: "Our fault; X-Request-Id is also in the server's log.",
  UNAVAILABLE: "Storage is down or a bound is reached. Send it again with the same eventId: a write that seemed to fail may have been stored.",
};

type Code = keyof typeof STATUS_BY_CODE;

function errorResponses(): Schema {
  const responses: Record<string, Schema> = {};
  for (const [code, status] of Object.entries(STATUS_BY_CODE)) {
    const retry = code === "RATE_LIMIT_EXCEEDED" || code === "UNAVAILABLE";
    const headers = {
      ...(code === "RATE_LIMIT_EXCEEDED" && rateHeaders),
      ...(retry && { "Retry-After": header("Seconds.") }),
      ...(code === "METHOD_NOT_ALLOWED" && { Allow: header("Methods.", "string") }),
      ...(code === "SERVER_ERROR" && { "X-Request-Id": header("Also in the server's log.", "string") }),
    };
    responses[String(status)] = json(ref("Error"), DESCRIPTIONS[code as Code], headers);
  }
  return responses;
}

const pathId = (name: string): Schema => ({ name, in: "path", required: true, schema: { type: "string" } });
const query = (name: string, description: string, schema: Schema): Schema => ({ name, in: "query", description, schema });

const READ_ERRORS: Code[] = ["VALIDATION_ERROR", "UNAUTHORIZED", "FORBIDDEN", "NOT_FOUND", "RATE_LIMIT_EXCEEDED", "SERVER_ERROR", "UNAVAILABLE"];
const WRITE_ERRORS: Code[] = [...READ_ERRORS, "REQUEST_TIMEOUT", "PAYLOAD_TOO_LARGE", "UNSUPPORTED_ENCODING"];

const errors = (codes: Code[]): Schema =>
  Object.fromEntries(codes.map((code) => [STATUS_BY_CODE[code], { $ref: `#/components/responses/${STATUS_BY_CODE[code]}` }]));

function telemetry(operationId: string, summary: string, name: string): Schema {
  const dropped = header("Why the hit was not counted: bot, hostname, opt_out, visitor_limit, duplicate.", "string");
  return {
    post: {
      operationId,
      summary,
      tags: ["telemetry"],
      security: [{ apiKey: [] }, {}],
      parameters: [
        { name: "Idempotency-Key", in: "header", description: "Used as eventId when the body has none.", schema: { type: "string" } },
      ],
      requestBody: {
        required: true,
        content: { "application/json": { schema: ref(name) }, "text/plain": { schema: ref(name) } },
      },
      responses: {
        200: json(ref(`${name}Answer`), "Tracked.", { ...rateHeaders, "X-WysLeap-Dropped": dropped }),
        ...errors(WRITE_ERRORS),
      },
    },
  };
}

function read(operationId: string, summary: string, parameters: Schema[], answer: Schema): Schema {
  const responses = { 200: answer, ...errors(READ_ERRORS) };
  return { operationId, summary, tags: ["analytics"], security: [{ apiKey: [] }], parameters, responses };
}

function open(operationId: string, summary: string, type: string, schema: Schema = {}): Schema {
  const responses = { 200: { description: "OK", content: { [type]: { schema } } } };
  return { get: { operationId, summary, tags: ["public"], security: [], responses } };
}

function createPaths(trackerPath: string): Schema {
  const siteId = pathId("siteId");
  const visitorId = pathId("visitorId");
  const moment = (name: string, description: string) => query(name, description, { type: "string" });
  const ndjson = {
    description: "One JSON object a line.",
    headers: rateHeaders,
    content: { "application/x-ndjson": { schema: { type: "string" } } },
  };
  return {
    "/telemetry/pageview": telemetry("trackPageview", "Track a page view", "Pageview"),
    "/telemetry/event": telemetry("trackEvent", "Track a custom event", "Event"),
    "/telemetry/batch": telemetry("trackBatch", "Track up to 100 pageviews, events and engagement reports", "Batch"),
    "/telemetry/replay": telemetry("addReplay", "Store a part of a session's recording", "ReplayChunk"),
    "/visitors/{siteId}": {
      get: read(
        "getVisitors",
        "Statistics of a site and its recent visitors",
        [
          siteId,
          query("limit", "Recent visitors to return.", { type: "integer", minimum: 1, maximum: 1_000, default: 50 }),
          query("days", "Days to look back.", { type: "integer", minimum: 1, maximum: 395, default: 30 }),
          query("country", "ISO 3166-1 alpha-2.", { type: "string", pattern: "^[A-Za-z]{2}$" }),
        ],
        json(ref("Visitors"), "The report.", rateHeaders),
      ),
    },
    "/visitors/{siteId}/{visitorId}": {
      get: read(
        "getVisitor",
        "One visitor: profile, intent, timeline",
        [
          siteId,
          visitorId,
          query("limit", "Events of the timeline to return.", { type: "integer", minimum: 1, maximum: 1_000, default: 100 }),
          query("cursor", "The timeline's, from the page before.", { type: "string" }),
        ],
        json(ref("Visitor"), "The visitor.", rateHeaders),
      ),
      delete: read("eraseVisitor", "Erase everything about a visitor", [siteId, visitorId], json(ref("Erased"), "Erased.", rateHeaders)),
    },
    "/events/{siteId}": {
      get: read(
        "exportEvents",
        "Every event of a range, ordered by `at`, then by `id`",
        [
          siteId,
          moment("from", "ISO 8601 or epoch milliseconds, inclusive."),
          moment("to", "Exclusive."),
          query(
            "cursor",
            "Go on behind the last line you have: its `at` and its `id`, joined by a comma. With the same `from` and `to` " +
              "no line comes twice and none is left out, whatever happened on the server meanwhile; events that were " +
              "stored since with an earlier `at` than the cursor's are not among them.",
            { type: "string", examples: ["1736937000000,evt_abc123"] },
          ),
        ],
        ndjson,
      ),
    },
    "/webhooks/{siteId}/deliveries": {
      get: read(
        "listDeliveries",
        "What became of the webhooks that the answering process has to deliver, newest first",
        [
          siteId,
          query("status", "Only these; failed ones were given up.", { type: "string", enum: ["pending", "delivered", "failed"] }),
          query("event", "Only of this event.", { type: "string", enum: WEBHOOK_EVENTS }),
          query("endpoint", "Only to this URL, as configured.", { type: "string" }),
          query("limit", "Deliveries to return.", { type: "integer", minimum: 1, maximum: 500, default: 50 }),
          query("cursor", "From the page before.", { type: "string" }),
        ],
        json(ref("Deliveries"), "A page.", rateHeaders),
      ),
    },
    "/webhooks/{siteId}/deliveries/{id}/retry": {
      post: read("retryDelivery", "Try a pending or failed delivery of the answering process now, with its old id", [siteId, pathId("id")], json(ref("Retried"), "Queued.", rateHeaders)),
    },
    "/webhooks/{siteId}/test": {
      post: read(
        "testWebhooks",
        "Send a signed sample to the site's endpoints and tell what they said",
        [siteId, query("endpoint", "Only to this URL.", { type: "string" })],
        json(ref("WebhookTest"), "What they said.", rateHeaders),
      ),
    },
    "/webhooks/{siteId}/recover": {
      post: read(
        "recoverWebhooks",
        "Switch endpoints on again and queue what happened since, with the old ids, whichever process had taken it",
        [siteId, { ...moment("since", "ISO 8601 or epoch milliseconds."), required: true }, query("endpoint", "Only to this URL.", { type: "string" })],
        json(ref("Recovery"), "Queued.", rateHeaders),
      ),
    },
    "/replays/{siteId}": {
      get: read(
        "getReplays",
        "Recorded sessions, newest first",
        [
          siteId,
          query("limit", "Recordings to return.", { type: "integer", minimum: 1, maximum: 1_000, default: 50 }),
          query("visitorId", "Only this visitor's.", { type: "string" }),
          query("level", "At least this intent.", { type: "string", enum: ["low", "medium", "high"] }),
          query("minSeconds", "At least this long.", { type: "integer", minimum: 1, maximum: 3_600 }),
          moment("from", "Started then or later; ISO 8601 or epoch milliseconds."),
          moment("to", "Started before."),
          query("cursor", "Of the page before.", { type: "string" }),
        ],
        json(ref("Replays"), "The recordings.", rateHeaders),
      ),
    },
    "/replays/{siteId}/{sessionId}": {
      get: read(
        "getReplay",
        "The rrweb events of one tab of a recorded session",
        [siteId, pathId("sessionId"), query("tab", "One of its tabs. Default: the first.", { type: "string" })],
        ndjson,
      ),
    },
    [trackerPath]: {
      ...open("getTracker", "The script for your pages; with `?full` its larger self, with `?rec` the recorder", "text/javascript"),
      ...telemetry("trackFromPage", "What the script sends: a batch; with `?rec` the same as /telemetry/replay", "Batch"),
    },
    "/replay.js": open("getRecorder", "The recorder by itself", "text/javascript"),
    "/openapi.json": open("getOpenapi", "This document", "application/json"),
    "/health": open("getHealth", "Counters", "application/json", ref("Health")),
  };
}

/** The HTTP interface as an OpenAPI 3.1 document. */
export function createDocument(trackerPath = "/tracker.js"): Schema {
  return {
    openapi: "3.1.0",
    info: {
      title: "WysLeap",
      version: "1",
      description: "Visitor intelligence inside your own app. Every error body is `{ error, code, … }`.",
    },
    servers: [{ url: "./", description: "Relative to this document" }],
    paths: createPaths(trackerPath),
    components: {
      schemas,
      responses: errorResponses(),
      securitySchemes: {
        apiKey: {
          type: "apiKey",
          in: "header",
          name: "X-API-Key",
          description: "The secret key; for telemetry the write key will do. Telemetry may carry it in the body as `_apiKey`.",
        },
      },
    },
  };
}
