import { dayOf, MINUTE_MS } from "../clock.ts";
import type { StoredEvent } from "../event.ts";
import { createId } from "../ids.ts";
import { isAutomatic, readAction } from "./automatic.ts";
import type { Context, Known, Witnessed, Written } from "./stages.ts";
import { cutText } from "./text.ts";

const MAX_LANGUAGE = 35;
const MAX_VALUE = 1e12;
const CURRENCY = /^[A-Za-z]{3}$/;

/** The first language of `Accept-Language`, e.g. `de-CH` of `de-CH,de;q=0.9`. */
function firstLanguage(header: string): string | undefined {
  const end = header.search(/[,;]/);
  const language = cutText((end === -1 ? header.slice(0, MAX_LANGUAGE) : header.slice(0, end)).trim(), MAX_LANGUAGE);
  return language === "" || language === "*" ? undefined : language;
}

function languageOf(hit: Witnessed, said: string | undefined): string | undefined {
  return said || (hit.acceptLanguage === undefined ? undefined : firstLanguage(hit.acceptLanguage));
}

/** Every zone's midnight falls on a quarter of an hour, so the day cannot change within one. */
const QUARTER_MS = 15 * MINUTE_MS;
const lastDays = new Map<string, { quarter: number; day: string }>();

/** The site's day of a moment; asking for the same quarter of an hour again is one look-up. */
function siteDay(at: number, timeZone = "UTC"): string {
  const quarter = Math.floor(at / QUARTER_MS);
  const last = lastDays.get(timeZone);
  if (last?.quarter === quarter) return last.day;
  const day = dayOf(at, timeZone);
  lastDays.set(timeZone, { quarter, day });
  return day;
}

/** The step that writes down what is kept. Absent fields are left out; address and user agent are not kept. */
export function writeEvent(hit: Known, { input, site }: Context): Written {
  const written = hit as Written;
  const event: StoredEvent = {
    id: input.eventId ?? createId("evt"),
    siteId: site.id,
    type: input.type,
    at: hit.at,
    day: siteDay(hit.at, site.timeZone),
    visitorId: hit.visitorId,
    sessionId: hit.session.id,
    visit: hit.session.visit,
  };
  if (hit.session.assigned) event.assigned = true;
  if (hit.pageviewId !== undefined) event.pageviewId = hit.pageviewId;
  if (hit.page) {
    event.url = hit.page.url;
    event.path = hit.page.path;
    if (hit.page.campaign) event.campaign = hit.page.campaign;
  }
  if (hit.referrer !== undefined) event.referrer = hit.referrer;
  if (input.type === "pageview") {
    if (input.pageTitle) event.title = input.pageTitle;
  } else if (input.type === "event") {
    const action = isAutomatic(input.eventName) ? readAction(input) : undefined;
    event.name = action?.name ?? input.eventName;
    if (action?.isClick) event.automatic = true;
    const data = action?.data ?? input.eventData;
    if (data) event.data = data;
  } else {
    event.engagedSeconds = input.engagedSeconds;
    if (input.scrollDepth !== undefined) event.scrollDepth = input.scrollDepth;
  }
  if (input.type !== "engagement") {
    // most pages put both among the data, as other analytics want it
    const data = input.type === "event" ? input.eventData : undefined;
    const value = input.value ?? data?.["value"];
    const currency = input.currency ?? data?.["currency"];
    if (typeof value === "number" && Math.abs(value) <= MAX_VALUE) event.value = value;
    if (typeof currency === "string" && CURRENCY.test(currency)) event.currency = currency.toUpperCase();
  }
  // a hit that says nothing of its sender (a server's event, say) is the visitor's as they are known
  const known = hit.private ? undefined : hit.before?.visitor;
  const country = hit.country ?? known?.country;
  if (country !== undefined) event.country = country;
  const client = hit.client ?? known;
  if (client?.browser !== undefined) event.browser = client.browser;
  if (client?.os !== undefined) event.os = client.os;
  if (client?.device !== undefined) event.device = client.device;
  const language = languageOf(hit, input.language);
  if (language !== undefined) event.language = language;
  if (input.userId !== undefined && !hit.private) event.userId = input.userId;
  if (hit.private) event.private = true;
  if (hit.tier !== undefined) event.tier = hit.tier;
  if (hit.quality !== undefined) event.quality = hit.quality;
  if (hit.bot) event.bot = hit.bot;
  written.event = event;
  return written;
}
