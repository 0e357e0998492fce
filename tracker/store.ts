import { anonymous, siteId } from "./config.ts";
import { safe } from "./guard.ts";

/**
 * What a browser keeps for a site, shared by its tabs: one key a value and one key an item, so that two tabs that
 * write at the same moment never overwrite each other.
 */

/** Where storage is blocked or full, a plain object that lives as long as the page. */
let storage: Record<string, any> = safe(() => localStorage)() || {};

export const itemAt = (key: string): string => storage[key];
export const drop = (key: string) => delete storage[key];

export const PREFIX = "wysleap-" + siteId + "-";

export const read = (key: string) => storage[PREFIX + key];

export const write = (key: string, value: string | number) => {
  try {
    storage[PREFIX + key] = value;
  } catch {
    // full: from now on in memory
    storage = { ...storage, [PREFIX + key]: value };
  }
};

/** The keys that begin so, oldest first. */
export const keys = (start: string) =>
  Object.keys(storage)
    .filter((key) => !key.indexOf(PREFIX + start))
    .sort();

const enum Session {
  IdleMs = 30 * 60_000,
  MaxMs = 24 * 60 * 60_000,
}

/** A prefix and 128 random bits. */
export const createId = (prefix: string) => prefix + crypto.getRandomValues(new Uint32Array(4)).join("");

/** For all tabs, until `optIn()`. */
export const isOptedOut = () => read("out");

/** Sees to it that visitor and session have an id, the same in all tabs. None under Global Privacy Control. */
export const touch = () => {
  const now = Date.now();
  if (anonymous || isOptedOut()) return;
  if (!read("visitor")) write("visitor", createId("vis_"));
  // also true of a number that is not there
  if (!(now - read("start") < Session.MaxMs && now - read("seen") < Session.IdleMs)) {
    write("session", createId("sess_"));
    write("start", now);
  }
  write("seen", now);
};
