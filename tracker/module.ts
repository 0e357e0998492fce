import { start } from "#tracker-full";
import type { WysLeapApi } from "./index.ts";
import type { Filter } from "./queue.ts";

export type { WysLeapApi } from "./index.ts";

/** What the script tag's attributes say, as an object. */
export interface TrackerOptions {
  siteId: string;
  /** The site's public write key; never the secret one. */
  key?: string;
  /** Where the library is mounted, e.g. `/api`. */
  api: string;
  /** The library's own `trackerPath`. @default "/tracker.js" */
  trackerPath?: string;
  /** Counts pageviews by itself. @default true */
  auto?: boolean;
  /** @default true */
  trackClicks?: boolean;
  /** @default true */
  trackScroll?: boolean;
  /** Selector of what scrolls, if it is not the document. */
  scrollRoot?: string;
  /** What follows `#` belongs to the path. @default false */
  hashRouting?: boolean;
  /** Query parameters that stay beside `utm_*`; the server's `privacy.keepQuery` has to name them too. */
  keepQuery?: string[];
  /** Hosts to record on, `*` stands for anything. @default all */
  domains?: string[];
  /** Paths not to record, `*` stands for anything. */
  exclude?: string[];
  /** @default false */
  respectDnt?: boolean;
  /** Records sessions; "on-intent": only those that prove worth it. @default false */
  sessionReplay?: boolean | "on-intent";
  /** Share of the sessions that are recorded, 0 to 1. @default 1 */
  replaySample?: number;
  /** Names of the events that prove a session worth it. */
  replayEvents?: string[];
  /** "all" masks all text, not only what is typed. */
  maskText?: "all";
  /** May change each item before it is kept or sent, or drop it by answering nothing. */
  beforeSend?: Filter;
}

/**
 * Starts the tracker from the app's own bundle, and answers what the script puts into `window.WysLeap`. Undefined
 * where there is no browser, so that it may be called while rendering on a server. A second call does nothing more.
 * @example init({ siteId: "shop", key: "…", api: "/api" })?.trackEvent("Added To Cart", { sku: "mug" });
 */
export function init(options: TrackerOptions): WysLeapApi | undefined {
  if (typeof window === "undefined") return undefined;
  const { beforeSend, api, trackerPath = "/tracker.js", ...rest } = options;
  const dataset: Record<string, string> = {};
  for (const [name, value] of Object.entries(rest)) if (value != null) dataset[name] = String(value);
  // as a page would before the script is there
  if (beforeSend) window.WysLeap ??= { q: [["beforeSend", [beforeSend]]] } as never;
  return start({ dataset, src: new URL(api + trackerPath, location.href).href });
}
