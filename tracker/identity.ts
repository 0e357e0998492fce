import { anonymous } from "./config.ts";
import { isOptedOut, load, save, type Kept } from "./store.ts";

const enum Session {
  IdleMs = 30 * 60_000,
  MaxMs = 24 * 60 * 60_000,
}

/** A prefix and 128 random bits. */
export const createId = (prefix: string) => prefix + crypto.getRandomValues(new Uint32Array(4)).join("");

/** Sees to it that visitor and session have an id, the same in all tabs. None under Global Privacy Control. */
export const touch = (kept: Kept) => {
  if (anonymous) return;
  const now = Date.now();
  kept.visitorId = kept.visitorId || createId("vis_");
  // also true of a number that is not there
  if (!(now - kept.seen! < Session.IdleMs && now - kept.start! < Session.MaxMs)) {
    kept.sessionId = createId("sess_");
    kept.start = now;
  }
  kept.seen = now;
};

/** The ids of the last item, or the first ones. */
export const who = (): Partial<Kept> => {
  const kept = load();
  // a needless save could undo another tab's
  if (!kept.visitorId && !isOptedOut()) {
    touch(kept);
    save(kept);
  }
  return kept;
};
