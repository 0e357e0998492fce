import type { PageviewInput } from "../src/event.ts";
import { clean } from "./address.ts";
import { anonymous, isOff, tag } from "./config.ts";
import { on, safe } from "./guard.ts";
import { mask } from "./mask.ts";
import { flush, type Item, pending, push, refill } from "./queue.ts";
import { createId } from "./store.ts";

const SIGNALS =
  "hardwareConcurrency deviceMemory devicePixelRatio colorDepth availWidth availHeight maxTouchPoints languages language platform";
const IDLE_SECONDS = 60;
const REPORT_SECONDS = 15;

/** The address that was counted last; before the first, where the visitor came from. */
let lastUrl = document.referrer && clean(document.referrer);
/** The pageview that is looked at. */
let page: Partial<Item> | undefined;
let deepest = 0;
let engagedSeconds = 0;
// null: nothing scrolls
let scrollDepth: any = null;
/** Seconds without input, from 1; 0: navigated to, and not yet a second old. A page that was loaded has its title in a second. */
let idle = 0;
let reported = 0;

/** Sends what the current page has so far, if it grew: totals, so loss and repetition do no harm. */
export const report = () => {
  if (page && reported < (reported = engagedSeconds + scrollDepth)) {
    push({ type: "engagement", engagedSeconds, scrollDepth, pageUrl: page.pageUrl, pageviewId: page.pageviewId });
  }
};

/** Counts a pageview: the last word on the one before, the first on this. */
export const trackPageView = (overrides: Partial<PageviewInput> = {}) => {
  const item: Item & Record<string, unknown> = {
    type: "pageview",
    pageviewId: createId("pv_"),
    referrer: lastUrl,
    // not innerWidth, which would force a layout
    screenWidth: screen.width,
    screenHeight: screen.height,
    ...overrides,
    pageUrl: (lastUrl = clean(overrides.pageUrl)),
  };
  if (!anonymous) (SIGNALS.split(" ") as never[]).map((name) => (item[name] = navigator[name] ?? screen[name] ?? window[name]));
  // of what was recorded so far; the next title may come before it is sent
  pending.map((item) => (item.pageTitle ||= mask(document.title)));
  report();
  deepest = reported = engagedSeconds = 0;
  scrollDepth = null;
  idle = +!page;
  page = push(item);
};

const pathOf = (url: string) => url.replace(/\?[^#]*/, "");

/** The address changed without a load. */
export const navigated = ({ navigationType }: { navigationType?: string }) => {
  const url = clean();
  if (pathOf(url) == pathOf(lastUrl)) return;
  // replaced before it was sent: a redirect, one page
  if (navigationType == "replace" && pending.includes(page!)) page!.pageUrl = lastUrl = url;
  else trackPageView();
};

/** How far down content was seen, in pixels, so that a page may grow; and in % where anything scrolls. */
const measure = () => {
  const { clientHeight, scrollHeight, scrollTop } =
    (FULL && document.querySelector(tag.scrollRoot!)) || document.scrollingElement!;
  deepest = Math.max(deepest, clientHeight + scrollTop);
  if (!isOff(tag.trackScroll) && scrollHeight > clientHeight) {
    scrollDepth = Math.min(100, ((deepest / scrollHeight) * 100) | 0);
  }
};

/** Once a second: time is counted, depth measured, and what waits leaves, unless the page is so new that its title may still come. */
export const tick = () => {
  setTimeout(safe(tick), 1_000);
  refill();
  const focused = document.hasFocus();
  if (idle <= IDLE_SECONDS && focused) engagedSeconds++;
  if (!(focused && engagedSeconds % REPORT_SECONDS)) report();
  // an app that moves on all the time is not held back for ever
  if (idle++ || pending[6]) flush();
  // right after a frame the layout is fresh, and reading it costs nothing
  requestAnimationFrame(() => setTimeout(safe(measure)));
};

export const watchEngagement = () =>
  // timeupdate: media is playing
  on("keydown focus pointerdown scroll pointermove timeupdate", () => {
    idle &&= 1;
  });
