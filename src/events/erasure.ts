import { HOUR_MS } from "../clock.ts";
import type { Guard } from "../storage/guard.ts";
import { bases, digestOf, keys, visitorDigest } from "../storage/keys.ts";
import type { DayRollup } from "./rollup.ts";

/** Every process removes what it keeps itself: what says so stays for this long, so that all of them learn of it. */
const KEPT_MS = HOUR_MS;
/** Erased visitors whose late events are still refused. */
const MAX_ERASED = 100_000;

/** Visitors who asked to be forgotten. Only digests are kept, and only until the removal is done. */
export interface Erasures {
  /** Remembers it in storage first: from here on no read shows the visitor's events up to `at`. */
  erase(siteId: string, visitorId: string, at: number): Promise<void>;
  /** Takes over what a writer's process was asked to forget; without one: what any was. */
  load(writer?: string): Promise<void>;
  isErased(siteId: string, visitorId: string, at: number): boolean;
  /** Until when the past of a visitor is to be forgotten, by `visitorDigest`. */
  erasedUntil(digest: string): number | undefined;
  /** Whether anybody of this site is to be forgotten and not removed yet. */
  concerns(siteId: string): boolean;
  /** 0 when no rows of the site, here or with another process, hold an erased visitor's; else another number after each erasure. */
  versionOf(siteId: string): number;
  /** The keys of what this process has not removed yet. */
  pending(): string[];
  /** The same by visitor: until when, by `visitorDigest`. */
  toPurge(): Map<string, number>;
  /** The same rows, or those left without the erased visitors'. */
  withoutErased(siteId: string, rollup: DayRollup): DayRollup;
  /** What these keys asked for is removed here; `now` is infinite when nobody else has data. Returns the keys that nobody needs any more. */
  settle(purged: string[], now: number): string[];
}

type Tombstone = [site: string, visitor: string, at: number, digest: string];

export function createErasures(guard: Guard, writer: string, onErased: (digest: string) => void): Erasures {
  const until = new Map<string, number>();
  const pending = new Map<string, Tombstone>();
  const settled = new Map<string, Tombstone>();
  const nextOf = new Map<string, number>();
  /** Sites whose rows may still hold an erased visitor's, here or with another process, with a number for each change. */
  const kept = new Map<string, number>();
  let changes = 0;
  let own = 0;

  function remember(key: string, tombstone: Tombstone) {
    if (pending.has(key) || settled.has(key)) return;
    const [site, , at, digest] = tombstone;
    kept.set(site, ++changes);
    until.set(digest, Math.max(until.get(digest) ?? -Infinity, at));
    for (const oldest of until.keys()) {
      if (until.size <= MAX_ERASED) break;
      until.delete(oldest);
    }
    pending.set(key, tombstone);
    onErased(digest);
  }

  async function read(key: string): Promise<boolean> {
    const held = await guard.read(key);
    if (held.state === "found") remember(key, JSON.parse(held.body.toString("utf8")) as Tombstone);
    return held.state === "found";
  }

  const isErased = (siteId: string, visitorId: string, at: number) => {
    if (until.size === 0) return false;
    const end = until.get(visitorDigest(siteId, visitorId));
    return end !== undefined && at <= end;
  };

  const versionOf = (siteId: string) => (kept.size > 0 && kept.get(digestOf(siteId))) || 0;

  return {
    isErased,
    versionOf,
    erasedUntil: (digest) => until.get(digest),
    concerns(siteId) {
      if (pending.size === 0) return false;
      const wanted = digestOf(siteId);
      for (const [site] of pending.values()) if (site === wanted) return true;
      return false;
    },
    async erase(siteId, visitorId, at) {
      const key = keys.erased(writer, own++);
      const tombstone: Tombstone = [digestOf(siteId), digestOf(visitorId), at, visitorDigest(siteId, visitorId)];
      await guard.write(key, JSON.stringify(tombstone));
      remember(key, tombstone);
    },
    async load(from) {
      if (from === undefined) {
        for (const key of await guard.list(bases.erasures)) await read(key);
        return;
      }
      if (from === writer) return;
      for (let n = nextOf.get(from) ?? 0; await read(keys.erased(from, n)); n++) nextOf.set(from, n + 1);
    },
    pending: () => [...pending.keys()],
    toPurge: () => new Map([...pending.values()].map(([, , at, digest]) => [digest, until.get(digest) ?? at])),
    withoutErased(siteId, rollup) {
      if (versionOf(siteId) === 0) return rollup;
      const left: DayRollup = { rows: new Map(), paths: new Set(rollup.paths) };
      for (const [key, row] of rollup.rows) if (!isErased(siteId, row.visitorId, row.start)) left.rows.set(key, row);
      return left;
    },
    settle(purged, now) {
      for (const key of purged) {
        const tombstone = pending.get(key);
        if (tombstone) settled.set(key, tombstone);
        pending.delete(key);
      }
      const done = [...settled].filter(([, [, , at]]) => at < now - KEPT_MS).map(([key]) => key);
      for (const key of done) settled.delete(key);
      const left = new Set([...pending.values(), ...settled.values()].map(([site]) => site));
      for (const site of kept.keys()) if (!left.has(site)) kept.delete(site);
      return done;
    },
  };
}
