import { MAX_HIT_AGE_MS } from "../clock.ts";
import type { RequestFacts, TelemetryInput } from "../event.ts";
import type { Context, Received, Timed } from "./stages.ts";

/**
 * When a hit happened. With `sentAt` only the distance between the client's two readings counts, so a clock that
 * is years off does no harm. Never in the future; from a browser at most 48 hours ago, from the host at any time since 1970.
 */
export function timeOf(input: TelemetryInput, facts: RequestFacts): number {
  const now = facts.receivedAt;
  const happenedAt = toMs(input.timestamp);
  if (happenedAt === undefined) return now;
  const age = Math.max(0, (toMs(input.sentAt) ?? now) - happenedAt);
  return facts.trust === "write" ? now - Math.min(age, MAX_HIT_AGE_MS) : Math.max(0, now - age);
}

/** The schema has made numbers of them; an in-process caller may have skipped it. */
function toMs(time: string | number | undefined): number | undefined {
  if (typeof time !== "string") return time;
  const ms = Date.parse(time);
  return Number.isNaN(ms) ? undefined : ms;
}

export function takeTime(hit: Received, { input, facts }: Context): Timed {
  const timed = hit as Timed;
  timed.at = timeOf(input, facts);
  return timed;
}
