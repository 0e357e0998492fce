import type { PageviewInput } from "../src/event.ts";
import { clean } from "./address.ts";
import { anonymous } from "./config.ts";
import { begin, page } from "./engagement.ts";
import { createId } from "./identity.ts";
import { type Item, pending } from "./queue.ts";

const SIGNALS =
  "languages platform hardwareConcurrency deviceMemory maxTouchPoints colorDepth availWidth availHeight devicePixelRatio";

let lastUrl = document.referrer && clean(document.referrer);

/** Counts a pageview. */
export const trackPageView = (overrides: Partial<PageviewInput> = {}) => {
  const item: Item & Record<string, unknown> = {
    type: "pageview",
    pageviewId: createId("pv_"),
    referrer: lastUrl,
    language: navigator.language,
    timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    screenWidth: innerWidth,
    screenHeight: innerHeight,
    ...overrides,
    pageUrl: (lastUrl = clean(overrides.pageUrl)),
  };
  if (PART.signals && !anonymous) for (const name of SIGNALS.split(" ")) {
    for (const source of [navigator, screen, window] as any[]) if (name in source) item[name] = source[name];
  }
  begin(item);
};

const pathOf = (url: string) => url.replace(/\?[^#]*/, "");

/** The address changed without a load. */
export const navigated = (replaced: boolean) => {
  const url = clean();
  if (pathOf(url) == pathOf(lastUrl)) return;
  // replaced before it was sent: a redirect, one page
  if (replaced && pending.includes(page)) page.pageUrl = lastUrl = url;
  else trackPageView();
};
