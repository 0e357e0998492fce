import { setImmediate as nextTurn } from "node:timers/promises";
import { pause } from "../deadline.ts";
import { unavailable } from "../errors.ts";
import type { StoredEvent } from "../event.ts";
import type { Guard } from "../storage/guard.ts";
import { keys } from "../storage/keys.ts";
import { patiently } from "../storage/patient.ts";
import type { Batch, StoredOwed } from "./event-store.ts";
import { encodeSegment, type SiteLines, toOwedLine } from "./segment.ts";

/** Acknowledgements are given only for what is stored, so what waits must be bounded; beyond it: 503. */
export const MAX_WAITING_EVENTS = 10_000;
export const MAX_WAITING_BYTES = 16 * 1024 * 1024;
/**
 * Under load a segment is begun at most this often: what it costs to write one is then shared by many events. A
 * single event on a quiet site does not wait.
 */
const SEGMENT_GAP_MS = 2;
const MAX_PACE_MS = 500;

export interface Journal {
  /** Resolves when the batch is in a stored segment. Rejects with UNAVAILABLE. */
  append(batch: Batch): Promise<void>;
  /** Resolves when what waits now is stored; rejects when it could not be. */
  settled(): Promise<void>;
  /** Number of the next segment: all below are stored. */
  next(): number;
  /** Events accepted but not stored yet, and tries that were repeated. */
  stats(): { unflushed: number; retried: number };
  /** Resolves when nothing waits any more; rejects with what could not be stored. */
  drain(): Promise<void>;
}

export interface JournalOptions {
  guard: Guard;
  writer: string;
  /** Called in the order of the segments, as soon as one is stored and before its waiters are told. */
  onStored(n: number, events: StoredEvent[], body: string, owed: StoredOwed[]): void;
  /** How long the next segment waits at least, in milliseconds; `Infinity`: nothing is taken for now. */
  paceMs?: () => number;
  /** Called with events that are refused for good. Those of a write that failed are not: it may land yet. */
  onRefused(events: StoredEvent[]): void;
}

/** What goes into one segment, and who waits for it. */
interface Group {
  events: StoredEvent[];
  sites: Map<string, SiteLines>;
  deliveries: string[];
  owed: StoredOwed[];
  bytes: number;
  stored: Promise<void>;
  resolve(): void;
  reject(error: unknown): void;
  /** Set once a number was given to it: the same key is only ever written with the same bytes. */
  body?: string;
}

/**
 * Group commit: one segment is written at a time, and what arrives meanwhile goes into the next. A segment that
 * could not be written keeps its number and its bytes and is tried again before anything else, since a call that
 * seemed to fail may still land.
 */
export function createJournal({ guard, writer, onStored, onRefused, paceMs = () => 0 }: JournalOptions): Journal {
  let next = 0;
  let gathering: Group | undefined;
  let writing: Group | undefined;
  let stuck: Group | undefined;
  let running: Promise<void> | undefined;
  let begunAt = -Infinity;
  let waitingEvents = 0;
  let waitingBytes = 0;
  let retried = 0;

  function gather(batch: Batch): Group {
    const group = (gathering ??= createGroup());
    let bytes = 0;
    for (const event of batch.events) {
      const line = JSON.stringify(event);
      bytes += line.length;
      group.events.push(event);
      let site = group.sites.get(event.siteId);
      if (!site) group.sites.set(event.siteId, (site = { lines: [], no: group.sites.size, minAt: event.at, maxAt: event.at }));
      if (event.at < site.minAt) site.minAt = event.at;
      if (event.at > site.maxAt) site.maxAt = event.at;
      for (const owed of batch.deliveries ?? []) {
        if (owed.eventId !== event.id) continue;
        const record = toOwedLine(site.no, site.lines.length, owed.record);
        bytes += record.length;
        group.deliveries.push(record);
        group.owed.push({ record: owed.record, line, owed });
      }
      site.lines.push(line);
    }
    group.bytes += bytes;
    waitingEvents += batch.events.length;
    waitingBytes += bytes;
    return group;
  }

  async function writeGroup(group: Group): Promise<void> {
    const body = (group.body ??= encodeSegment(writer, next, group.sites, group.deliveries));
    await patiently(guard, () => guard.write(keys.segment(writer, next), body), () => void retried++);
  }

  /** No longer waiting: stored, or refused. */
  function release(group: Group) {
    waitingEvents -= group.events.length;
    waitingBytes -= group.bytes;
  }

  async function run(): Promise<void> {
    for (;;) {
      if (!stuck && !gathering) return;
      // whatever this turn of the event loop still brings goes in too
      const gap = Math.max(SEGMENT_GAP_MS, Math.min(paceMs(), MAX_PACE_MS));
      await (performance.now() - begunAt < gap ? pause(gap) : nextTurn());
      const group = stuck ?? gathering!;
      if (group === gathering) gathering = undefined;
      begunAt = performance.now();
      writing = group;
      try {
        await writeGroup(group);
      } catch (error) {
        writing = undefined;
        if (stuck !== group) {
          stuck = group;
          release(group);
          group.reject(error);
        }
        if (gathering) {
          onRefused(gathering.events);
          release(gathering);
          gathering.reject(error);
          gathering = undefined;
        }
        return;
      }
      writing = undefined;
      if (stuck === group) stuck = undefined;
      else release(group);
      const n = next++;
      onStored(n, group.events, group.body!, group.owed);
      group.resolve();
    }
  }

  function start(): Promise<void> {
    running ??= run().finally(() => {
      running = undefined;
      if (gathering) void start();
    });
    return running;
  }

  const isBusy = () => running !== undefined || gathering !== undefined;

  return {
    append(batch) {
      if (waitingEvents + batch.events.length > MAX_WAITING_EVENTS || waitingBytes > MAX_WAITING_BYTES || paceMs() === Infinity) {
        onRefused(batch.events);
        return Promise.reject(unavailable("Too many events wait to be stored"));
      }
      const group = gather(batch);
      void start();
      return group.stored;
    },
    async settled() {
      if (stuck && !running) await start();
      if (stuck) throw unavailable("Storage is not available");
      await (gathering ?? writing)?.stored;
    },
    next: () => next,
    stats: () => ({ unflushed: waitingEvents + (stuck?.events.length ?? 0), retried }),
    async drain() {
      while (isBusy()) await start();
      if (!stuck) return;
      await start();
      if (stuck) throw unavailable(`${stuck.events.length} events could not be stored`);
    },
  };
}

function createGroup(): Group {
  let resolve!: () => void;
  let reject!: (error: unknown) => void;
  const stored = new Promise<void>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  stored.catch(() => {}); // each waiter handles its own; a group whose waiters are gone must not be unhandled
  return { events: [], sites: new Map(), deliveries: [], owed: [], bytes: 0, stored, resolve, reject };
}
