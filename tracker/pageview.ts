import type { PageviewInput } from "../src/event.ts";
import { clean } from "./address.ts";
import { anonymous } from "./config.ts";
import { begin, page } from "./engagement.ts";
import { life, on, safe } from "./guard.ts";
import { type Item, pending } from "./queue.ts";
import { createId } from "./store.ts";

declare global {
  interface Window {
    navigation?: EventTarget;
  }
}

const SIGNALS =
  "language languages platform hardwareConcurrency deviceMemory maxTouchPoints colorDepth availWidth availHeight devicePixelRatio";

let lastUrl = document.referrer && clean(document.referrer);

/** Counts a pageview. */
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
  if (!anonymous) for (const name of SIGNALS.split(" ") as never[]) {
    item[name] = navigator[name] ?? screen[name] ?? window[name];
  }
  begin(item);
};

const pathOf = (url: string) => url.replace(/\?[^#]*/, "");

/** The address changed without a load. */
const navigated = ({ navigationType }: { navigationType?: string }) => {
  const url = clean();
  if (pathOf(url) == pathOf(lastUrl)) return;
  // replaced before it was sent: a redirect, one page
  if (navigationType == "replace" && pending.includes(page)) page.pageUrl = lastUrl = url;
  else trackPageView();
};

/** For browsers without the Navigation API: routers see their own call, `this`, answer, name and length unchanged. */
const wrap = (navigationType: string) => {
  const name = (navigationType + "State") as "pushState";
  const original = history[name];
  const wrapped = (history[name] = new Proxy(original, {
    apply(...call) {
      const answer = Reflect.apply(...call);
      safe(navigated)({ navigationType });
      return answer;
    },
  }));
  life.signal.addEventListener("abort", () => {
    if (history[name] == wrapped) history[name] = original; // else someone wrapped ours, which only passes on now
  });
};

export const watchNavigation = () => {
  if (!FULL || window.navigation) on("currententrychange", navigated, window.navigation!);
  else {
    wrap("push");
    wrap("replace");
    on("popstate", navigated);
  }
};
