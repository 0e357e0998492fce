import type { EngagementInput, EventInput, PageviewInput } from "../src/event.ts";
import { clean } from "./address.ts";
import { anonymous, endpoint, isExcluded, siteId, tag } from "./config.ts";
import { safe } from "./guard.ts";
import { mask } from "./mask.ts";
import { createId, drop, isOptedOut, itemAt, keys, PREFIX, read, touch, write } from "./store.ts";

export type Item = { type: "pageview" | "event" | "engagement" } & Partial<PageviewInput & EventInput & EngagementInput>;
/** May change an item, or drop it by answering nothing. */
export type Filter = (item: Partial<Item>) => Partial<Item> | false | null | undefined | void;

const enum Limit {
  /** At once; then ten a second. */
  Burst = 100,
  /** An item of three-byte characters still fits a body. */
  ItemLength = 15_000,
  /** In three-byte characters 48 KB: a browser lets 64 KiB outlive the page, shared by all requests in flight. */
  BatchLength = 16_000,
  QueueItems = 200,
  AgeMs = 48 * 60 * 60_000,
  PauseMs = 300_000,
}

const enum Pace {
  /** A page that is left also says that it is hidden; the next one is there a moment later. */
  LeavingMs = 500,
  TimeoutMs = 30_000,
  /** Longer than a request may take. */
  AnswerMs = 31_000,
}

// Taken at the start: a page that replaces them later must not change what we do.
const { fetch } = window;
const { parse, stringify } = JSON;

export const pending: Partial<Item>[] = [];
let failures = 0;
let discarded = 0;
let room: number = Limit.Burst;
let userId: string | undefined;
let lastAt = 0;
/** The owner was told, once each. */
let refused = 0;
let misnamed = 0;
let filter: Filter = (item) => item;

/** Called once a second: ten more items may come. */
export const refill = () => {
  room = Math.min(Limit.Burst, room + 10);
};

/** Records an item; it leaves when the page has been quiet for a moment. Answers it as long as it can be changed. */
export const push = (item: Item): Item | undefined => {
  // counted first of all, so that an endless loop in the page costs next to nothing
  if (--room < 0) discarded++;
  else {
    // in the order they came
    const timestamp = (lastAt = Math.max(lastAt + 1, Date.now()));
    if (FULL && isExcluded(item.pageUrl || clean())) return;
    touch();
    const full = { sessionId: read("session"), pageUrl: clean(), userId, eventId: createId("evt_" + timestamp), timestamp, ...item };
    const copy = parse(stringify(full));
    pending.push(copy);
    return copy;
  }
};

export const trackEvent = (eventName: string, eventData?: Record<string, unknown>) => {
  if (FULL && location.hostname == "localhost" && /(^| )[a-z]|_/.test(eventName) && !misnamed++) {
    // oxlint-disable-next-line no-console -- the site's owner looks here when something is wrong
    console.warn("WysLeap", eventName + " is not in Title Case");
  }
  push({ type: "event", eventName, eventData });
};

/** The host's signed-in user, for this page's items from now on; without an id, nobody again. */
export const identify = (id?: string, traits?: Record<string, unknown>) => {
  if (anonymous) return;
  userId = id;
  if (id) trackEvent("User Identified", traits);
};

export const beforeSend = (run: Filter) => {
  filter = run;
};

/** Sends what waits; with `leaving` by beacon, because the page may be gone in a moment. */
export const flush = (leaving?: unknown) => {
  const now = Date.now();
  pending.splice(0).map(
    safe((item) => {
      // only now, because routers set it after they navigated
      item.pageTitle ||= mask(document.title);
      // another tab may have opted out; below, one that did not see it yet may have written
      const passed = !isOptedOut() && stringify(filter(item) || undefined);
      if (passed && passed.length > Limit.ItemLength) discarded++;
      else if (passed) write(item.eventId!, passed);
    }),
  );
  const waiting = keys("evt_");
  let length: number = Limit.BatchLength;
  const batch = waiting.filter((key, index) =>
    // what no server takes any more; the id begins with its time
    index < waiting.length - Limit.QueueItems || key < PREFIX + "evt_" + (now - Limit.AgeMs)
      ? ++discarded && !drop(key)
      : (length -= itemAt(key).length) > 0,
  );
  if (!navigator.onLine || !batch[0] || isOptedOut() || (leaving ? failures : read("wait") > now)) return;
  const lost = discarded;
  const body =
    stringify({
      visitorId: read("visitor"),
      webdriver: navigator.webdriver,
      siteId,
      _apiKey: tag.key,
      discarded,
      // a page's first DateTimeFormat is a long task of its own
      timeZone: window.Temporal?.Now.timeZoneId() || Intl.DateTimeFormat().resolvedOptions().timeZone,
      sentAt: now,
    }).slice(0, -1) + `,"items":[${batch.map(itemAt)}]}`;
  // A string goes as text/plain, so that no preflight is asked. What a beacon took stays until a later request
  // brings its answer: the network may have lost it, and the server counts an id once.
  const hasBeacon = leaving && navigator.sendBeacon(endpoint, body);
  write("wait", now + (hasBeacon ? Pace.LeavingMs : Pace.AnswerMs));
  const answered = safe(({ status, headers }: Partial<Response>) => {
    // 408 and 429 ask to come again
    const isDone = /^[2-4](?!08|29)/.test(status as never);
    if (isDone) {
      batch.map(drop);
      failures = 0;
      discarded -= lost;
      // oxlint-disable-next-line no-console -- the site's owner looks here when something is wrong
      if (status! > 399 && !refused++) console.warn("WysLeap", status);
    } else failures++;
    const pause = 1_000 * (+(headers?.get("Retry-After") as never) || (2 ** failures * (2 + Math.random())) / 5);
    write("wait", isDone ? 0 : Date.now() + Math.min(Limit.PauseMs, pause));
  });
  if (!hasBeacon) fetch(endpoint, { signal: FULL ? AbortSignal.timeout?.(Pace.TimeoutMs) : AbortSignal.timeout(Pace.TimeoutMs), keepalive: true, method: "POST", body }).then(answered, answered);
};
