import { toTimestamp } from "../clock.ts";
import type { Campaign, StoredEvent } from "../event.ts";

/** An event as answers show it: the names under which it was sent, times as text, absent fields left out. */
export interface PublicEvent {
  eventId: string;
  type: StoredEvent["type"];
  timestamp: string;
  sessionId: string;
  /** Which of the visitor's sessions, counted from 1. */
  visit: number;
  pageviewId?: string;
  pageUrl?: string;
  path?: string;
  pageTitle?: string;
  referrer?: string;
  campaign?: Campaign;
  eventName?: string;
  eventData?: Record<string, unknown>;
  value?: number;
  currency?: string;
  engagedSeconds?: number;
  scrollDepth?: number;
  countryCode?: string;
  browser?: string;
  os?: string;
  device?: StoredEvent["device"];
  language?: string;
  userId?: string;
  /** Why it was labelled as a bot's. */
  bot?: string[];
}

export function toPublicEvent(event: StoredEvent): PublicEvent {
  return withoutAbsent({
    eventId: event.id,
    type: event.type,
    timestamp: toTimestamp(event.at),
    sessionId: event.sessionId,
    visit: event.visit,
    pageviewId: event.pageviewId,
    pageUrl: event.url,
    path: event.path,
    pageTitle: event.title,
    referrer: event.referrer,
    campaign: event.campaign,
    eventName: event.name,
    eventData: event.data,
    value: event.value,
    currency: event.currency,
    engagedSeconds: event.engagedSeconds,
    scrollDepth: event.scrollDepth,
    countryCode: event.country,
    browser: event.browser,
    os: event.os,
    device: event.device,
    language: event.language,
    userId: event.userId,
    bot: event.bot,
  });
}

/** In-process callers get the same object as HTTP clients: absent, not `undefined`. Changes and returns it. */
export function withoutAbsent<T extends object>(answer: T): T {
  for (const key of Object.keys(answer) as (keyof T)[]) if (answer[key] === undefined) delete answer[key];
  return answer;
}
