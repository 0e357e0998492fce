import { count, id, list, object, type Schema, share, text, timestamp } from "./openapi-fields.ts";

const intentScore: Record<string, Schema> = {
  level: { type: "string", enum: ["low", "medium", "high"] },
  score: { type: "number", minimum: 0, maximum: 100 },
  factors: list({ type: "string" }),
};
const bot = list(text("Why it was labelled as a bot's."));

const client: Record<string, Schema> = { browser: { type: "string" }, os: { type: "string" }, device: { type: "string" } };

export const visitor: Record<string, Schema> = {
  visitorId: id("The visitor."),
  lastVisit: timestamp,
  visitCount: count("Sessions so far."),
  country: text("English name."),
  countryCode: text("ISO 3166-1 alpha-2."),
  ...client,
  intentScore: object(intentScore),
  accuracyMetrics: object({
    confidence: share("Estimated probability of being right."),
    fingerprintQuality: { type: "string", enum: ["excellent", "good", "fair", "poor"] },
  }),
  userId: text("Your own signed-in user, as last said."),
  bot,
};

const publicEvent = object(
  {
    eventId: id("Of this event."),
    type: { type: "string", enum: ["pageview", "event", "engagement"] },
    timestamp,
    sessionId: id("Of the session."),
    visit: count("Which of the visitor's sessions, from 1."),
    pageviewId: id("Of the pageview, or the one that is reported on."),
    pageUrl: text("Without what may be personal."),
    path: text("Of the page."),
    pageTitle: { type: "string" },
    referrer: text("Host."),
    campaign: object({ source: { type: "string" }, medium: { type: "string" }, campaign: { type: "string" }, name: { type: "string" }, term: { type: "string" }, content: { type: "string" } }),
    eventName: { type: "string" },
    eventData: { type: "object" },
    value: { type: "number" },
    currency: text("ISO 4217."),
    engagedSeconds: { type: "number" },
    scrollDepth: { type: "number" },
    countryCode: text("ISO 3166-1 alpha-2."),
    ...client,
    language: { type: "string" },
    userId: { type: "string" },
    bot,
  },
  ["eventId", "type", "timestamp", "sessionId", "visit"],
);

/** One visitor, as its own route answers. */
export const profile = object({
  ...visitor,
  language: { type: "string" },
  firstVisit: timestamp,
  intentScore: object({
    ...intentScore,
    contributions: list(object({ factor: { type: "string" }, points: { type: "number", description: "Signed; together the score." } })),
  }),
  pageviews: count("So far."),
  events: count("So far, automatic ones like clicks included."),
  engagedSeconds: { type: "number", description: "Visible and active, so far." },
  timeline: object({ events: list(publicEvent), cursor: text("Asks for the next page; absent on the last.") }, ["events"]),
});

export const site = object({
  totalPageviews: count("Pageviews in the range."),
  totalEvents: count("Custom events in the range; automatic ones like clicks are none."),
  totalSessions: count("In the range."),
  avgTimeOnPage: { type: "number", description: "Seconds." },
  medianTimeOnPage: { type: "number", description: "Seconds." },
  timeOnPageCoverage: share("Share of the pageviews that the times rest on."),
  bounceRate: share("Share of sessions."),
  singlePageRate: share("Share of sessions with one pageview."),
  pageviewsByDay: list(object({ date: { type: "string", format: "date" }, views: count("Views of the day.") })),
  topPages: list(object({ path: { type: "string" }, views: count("Views."), avgTimeOnPage: { type: "number" } })),
});
