import { hash } from "node:crypto";
import { createRecent } from "../recent.ts";

/**
 * Every key's shape. Parts are lower-case hex, digits or a date, so that no file system folds two keys into
 * one; no client string is ever part of a key; no key is a prefix of another (fs could not hold both). What tells values
 * of one kind and site apart is one part, joined by "_": on fs each further part is a folder, and folders stay for ever.
 */

const MAX_DIGESTS = 20_000;
const digests = createRecent<string>(MAX_DIGESTS);

/** 32 hex characters that stand for a client's string in a key. */
export function digestOf(text: string): string {
  const known = digests.get(text);
  if (known) return known;
  const digest = hash("sha256", text).slice(0, 32);
  digests.set(text, digest);
  return digest;
}

let last: { siteId: string; visitorId: string; digest: string } | undefined;

/** Stands for one visitor of one site where the id itself must not be. Each hit asks for its own several times. */
export function visitorDigest(siteId: string, visitorId: string): string {
  if (last?.visitorId === visitorId && last.siteId === siteId) return last.digest;
  const digest = digestOf(`${siteId}\n${visitorId}`).slice(0, 20);
  last = { siteId, visitorId, digest };
  return digest;
}

const SEQUENCE_DIGITS = 10;

const sequence = (n: number) => String(n).padStart(SEQUENCE_DIGITS, "0");

export const keys = {
  /** Events as they arrived: one write-once segment per number and writer. */
  segment: (writer: string, n: number) => `journal:${writer}_${sequence(n)}`,
  /** What of a writer's journal is covered by rollups and blocks; the last good one counts. */
  checkpoint: (writer: string, n: number) => `checkpoint:${writer}_${sequence(n)}`,
  /** Aggregated rows of one site and day, written anew (never over) by a writer's n-th compaction: its i-th part. */
  rollup: (siteId: string, day: string, writer: string, n: number, i: number) =>
    `rollup:${digestOf(siteId)}:${day}_${writer}_${sequence(n)}_${sequence(i)}`,
  /** A day of one site that is over, summed up by a writer's n-th compaction. */
  summary: (siteId: string, day: string, writer: string, n: number) =>
    `summary:${digestOf(siteId)}:${day}_${writer}_${sequence(n)}`,
  /** Compressed raw events of one site: the i-th block that a writer's n-th compaction made. */
  block: (siteId: string, writer: string, n: number, i: number) =>
    `block:${digestOf(siteId)}:${writer}_${sequence(n)}_${sequence(i)}`,
  /** Visitors' profiles as of a writer's n-th compaction: pages, and what is in them. */
  profilePage: (writer: string, n: number, i: number) => `profiles:${writer}_${sequence(n)}_${sequence(i)}`,
  profileIndex: (writer: string, n: number) => `profiles:${writer}_${sequence(n)}_index`,
  /** Where a running process tells the others which writer it is. */
  slot: (n: number) => `slot:${sequence(n)}`,
  profile: (siteId: string, visitorId: string) => {
    const visitor = digestOf(visitorId);
    return `profile:${digestOf(siteId)}:${visitor.slice(0, 2)}:${visitor}`;
  },
  /** Digests of visitors whom a writer was asked to forget: reads honour it at once, the removal follows. */
  erased: (writer: string, n: number) => `erased:${writer}_${sequence(n)}`,
  /** How far a writer's webhook deliveries are: two values in turn, each whole, so that one is sound at any moment. */
  outbox: (writer: string, turn: number) => `outbox:${writer}_${sequence(turn)}`,
  /** Deliveries still owed when the segments that held them went. */
  owed: (writer: string, n: number) => `owed:${writer}_${sequence(n)}`,
  salt: (day: string) => `salt:${day}`,
  /** One chunk of a session's recording in one tab; write-once. `site`, `session`, `tab` are digests. */
  replay: (site: string, session: string, tab: string, seq: number) => `replay:${site}:${session}_${tab}${sequence(seq)}`,
  /** What a writer knows of the recordings that began on a day, written anew (never over) the n-th time. */
  replayIndex: (site: string, day: string, writer: string, n: number) => `replayindex:${site}:${day}_${writer}_${sequence(n)}`,
} as const;

export const bases = {
  journal: "journal",
  checkpoints: "checkpoint",
  erasures: "erased",
  salts: "salt",
  replays: (site: string) => `replay:${site}`,
  replayIndexes: "replayindex",
  replayIndex: (site: string) => `replayindex:${site}`,
} as const;

/** Everything that a key is made of. */
export const splitKey = (key: string): string[] => key.split(/[:_]/);

/** A `block:` or `rollup:` key, of the latter with its day. */
export interface PartKey {
  key: string;
  /** Digest of the site's id. */
  site: string;
  day?: string;
  writer: string;
}

export function parsePartKey(key: string): PartKey | undefined {
  const [kind, site, ...rest] = splitKey(key);
  if (kind === "block" && rest.length === 3) return { key, site: site!, writer: rest[0]! };
  if (kind === "rollup" && rest.length === 4) return { key, site: site!, day: rest[0]!, writer: rest[1]! };
  return undefined;
}

/** Writer and number out of a `journal:` or `checkpoint:` key. */
export function parseSequenceKey(key: string): { writer: string; n: number } | undefined {
  const parts = splitKey(key);
  const n = Number(parts[2]);
  return parts.length === 3 && parts[1] && Number.isInteger(n) ? { writer: parts[1], n } : undefined;
}
