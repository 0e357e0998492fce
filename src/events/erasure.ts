import { HOUR_MS, MAX_HIT_AGE_MS, MAX_SKEW_MS } from "../clock.ts";
import type { Guard } from "../storage/guard.ts";
import { bases, digestOf, keys, parseSequenceKey, visitorDigest } from "../storage/keys.ts";
import { type Checkpoint, isNaming } from "./checkpoint.ts";
import { createErased, type Erased, type Hidden, type Tombstone } from "./erased.ts";
import { hashOf } from "./rollup.ts";
import type { LiveRows, WriterView } from "./view.ts";

/** A request is kept for so long at least: a hit of theirs may still be on its way, and then in a journal that nobody has folded. */
const KEPT_MS = MAX_HIT_AGE_MS + HOUR_MS;
/** Requests read at a time. */
const READS = 16;

/**
 * Requests to forget visitors. Every process removes what it keeps itself, and its checkpoint says so; a request stays
 * until all have, and until no late hit can come any more. Only digests are kept.
 */
export interface Erasures extends Pick<Erased, "some" | "isErased" | "mayBeErased" | "erasedUntil"> {
  /** Stores a request first: from here on no read shows the visitor's events up to now, by whatever clock the views' processes go. */
  erase(siteId: string, visitorId: string, now: number, views: WriterView[]): Promise<void>;
  /** How many this process was asked for, which it tells the others. */
  count(): number;
  /** Learns of all there are, when nothing is kept here yet; `told`: the counts of those that run. Whether any is new. */
  load(told: ReadonlyMap<string, number>): Promise<boolean>;
  /** How many are known of those that a writer's process was asked for. */
  knownOf(writer: string): number;
  /** The same of one writer's process while both run, of as many at least as it told of, and of those that its checkpoint knows. Whether any is new. */
  follow(view: WriterView, told: number): Promise<boolean>;
  /** Takes rows of those who are to be forgotten out of what is in no checkpoint. */
  dropFrom(live: LiveRows): void;
  /** Those who are not removed here yet; undefined when there are none. */
  toRemoveIn(siteId: string): Hidden | undefined;
  /** Those whom rows of the site, here or with another process, may hold; undefined when there are none. */
  hiddenIn(siteId: string): Hidden | undefined;
  /** The keys of what this process has not removed yet. */
  pending(): string[];
  /** The same by visitor: until when, by `visitorDigest`. */
  toPurge(): Map<string, number>;
  /** What was removed here before, but not from what these, who are to be taken over, have: it is pending again. */
  reopen(adopt: WriterView[]): void;
  /** What a checkpoint may say that is made without everybody known of now. */
  known(): Checkpoint["purged"];
  /** Whether this checkpoint says so of all that may not be over. */
  areIn(checkpoint: Checkpoint): boolean;
  /** What these keys asked for is removed here. */
  settle(purged: string[]): void;
  /** What all of these have removed is over. Forgets, and returns the keys of, requests that nobody needs any more. */
  takeDone(views: WriterView[], now: number): Promise<string[]>;
}

export function createErasures(guard: Guard, writer: string, onErased: (digest: string, until: number) => void): Erasures {
  const erased = createErased();
  /** By key: what is not removed here yet, what may not be removed elsewhere yet, and the rest. */
  const pending = new Map<string, Tombstone>();
  const settled = new Map<string, Tombstone>();
  const over = new Map<string, Tombstone>();
  /** By writer, the number below which all its requests are known. */
  const nextOf = new Map<string, number>();
  /** Sites whose rows may still hold an erased visitor's, here or with another process, with a number for each change. */
  const versions = new Map<string, number>();
  let changes = 0;
  let own = 0;
  /** Numbers of those that are being written. */
  const writing = new Set<number>();

  function remember(key: string, tombstone: Tombstone, into: Map<string, Tombstone>) {
    if ([pending, settled, over].some((known) => known.has(key))) return;
    versions.set(tombstone[0], ++changes);
    erased.add(tombstone);
    into.set(key, tombstone);
    onErased(tombstone[3], tombstone[2]);
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

  function among(siteId: string, tombstones: Tombstone[]): Hidden | undefined {
    if (tombstones.length === 0) return undefined;
    const wanted = digestOf(siteId);
    const hashes = new Set(tombstones.filter(([site]) => site === wanted).map(([, , , , hash]) => hash));
    return hashes.size === 0 ? undefined : erased.hide(siteId, versions.get(wanted) ?? 0, hashes);
  }

  const all = () => [pending, settled, over].flatMap((known) => [...known.values()]);

  function dropFrom(live: LiveRows) {
    const asked = all();
    for (const entry of live.values()) entry.rollup = among(entry.siteId, asked)?.shown(entry.rollup) ?? entry.rollup;
  }

  /** Whether there were new ones. One that is over may be gone, and not be the last. */
  async function readOn(from: string, told: number): Promise<boolean> {
    const before = changes;
    for (let n = knownOf(from); (await read(keys.erased(from, n), pending)) || n < told; n++) nextOf.set(from, n + 1);
    return changes > before;
  }

  return {
    some: erased.some,
    isErased: erased.isErased,
    mayBeErased: erased.mayBeErased,
    erasedUntil: erased.erasedUntil,
    toRemoveIn: (siteId) => among(siteId, [...pending.values()]),
    hiddenIn: (siteId) => among(siteId, [...pending.values(), ...settled.values()]),
    async erase(siteId, visitorId, now, views) {
      const n = own++;
      const at = Math.max(now, Math.min(newestIn(views, siteId), now + MAX_SKEW_MS));
      const tombstone: Tombstone = [digestOf(siteId), digestOf(visitorId), at, visitorDigest(siteId, visitorId), hashOf(visitorId)];
      writing.add(n);
      try {
        await guard.write(keys.erased(writer, n), JSON.stringify(tombstone));
      } finally {
        remember(keys.erased(writer, n), tombstone, pending); // one that failed may land yet: checkpoints say that it is known
        writing.delete(n);
      }
      // a row that goes on would hide what they do from now on
      for (const view of views) if (view.writer !== writer) dropFrom(view.live);
    },
    count,
    knownOf,
    async load(told) {
      const before = changes;
      for (const [one, n] of told) if (one !== writer) nextOf.set(one, Math.max(knownOf(one), n));
      const stored = (await guard.list(bases.erasures)).filter((key) => parseSequenceKey(key)).sort();
      for (let i = 0; i < stored.length; i += READS) await Promise.all(stored.slice(i, i + READS).map((key) => read(key, settled)));
      for (const key of stored) {
        const { writer: one, n } = parseSequenceKey(key)!;
        // of one that runs, an earlier one may be on its way
        if (!told.has(one) || n === knownOf(one)) nextOf.set(one, Math.max(knownOf(one), n + 1));
      }
      return changes > before;
    },
    async follow(view, told) {
      let isNew = await readOn(view.writer, told);
      for (const [one, upTo] of view.checkpoint.purged) if (one !== writer && knownOf(one) < upTo) isNew = (await readOn(one, upTo)) || isNew;
      return isNew;
    },
    dropFrom,
    pending: () => [...pending.keys()],
    toPurge: () => new Map([...pending.values()].map(([, , at, digest]) => [digest, erased.erasedUntil(digest) ?? at])),
    reopen(adopt) {
      const holding = adopt.filter(holdsAny);
      for (const known of [settled, over]) {
        for (const [key, tombstone] of known) {
          if (holding.every(({ checkpoint }) => isIn(key, checkpoint))) continue;
          known.delete(key);
          pending.set(key, tombstone);
          versions.set(tombstone[0], ++changes);
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
    async takeDone(views, now) {
      const isOld = ([, , at]: Tombstone) => at < now - KEPT_MS;
      for (const [key, tombstone] of settled) {
        const isDone = views.every((view) => isIn(key, view.checkpoint) || !holdsAny(view));
        // whoever removed the key has seen that all were done, and says so no longer
        if (!isDone && !(isOld(tombstone) && (await guard.read(key)).state === "missing")) continue;
        settled.delete(key);
        over.set(key, tombstone);
      }
      const left = new Set([...pending.values(), ...settled.values()].map(([site]) => site));
      for (const site of versions.keys()) if (!left.has(site)) versions.delete(site);
      // what nobody has folded may hold a late hit of theirs, however long ago its process died
      const isFolded = ([, , at]: Tombstone) => views.every(({ checkpoint, next }) => next === checkpoint.covered || checkpoint.at > at + MAX_HIT_AGE_MS + MAX_SKEW_MS);
      const done = [...over].filter(([, tombstone]) => isOld(tombstone) && isFolded(tombstone)).map(([key]) => key);
      for (const key of done) over.delete(key);
      if (done.length > 0) erased.keep(all());
      return done;
    },
  };
}

/** When the newest event of a site happened, epoch milliseconds. */
function newestIn(views: WriterView[], siteId: string): number {
  let newest = -Infinity;
  const note = (at: number) => void (at > newest && (newest = at));
  for (const { checkpoint, live, sealed } of views) {
    for (const block of checkpoint.blocks) if (block.siteId === siteId) note(block.maxAt);
    for (const entry of [...live.values(), ...(sealed?.values() ?? [])]) if (entry.siteId === siteId) for (const row of entry.rollup.rows.values()) note(row.end);
  }
  return newest;
}

const holdsAny = ({ checkpoint, next }: WriterView) => isNaming(checkpoint) || next > checkpoint.covered;
