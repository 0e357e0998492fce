import { tag } from "./config.ts";
import { on, safe } from "./guard.ts";
import { type Item, push } from "./queue.ts";

const IDLE_SECONDS = 60;
const REPORT_SECONDS = 15;

/** The pageview that is looked at. */
export let page: Partial<Item> = {};
let engagedSeconds = 0;
let deepest = 0;
// null: nothing scrolls
let scrollDepth: any = null;
let idle = 0;
let reported = 0;

/** How far down content was seen, in pixels, so that a page may grow; and in % where anything scrolls. */
const measure = () => {
  const { scrollTop, clientHeight, scrollHeight } =
    (FULL && document.querySelector(tag.scrollRoot!)) || document.scrollingElement!;
  deepest = Math.max(deepest, scrollTop + clientHeight);
  if (tag.trackScroll != "false" && scrollHeight > clientHeight) {
    scrollDepth = Math.min(100, ((deepest / scrollHeight) * 100) | 0);
  }
};

/** Sends what the current page has so far, if it grew: totals, so loss and repetition do no harm. */
export const report = () => {
  const { pageUrl, pageviewId } = page;
  if (pageviewId && reported < (reported = engagedSeconds + scrollDepth!)) {
    push({ type: "engagement", pageUrl, pageviewId, engagedSeconds, scrollDepth });
  }
};

/** Called once a second. */
export const count = () => {
  const focused = document.hasFocus();
  if (focused && ++idle <= IDLE_SECONDS) engagedSeconds++;
  if (!focused || !(engagedSeconds % REPORT_SECONDS)) report();
  // right after a frame the layout is fresh, and reading it costs nothing
  requestAnimationFrame(() => setTimeout(safe(measure)));
};

/** Another page is looked at from now on: the last word on the one before, the first on this. */
export const begin = (next: Item) => {
  report();
  page = push(next) || {};
  engagedSeconds = deepest = reported = idle = 0;
  scrollDepth = null;
};

export const watchEngagement = () =>
  // timeupdate: media is playing
  on("focus pointerdown pointermove keydown scroll timeupdate", () => {
    idle = 0;
  });
