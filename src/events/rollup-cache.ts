import { inflate } from "../storage/deflate.ts";
import type { Guard } from "../storage/guard.ts";
import { createByteCache } from "./byte-cache.ts";
import { type DayRollup, hashOf, type Portion } from "./rollup.ts";
import { decodeDay, decodeRows, decodeVisitors } from "./rollup-codec.ts";

/** Decoded rollups kept in memory; an estimate, see `weigh`. */
export const MAX_CACHE_BYTES = 24 * 1024 * 1024;

/** Damaged values remembered; what is forgotten is found again by the next read. */
const MAX_MENDED = 1_000;
const BYTES_PER_ROW = 600;
const BYTES_PER_PAGE = 120;

export interface RollupCache {
  /** The rows under a key; "missing" when the key is gone (its writer moved on), "torn" when damaged. */
  read(key: string, date: string): Promise<DayRollup | "missing" | "torn">;
  /** Some of the rows under a key; they are not kept. */
  readPortion(key: string, date: string, portion: Portion, opened: OpenedParts): Promise<DayRollup | "missing" | "torn">;
  /** The rows of the visitors whose ids have one of these hashes; nothing is kept. */
  readVisitors(key: string, date: string, hashes: ReadonlySet<number>): Promise<DayRollup | "missing" | "torn">;
  /** Puts what was just written under a key, so that it need not be read back. */
  put(key: string, day: DayRollup): void;
  /** Puts rows in the place of a damaged value. */
  mend(key: string, day: DayRollup): void;
  /** Whether the value under the key is damaged, as far as is known. */
  isMended(key: string): boolean;
}

/** Inflated parts that one answer goes through portion by portion; beyond the bound they are inflated for each. */
const MAX_OPENED_BYTES = 64 * 1024 * 1024;

export interface OpenedParts {
  get(key: string): Buffer | undefined;
  put(key: string, lines: Buffer): void;
}

export function createOpenedParts(): OpenedParts {
  const opened = new Map<string, Buffer>();
  let bytes = 0;
  return {
    get: (key) => opened.get(key),
    put(key, lines) {
      if (bytes + lines.length > MAX_OPENED_BYTES || opened.has(key)) return;
      bytes += lines.length;
      opened.set(key, lines);
    },
  };
}

/** Rollups never change under their key, so a cached one is always right. Least recently used ones go first. */
export function createRollupCache(guard: Guard, maxBytes = MAX_CACHE_BYTES): RollupCache {
  const cached = createByteCache(maxBytes, weigh);
  const mended = new Set<string>();
  const reading = new Map<string, Promise<DayRollup | "missing" | "torn">>();

  async function load(key: string, date: string): Promise<DayRollup | "missing" | "torn"> {
    const held = await guard.read(key);
    if (held.state !== "found") return held.state;
    const day = await decodeDay(held.body, date);
    cached.put(key, day);
    return day;
  }

  return {
    put: cached.put,
    mend(key, day) {
      cached.put(key, day);
      if (mended.size >= MAX_MENDED) mended.clear();
      mended.add(key);
    },
    isMended: (key) => mended.has(key),
    async readPortion(key, date, portion, opened) {
      const known = opened.get(key);
      if (known) return decodeRows(known, date, portion);
      const held = await guard.read(key);
      if (held.state !== "found") return held.state;
      const lines = await inflate(held.body);
      opened.put(key, lines);
      return decodeRows(lines, date, portion);
    },
    async readVisitors(key, date, hashes) {
      const known = cached.get(key);
      if (known) return { rows: new Map([...known.rows].filter(([, { visitorId }]) => hashes.has(hashOf(visitorId)))), paths: known.paths };
      const held = await guard.read(key);
      return held.state === "found" ? decodeVisitors(await inflate(held.body), date, hashes) : held.state;
    },
    async read(key, date) {
      const known = cached.get(key);
      if (known) return known;
      let pending = reading.get(key);
      if (!pending) {
        pending = load(key, date).finally(() => reading.delete(key));
        reading.set(key, pending);
      }
      return pending;
    },
  };
}

function weigh(day: DayRollup): number {
  let pages = 0;
  for (const row of day.rows.values()) pages += row.pages.size + row.events.size;
  return day.rows.size * BYTES_PER_ROW + pages * BYTES_PER_PAGE;
}
