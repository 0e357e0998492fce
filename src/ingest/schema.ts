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

interface Field {
  name: string;
  schema: v.GenericSchema;
  isRequired: boolean;
}

/** Each field is checked alone, and only those that are there: of some thirty, most requests have ten. */
function toFields(of: Record<string, v.GenericSchema | v.OptionalSchema<v.GenericSchema, undefined>>): Field[] {
  return Object.entries(of).map(([name, schema]) => {
    return "wrapped" in schema ? { name, schema: schema.wrapped, isRequired: false } : { name, schema, isRequired: true };
  });
}

const FIELDS: Record<EventType, Field[]> = {
  pageview: toFields(entries.pageview),
  event: toFields(entries.event),
  engagement: toFields(entries.engagement),
};

const FIRST_ISSUE = { abortEarly: true } as const;

function fail(message: string): AnalyticsError {
  return new AnalyticsError("VALIDATION_ERROR", message);
}

/**
 * Only the fields we know, without those that are null: a client's `null` means "I have none". What a batch says
 * (`inherited`) stands in for what its item does not, and its site in any case: the key was checked for that one.
 */
function check(fields: Field[], body: Body, inherited?: Body): Body {
  const checked: Body = {};
  for (const { name, schema, isRequired } of fields) {
    const own = inherited && name === "siteId" ? undefined : body[name];
    const value = own ?? inherited?.[name];
    if (value === undefined || value === null) {
      if (isRequired) throw fail(`Missing required field: ${name}`);
      continue;
    }
    const result = v.safeParse(schema, value, FIRST_ISSUE);
    if (!result.success) throw fail(`${name} ${result.issues[0].message}`);
    checked[name] = result.output;
  }
  return checked;
}

function parse(type: EventType, body: Body, inherited?: Body): TelemetryInput {
  const input = check(FIELDS[type], body, inherited);
  input["type"] = type;
  return input as unknown as TelemetryInput;
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

const BASE_FIELDS = toFields({ siteId: base.siteId, visitorId: base.visitorId, sessionId: base.sessionId });

/**
 * The items of `POST /telemetry/batch`, in the order sent; a bad one is its error and does not spoil the others.
 * Throws when the batch as a whole is wrong; PAYLOAD_TOO_LARGE above 100 items.
 */
export function parseBatch(body: Body): (TelemetryInput | AnalyticsError)[] {
  const inherited: Body = {};
  for (const name of INHERITED) {
    const value = body[name];
    if (value !== undefined && value !== null) inherited[name] = value;
  }
  check(BASE_FIELDS, inherited);
  const { items } = body;
  if (items === undefined || items === null) throw fail("Missing required field: items");
  if (!Array.isArray(items)) throw fail("items must be an array");
  if (items.length > MAX_BATCH_ITEMS) {
    throw new AnalyticsError("PAYLOAD_TOO_LARGE", `items must be at most ${MAX_BATCH_ITEMS}`);
  }
  return items.map((item) => parseItem(item, inherited));
}

function parseItem(item: unknown, inherited: Body): TelemetryInput | AnalyticsError {
  if (typeof item !== "object" || item === null || Array.isArray(item)) return fail("item must be an object");
  const { type } = item as Body;
  if (type === undefined || type === null) return fail("Missing required field: type");
  if (type !== "pageview" && type !== "event" && type !== "engagement") {
    return fail("type must be pageview, event or engagement");
  }
  try {
    return parse(type, item as Body, inherited);
  } catch (error) {
    if (error instanceof AnalyticsError) return error;
    throw error;
  }
}
