import * as v from "valibot";
import { AnalyticsError } from "../errors.ts";
import type { EventType, TelemetryInput } from "../event.ts";
import { parseEventData } from "./schema-data.ts";
import * as field from "./schema-fields.ts";

type Body = Record<string, unknown>;

const MAX_BATCH_ITEMS = 100;
const MAX_TITLE = 512;
const MAX_USER_AGENT = 512;
const MAX_TIME_ZONE = 64;
const MAX_PLATFORM = 64;
const MAX_RATIO = 100;

const base = {
  siteId: field.id,
  visitorId: v.optional(field.id),
  sessionId: v.optional(field.id),
  eventId: v.optional(field.id),
  timestamp: v.optional(field.time),
  sentAt: v.optional(field.time),
  userAgent: v.optional(field.text(MAX_USER_AGENT)),
  ip: v.optional(field.ip),
  language: v.optional(field.language),
  timeZone: v.optional(field.text(MAX_TIME_ZONE)),
  userId: v.optional(field.userId),
  webdriver: v.optional(field.flag),
  retry: v.optional(field.flag),
};

const money = { value: v.optional(field.amount), currency: v.optional(field.currency) };

const eventData = v.optional(
  v.pipe(
    v.unknown(),
    v.rawTransform<unknown, Record<string, unknown>>(({ dataset, addIssue, NEVER }) => {
      const verdict = parseEventData(dataset.value);
      if ("data" in verdict) return verdict.data;
      addIssue({ message: verdict.rule });
      return NEVER;
    }),
  ),
);

const entries = {
  pageview: {
    pageUrl: field.pageUrl,
    ...base,
    pageTitle: v.optional(field.text(MAX_TITLE)),
    referrer: v.optional(field.referrer),
    pageviewId: v.optional(field.id),
    screenWidth: v.optional(field.integer()),
    screenHeight: v.optional(field.integer()),
    languages: v.optional(field.languages),
    devicePixelRatio: v.optional(field.number(MAX_RATIO)),
    colorDepth: v.optional(field.integer()),
    availWidth: v.optional(field.integer()),
    availHeight: v.optional(field.integer()),
    platform: v.optional(field.text(MAX_PLATFORM)),
    hardwareConcurrency: v.optional(field.integer()),
    deviceMemory: v.optional(field.number(100_000)),
    maxTouchPoints: v.optional(field.integer()),
    ...money,
  },
  event: { eventName: field.eventName, ...base, eventData, pageUrl: v.optional(field.pageUrl), ...money },
  engagement: {
    pageUrl: field.pageUrl,
    engagedSeconds: field.engagedSeconds,
    ...base,
    pageviewId: v.optional(field.id),
    scrollDepth: v.optional(field.number(100)),
  },
};

const schemas = {
  pageview: v.object(entries.pageview),
  event: v.object(entries.event),
  engagement: v.object(entries.engagement),
};

const FIELDS: Record<EventType, readonly string[]> = {
  pageview: Object.keys(entries.pageview),
  event: Object.keys(entries.event),
  engagement: Object.keys(entries.engagement),
};

const FIRST_ISSUE = { abortEarly: true } as const;

function fail(message: string): AnalyticsError {
  return new AnalyticsError("VALIDATION_ERROR", message);
}

/** Only the fields we know, without those that are null: a client's `null` means "I have none". */
function knownFields(type: EventType, body: Body, inherited: Body | undefined): Body {
  const known: Body = {};
  for (const name of FIELDS[type]) {
    const value = body[name] ?? inherited?.[name] ?? undefined;
    if (value !== undefined) known[name] = value;
  }
  return known;
}

function parse(type: EventType, body: Body, inherited?: Body): TelemetryInput {
  const result = v.safeParse(schemas[type], knownFields(type, body, inherited), FIRST_ISSUE);
  if (!result.success) throw toError(result.issues[0]);
  const input = result.output as Body;
  input["type"] = type;
  return input as unknown as TelemetryInput;
}

function toError(issue: v.BaseIssue<unknown>): AnalyticsError {
  const step = issue.path?.[0];
  const name = String(step?.key ?? "body");
  const sent = step && "value" in step ? step.value : undefined;
  return fail(sent === undefined ? `Missing required field: ${name}` : `${name} ${issue.message}`);
}

/** The body of `POST /telemetry/pageview`, checked. Throws VALIDATION_ERROR that names the field and the rule. */
export const parsePageview = (body: Body): TelemetryInput => parse("pageview", body);

/** The body of `POST /telemetry/event`, checked. */
export const parseEvent = (body: Body): TelemetryInput => parse("event", body);

/** The body of an engagement report, checked. */
export const parseEngagement = (body: Body): TelemetryInput => parse("engagement", body);

/** What the items of a batch inherit when they do not say it themselves. */
const INHERITED = [
  "siteId",
  "visitorId",
  "sessionId",
  "timestamp",
  "sentAt",
  "userAgent",
  "ip",
  "language",
  "timeZone",
  "userId",
  "webdriver",
  "retry",
] as const;

/** What a batch says about all of its items. */
export interface BatchBase {
  siteId: string;
  visitorId?: string;
  sessionId?: string;
}

export interface ParsedBatch {
  base: BatchBase;
  /** In the order sent; a bad item is its error and does not spoil the others. */
  items: (TelemetryInput | AnalyticsError)[];
}

const batchBase = v.object({ siteId: base.siteId, visitorId: base.visitorId, sessionId: base.sessionId });

/**
 * The body of `POST /telemetry/batch`. An item belongs to the batch's site whatever it says of itself: the key
 * was checked for that one. Throws when the batch as a whole is wrong; PAYLOAD_TOO_LARGE above 100 items.
 */
export function parseBatch(body: Body): ParsedBatch {
  const inherited: Body = {};
  for (const name of INHERITED) {
    const value = body[name];
    if (value !== undefined && value !== null) inherited[name] = value;
  }
  const result = v.safeParse(batchBase, inherited, FIRST_ISSUE);
  if (!result.success) throw toError(result.issues[0]);
  const { items } = body;
  if (items === undefined || items === null) throw fail("Missing required field: items");
  if (!Array.isArray(items)) throw fail("items must be an array");
  if (items.length > MAX_BATCH_ITEMS) {
    throw new AnalyticsError("PAYLOAD_TOO_LARGE", `items must be at most ${MAX_BATCH_ITEMS}`);
  }
  return { base: result.output, items: items.map((item) => parseItem(item, inherited)) };
}

function parseItem(item: unknown, inherited: Body): TelemetryInput | AnalyticsError {
  if (typeof item !== "object" || item === null || Array.isArray(item)) return fail("item must be an object");
  const { type } = item as Body;
  if (type === undefined || type === null) return fail("Missing required field: type");
  if (type !== "pageview" && type !== "event" && type !== "engagement") {
    return fail("type must be pageview, event or engagement");
  }
  try {
    return parse(type, { ...item, siteId: inherited["siteId"] }, inherited);
  } catch (error) {
    if (error instanceof AnalyticsError) return error;
    throw error;
  }
}
