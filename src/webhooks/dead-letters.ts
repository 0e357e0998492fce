import { DAY_MS } from "../clock.ts";
import type { Delivery } from "./payload.ts";

/** A delivery that was given up. */
export interface DeadLetter {
  delivery: Delivery;
  /** E.g. `status 500`, `timeout`, `too old`, `too many pending`. */
  reason: string;
  /** The last answer's, when there was one. */
  status?: number;
  attempts: number;
  /** Epoch milliseconds when it was given up. */
  at: number;
}

export interface DeadLetters {
  add(letter: DeadLetter): void;
  /** A site's, newest first. */
  list(siteId: string): DeadLetter[];
  /** Takes out every letter of this `webhook-id`, one an endpoint, to be tried again. */
  take(siteId: string, id: string): DeadLetter[];
}

export const MAX_DEAD_LETTERS = 1_000;
export const MAX_DEAD_LETTER_BYTES = 16 * 1024 * 1024;
export const DEAD_LETTER_AGE_MS = 30 * DAY_MS;

/** Keeps what was given up for 30 days, within 1,000 letters and 16 MiB; the oldest go first. */
export function createDeadLetters(now: () => number): DeadLetters {
  const letters = new Set<DeadLetter>();
  let bytes = 0;

  function remove(letter: DeadLetter) {
    if (letters.delete(letter)) bytes -= letter.delivery.unsigned.length;
  }

  function trim() {
    const expired = now() - DEAD_LETTER_AGE_MS;
    for (const letter of letters) {
      if (letters.size <= MAX_DEAD_LETTERS && bytes <= MAX_DEAD_LETTER_BYTES && letter.at > expired) return;
      remove(letter);
    }
  }

  return {
    add(letter) {
      letters.add(letter);
      bytes += letter.delivery.unsigned.length;
      trim();
    },
    list(siteId) {
      trim();
      return [...letters].filter((letter) => letter.delivery.siteId === siteId).toReversed();
    },
    take(siteId, id) {
      const taken = [...letters].filter(({ delivery }) => delivery.siteId === siteId && delivery.id === id);
      taken.forEach(remove);
      return taken;
    },
  };
}
