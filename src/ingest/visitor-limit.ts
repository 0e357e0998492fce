import { HOUR_MS } from "../clock.ts";
import type { Drop } from "../event.ts";
import { createRecent } from "../recent.ts";
import type { Context, Identified } from "./stages.ts";

/** More than any person does in an hour: beyond it somebody posts under a visitor's id. */
export const MAX_HITS_AN_HOUR = 2_000;
const MAX_VISITORS = 20_000;

/** The step that stops a flood under one visitor's id; counted in this process, by the clock hour. */
export function createVisitorLimit(): (hit: Identified, context: Context) => Identified | Drop {
  const counts = createRecent<{ hour: number; hits: number }>(MAX_VISITORS);
  return (hit, { site, facts }) => {
    // an import brings years within minutes: the host's hits count in the hour they happened
    const hour = Math.floor((facts.trust === "write" ? facts.receivedAt : hit.at) / HOUR_MS);
    const key = `${site.id}\n${hit.visitorId}`;
    const count = counts.get(key);
    if (!count) {
      counts.set(key, { hour, hits: 1 });
      return hit;
    }
    if (count.hour !== hour) {
      count.hour = hour;
      count.hits = 0;
    }
    if (count.hits >= MAX_HITS_AN_HOUR) return { drop: "visitor_limit" };
    count.hits++;
    return hit;
  };
}
