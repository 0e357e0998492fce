import { watchClicks } from "./click.ts";
import { anonymous, isOff, isOn, load, needsMore, script, tag } from "./config.ts";
import { life, on, safe } from "./guard.ts";
import { watchNavigation } from "./navigation.ts";
import { report, tick, trackPageView, watchEngagement } from "./pageview.ts";
import { beforeSend, flush, identify, trackEvent } from "./queue.ts";
import { drop, isOptedOut, keys, read, touch, write } from "./store.ts";

/** All that is known goes out; the page may not come back. */
const leave = (event?: Event) => {
  report();
  flush(event?.type == "pagehide");
};

const start = () => {
  // first, so that its second is not this page's
  tick();
  watchEngagement();
  if (!isOff(tag.trackClicks)) watchClicks();
  if (!isOff(tag.auto)) {
    watchNavigation();
    trackPageView();
    // back from the back/forward cache
    on("pageshow", (event) => event.persisted && trackPageView());
  }
  on("pagehide visibilitychange", leave);
  // last: without an id it throws, and nothing is recorded. An id's last digits are as good as dice, in all tabs the same
  if (FULL && isOn(tag.sessionReplay) && (read("session").slice(-4) as never) < 1e4 * ((tag.replaySample as never) ?? 1)) {
    load("?rec", ({ record }) => record(script, api, life.signal));
  }
};

const id = (name: string) => (): string | undefined => {
  // asking does not keep a session alive
  if (!read(name)) touch();
  return read(name);
};
const forget = () => keys("").map(drop);

const api = {
  /** Counts a pageview of the current address; `overrides` replace what would be sent. */
  trackPageView,
  /** Records a custom event, e.g. `trackEvent("Purchase Completed", { plan: "pro" })`. */
  trackEvent,
  /** The visitor's id, `vis_…`; undefined under Global Privacy Control and after `optOut()`. */
  getVisitorId: id("visitor"),
  /** The running session's id, `sess_…`; while the visitor is idle, the last one's. */
  getSessionId: id("session"),
  /** Ties the visitor to your signed-in user: call it on every page after sign-in. Without an id it unties. */
  identify,
  /** Sees every item before it is kept or sent, and answers it, another in its place, or nothing to drop it. */
  beforeSend,
  /** From this moment nothing is recorded or sent, in any tab, until `optIn()`; ids and queue are deleted. */
  optOut() {
    forget();
    write("out", 1);
    flush();
  },
  /** Takes `optOut()` back and counts the current page. */
  optIn() {
    if (isOptedOut()) {
      // of what happened meanwhile nothing is kept
      leave();
      write("out", "");
      trackPageView();
    }
  },
  /** Sends what waits without further delay. */
  flush,
  /** Sends what waits and ends the tracker: no listener, timer or wrapper of it remains. */
  stop() {
    leave();
    life.abort();
  },
};

export type WysLeapApi = typeof api;

declare global {
  interface Document {
    prerendering?: boolean;
  }
  interface Window {
    WysLeap?: WysLeapApi & { /** What was called before the script was there. */ q?: [name: string, args: unknown[]][] };
  }
}

const stub = window.WysLeap;
// A script that is loaded twice is active once.
if (needsMore) load("?full", (more) => more.start(script));
else if (!stub || stub.q) {
  for (const name in api) api[name as "stop"] = safe(api[name as "stop"]);
  window.WysLeap = api;
  // the wish to be left alone is older than any id, and stays
  if (anonymous && !isOptedOut()) forget();
  stub?.q!.map(([name, args]) => api[name as "identify"]?.(...(args as [])));
  if (FULL && document.prerendering) on("prerenderingchange", start);
  else start();
}
