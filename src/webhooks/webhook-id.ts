import { hash } from "node:crypto";
import type { Clock } from "../clock.ts";

/** Crockford's base 32: sorts as it counts, and has no letters that are read for digits. */
const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const TIME_CHARS = 10;
const HALF_CHARS = 8;
const HALF_RANGE = 2 ** 40;
const ID_CHARS = 26;

function encode(value: number, chars: number): string {
  let text = "";
  for (let left = value, index = 0; index < chars; index++) {
    text = ALPHABET[left % 32] + text;
    left = Math.floor(left / 32);
  }
  return text;
}

/**
 * Makes `webhook-id`s: `msg_` and 26 characters, time-ordered within this process even when the clock is set back.
 * `random` answers 0 ≤ x < 1; two draws a millisecond give 80 random bits.
 */
export function createWebhookIds(now: Clock, random: () => number = Math.random): () => string {
  let lastMs = -1;
  let time = "";
  let high = 0;
  let low = 0;

  function startAt(ms: number) {
    lastMs = ms;
    time = encode(ms, TIME_CHARS);
    high = Math.floor(random() * HALF_RANGE);
    low = Math.floor(random() * HALF_RANGE);
  }

  return () => {
    const ms = Math.max(0, Math.floor(now()));
    if (ms > lastMs) startAt(ms);
    else if (++low === HALF_RANGE) startAt(lastMs + 1);
    return `msg_${time}${encode(high, HALF_CHARS)}${encode(low, HALF_CHARS)}`;
  };
}

/**
 * The `webhook-id` of something that two processes may both notice: an event that was sent twice, a visitor who became
 * known. The same site, subject and cause give the same id, so the receiver sees one delivery. It carries no time.
 */
export function derivedWebhookId(siteId: string, subject: string, cause: string): string {
  return `msg_${hash("sha256", `${siteId}\0${subject}\0${cause}`).slice(0, ID_CHARS)}`;
}
