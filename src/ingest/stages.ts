import type { Device, EventType, FingerprintQuality, IdentityTier, RequestFacts, StoredEvent, TelemetryInput } from "../event.ts";
import type { SessionChoice } from "../identity/session.ts";
import type { Site, WebhookEventName } from "../site.ts";
import type { VisitorKnowledge } from "./knowledge.ts";

/** What every step may read beside the hit itself. */
export interface Context {
  site: Site;
  input: TelemetryInput;
  facts: RequestFacts;
}

/**
 * A hit on its way. It is one object that each step fills further; a stage's type says what is known by then.
 * Fields are required even when `undefined`, so that a step in the wrong place is a compile error.
 */
export interface Received {
  type: EventType;
}

export interface Timed extends Received {
  /** When it happened, epoch milliseconds. */
  at: number;
}

export interface Witnessed extends Timed {
  /** The visitor's own, as far as anybody may say so; never the host's server's. */
  userAgent: string | undefined;
  ip: string | undefined;
  /** `Accept-Language`, when the request is the visitor's own. */
  acceptLanguage: string | undefined;
  /** The request came from the visitor's browser, so its headers speak of the visitor. */
  ownRequest: boolean;
}

export interface Recognised extends Witnessed {
  client: Device | undefined;
  /** The user agent says it is a bot. */
  botAgent: boolean;
}

export interface Labelled extends Recognised {
  /** Reasons to think it is a bot. */
  bot: string[] | undefined;
}

export interface Placed extends Labelled {
  page: Page | undefined;
  referrer: string | undefined;
}

export interface Located extends Placed {
  country: string | undefined;
}

export interface Consented extends Located {
  /** Global Privacy Control: no id of the visitor's own, no fingerprint, no user, no webhooks. */
  private: boolean;
}

export interface Identified extends Consented {
  visitorId: string;
  tier: IdentityTier | undefined;
  quality: FingerprintQuality | undefined;
}

export interface Loaded extends Identified {
  /** The visitor's history before this hit. Of this moment only: recording the hit may change the object. */
  before: VisitorKnowledge | undefined;
}

export interface Known extends Loaded {
  /** Nothing was known of this visitor. */
  isNew: boolean;
  session: SessionChoice;
  pageviewId: string | undefined;
}

export interface Written extends Known {
  event: StoredEvent;
}

export interface Judged extends Written {
  /** With this hit folded in; undefined for a bot that is not counted. */
  knowledge: VisitorKnowledge | undefined;
}

export interface Announced extends Judged {
  raised: WebhookEventName[];
}

/** A page's URL, cleaned. */
export interface Page {
  url: string;
  path: string;
  /** Host name without port. */
  host: string;
  campaign: StoredEvent["campaign"];
}
