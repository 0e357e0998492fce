import { DAY_MS, MINUTE_MS } from "../clock.ts";

export type ReplayLevel = "low" | "medium" | "high";

/** What a recording is worth, as far as it is known of its visitor. */
export interface ReplayWorth {
  /** Intent score, 0–100. */
  score: number;
  level: ReplayLevel;
  /** The site knows who it is. */
  identified: boolean;
  /** Bought, signed up or got in touch. */
  converted: boolean;
}

/** What one writer stored of one session; another's adds to it. Plain JSON. */
export interface Part {
  id: string;
  /** Grows with every change: of two copies the higher one is right. */
  rev: number;
  sessionId: string;
  visitorId: string;
  /** When its first and its last chunk came: epoch milliseconds of the server's clock, as are the two below. */
  start: number;
  end: number;
  /** When its first and its last event happened. */
  first: number;
  last: number;
  /** Per tab (a digest): chunks up to here, bytes, and when it began. */
  tabs: Record<string, { next: number; bytes: number; start: number }>;
  pages: number;
  /** Clicks, scrolls and inputs. */
  actions: number;
  entry: string;
  worth: ReplayWorth;
}

/** A session's recording as a whole. */
export interface Recording extends Omit<Part, "id" | "rev"> {
  bytes: number;
}

const RUNNING_MS = 5 * MINUTE_MS;
const WORTH = { converted: 300, identified: 150, high: 100, idle: -50, running: 60, maxActions: 50 } as const;

/** Adds up what several writers know of one session. */
export function joinParts(parts: Iterable<Part>): Recording {
  let joined: Recording | undefined;
  for (const part of parts) {
    if (!joined) {
      joined = { ...part, tabs: {}, worth: part.worth, bytes: 0, pages: 0, actions: 0 };
    }
    if (part.start < joined.start) joined.entry = part.entry;
    if (part.end > joined.end) joined.worth = part.worth;
    joined.start = Math.min(joined.start, part.start);
    joined.end = Math.max(joined.end, part.end);
    joined.first = Math.min(joined.first, part.first);
    joined.last = Math.max(joined.last, part.last);
    joined.pages += part.pages;
    joined.actions += part.actions;
    for (const [tab, { next, bytes, start }] of Object.entries(part.tabs)) {
      const held = joined.tabs[tab];
      joined.bytes += bytes;
      joined.tabs[tab] = held
        ? { next: Math.max(held.next, next), bytes: held.bytes + bytes, start: Math.min(held.start, start) }
        : { next, bytes, start };
    }
  }
  joined!.last = Math.min(joined!.last, joined!.first + LIMITS.sessionMs);
  return joined!;
}

/** What goes first when space is short: idle and of low intent before engaged, identified, high, converted ones. */
export function valueOf(recording: Recording, now: number): number {
  const { score, level, identified, converted } = recording.worth;
  let value = score + (Math.min(recording.actions, WORTH.maxActions) * 10) / WORTH.maxActions;
  if (recording.actions === 0) value += WORTH.idle;
  if (level === "high") value += WORTH.high;
  if (identified) value += WORTH.identified;
  if (converted) value += WORTH.converted;
  // it may still become worth keeping
  return isRunning(recording, now) ? Math.max(value, WORTH.running) : value;
}

export const isRunning = (recording: Recording, now: number) => now - recording.end < RUNNING_MS;

/** The limits of one recording and of one visitor. */
export const LIMITS = {
  sessionBytes: 20 * 1024 * 1024,
  sessionMs: 60 * MINUTE_MS,
  visitorMs: DAY_MS,
  /** Tabs of a session that are told apart. */
  tabs: 16,
  /** Chunks of a tab. */
  chunks: 10_000,
} as const;
