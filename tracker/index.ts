import { watchClicks } from "./click.ts";
import { anonymous, recorder, tag } from "./config.ts";
import { report, watchEngagement } from "./engagement.ts";
import { later, life, on, safe } from "./guard.ts";
import { who } from "./identity.ts";
import { watchNavigation } from "./navigation.ts";
import { navigated, trackPageView } from "./pageview.ts";
import { beat, flush, identify, trackEvent } from "./queue.ts";
import { isOptedOut, save, setOptedOut } from "./store.ts";

const HEARTBEAT_MS = 15_000;

/** All that is known goes out; the page may not come back. */
const leave = () => {
  report();
  flush(true);
};

const heartbeat = () => {
  later(heartbeat, HEARTBEAT_MS);
  report();
  beat();
};

const start = () => {
  // first, so that it sends what earlier pages left, and not this one's pageview without its title
  heartbeat();
  watchEngagement();
  if (tag.trackClicks != "false") watchClicks();
  if (tag.auto != "false") {
    trackPageView();
    watchNavigation(navigated);
    // back from the back/forward cache
    on<PageTransitionEvent>("pageshow", (event) => event.persisted && trackPageView());
  }
  // also when it is seen again: the clock of engagement goes on
  on("visibilitychange pagehide", leave);
  // the tabs one after another
  on("online", () => later(flush, Math.random() * 10_000));
  // last: without an id it throws, and nothing is recorded. An id's last digits are as good as dice, in all tabs the same
  if (PART.replay && tag.sessionReplay && +who().sessionId!.slice(-4) < 1e4 * ((tag.replaySample as never) || 1)) {
    import(recorder as never).catch(Boolean); // it finds us by our global and our tag
  }
};

const api = {
  /** Counts a pageview of the current address; `overrides` replace what would be sent. */
  trackPageView,
  /** Records a custom event, e.g. `trackEvent("Purchase Completed", { plan: "pro" })`. */
  trackEvent,
  /** The visitor's id, `vis_…`; undefined under Global Privacy Control and after `optOut()`. */
  getVisitorId: () => who().visitorId,
  /** The running session's id, `sess_…`; while the visitor is idle, the last one's. */
  getSessionId: () => who().sessionId,
  /** Ties the visitor to your signed-in user: call it on every page after sign-in. Without an id it unties. */
  identify,
  /** From this moment nothing is recorded or sent, in any tab, until `optIn()`; ids and queue are deleted. */
  optOut: () => {
    save({});
    setOptedOut("1");
    flush();
  },
  /** Takes `optOut()` back and counts the current page. */
  optIn: () => {
    if (!isOptedOut()) return;
    setOptedOut("");
    trackPageView();
  },
  /** Sends what waits without further delay. */
  flush,
  /** Sends what waits and ends the tracker: no listener, timer or wrapper of it remains. */
  stop: () => {
    leave();
    life.abort();
  },
};

declare global {
  interface Document {
    prerendering?: boolean;
  }
  interface Window {
    WysLeap?: typeof api;
  }
}

// A script that is loaded twice is active once.
if (!window.WysLeap) {
  for (const name in api) api[name as "stop"] = safe(api[name as "stop"]);
  window.WysLeap = api;
  if (anonymous) save({});
  if (document.prerendering) on("prerenderingchange", start);
  else start();
}
