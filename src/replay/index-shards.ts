import { dayOf, type Clock, DAY_MS } from "../clock.ts";
import type { Reporter } from "../logger.ts";
import { deflate, inflate } from "../storage/deflate.ts";
import type { Guard } from "../storage/guard.ts";
import { bases, keys } from "../storage/keys.ts";
import type { Part } from "./recording.ts";

/** One day's recordings as one writer knows them, and the sessions (digests) that are gone: no chunk of theirs is taken. */
interface Shard {
  parts: Part[];
  gone: [session: string, at: number][];
}

/** A late chunk comes within the hour that a session may last. */
const GONE_MS = 2 * DAY_MS;
/** Shards of other writers beyond which they are made one. */
const MAX_FOREIGN_SHARDS = 64;

/** The recordings of one site: parts of all writers by session, kept in storage as one shard a writer and day. */
export interface SiteIndex {
  /** Parts by session digest, then by part id. */
  readonly sessions: Map<string, Map<string, Part>>;
  isGone(session: string): boolean;
  /** Changes or adds one part; stored with the next `flush`. */
  put(session: string, part: Part): void;
  /** Forgets a session for good; stored with the next `flush`. */
  drop(session: string): void;
  /** Reads what other writers stored since. */
  refresh(): Promise<void>;
  flush(): Promise<void>;
  /** Takes the shards of all writers over into own ones: nothing that was dropped is left in any of them. */
  compact(): Promise<void>;
  isCrowded(): boolean;
  isDirty(): boolean;
}

export function createSiteIndex(site: string, parts: { guard: Guard; writer: string; now: Clock; reporter: Reporter; digest(text: string): string }): SiteIndex {
  const { guard, writer, now, reporter, digest } = parts;
  const sessions = new Map<string, Map<string, Part>>();
  const gone = new Map<string, number>();
  const dirty = new Set<string>();
  const ownKeys = new Map<string, string>();
  const foreignKeys = new Set<string>();
  const copied = new Set<string>();
  let written = 0;

  const dayFor = (part: Part) => dayOf(part.start);
  const isOwn = (part: Part) => part.id === writer || copied.has(part.id);

  function merge(part: Part): void {
    const session = digest(part.sessionId);
    if (gone.has(session)) return;
    let held = sessions.get(session);
    if (!held) sessions.set(session, (held = new Map()));
    const known = held.get(part.id);
    if (!known || known.rev < part.rev) held.set(part.id, part);
  }

  function drop(session: string): void {
    for (const part of sessions.get(session)?.values() ?? []) dirty.add(dayFor(part));
    sessions.delete(session);
    gone.set(session, now());
    dirty.add(dayOf(now()));
  }

  async function readShard(key: string): Promise<Shard | undefined> {
    const held = await guard.read(key);
    if (held.state === "missing") return undefined; // its writer has written the next one
    if (held.state === "torn") {
      reporter.report("error", "replay index", "a part of the replay index is damaged; it will be made again from the recordings", { key });
      return { parts: [], gone: [] };
    }
    return JSON.parse((await inflate(held.body)).toString("utf8")) as Shard;
  }

  async function refresh(): Promise<void> {
    const found = (await guard.list(bases.replayIndex(site))).filter((key) => ![...ownKeys.values()].includes(key));
    const present = new Set(found);
    for (const key of foreignKeys) if (!present.has(key)) foreignKeys.delete(key);
    for (const key of found) {
      if (foreignKeys.has(key)) continue;
      const shard = await readShard(key);
      if (!shard) continue;
      foreignKeys.add(key);
      for (const [session, at] of shard.gone) {
        if (gone.has(session)) continue;
        drop(session);
        gone.set(session, at);
      }
      // shards once said only when chunks came
      for (const part of shard.parts) merge({ ...part, first: part.first ?? part.start, last: part.last ?? part.end });
    }
  }

  async function flush(): Promise<void> {
    const days = [...dirty];
    if (days.length === 0) return;
    dirty.clear();
    try {
      await write(days);
    } catch (error) {
      for (const day of days) dirty.add(day);
      throw error;
    }
  }

  async function write(days: string[]): Promise<void> {
    const shards = new Map<string, Shard>(days.map((day) => [day, { parts: [], gone: [] }]));
    for (const held of sessions.values()) {
      for (const part of held.values()) if (isOwn(part)) shards.get(dayFor(part))?.parts.push(part);
    }
    for (const [session, at] of gone) {
      if (at < now() - GONE_MS) gone.delete(session);
      else shards.get(dayOf(at))?.gone.push([session, at]);
    }
    for (const [day, shard] of shards) {
      const before = ownKeys.get(day);
      if (shard.parts.length > 0 || shard.gone.length > 0) {
        const key = keys.replayIndex(site, day, writer, written++);
        await guard.write(key, await deflate(JSON.stringify(shard)));
        ownKeys.set(day, key);
      } else ownKeys.delete(day);
      if (before) await guard.remove(before);
    }
  }

  return {
    sessions,
    isGone: (session) => gone.has(session),
    put(session, part) {
      let held = sessions.get(session);
      if (!held) sessions.set(session, (held = new Map()));
      held.set(part.id, part);
      dirty.add(dayFor(part));
    },
    drop,
    refresh,
    flush,
    async compact() {
      await refresh();
      const taken = [...foreignKeys];
      for (const held of sessions.values()) {
        for (const part of held.values()) {
          if (!isOwn(part)) copied.add(part.id);
          dirty.add(dayFor(part));
        }
      }
      for (const at of gone.values()) dirty.add(dayOf(at));
      // first the copies, then the originals: a crash between leaves both, and a part counts once by its id
      await flush();
      for (const key of taken) await guard.remove(key);
      for (const key of taken) foreignKeys.delete(key);
    },
    isCrowded: () => foreignKeys.size > MAX_FOREIGN_SHARDS,
    isDirty: () => dirty.size > 0,
  };
}
