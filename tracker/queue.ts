import type { EngagementInput, EventInput, EventType, PageviewInput } from "../src/event.ts";
import { clean, mask } from "./address.ts";
import { anonymous, isExcluded, siteId, tag } from "./config.ts";
import { later, safe } from "./guard.ts";
import { createId, touch } from "./identity.ts";
import { send } from "./send.ts";
import { isOptedOut, load, parse, save, stringify } from "./store.ts";

export type Item = { type: EventType; /** Marks the request that took it last. */ tried?: number } & Partial<
  PageviewInput & EventInput & EngagementInput
>;

const enum Limit {
  /** Between two heartbeats, so 100 in 15 s. */
  Items = 100,
  /** An item of three-byte characters still fits a body. */
  ItemLength = 15_000,
  /** In three-byte characters 48 KB: a browser lets 64 KiB outlive the page, shared by all requests in flight. */
  BatchLength = 16_000,
  QueueItems = 200,
  AgeMs = 48 * 60 * 60_000,
  PauseMs = 300_000,
}

const enum Pace {
  /** Routers set the title within it. */
  GatherMs = 100,
  RequestGapMs = 1_000,
  /** Longer than a request may take. */
  AnswerMs = 31_000,
}

export let pending: Partial<Item>[] = [];
let recorded = 0;
let discarded = 0;
let timer: ReturnType<typeof later>;
let warned = 0;
let userId: string | undefined;

const schedule = (ms: number) => {
  clearTimeout(timer);
  timer = later(flush, ms);
};

/** Records an item; it leaves when the page has been quiet for a moment. Answers it as long as it can be changed. */
export const push = (item: Item): Item | undefined => {
  // counted first of all, so that an endless loop in the page costs next to nothing
  if (++recorded > Limit.Items) discarded++;
  else {
    const full = {
      eventId: createId("evt_"),
      timestamp: Date.now(),
      userId,
      webdriver: navigator.webdriver,
      pageUrl: clean(),
      ...item,
    };
    const text = stringify(full);
    const copy = parse(text);
    if (isExcluded(full.pageUrl)) return;
    if (text.length > Limit.ItemLength) discarded++;
    else pending.push(copy);
    schedule(Pace.GatherMs);
    return copy;
  }
};

export const trackEvent = (eventName: string, eventData?: Record<string, unknown>) => {
  push({ type: "event", eventName, eventData });
};

/** The host's signed-in user, for this page's items from now on; without an id, nobody again. */
export const identify = (id?: string, traits?: Record<string, unknown>) => {
  if (anonymous) return;
  userId = id;
  if (id) trackEvent("User Identified", traits);
};

/** Sends what waits; with `leaving` by beacon, because the page may be gone in a moment. */
export const flush = (leaving?: unknown) => {
  const now = Date.now();
  const fresh = pending;
  const kept = load();
  pending = [];
  if (isOptedOut()) return;
  for (const item of fresh) {
    touch(kept);
    item.sessionId = kept.sessionId;
    // only now, because routers set it after they navigated
    item.pageTitle = item.pageTitle || mask(document.title);
  }
  const all = kept.items.concat(fresh as Item[]);
  const items = (
    PART.expiry ? all.filter((item) => now - (item.timestamp as number) < Limit.AgeMs) : all
  ).slice(-Limit.QueueItems);
  const lost = (discarded += all.length - items.length);
  kept.items = items;

  const pause = kept.wait! - now;
  // a timer may be a moment early
  const waits = leaving ? kept.failures : pause > 1;
  let room: number = Limit.BatchLength;
  const batch =
    waits || !navigator.onLine
      ? []
      : // what was tried may be in flight
        items.filter((item) => !(leaving && item.tried) && (room -= stringify(item).length) > 0);
  const body = stringify({
    ...kept, // for its ids; the server ignores the rest
    siteId,
    _apiKey: tag.key,
    sentAt: now,
    retry: batch.some((item) => item.tried),
    discarded: lost,
    items: batch,
  });
  for (const item of batch) {
    item.tried = now;
    kept.wait = now + Pace.AnswerMs;
  }
  // else not: what another tab saved a moment ago may not have reached this one
  if (fresh.concat(batch)[0]) save(kept);
  // not at the same moment as the other tabs
  if (waits) schedule(pause * (1 + Math.random() * 0.4));
  if (!batch[0]) return;
  send(
    body,
    leaving,
    safe((status, retryAfter) => {
      const kept = load();
      let pause: number = Pace.RequestGapMs;
      // 408 and 429 ask to come again
      if (/^[2-4](?!08|29)/.test(status as never)) {
        kept.items = kept.items.filter((item) => item.tried != now);
        discarded -= lost;
        kept.failures = 0;
        // oxlint-disable-next-line no-console -- the site's owner looks here when nothing arrives
        if (PART.warn && status > 399 && !warned) console.warn("WysLeap", (warned = status));
      } else {
        pause *= 2 ** kept.failures++ * (0.8 + Math.random() * 0.4);
        if (PART.retryAfter) pause = Math.max(pause, (retryAfter as never) * 1_000 || 0);
        pause = Math.min(Limit.PauseMs, pause);
      }
      kept.wait = Date.now() + pause;
      save(kept);
      schedule(pause);
    }),
  );
};

/** Every 15 s: the page may record again, and what waited is tried. */
export const beat = () => {
  recorded = 0;
  flush();
};
