import type { Clock } from "../clock.ts";
import { HOUR_MS, MINUTE_MS } from "../clock.ts";
import type { StoredEvent } from "../event.ts";
import { createHexId } from "../ids.ts";
import type { Reporter } from "../logger.ts";
import type { Guard } from "../storage/guard.ts";
import { keys, visitorDigest } from "../storage/keys.ts";
import type { ProfileRules, ProfileStore } from "../profile-store.ts";

/** Profiles kept in memory; least recently used ones go first. */
export const MAX_PROFILES = 20_000;
/** Profiles on their way from memory to storage. */
const MAX_LEAVING = 5_000;
const MAX_REBUILDS = 100_000;
const MAX_REBUILT_EVENTS = 5_000;
/** A changed profile is written when its visitor has been quiet for a while, and now and then while they are not. */
const QUIET_MS = 20_000;
const LONGEST_DIRTY_MS = 120_000;
/** With other processes about, all changed profiles are written this often. */
const SHARED_FLUSH_MS = 500;
const FLUSH_EVERY = 10; // ticks of SHARED_FLUSH_MS without other processes
/** With other processes about, a profile in memory is looked up again after this long. */
const SHARED_STALE_MS = 1_000;
const WRITES_AT_ONCE = 32;
/** A part is begun anew after this long without an event, and parts this old and twice over are merged by whoever reads. */
const PART_IDLE_MS = 30 * MINUTE_MS;
const PART_MERGE_MS = HOUR_MS;

/** What one process contributed to a profile, cumulative: a lost write heals with its next. */
interface Part<P> {
  id: string;
  /** Epoch milliseconds of the last write. */
  at: number;
  profile: P;
}

interface Entry<P> {
  siteId: string;
  visitorId: string;
  foreign: Part<P>[];
  own: Part<P> | undefined;
  merged: P | undefined;
  dirty: boolean;
  changes: number;
  /** Monotonic milliseconds of the first and last change that is not written. */
  dirtySince: number;
  changedAt: number;
  readAt: number;
  writing: Promise<void> | undefined;
}

export interface UnstorageProfilesOptions<P> {
  guard: Guard;
  rules: ProfileRules<P>;
  now: Clock;
  reporter: Reporter;
  /** A visitor's events, newest first: what a profile is rebuilt from. */
  history(siteId: string, visitorId: string): AsyncIterable<StoredEvent>;
  /** Whether other processes write too. @default () => false */
  shared?: () => boolean;
}

export interface UnstorageProfiles<P> extends ProfileStore<P> {
  /** Writes what is not written yet. */
  flush(): Promise<void>;
  /** Flushes now and then; the timer does not keep the process alive. */
  start(): void;
  stop(): void;
}

/** Profiles in an unstorage driver: one value a visitor, made of one cumulative part a process. */
export function createUnstorageProfiles<P>(options: UnstorageProfilesOptions<P>): UnstorageProfiles<P> {
  const { guard, rules, now, reporter } = options;
  const shared = options.shared ?? (() => false);
  const entries = new Map<string, Entry<P>>();
  const loading = new Map<string, Promise<Entry<P>>>();
  const leaving = new Map<string, Entry<P>>();
  const rebuild = new Set<string>();
  let seeingOff: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;

  const idOf = (siteId: string, visitorId: string) => `${siteId}\n${visitorId}`;
  const mustRebuild = ({ siteId, visitorId }: { siteId: string; visitorId: string }) =>
    rebuild.size > 0 && rebuild.has(visitorDigest(siteId, visitorId));
  const clone = (profile: P): P => structuredClone(profile);

  function mergeAll(parts: Part<P>[]): P | undefined {
    let merged: P | undefined;
    for (const { profile } of parts) merged = merged === undefined ? clone(profile) : rules.merge(merged, clone(profile));
    return merged;
  }

  async function readParts(siteId: string, visitorId: string): Promise<Part<P>[] | "torn"> {
    const held = await guard.read(keys.profile(siteId, visitorId));
    if (held.state === "torn") return "torn";
    return held.state === "missing" ? [] : (JSON.parse(held.body.toString("utf8")) as Part<P>[]);
  }

  /** Oldest to newest, from the newest events that the bound allows. */
  async function rebuilt(siteId: string, visitorId: string): Promise<Part<P>[]> {
    const events: StoredEvent[] = [];
    for await (const event of options.history(siteId, visitorId)) {
      events.push(event);
      if (events.length >= MAX_REBUILT_EVENTS) break;
    }
    let profile: P | undefined;
    for (const event of events.toReversed()) profile = rules.fold(profile, event);
    return profile === undefined ? [] : [{ id: createHexId(), at: now(), profile }];
  }

  async function readEntry(siteId: string, visitorId: string): Promise<Entry<P>> {
    const id = idOf(siteId, visitorId);
    let parts = await readParts(siteId, visitorId);
    const renewed = parts === "torn" || mustRebuild({ siteId, visitorId });
    if (parts === "torn" || renewed) {
      parts = await rebuilt(siteId, visitorId);
      rebuild.delete(visitorDigest(siteId, visitorId));
    }
    const entry: Entry<P> = {
      siteId,
      visitorId,
      foreign: mergeOld(parts),
      own: undefined,
      merged: mergeAll(parts),
      dirty: renewed && parts.length > 0,
      changes: 0,
      dirtySince: performance.now(),
      changedAt: performance.now(),
      readAt: performance.now(),
      writing: undefined,
    };
    remember(id, entry);
    return entry;
  }

  /** Parts that nobody adds to any more become one, so that a value does not grow with every restart. */
  function mergeOld(parts: Part<P>[]): Part<P>[] {
    const old = parts.filter((part) => part.at < now() - PART_MERGE_MS);
    if (old.length < 2) return parts;
    const profile = mergeAll(old)!;
    return [{ id: createHexId(), at: Math.max(...old.map((part) => part.at)), profile }, ...parts.filter((part) => !old.includes(part))];
  }

  function remember(id: string, entry: Entry<P>) {
    entries.delete(id);
    entries.set(id, entry);
    for (const [oldId, old] of entries) {
      if (entries.size <= MAX_PROFILES) break;
      entries.delete(oldId);
      if (old.dirty) leave(oldId, old);
    }
  }

  /** Keeps a profile that memory has no more room for until it is written. */
  function leave(id: string, entry: Entry<P>) {
    leaving.set(id, entry);
    if (leaving.size > MAX_LEAVING) {
      // storage cannot keep up: what is lost with it is read from the timeline when it is asked for
      const [oldest] = leaving;
      leaving.delete(oldest![0]);
      flagRebuild(visitorDigest(oldest![1].siteId, oldest![1].visitorId));
    }
    seeingOff ??= seeOff().finally(() => {
      seeingOff = undefined;
    });
  }

  async function seeOff(): Promise<void> {
    while (leaving.size > 0) {
      const batch = [...leaving].slice(0, WRITES_AT_ONCE);
      await Promise.all(
        batch.map(async ([id, entry]) => {
          await write(entry).catch(() => flagRebuild(visitorDigest(entry.siteId, entry.visitorId)));
          if (leaving.get(id) === entry) leaving.delete(id);
        }),
      );
    }
  }

  function flagRebuild(digest: string) {
    if (rebuild.size < MAX_REBUILDS) rebuild.add(digest);
    else reporter.report("warn", "profiles", "too many profiles to rebuild at once; some visitors' scores start anew");
  }

  /** One write of a profile at a time: an older one must not land after a newer. */
  function write(entry: Entry<P>): Promise<void> {
    entry.writing ??= writeNow(entry).finally(() => {
      entry.writing = undefined;
    });
    return entry.writing;
  }

  async function writeNow(entry: Entry<P>): Promise<void> {
    if (shared()) await refreshForeign(entry);
    const { changes } = entry;
    if (entry.own) entry.own.at = now();
    const parts = entry.own ? [...entry.foreign, entry.own] : entry.foreign;
    await guard.write(keys.profile(entry.siteId, entry.visitorId), JSON.stringify(parts));
    rebuild.delete(visitorDigest(entry.siteId, entry.visitorId));
    entry.dirtySince = performance.now();
    if (entry.changes === changes) entry.dirty = false;
  }

  async function refreshForeign(entry: Entry<P>): Promise<void> {
    const parts = await readParts(entry.siteId, entry.visitorId);
    entry.readAt = performance.now();
    if (parts === "torn") return;
    entry.foreign = parts.filter((part) => part.id !== entry.own?.id);
    entry.merged = mergeAll(entry.own ? [...entry.foreign, entry.own] : entry.foreign);
  }

  const flush = () => writeAll([...entries.values(), ...leaving.values()].filter((entry) => entry.dirty));

  function flushQuiet(): Promise<void> {
    const at = performance.now();
    const due = (entry: Entry<P>) => entry.dirty && (at - entry.changedAt > QUIET_MS || at - entry.dirtySince > LONGEST_DIRTY_MS);
    return writeAll([...entries.values()].filter(due));
  }

  async function writeAll(dirty: Entry<P>[]): Promise<void> {
    for (let i = 0; i < dirty.length; i += WRITES_AT_ONCE) {
      await Promise.all(dirty.slice(i, i + WRITES_AT_ONCE).map(write));
    }
  }

  function load(siteId: string, visitorId: string): P | undefined | Promise<P | undefined> {
    const id = idOf(siteId, visitorId);
    const entry = entries.get(id) ?? leaving.get(id);
    if (entry && !mustRebuild(entry)) {
      leaving.delete(id);
      remember(id, entry);
      if (!shared() || performance.now() - entry.readAt < SHARED_STALE_MS) return entry.merged;
      return refreshForeign(entry).then(() => entry.merged);
    }
    let pending = loading.get(id);
    if (!pending) {
      pending = readEntry(siteId, visitorId).finally(() => loading.delete(id));
      loading.set(id, pending);
    }
    return pending.then((loaded) => loaded.merged);
  }

  return {
    load,
    flush,
    record(event) {
      const id = idOf(event.siteId, event.visitorId);
      const entry = entries.get(id);
      if (!entry) return flagRebuild(visitorDigest(event.siteId, event.visitorId));
      if (entry.own && entry.own.at < now() - PART_IDLE_MS) {
        entry.foreign.push(entry.own);
        entry.own = undefined;
      }
      const first = entry.foreign.length === 0;
      const own = rules.fold(entry.own?.profile, event);
      entry.merged = first ? own : rules.fold(entry.merged, event);
      if (entry.own) entry.own.profile = own;
      else entry.own = { id: createHexId(), at: now(), profile: own };
      entry.changes++;
      entry.changedAt = performance.now();
      if (!entry.dirty) entry.dirtySince = entry.changedAt;
      entry.dirty = true;
    },
    forget(siteId, visitorId) {
      entries.delete(idOf(siteId, visitorId));
      leaving.delete(idOf(siteId, visitorId));
      flagRebuild(visitorDigest(siteId, visitorId));
    },
    async erase(siteId, visitorId) {
      const id = idOf(siteId, visitorId);
      entries.delete(id);
      leaving.delete(id);
      rebuild.delete(visitorDigest(siteId, visitorId));
      await guard.remove(keys.profile(siteId, visitorId));
    },
    start() {
      let ticks = 0;
      timer ??= setInterval(() => {
        const together = shared();
        if (!together && ++ticks % FLUSH_EVERY !== 0) return;
        (together ? flush() : flushQuiet()).catch((error: unknown) => reporter.report("warn", "profiles", "profiles were not written and will be tried again", error));
      }, SHARED_FLUSH_MS).unref();
    },
    stop: () => clearInterval(timer),
  };
}
