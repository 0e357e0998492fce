import type { Clock } from "../clock.ts";
import { HOUR_MS, MINUTE_MS } from "../clock.ts";
import { createHexId } from "../ids.ts";
import type { Reporter } from "../logger.ts";
import type { Guard } from "../storage/guard.ts";
import { bases, digestOf, keys, splitKey } from "../storage/keys.ts";
import { type ChunkHead, decodeHead, encodeChunk } from "./chunk.ts";
import { createSiteIndex, type SiteIndex } from "./index-shards.ts";
import type { Part, Recording, ReplayWorth } from "./recording.ts";
import { joinParts, LIMITS, valueOf } from "./recording.ts";
import { chooseVictims, type Victim } from "./room.ts";
import { chunkKeys, parseChunkKey, readLines, removeChunks, tabOf } from "./stored-chunks.ts";
import { createTurns } from "./turns.ts";

/** Checked events of one tab of a session, numbered by the recorder. */
export interface Chunk extends Omit<ChunkHead, "at"> {
  siteId: string;
  tab: string;
  lines: string[];
  worth: ReplayWorth;
}

/** Why a chunk was not kept, in words for the recorder: it stops. */
export type Refused = "session_full" | "visitor_limit" | "budget" | "gone" | "other_visitor";
export type Kept = { accepted: true; duplicate?: true } | { accepted: false; reason: Refused };

export interface ReplayStore {
  /** Stores a chunk, once by session, tab and number; makes room first. Resolves when it is durable. */
  append(chunk: Chunk): Promise<Kept>;
  /** All recordings of a site, newest first. */
  list(siteId: string): Promise<Recording[]>;
  /** The events of one tab (default: the first), a line each; undefined when there is no such recording. */
  read(siteId: string, sessionId: string, tab?: string): Promise<AsyncIterable<string> | undefined>;
  /** Removes a visitor's recordings; resolves when storage no longer holds them. */
  erase(siteId: string, visitorId: string): Promise<void>;
  /** Removes what is older than the retention, and finishes what a crash left. */
  sweep(): Promise<void>;
  stats(): { sessions: number; bytes: number; evicted: number };
  close(): Promise<void>;
}

export interface ReplayStoreParts {
  guard: Guard;
  now: Clock;
  reporter: Reporter;
  /** Bytes of recordings a site may keep. */
  budgetBytes: number;
  retentionMs: number;
  /** Sessions of one visitor in 24 hours. */
  sessionsPerVisitor: number;
}

const FLUSH_MS = 2_000;
const SWEEP_MS = HOUR_MS;
/** Others' shards are read anew after this long: listing walks everything. */
const REFRESH_MS = 30_000;
const LIST_FRESH_MS = 2_000;
/** A chunk no index tells of is somebody's who died, not somebody's who has not written it yet. */
const ORPHAN_MS = MINUTE_MS;

interface SiteState {
  index: SiteIndex;
  /** Bytes of all recordings. */
  bytes: number;
  refreshedAt: number;
}

/** Recordings in an unstorage driver: a write-once value a chunk, an index shard a writer and day. */
export function createReplayStore(parts: ReplayStoreParts): ReplayStore {
  const { guard, now, reporter, budgetBytes } = parts;
  const writer = createHexId();
  const sites = new Map<string, Promise<SiteState>>();
  const states = new Map<string, SiteState>();
  const turns = createTurns();
  let evicted = 0;
  let flushing: NodeJS.Timeout | undefined;
  const sweeping = setInterval(() => void attempt("sweep", sweep), SWEEP_MS).unref();

  async function attempt(kind: string, run: () => Promise<void>): Promise<void> {
    await run().catch((error: unknown) => reporter.report("warn", `replay ${kind}`, `the ${kind} of recordings failed and will be tried again`, error));
  }

  function stateOf(site: string): Promise<SiteState> {
    let loading = sites.get(site);
    if (!loading) {
      loading = load(site);
      loading.catch(() => sites.delete(site));
      sites.set(site, loading);
    }
    return loading;
  }

  async function load(site: string): Promise<SiteState> {
    const index = createSiteIndex(site, { guard, writer, now, reporter, digest: digestOf });
    const state: SiteState = { index, bytes: 0, refreshedAt: performance.now() };
    await index.refresh();
    await adoptOrphans(site, state);
    recount(state);
    states.set(site, state);
    return state;
  }

  function recount(state: SiteState): void {
    state.bytes = 0;
    for (const held of state.index.sessions.values()) state.bytes += joinParts(held.values()).bytes;
  }

  async function refresh(state: SiteState, freshMs: number): Promise<void> {
    if (performance.now() - state.refreshedAt < freshMs) return;
    state.refreshedAt = performance.now();
    await state.index.refresh();
    recount(state);
  }

  /** What a crash left: chunks that no index tells of are taken in, those of sessions that are gone are removed. */
  async function adoptOrphans(site: string, state: SiteState): Promise<void> {
    for (const key of await guard.list(bases.replays(site))) {
      const { session, tab, seq } = parseChunkKey(key);
      if (state.index.isGone(session)) await guard.remove(key);
      else if (!isKnown(state, session, tab, seq)) await adopt(state, key, tab);
    }
  }

  function isKnown({ index }: SiteState, session: string, tab: string, seq: number): boolean {
    return [...(index.sessions.get(session)?.values() ?? [])].some((part) => (part.tabs[tab]?.next ?? 0) > seq);
  }

  async function adopt(state: SiteState, key: string, tab: string): Promise<void> {
    const held = await guard.read(key);
    if (held.state === "torn") await guard.remove(key);
    if (held.state !== "found") return;
    const head = decodeHead(held.body);
    if (head.at > now() - ORPHAN_MS) return;
    note(state, head, tab, held.body.length, { score: 0, level: "low", identified: false, converted: false });
  }

  /** Counts a stored chunk in this writer's part of its session. */
  function note(state: SiteState, head: ChunkHead, tab: string, bytes: number, worth: ReplayWorth): void {
    const session = digestOf(head.sessionId);
    const known = state.index.sessions.get(session)?.get(writer);
    const part: Part = known ?? {
      id: writer, rev: 0, sessionId: head.sessionId, visitorId: head.visitorId, start: head.at, end: head.at, first: head.first, last: head.last,
      tabs: {}, pages: 0, actions: 0, entry: head.pages[0] ?? "", worth,
    };
    part.rev++;
    part.start = Math.min(part.start, head.at);
    part.end = Math.max(part.end, head.at);
    part.first = Math.min(part.first, head.first);
    part.last = Math.max(part.last, head.last);
    part.pages += head.pages.length;
    part.actions += head.actions;
    part.worth = worth;
    const held = (part.tabs[tab] ??= { next: 0, bytes: 0, start: head.at });
    held.next = Math.max(held.next, head.seq + 1);
    held.bytes += bytes;
    state.bytes += bytes;
    state.index.put(session, part);
    flushSoon();
  }

  function flushSoon(): void {
    flushing ??= setTimeout(() => {
      flushing = undefined;
      void attempt("index", flush);
    }, FLUSH_MS).unref();
  }

  async function flush(): Promise<void> {
    for (const [site, state] of states) if (state.index.isDirty()) await turns.take(site, () => state.index.flush());
  }

  /** Why this session may not grow by `bytes`, if so. */
  function refusal(state: SiteState, chunk: Chunk, joined: Recording | undefined, bytes: number): Refused | undefined {
    if (!joined) {
      let recent = 0;
      for (const held of state.index.sessions.values()) {
        for (const part of held.values()) {
          if (part.visitorId === chunk.visitorId && part.start > now() - LIMITS.visitorMs) recent++;
          break;
        }
      }
      return recent >= parts.sessionsPerVisitor ? "visitor_limit" : undefined;
    }
    if (joined.visitorId !== chunk.visitorId) return "other_visitor";
    const tab = tabOf(chunk.tab);
    const isFull =
      joined.bytes + bytes > LIMITS.sessionBytes ||
      now() - joined.start > LIMITS.sessionMs ||
      (!joined.tabs[tab] && Object.keys(joined.tabs).length >= LIMITS.tabs);
    return isFull ? "session_full" : undefined;
  }

  /** First it is written that they are gone, then they are removed: a crash between is finished by the next sweep. */
  async function forget(site: string, state: SiteState, victims: Victim[]): Promise<void> {
    if (victims.length === 0) return;
    for (const { session } of victims) state.index.drop(session);
    await state.index.flush();
    await removeChunks(guard, victims.flatMap(({ session, recording }) => chunkKeys(site, session, recording)));
    recount(state);
  }

  async function append(chunk: Chunk): Promise<Kept> {
    const site = digestOf(chunk.siteId);
    const state = await stateOf(site);
    const session = digestOf(chunk.sessionId);
    const tab = tabOf(chunk.tab);
    const { sessionId, visitorId, seq, first, last, pages, actions } = chunk;
    const head: ChunkHead = { sessionId, visitorId, seq, at: now(), first, last, pages, actions };
    const body = await encodeChunk(head, chunk.lines);
    return turns.take(site, async () => {
      if (state.index.isGone(session)) return { accepted: false, reason: "gone" };
      const key = keys.replay(site, session, tab, seq);
      const held = await guard.read(key);
      if (held.state === "found") {
        // stored by a request that was told otherwise: only counting it is left
        if (!isKnown(state, session, tab, seq)) note(state, decodeHead(held.body), tab, held.body.length, chunk.worth);
        return { accepted: true, duplicate: true };
      }
      const known = state.index.sessions.get(session);
      const joined = known && joinParts(known.values());
      const reason = refusal(state, chunk, joined, body.length);
      if (reason) return { accepted: false, reason };
      const value = valueOf({ ...(joined ?? { actions }), worth: chunk.worth, end: now() } as Recording, now());
      const victims = chooseVictims({ sessions: state.index.sessions, total: state.bytes, budgetBytes, bytes: body.length, own: session, value, now: now() });
      if (!victims) return { accepted: false, reason: "budget" };
      evicted += victims.length;
      await forget(site, state, victims);
      await guard.write(key, body);
      note(state, head, tab, body.length, chunk.worth);
      if (performance.now() - state.refreshedAt > REFRESH_MS) void attempt("index", () => turns.take(site, () => refresh(state, REFRESH_MS)));
      return { accepted: true };
    });
  }

  async function sweep(): Promise<void> {
    for (const key of await guard.list(bases.replayIndexes)) await stateOf(splitKey(key)[1]!);
    for (const [site, state] of states) {
      await turns.take(site, async () => {
        await refresh(state, 0);
        const old = now() - parts.retentionMs;
        const victims = [...state.index.sessions]
          .map(([session, held]) => ({ session, recording: joinParts(held.values()) }))
          .filter(({ recording }) => recording.end < old);
        await forget(site, state, victims);
        await adoptOrphans(site, state);
        if (state.index.isCrowded() || victims.length > 0) await state.index.compact();
        recount(state);
      });
    }
  }

  return {
    append,
    sweep,
    async list(siteId) {
      const site = digestOf(siteId);
      const state = await stateOf(site);
      await turns.take(site, () => refresh(state, LIST_FRESH_MS));
      return [...state.index.sessions.values()].map((held) => joinParts(held.values())).sort((a, b) => b.first - a.first || (a.sessionId < b.sessionId ? 1 : -1));
    },
    async read(siteId, sessionId, tab) {
      const site = digestOf(siteId);
      const session = digestOf(sessionId);
      const state = await stateOf(site);
      if (!state.index.sessions.has(session)) await turns.take(site, () => refresh(state, LIST_FRESH_MS));
      const held = state.index.sessions.get(session);
      if (!held) return undefined;
      const { tabs } = joinParts(held.values());
      const chosen = tab ?? Object.entries(tabs).sort(([, a], [, b]) => a.start - b.start)[0]![0];
      const known = Object.hasOwn(tabs, chosen) ? tabs[chosen] : undefined;
      return known && readLines(guard, site, session, chosen, known.next);
    },
    async erase(siteId, visitorId) {
      const site = digestOf(siteId);
      const state = await stateOf(site);
      await turns.take(site, async () => {
        await refresh(state, 0);
        await adoptOrphans(site, state);
        const victims = [...state.index.sessions]
          .map(([session, held]) => ({ session, recording: joinParts(held.values()) }))
          .filter(({ recording }) => recording.visitorId === visitorId);
        if (victims.length === 0) return;
        await forget(site, state, victims);
        await state.index.compact();
      });
    },
    stats() {
      let [sessions, bytes] = [0, 0];
      for (const state of states.values()) [sessions, bytes] = [sessions + state.index.sessions.size, bytes + state.bytes];
      return { sessions, bytes, evicted };
    },
    async close() {
      clearInterval(sweeping);
      clearTimeout(flushing);
      await flush();
    },
  };
}
