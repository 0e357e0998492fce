import type { Clock } from "../clock.ts";
import { DAY_MS } from "../clock.ts";
import { createRecent } from "../recent.ts";

/** Answers already given, by a client's own event id. */
export interface Replies<R> {
  /** The answer to this id within the last 24 hours, also one still being made; undefined for a new one. */
  get(siteId: string, eventId: string): Promise<R> | undefined;
  /** Remembers the answer; forgets it when it fails, so that a retry is tried again. */
  set(siteId: string, eventId: string, reply: Promise<R>): void;
}

export const MAX_REPLIES = 100_000;
const KEPT_MS = DAY_MS;

export function createReplies<R>(now: Clock): Replies<R> {
  const replies = createRecent<{ at: number; reply: Promise<R> }>(MAX_REPLIES);
  // no client id holds a line break
  const keyOf = (siteId: string, eventId: string) => `${siteId}\n${eventId}`;

  return {
    get(siteId, eventId) {
      const known = replies.get(keyOf(siteId, eventId));
      return known && now() - known.at < KEPT_MS ? known.reply : undefined;
    },
    set(siteId, eventId, reply) {
      const key = keyOf(siteId, eventId);
      const entry = { at: now(), reply };
      replies.set(key, entry);
      reply.catch(() => {
        if (replies.get(key) === entry) replies.delete(key);
      });
    },
  };
}
