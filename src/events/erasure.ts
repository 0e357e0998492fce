import { MAX_HIT_AGE_MS } from "../clock.ts";
import type { Guard } from "../storage/guard.ts";
import { bases, digestOf, keys, parseSequenceKey, visitorDigest } from "../storage/keys.ts";
import type { Checkpoint } from "./checkpoint.ts";
import { type DayRollup, hashOf } from "./rollup.ts";
import type { LiveRows, WriterView } from "./view.ts";

/** Erased visitors whose late events are still refused. */
const MAX_ERASED = 100_000;

/** Visitors of one site who are to be left out of what is shown. */
export interface Hidden {
  /** Another number after each erasure. */
  version: number;
  /** Of their ids. */
  hashes: ReadonlySet<number>;
  /** The same rows, or those left without theirs. */
  shown(rollup: DayRollup): DayRollup;
}

/** What erases a visitor is kept for so long at least: a hit of theirs may still be on its way. */
const KEPT_MS = MAX_HIT_AGE_MS;

/**
 * Visitors who asked to be forgotten. Every process removes what it keeps itself, and its checkpoint says so; what asks
 * for it stays until all have, and until no late hit can come any more. Only digests are kept.
 */
export interface Erasures {
  /** Remembers it in storage first: from here on no read shows the visitor's events up to `at`. */
  erase(siteId: string, visitorId: string, at: number): Promise<void>;
  /** How many this process was asked for, which it tells the others. */
  count(): number;
  /** Takes over all that any process was asked to forget, when nothing is kept here yet. */
  load(): Promise<void>;
  /** The same of one writer's process while both run, which told of so many at least. */
  follow(writer: string, told: number): Promise<void>;
  isErased(siteId: string, visitorId: string, at: number): boolean;
  /** Whether somebody who is or was to be forgotten, on any site, has this id or one with the same hash. Costs little. */
  mayBeErased(visitorId: string): boolean;
  /** Until when the past of a visitor is to be forgotten, by `visitorDigest`. */
  erasedUntil(digest: string): number | undefined;
  /** Those who are not removed here yet; undefined when there are none. */
  toRemoveIn(siteId: string): Hidden | undefined;
  /** Takes the rows of erased visitors out of those that are in no checkpoint yet. */
  dropFrom(live: LiveRows): void;
  /** Those whom rows of the site, here or with another process, may hold; undefined when there are none. */
  hiddenIn(siteId: string): Hidden | undefined;
  /** The keys of what this process has not removed yet. */
  pending(): string[];
  /** The same by visitor: until when, by `visitorDigest`. */
  toPurge(): Map<string, number>;
  /** What was removed here before, but not from what these, who are to be taken over, have: it is pending again. */
  reopen(adopt: WriterView[]): void;
  /** By writer, the number below which all that it was asked for is known here: a checkpoint without them says so. */
  known(): Checkpoint["purged"];
  /** Whether this checkpoint says so of all that is known. */
  areIn(checkpoint: Checkpoint): boolean;
  /** What these keys asked for is removed here. */
  settle(purged: string[]): void;
  /** Ends what all of these have removed; returns the keys that nobody needs any more. */
  finish(views: WriterView[], now: number): Promise<string[]>;
}

type Tombstone = [site: string, visitor: string, at: number, digest: string, hash: number];

export function createErasures(guard: Guard, writer: string, onErased: (digest: string) => void): Erasures {
  const until = new Map<string, { at: number; hash: number }>();
  /** Of the ids of all of those, and of some forgotten since: most others are told apart by it. */
  let hashes = new Set<number>();
  /** By key: what is not removed here yet, what may not be removed elsewhere yet, and the rest. */
  const pending = new Map<string, Tombstone>();
  const settled = new Map<string, Tombstone>();
  const over = new Map<string, Tombstone>();
  const nextOf = new Map<string, number>();
  /** Sites whose rows may still hold an erased visitor's, here or with another process, with a number for each change. */
  const kept = new Map<string, number>();
  let changes = 0;
  let own = 0;
  /** Numbers of those that are being written. */
  const writing = new Set<number>();

  function remember(key: string, tombstone: Tombstone, into: Map<string, Tombstone>) {
    if ([pending, settled, over].some((known) => known.has(key))) return;
    const [site, , at, digest, hash] = tombstone;
    kept.set(site, ++changes);
    until.set(digest, { at: Math.max(until.get(digest)?.at ?? -Infinity, at), hash });
    for (const oldest of until.keys()) {
      if (until.size <= MAX_ERASED) break;
      until.delete(oldest);
    }
    hashes.add(hash);
    if (hashes.size > 2 * MAX_ERASED) hashes = new Set([...until.values()].map((one) => one.hash));
    into.set(key, tombstone);
    onErased(digest);
  }

  async function read(key: string, into: Map<string, Tombstone>): Promise<boolean> {
    const held = await guard.read(key);
    if (held.state === "found") remember(key, JSON.parse(held.body.toString("utf8")) as Tombstone, into);
    return held.state === "found";
  }

  const count = () => Math.min(own, ...writing);
  const knownOf = (one: string) => (one === writer ? count() : (nextOf.get(one) ?? 0));
  const isIn = (key: string, { purged }: Checkpoint) => {
    const { writer: asked, n } = parseSequenceKey(key)!;
    return purged.some(([one, upTo]) => one === asked && n < upTo);
  };

  const mayBeErased = (visitorId: string) => hashes.size > 0 && hashes.has(hashOf(visitorId));

  const isErased = (siteId: string, visitorId: string, at: number) => {
    if (!mayBeErased(visitorId)) return false;
    const end = until.get(visitorDigest(siteId, visitorId));
    return end !== undefined && at <= end.at;
  };

  function shown(siteId: string, rollup: DayRollup): DayRollup {
    const left: DayRollup = { rows: new Map(), paths: new Set(rollup.paths) };
    for (const [key, row] of rollup.rows) if (!isErased(siteId, row.visitorId, row.start)) left.rows.set(key, row);
    return left.rows.size === rollup.rows.size ? rollup : left;
  }

  function among(siteId: string, tombstones: Tombstone[]): Hidden | undefined {
    if (tombstones.length === 0) return undefined;
    const wanted = digestOf(siteId);
    const found = new Set(tombstones.filter(([site]) => site === wanted).map(([, , , , hash]) => hash));
    return found.size === 0 ? undefined : { version: kept.get(wanted) ?? 0, hashes: found, shown: (rollup) => shown(siteId, rollup) };
  }

  return {
    isErased,
    mayBeErased,
    erasedUntil: (digest) => until.get(digest)?.at,
    toRemoveIn: (siteId) => among(siteId, [...pending.values()]),
    hiddenIn: (siteId) => among(siteId, [...pending.values(), ...settled.values()]),
    async erase(siteId, visitorId, at) {
      const n = own++;
      const tombstone: Tombstone = [digestOf(siteId), digestOf(visitorId), at, visitorDigest(siteId, visitorId), hashOf(visitorId)];
      writing.add(n);
      try {
        await guard.write(keys.erased(writer, n), JSON.stringify(tombstone));
        remember(keys.erased(writer, n), tombstone, pending);
      } finally {
        writing.delete(n);
      }
    },
    count,
    async load() {
      for (const key of await guard.list(bases.erasures)) {
        const parsed = parseSequenceKey(key);
        if (!parsed) continue;
        await read(key, settled);
        nextOf.set(parsed.writer, Math.max(knownOf(parsed.writer), parsed.n + 1));
      }
    },
    async follow(from, told) {
      // one that is over may be gone, and not be the last
      for (let n = knownOf(from); (await read(keys.erased(from, n), pending)) || n < told; n++) nextOf.set(from, n + 1);
    },
    dropFrom(live) {
      for (const entry of live.values()) entry.rollup = shown(entry.siteId, entry.rollup);
    },
    pending: () => [...pending.keys()],
    toPurge: () => new Map([...pending.values()].map(([, , at, digest]) => [digest, until.get(digest)?.at ?? at])),
    reopen(adopt) {
      for (const known of [settled, over]) {
        for (const [key, tombstone] of known) {
          if (adopt.every(({ checkpoint }) => isIn(key, checkpoint))) continue;
          known.delete(key);
          pending.set(key, tombstone);
        }
      }
    },
    known() {
      const asked = new Set([pending, settled, over].flatMap((known) => [...known.keys()].map((key) => parseSequenceKey(key)!.writer)));
      return [...asked].map((one) => [one, knownOf(one)]);
    },
    areIn: (checkpoint) => [pending, settled].every((known) => [...known.keys()].every((key) => isIn(key, checkpoint))),
    settle(purged) {
      for (const key of purged) {
        const tombstone = pending.get(key);
        if (tombstone) settled.set(key, tombstone);
        pending.delete(key);
      }
    },
    async finish(views, now) {
      const isOld = ([, , at]: Tombstone) => at < now - KEPT_MS;
      for (const [key, tombstone] of settled) {
        const isDone = views.every(({ checkpoint }) => isIn(key, checkpoint));
        // whoever removed the key has seen that all were done, and says so no longer
        if (!isDone && !(isOld(tombstone) && (await guard.read(key)).state === "missing")) continue;
        settled.delete(key);
        over.set(key, tombstone);
      }
      const left = new Set([...pending.values(), ...settled.values()].map(([site]) => site));
      for (const site of kept.keys()) if (!left.has(site)) kept.delete(site);
      const done = [...over].filter(([, tombstone]) => isOld(tombstone)).map(([key]) => key);
      for (const key of done) over.delete(key);
      return done;
    },
  };
}
