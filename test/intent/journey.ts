import { DAY_MS } from "../../src/clock.ts";
import type { StoredEvent } from "../../src/event.ts";
import { foldSignals, type IntentSignals } from "../../src/intent/signals.ts";

export const START = Date.UTC(2025, 0, 15, 10);

let count = 0;
function event(fields: Partial<StoredEvent>): StoredEvent {
  count++;
  const base = { id: `evt_${count}`, siteId: "shop", visitorId: "vis_1", sessionId: "sess_1", day: "2025-01-15" };
  return { ...base, type: "pageview", at: START + count, visit: 1, ...fields };
}

export const view = (path: string, fields: Partial<StoredEvent> = {}): StoredEvent =>
  event({ path, pageviewId: `pv_${path}`, ...fields });

export const engaged = (path: string, engagedSeconds: number, fields: Partial<StoredEvent> = {}): StoredEvent =>
  event({ type: "engagement", path, pageviewId: `pv_${path}`, engagedSeconds, ...fields });

export const custom = (name: string, fields: Partial<StoredEvent> = {}): StoredEvent =>
  event({ type: "event", name, path: "/", ...fields });

/** A look at a page that lasted so many seconds. */
export const look = (path: string, seconds: number, fields: Partial<StoredEvent> = {}): StoredEvent[] => [
  view(path, fields),
  engaged(path, seconds, fields),
];

export function fold(events: StoredEvent[]): IntentSignals | undefined {
  let signals: IntentSignals | undefined;
  for (const one of events) signals = foldSignals(signals, one);
  return signals;
}

/** 0 ≤ x < 1, the same row for the same seed. */
export function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

export function shuffled<T>(list: T[], random: () => number): T[] {
  const result = [...list];
  for (let i = result.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [result[i], result[j]] = [result[j]!, result[i]!];
  }
  return result;
}

const PATHS = ["/", "/product/1", "/product/2", "/product/3", "/pricing", "/account/orders", "/about/us", "/cart"];
const NAMES = ["Added To Cart", "Checkout Started", "Purchase Completed", "Trial Started", "Video Played"];

/** A history over several visits, small enough that nothing falls out of the bounded lists. */
export function randomHistory(random: () => number): StoredEvent[] {
  const events: StoredEvent[] = [];
  for (let n = 0; n < 24; n++) {
    const visit = 1 + Math.floor(random() * 4);
    const at = START + visit * 3 * DAY_MS + Math.floor(random() * 3_600_000);
    const path = PATHS[Math.floor(random() * PATHS.length)]!;
    const kind = random();
    if (kind < 0.5) events.push(view(path, { visit, at, value: Math.floor(random() * 100) }));
    else if (kind < 0.7) events.push(custom(NAMES[Math.floor(random() * NAMES.length)]!, { visit, at }));
    else events.push(engaged("/product/1", random() * 200, { visit, at, pageviewId: `pv_${Math.floor(random() * 6)}` }));
  }
  return events;
}
