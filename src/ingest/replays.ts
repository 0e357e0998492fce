import { setImmediate } from "node:timers/promises";
import * as v from "valibot";
import { type Clock, HOUR_MS, MINUTE_MS, toTimestamp } from "../clock.ts";
import { AnalyticsError } from "../errors.ts";
import type { RequestFacts } from "../event.ts";
import type { ProfileStore } from "../profile-store.ts";
import { type IntentOptions, scoreIntent } from "../intent/score.ts";
import { filterEvent } from "../replay/event-filter.ts";
import { LIMITS, type Recording, type ReplayLevel, type ReplayWorth } from "../replay/recording.ts";
import type { ReplayStore } from "../replay/replay-store.ts";
import type { Site } from "../site.ts";
import type { VisitorKnowledge } from "./knowledge.ts";
import type { GpcMode } from "./privacy.ts";
import { id, integer } from "./schema-fields.ts";

/** Events of one chunk, and chunks of one tab. */
const MAX_EVENTS = 10_000;
const MAX_SEQ = 9_999;
/** How far an event may lie from the moment its chunk was sent, by the client's own clock. */
const MAX_AGE_MS = 2 * HOUR_MS;
const MAX_AHEAD_MS = MINUTE_MS;
const SLICE_MS = 8;

const PART = v.object({
  visitorId: id,
  sessionId: id,
  tab: v.optional(id, "0"),
  seq: v.optional(integer(MAX_SEQ)),
  /** Epoch milliseconds of the client's clock. */
  sentAt: v.optional(v.number("must be epoch milliseconds")),
  /** rrweb events, each as JSON text. */
  events: v.optional(v.array(v.string("must be a list of JSON texts"), "must be a list of JSON texts"), []),
});

export interface ReplayReceipt {
  accepted: boolean;
  /** Why the recorder had better stop. */
  reason?: string;
  duplicate?: true;
  /** The visitor's intent is high: an on-intent recorder sends what it holds. */
  record: boolean;
  /** Events that were not kept because they are not replayed. */
  dropped: number;
}

/** One recording in a list. */
export interface ReplayAnswer {
  sessionId: string;
  visitorId: string;
  /** `2025-01-15T10:30:00Z` */
  startedAt: string;
  /** From the first event to the last. */
  durationSeconds: number;
  /** Pages seen while recording. */
  pages: number;
  entryPage: string;
  /** Clicks, scrolls and inputs. */
  actions: number;
  intent: { level: ReplayLevel; score: number };
  identified: boolean;
  converted: boolean;
  /** Bytes as stored. */
  bytes: number;
  /** Tabs that were recorded, first one first: `?tab=` of the stream. */
  tabs: string[];
}

export interface ReplaysQuery {
  /** 1–1,000. @default 50 */
  limit?: number;
  visitorId?: string;
  /** At least this intent level. */
  level?: ReplayLevel;
  /** At least this long. */
  minSeconds?: number;
  /** Epoch milliseconds, `from <= startedAt < to`. */
  from?: number;
  to?: number;
  /** `cursor` of the answer before. */
  cursor?: string;
}

export interface ReplaysAnswer {
  replays: ReplayAnswer[];
  /** Bytes of all recordings of the site, and what they may have. */
  totalBytes: number;
  budgetBytes: number;
  /** Asks for the next page; absent on the last. */
  cursor?: string;
}

export interface Replays {
  /** Checks, filters and stores one chunk; without events it only tells whether to record. */
  add(site: Site, body: Record<string, unknown>, facts: RequestFacts): Promise<ReplayReceipt>;
  list(site: Site, query?: ReplaysQuery): Promise<ReplaysAnswer>;
  read(site: Site, sessionId: string, tab?: string): Promise<AsyncIterable<string> | undefined>;
}

export interface ReplaysParts {
  /** Absent: replay is off. */
  store: ReplayStore | undefined;
  profiles: ProfileStore<VisitorKnowledge>;
  now: Clock;
  intent?: IntentOptions;
  gpc?: GpcMode;
  budgetBytes: number;
}

/** Session recordings: who may add to them, what they are worth, and reading them. */
export function createReplays({ store, profiles, now, intent, gpc, budgetBytes }: ReplaysParts): Replays {
  async function worthOf(siteId: string, visitorId: string): Promise<ReplayWorth> {
    const known = await profiles.load(siteId, visitorId);
    const { score, level, contributions } = scoreIntent(known?.signals, now(), intent);
    const converted = contributions.some(({ factor, points }) => CONVERSIONS.has(factor) && points > 0);
    return { score, level, identified: known?.visitor.userId !== undefined, converted };
  }

  return {
    async add(site, body, facts) {
      const parsed = v.safeParse(PART, body, { abortEarly: true });
      if (!parsed.success) {
        const [issue] = parsed.issues;
        throw new AnalyticsError("VALIDATION_ERROR", `${v.getDotPath(issue) ?? "body"} ${issue.message}`);
      }
      const { visitorId, sessionId, tab, seq, events, sentAt = now() } = parsed.output;
      if (!store) return { accepted: false, reason: "off", record: false, dropped: 0 };
      if (gpc !== "ignore" && facts.header("sec-gpc") === "1") return { accepted: false, reason: "opt_out", record: false, dropped: 0 };
      const worth = await worthOf(site.id, visitorId);
      const record = worth.level === "high";
      if (seq === undefined || events.length === 0) return { accepted: false, reason: "empty", record, dropped: 0 };
      if (events.length > MAX_EVENTS) throw new AnalyticsError("VALIDATION_ERROR", `events must be at most ${MAX_EVENTS}`);
      const filtered = await filterAll(events, sentAt);
      if (filtered.lines.length === 0) return { accepted: false, reason: "empty", record, dropped: filtered.dropped };
      const { dropped, first, last, ...kept } = filtered;
      const times = { first: timeHere(first, sentAt, now()), last: timeHere(last, sentAt, now()) };
      const answer = await store.append({ siteId: site.id, visitorId, sessionId, tab, seq, worth, ...times, ...kept });
      return { ...answer, record, dropped };
    },

    async list(site, query = {}) {
      const { limit = 50, from = -Infinity, to = Infinity, visitorId, level = "low", minSeconds = 0, cursor } = query;
      const all = (await store?.list(site.id)) ?? [];
      const before = cursor === undefined ? undefined : parseCursor(cursor);
      const wanted = all.filter(
        (one) =>
          one.first >= from && one.first < to &&
          (visitorId === undefined || one.visitorId === visitorId) &&
          LEVELS.indexOf(one.worth.level) >= LEVELS.indexOf(level) &&
          one.last - one.first >= minSeconds * 1_000 &&
          (!before || one.first < before.first || (one.first === before.first && one.sessionId < before.sessionId)),
      );
      const page = wanted.slice(0, limit);
      const last = page.at(-1);
      return {
        replays: page.map(toAnswer),
        totalBytes: all.reduce((sum, { bytes }) => sum + bytes, 0),
        budgetBytes,
        ...(wanted.length > page.length && last && { cursor: `${last.first}.${last.sessionId}` }),
      };
    },

    read: async (site, sessionId, tab) => store?.read(site.id, sessionId, tab),
  };
}

const LEVELS: ReplayLevel[] = ["low", "medium", "high"];
/** Factors of the score that say that the visitor did what the site is for. */
const CONVERSIONS = new Set(["Bought before", "Signed up or asked"]);

function parseCursor(cursor: string): { first: number; sessionId: string } {
  const match = /^(\d{1,15})\.(.{1,128})$/.exec(cursor);
  if (!match) throw new AnalyticsError("VALIDATION_ERROR", "cursor is not one of ours");
  return { first: Number(match[1]), sessionId: match[2]! };
}

function toAnswer({ sessionId, visitorId, first, last, pages, entry, actions, worth, bytes, tabs }: Recording): ReplayAnswer {
  const { level, score, identified, converted } = worth;
  return {
    sessionId, visitorId, pages, actions, identified, converted, bytes,
    startedAt: toTimestamp(first),
    durationSeconds: Math.round((last - first) / 1_000),
    entryPage: entry,
    intent: { level, score },
    tabs: Object.entries(tabs).sort(([, a], [, b]) => a.start - b.start).map(([tab]) => tab),
  };
}

/** When an event happened by the server's clock, whatever the client's says: not in the future, nor before a recording's limit. */
function timeHere(timestamp: number, sentAt: number, now: number): number {
  return now - Math.min(LIMITS.sessionMs, Math.max(0, sentAt - timestamp));
}

/** Every event checked on its own, and everybody else's turn in between. One that is no event refuses the chunk. */
async function filterAll(events: string[], sentAt: number) {
  const kept = { lines: [] as string[], pages: [] as string[], actions: 0, dropped: 0, first: Infinity, last: -Infinity };
  let sliceEnd = performance.now() + SLICE_MS;
  for (const [at, json] of events.entries()) {
    const event = filterEvent(json);
    if (event === "dropped") kept.dropped++;
    else if ("refused" in event) throw new AnalyticsError("VALIDATION_ERROR", `events.${at} ${event.refused}`);
    else if (event.timestamp < sentAt - MAX_AGE_MS || event.timestamp > sentAt + MAX_AHEAD_MS) {
      throw new AnalyticsError("VALIDATION_ERROR", `events.${at} has a timestamp too far from sentAt`);
    } else {
      kept.lines.push(event.text);
      if (event.page) kept.pages.push(event.page);
      if (event.isAction) kept.actions++;
      kept.first = Math.min(kept.first, event.timestamp);
      kept.last = Math.max(kept.last, event.timestamp);
    }
    if (performance.now() > sliceEnd) {
      await setImmediate();
      sliceEnd = performance.now() + SLICE_MS;
    }
  }
  return kept;
}
