import { tag } from "./config.ts";
import { on, safe } from "./guard.ts";
import { type Item, push } from "./queue.ts";

const IDLE_MS = 60_000;

/** The pageview that is looked at. */
export let page: Partial<Item> = {};
let engagedMs = 0;
let depth = 0;
let reported = 0;
let counting = false;
let countedUntil = 0;
let lastInput = 0;

/** Adds the time since the last call if the visitor was there, and sees whether they are now. */
const count = () => {
  const now = Date.now();
  if (counting) engagedMs += Math.max(0, Math.min(now, lastInput + IDLE_MS) - countedUntil);
  countedUntil = now;
  counting = document.hasFocus();
  return now;
};

const measure = () => {
  const { scrollTop, clientHeight, scrollHeight } = document.scrollingElement!;
  if (tag.trackScroll != "false" && scrollHeight > clientHeight) {
    depth = Math.max(depth, Math.min(100, Math.round(((scrollTop + clientHeight) / scrollHeight) * 100)));
  }
};

/** Sends what the current page has so far, if it grew: totals, so loss and repetition do no harm. */
export const report = () => {
  const { pageUrl, pageviewId } = page;
  if (!pageviewId) return;
  count();
  measure();
  const engagedSeconds = Math.round(engagedMs / 1_000);
  // neither ever shrinks
  if (engagedSeconds + depth > reported) {
    push({ type: "engagement", pageUrl, pageviewId, engagedSeconds, scrollDepth: depth || undefined });
  }
  reported = engagedSeconds + depth;
};

/** Another page is looked at from now on: the last word on the one before, the first on this. */
export const begin = (next: Item) => {
  report();
  page = push(next) || {};
  engagedMs = depth = reported = 0;
  lastInput = count();
};

export const watchEngagement = () => {
  // timeupdate: media is playing
  on("focus blur pointerdown pointermove keydown scroll timeupdate", () => {
    lastInput = count();
  });
  // at the next frame, when the layout is fresh anyway
  on("scroll", () => requestAnimationFrame(safe(measure)));
};
