import { visitorDigest } from "../storage/keys.ts";
import { type DayRollup, hashOf } from "./rollup.ts";

/** Digests of the site's and the visitor's id, until when they are to be forgotten, and what stands for both together. */
export type Tombstone = [site: string, visitor: string, at: number, digest: string, hash: number];

/** Visitors of one site who are to be left out of what is shown, as of one moment. */
export interface Hidden {
  /** Another number after each erasure. */
  version: number;
  /** Of their ids. */
  hashes: ReadonlySet<number>;
  /** The same rows, or those left without theirs. What one of them did later in the same row goes with it. */
  shown(rollup: DayRollup): DayRollup;
}

/** Who is to be forgotten, from the request on until no late hit of theirs can come any more. */
export interface Erased {
  add(tombstone: Tombstone): void;
  /** These are those left. */
  keep(tombstones: Iterable<Tombstone>): void;
  /** Whether there is anybody. */
  some(): boolean;
  isErased(siteId: string, visitorId: string, at: number): boolean;
  /** Whether somebody on any site has this id, or one with the same hash. Costs little. */
  mayBeErased(visitorId: string): boolean;
  /** Until when the past of a visitor is to be forgotten, by `visitorDigest`. */
  erasedUntil(digest: string): number | undefined;
  hide(siteId: string, version: number, hashes: ReadonlySet<number>): Hidden;
}

export function createErased(): Erased {
  const until = new Map<string, number>();
  /** Of all their ids: most others are told apart by it. */
  const hashes = new Set<number>();

  function add([, , at, digest, hash]: Tombstone) {
    until.set(digest, Math.max(until.get(digest) ?? -Infinity, at));
    hashes.add(hash);
  }

  const mayBeErased = (visitorId: string) => hashes.size > 0 && hashes.has(hashOf(visitorId));

  const isErased = (siteId: string, visitorId: string, at: number) => {
    if (!mayBeErased(visitorId)) return false;
    const end = until.get(visitorDigest(siteId, visitorId));
    return end !== undefined && at <= end;
  };

  return {
    add,
    keep(tombstones) {
      until.clear();
      hashes.clear();
      for (const tombstone of tombstones) add(tombstone);
    },
    some: () => until.size > 0,
    isErased,
    mayBeErased,
    erasedUntil: (digest) => until.get(digest),
    hide: (siteId, version, of) => ({
      version,
      hashes: of,
      shown(rollup) {
        const gone: string[] = [];
        for (const [key, row] of rollup.rows) if (of.has(hashOf(row.visitorId)) && isErased(siteId, row.visitorId, row.start)) gone.push(key);
        if (gone.length === 0) return rollup;
        const left = { rows: new Map(rollup.rows), paths: rollup.paths };
        for (const key of gone) left.rows.delete(key);
        return left;
      },
    }),
  };
}
