import { record as rrweb } from "@rrweb/record";
import { takeCost } from "./cost.ts";
import { createScrub, type Recorded } from "./privacy.ts";
import { keepTab, type Tab, takeTab } from "./tab.ts";
import { createTransport } from "./transport.ts";

/** Share of the main thread that recording may take, and over how long it is measured. */
const MAX_SHARE = 0.1;
const WINDOW_MS = 3_000;
/** What an on-intent recorder holds: a snapshot and what followed, at least this long. */
const HELD_MS = 60_000;
const MAX_HELD_LENGTH = 4_000_000;
const ASK_MS = 15_000;

type Tracker = NonNullable<typeof window.WysLeap>;

/**
 * Records the page for the tracker that loaded it and hands itself over: its script tag or what stands for it, its
 * functions, and its life, which ends ours. `data-session-replay="on-intent"` keeps the last minute in the browser
 * and sends it when the intent score is high, an event of `data-replay-events` happens or an error is thrown.
 */
export const record = ({ dataset: tag, src }: { dataset: DOMStringMap; src: string }, tracker: Tracker, signal: AbortSignal): void => {
  const siteId = tag.siteId || new URL(src).searchParams.get("site");
  const endpoint = tag.api ? `${tag.api}/telemetry/replay` : new URL("?rec", src).href;
  let place: Tab;
  let stopRecording: (() => void) | undefined;
  let transport: ReturnType<typeof createTransport>;
  /** Of an on-intent recorder: the events since the last snapshot but one, and since the last. */
  let held: { texts: string[]; length: number }[] | undefined;
  let page = "";
  let level = 0;
  let slow = 0;
  let measuring: ReturnType<typeof setInterval>;
  const scrub = createScrub((id) => rrweb.mirror.getNode(id), tag.maskText == "all");
  const note = (payload: object) => rrweb.addCustomEvent("wysleap", payload);

  const stop = () => {
    clearInterval(measuring);
    const recording = stopRecording;
    stopRecording = undefined;
    if (recording) recording();
  };

  const emit = (event: Recorded, isCheckout?: boolean) => {
    if (!stopRecording && event.type != 4 && event.type != 2) return;
    if (signal.aborted) return stop();
    if (tracker.getSessionId() != place.session) return restart();
    const url = location.href.split(/[?#]/)[0]!;
    const isNew = page && url != page;
    page = url;
    scrub(event);
    const text = JSON.stringify(event);
    if (held) {
      if (isCheckout && event.type == 4) held = [...held.slice(-1), { texts: [], length: 0 }];
      const last = held.at(-1)!;
      last.texts.push(text);
      last.length += text.length;
      if (last.length > MAX_HELD_LENGTH) {
        held = [{ texts: [], length: 0 }];
        rrweb.takeFullSnapshot(true);
      }
    } else transport.add(text);
    if (isNew && stopRecording) note({ page: url });
  };

  const restart = () => {
    stop();
    if (tracker.getSessionId()) later(begin);
    else transport.end("opt_out");
  };

  /** The cost of the last seconds; above its share first snapshots are left out, then everything. */
  const measure = () => {
    const share = takeCost() / WINDOW_MS;
    slow = share > MAX_SHARE ? slow + 1 : 0;
    if (!slow) return;
    const rounded = Math.round(share * 100) / 100;
    if (level++ == 0) note({ stepDown: "no new snapshots", share: rounded });
    else {
      note({ stepDown: "stopped", share: rounded });
      stop();
      transport.flush();
    }
  };

  const begin = () => {
    const session = tracker.getSessionId();
    if (!session || signal.aborted) return;
    place = takeTab(session);
    transport = createTransport({
      endpoint,
      seq: place.seq,
      who: () => {
        const visitorId = tracker.getVisitorId();
        return visitorId ? { siteId, _apiKey: tag.key, visitorId, sessionId: place.session, tab: place.tab } : undefined;
      },
      ended: stop,
    });
    held = tag.sessionReplay == "on-intent" ? [{ texts: [], length: 0 }] : undefined;
    const recording = rrweb({
      emit: emit as never,
      maskAllInputs: true,
      // what is shown nevertheless is decided where everything is: in `scrub`
      maskInputFn: (text) => text,
      blockSelector: "[data-wysleap-block]",
      slimDOMOptions: "all",
      sampling: { mousemove: 100, scroll: 150, media: 800 },
      inlineStylesheet: true,
      checkoutEveryNms: held ? HELD_MS : undefined,
      errorHandler: () => true,
    });
    stopRecording = recording;
    measuring = setInterval(measure, WINDOW_MS);
    if (held) watch();
  };

  /** From now on everything is sent, what was held first. */
  const release = (trigger: string) => {
    if (!held || !stopRecording) return;
    const kept = held.flatMap(({ texts }) => texts);
    held = undefined;
    for (const text of kept) transport.add(text);
    note({ trigger });
    transport.flush();
  };

  const watch = () => {
    const names = (tag.replayEvents || "").split(",").map((name) => name.trim());
    const { trackEvent } = tracker;
    tracker.trackEvent = (name, data) => {
      if (names.includes(name)) release(`event ${name}`);
      trackEvent(name, data);
    };
    const options = { signal, capture: true, passive: true };
    addEventListener("click", ({ target }) => {
      const element = (target as Element).closest && (target as Element).closest<HTMLElement>("[data-wysleap-event]");
      if (element && names.includes(element.dataset.wysleapEvent!)) release(`event ${element.dataset.wysleapEvent}`);
    }, options);
    addEventListener("error", () => release("error"), options);
    addEventListener("unhandledrejection", () => release("error"), options);
    const asking = setInterval(async () => {
      if (!held || !stopRecording) clearInterval(asking);
      else if (!document.hidden && (await transport.ask().catch(() => false))) release("intent");
    }, ASK_MS);
  };

  const later = (run: () => void) => {
    const safely = () => {
      try {
        run();
      } catch {
        stop();
      }
    };
    if ("requestIdleCallback" in window) requestIdleCallback(safely, { timeout: 2_000 });
    else setTimeout(safely, 200);
  };

  const leave = () => {
    if (!place || held) return;
    keepTab({ ...place, seq: transport.leave() });
  };
  addEventListener("pagehide", leave, { signal });
  addEventListener("pageshow", (event) => event.persisted && place && later(() => { stop(); begin(); }), { signal });
  addEventListener("visibilitychange", () => document.hidden && place && !held && transport.flush(), { signal });
  signal.addEventListener("abort", () => {
    leave();
    stop();
  });
  const { optOut } = tracker;
  tracker.optOut = () => {
    optOut();
    if (place) transport.end("opt_out");
  };
  later(begin);
};
