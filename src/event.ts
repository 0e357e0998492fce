/**
 * The types of what flows:
 * TelemetryInput (a client's words, checked) -> EnrichedEvent (what we know of it) -> StoredEvent (kept).
 */

export type EventType = "pageview" | "event" | "engagement";

/** Why a hit was answered but not counted. A closed union: a new reason is a compile error until handled. */
export type DropReason = "bot" | "hostname" | "opt_out" | "visitor_limit" | "duplicate";
export interface Drop {
  drop: DropReason;
}

/** What every kind of telemetry may carry. */
export interface TelemetryBase {
  siteId: string;
  /** Kept as sent (1–128 characters of `[A-Za-z0-9_.:-]`); made when omitted. */
  visitorId?: string;
  sessionId?: string;
  /** The same one again within 24 hours is answered the same and counted once. */
  eventId?: string;
  /** When it happened: ISO 8601 or epoch milliseconds. Over HTTP at most 48 hours ago. @default now */
  timestamp?: string | number;
  /** The client's clock when it sent this (ISO 8601 or epoch milliseconds): corrects a wrong clock. */
  sentAt?: string | number;
  /** Honoured with the secret key only (server-side tracking). */
  userAgent?: string;
  /** Honoured with the secret key only. Never stored. */
  ip?: string;
  language?: string;
  /** IANA time zone, e.g. `America/New_York`. */
  timeZone?: string;
  /** The host's own signed-in user. */
  userId?: string;
  /** `navigator.webdriver` as the tracker saw it. */
  webdriver?: boolean;
  /** This `eventId` was sent before and no answer was heard: what other processes stored is looked at first. */
  retry?: boolean;
}

/** What the browser says of itself, under the DOM's names. */
export interface BrowserSignals {
  screenWidth?: number;
  screenHeight?: number;
  languages?: string[];
  devicePixelRatio?: number;
  colorDepth?: number;
  availWidth?: number;
  availHeight?: number;
  platform?: string;
  hardwareConcurrency?: number;
  deviceMemory?: number;
  maxTouchPoints?: number;
}

export interface PageviewInput extends TelemetryBase, BrowserSignals {
  /** Full http(s) URL of the page, at most 2,048 characters. */
  pageUrl: string;
  pageTitle?: string;
  referrer?: string;
  /** Made when omitted; engagement reports refer to it. */
  pageviewId?: string;
  value?: number;
  currency?: string;
}

export interface EventInput extends TelemetryBase {
  /** Title Case by custom, e.g. `Purchase Completed`; from 1 character, cut to 100. */
  eventName: string;
  /** Any JSON object: at most 16 KiB, 200 keys, 8 levels. */
  eventData?: Record<string, unknown>;
  pageUrl?: string;
  value?: number;
  currency?: string;
}

/** Cumulative per pageview: the largest value counts, so loss and repetition do no harm. */
export interface EngagementInput extends TelemetryBase {
  pageUrl: string;
  pageviewId?: string;
  /** Visible and focused seconds with input in the last 60 s, since the page was opened. */
  engagedSeconds: number;
  /** Deepest content seen, in % of the document's height (0–100). */
  scrollDepth?: number;
}

export type TelemetryInput =
  | ({ type: "pageview" } & PageviewInput)
  | ({ type: "event" } & EventInput)
  | ({ type: "engagement" } & EngagementInput);

/** What the server knows about the request that brought a hit. */
export interface RequestFacts {
  /** Epoch milliseconds when it arrived. */
  receivedAt: number;
  /** The client's address as far as it is trusted. Never stored. */
  ip?: string;
  /** Reads a request header by its lower-case name. */
  header(name: string): string | undefined;
  /** "write": a browser with the public key. "secret": the site's own server. "host": in-process call. */
  trust: "write" | "secret" | "host";
}

export interface Device {
  browser?: string;
  browserVersion?: string;
  os?: string;
  /** `desktop` unless the user agent says otherwise. */
  device?: "desktop" | "mobile" | "tablet" | "other";
}

export interface Campaign {
  source?: string;
  medium?: string;
  campaign?: string;
  term?: string;
  content?: string;
}

export type FingerprintQuality = "excellent" | "good" | "fair" | "poor";

/** How sure we are that this visitor is who the id says. */
export interface AccuracyMetrics {
  /** Estimated probability (0–1) of being right. */
  confidence: number;
  fingerprintQuality: FingerprintQuality;
}

/** Which evidence the visitor id rests on, strongest first. */
export type IdentityTier = "user" | "client" | "signals" | "daily";

/** What is kept of one hit, and what every report is computed from. Plain JSON; absent fields are left out. */
export interface StoredEvent {
  /** `evt_…`, or the client's own. */
  id: string;
  siteId: string;
  type: EventType;
  /** When it happened, epoch milliseconds. */
  at: number;
  /** The calendar day of `at` in the site's time zone when it was stored, e.g. `2025-01-15`. */
  day: string;
  visitorId: string;
  sessionId: string;
  /** 1 for the visitor's first ever session, 2 for the second, … */
  visit: number;
  /** The session id was made here (30-minute rule), not sent by the client. */
  assigned?: true;
  /** Of a pageview: its own id. Of an engagement: the pageview it reports on. */
  pageviewId?: string;
  /** Cleaned URL and its path. */
  url?: string;
  path?: string;
  title?: string;
  /** Host of the external referrer, e.g. `google.com`. */
  referrer?: string;
  campaign?: Campaign;
  name?: string;
  /** Recorded by the tracker itself, on a click: no custom event, and no reason to think that a visit was more than a bounce. */
  automatic?: true;
  data?: Record<string, unknown>;
  value?: number;
  currency?: string;
  engagedSeconds?: number;
  scrollDepth?: number;
  /** ISO 3166-1 alpha-2. */
  country?: string;
  browser?: string;
  os?: string;
  device?: Device["device"];
  language?: string;
  /** The host's signed-in user, when given. */
  userId?: string;
  tier?: IdentityTier;
  /** The visitor asked not to be shared (Global Privacy Control): it raises no webhook, now or later. */
  private?: true;
  quality?: FingerprintQuality;
  /** Labelled as a bot, with the reasons. */
  bot?: string[];
}
