import { siteId } from "./config.ts";
import { safe } from "./guard.ts";
import type { Item } from "./queue.ts";

/** What a browser keeps for a site, shared by its tabs. */
export interface Kept {
  visitorId?: string;
  sessionId?: string;
  /** When the session began, and its last item. */
  start?: number;
  seen?: number;
  /** What waits for an answer, oldest first. */
  items: Item[];
  /** Failed requests in a row. */
  failures: number;
  /** No request before this time: one is under way in some tab, or the server asked for a pause. */
  wait?: number;
}

export const { parse, stringify } = JSON;

/** Where storage is blocked or full, a plain object that lives as long as the page. */
let storage: Record<string, string> = {};
try {
  storage = localStorage || storage;
} catch {
  // blocked
}

const KEY = "wysleap-" + siteId;

export const load = (): Kept => ({ items: [], failures: 0, ...safe(parse)(storage[KEY]!) });

export const save = (kept: Kept | {}) => {
  const text = stringify(kept);
  try {
    storage[KEY] = text;
  } catch {
    // full: from now on in memory
    storage = { ...storage, [KEY]: text };
  }
};

/** For all tabs, until `optIn()`. A key of its own, so that no other tab's `save` can undo it. */
export const isOptedOut = () => storage.wysleapOut;
export const setOptedOut = (value: "1" | "") => {
  storage.wysleapOut = value;
};
