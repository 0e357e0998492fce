import { DAY_MS } from "../clock.ts";
import type { Progress } from "./ledger-state.ts";
import type { Delivery } from "./payload.ts";
import { sizeOf } from "./payload.ts";

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

/** The letter of a delivery that an earlier process gave up. */
export function toLetter(delivery: Delivery, { reason, attempts, at }: Extract<Progress, { state: "dead" }>, seq: number): DeadLetter {
  delivery.seq = seq;
  const [, code] = /^status (\d+)$/.exec(reason) ?? [];
  return { delivery, reason, attempts, at, ...(code !== undefined && { status: Number(code) }) };
}

export interface DeadLetters {
  add(letter: DeadLetter): void;
  /** A site's, newest first. */
  list(siteId: string): DeadLetter[];
  /** Removes what is owed of an erased visitor; answers what that was. */
  erase(siteId: string, visitorId: string): Delivery[];
  /** Takes out every letter of this `webhook-id`, one an endpoint, to be tried again. */
  take(siteId: string, id: string, may?: (letter: DeadLetter) => boolean): DeadLetter[];
}

export const MAX_DEAD_LETTERS = 1_000;
export const MAX_DEAD_LETTER_BYTES = 16 * 1024 * 1024;
export const DEAD_LETTER_AGE_MS = 30 * DAY_MS;

/** Keeps what was given up for 30 days, within 1,000 letters and 16 MiB; the oldest go first, told to `dropped`. */
export function createDeadLetters(now: () => number, dropped: (delivery: Delivery) => void = () => {}): DeadLetters {
  const letters = new Set<DeadLetter>();
  let bytes = 0;

  function remove(letter: DeadLetter) {
    if (letters.delete(letter)) bytes -= sizeOf(letter.delivery);
  }

  function trim() {
    const expired = now() - DEAD_LETTER_AGE_MS;
    for (const letter of letters) {
      if (letters.size <= MAX_DEAD_LETTERS && bytes <= MAX_DEAD_LETTER_BYTES && letter.at > expired) return;
      remove(letter);
      dropped(letter.delivery);
    }
  }

  return {
    add(letter) {
      letters.add(letter);
      bytes += sizeOf(letter.delivery);
      trim();
    },
    list(siteId) {
      trim();
      return [...letters].filter((letter) => letter.delivery.siteId === siteId).toReversed();
    },
    erase(siteId, visitorId) {
      const erased = [...letters].filter(({ delivery }) => delivery.siteId === siteId && delivery.visitorId === visitorId);
      erased.forEach(remove);
      return erased.map(({ delivery }) => delivery);
    },
    take(siteId, id, may = () => true) {
      const taken = [...letters].filter((letter) => letter.delivery.siteId === siteId && letter.delivery.id === id && may(letter));
      taken.forEach(remove);
      return taken;
    },
  };
}
