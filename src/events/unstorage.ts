import { type Clock, DAY_MS } from "../clock.ts";
import { createHexId } from "../ids.ts";
import type { Reporter } from "../logger.ts";
import type { Guard } from "../storage/guard.ts";
import { createWriters } from "../storage/writer.ts";
import { createCheckpointer } from "./checkpointer.ts";
import { createErasures } from "./erasure.ts";
import type { OwedKeeper } from "./compaction.ts";
import type { EventStore, OwedDelivery, Report, ReportQuery } from "./event-store.ts";
import { readEvents, readTimeline } from "./history.ts";
import { createJournal } from "./journal.ts";
import { computeReport, daysOf } from "./report.ts";
import { createRecentSegments } from "./recent-segments.ts";
import { createRollupCache } from "./rollup-cache.ts";
import type { DayRollup } from "./rollup.ts";
import { createSeenIds } from "./seen.ts";
import { createView, type FollowOptions, foldInto, readSegment, reportTorn } from "./view.ts";
import { createViews } from "./views.ts";

export interface UnstorageEventsOptions {
  guard: Guard;
  now: Clock;
  reporter: Reporter;
  /** Told of visitors of whom an earlier process may have known more than it wrote before it died, by `visitorDigest`. */
  onRecovered?: (digests: Iterable<string>) => void;
  /** Digests of visitors of whom this process knows more than is written; kept in the checkpoint for `onRecovered`. */
  unflushed?: () => string[];
  /** Days that events are kept. @default 395 */
  retentionDays?: number;
  /** This process's id among those on one storage. @default a random one */
  writer?: string;
  /** Told of the deliveries that segments hold. */
  owed?: OwedKeeper;
  /** Longest wait of `close()` for what is not stored yet. @default 10000 */
  closeMs?: number;
}

export interface EventStats {
  stored: number;
  unflushed: number;
  retried: number;
  torn: number;
}

export interface UnstorageEvents extends EventStore {
  /** Reads what earlier processes left, now instead of with the first call. Rejects when storage is down. */
  start(): Promise<void>;
  /** Resolves when what waits now is stored; rejects when it could not be. */
  settled(): Promise<void>;
  /** What one of this process's own segments owes; undefined when it is not there any more. */
  owedIn(n: number): Promise<OwedDelivery[] | undefined>;
  stats(): EventStats;
  /** Whether other processes are writing to the same storage, as far as is known. */
  isShared(): boolean;
}

/**
 * The embedded default: events in a journal of write-once segments, folded into blocks and rollups, any number of
 * processes on one storage. An event is acknowledged when its segment is stored.
 */
export function createUnstorageEvents(options: UnstorageEventsOptions): UnstorageEvents {
  const { guard, now, reporter } = options;
  const own = createView(options.writer ?? createHexId());
  const cache = createRollupCache(guard);
  const seen = createSeenIds();
  const recent = createRecentSegments();
  const erasures = createErasures(guard, own.writer);
  const writers = createWriters({ guard, writer: own.writer, now });
  const follow: FollowOptions = { guard, reporter, onTorn: () => void torn++, onEvent: (event) => void seen.add(event) };
  const views = createViews({ own, writers, erasures, follow });
  let torn = 0;
  let stored = 0;
  let started: Promise<void> | undefined;
  let ready = false;
  let closing: Promise<void> | undefined;

  const journal = createJournal({
    guard,
    writer: own.writer,
    onStored(n, events, body, owed) {
      stored += events.length;
      recent.put(n, body);
      for (const event of events) foldInto(own.live, event);
      own.next = n + 1;
      options.owed?.stored(n, owed);
      checkpointer.noteStored(events.length);
    },
  });
  const checkpointer = createCheckpointer({
    own, journal, views, writers, erasures, recent,
    unflushed: options.unflushed ?? (() => []),
    expireBefore: () => now() - (options.retentionDays ?? DEFAULT_RETENTION_DAYS) * DAY_MS,
    options: { ...follow, cache, owed: options.owed },
  });

  /** Reads what earlier processes left. Tried again by the next call when storage is down. */
  function start(): Promise<void> {
    started ??= views
      .load((digests) => options.onRecovered?.(digests))
      .then(() => {
        ready = true;
        checkpointer.start();
      })
      .catch((error: unknown) => {
        started = undefined;
        throw error;
      });
    return started;
  }

  async function rollupsOf(query: ReportQuery): Promise<DayRollup[]> {
    const found: DayRollup[] = [];
    const days = new Set(daysOf(query));
    for (const view of views.all()) {
      for (const { siteId, day, rollup } of [...(view.sealed?.values() ?? []), ...view.live.values()]) {
        if (siteId === query.siteId && days.has(day)) found.push(rollup);
      }
      for (const ref of view.checkpoint.rollups) {
        if (ref.siteId !== query.siteId || !days.has(ref.day)) continue;
        const rollup = await cache.read(ref.key, ref.day);
        if (rollup === "torn") reportTorn(follow, ref.key);
        else if (rollup !== "missing") found.push(rollup);
        else if (view !== own) throw new MovedError();
      }
    }
    return found.map((rollup) => erasures.withoutErased(query.siteId, rollup));
  }

  async function report(query: ReportQuery): Promise<Report> {
    await start();
    for (let attempt = 0; ; attempt++) {
      await views.refresh();
      try {
        return await computeReport(query, await rollupsOf(query));
      } catch (error) {
        // another process made a checkpoint meanwhile: its new one names the rows under new keys
        if (!(error instanceof MovedError) || attempt === MAX_MOVES) throw error;
        await views.refresh("now");
      }
    }
  }

  const history = { ...follow, views: () => views.all(), isErased: erasures.isErased };

  return {
    start,
    settled: journal.settled,
    async owedIn(n) {
      const segment = await readSegment(guard, own.writer, n);
      return typeof segment === "object" ? segment.deliveries : undefined;
    },
    async append(batch) {
      if (!ready) await start();
      const fresh = batch.events.filter((event) => seen.add(event));
      if (fresh.length === 0 && batch.events.length > 0) return journal.settled();
      try {
        await journal.append(fresh.length === batch.events.length ? batch : { ...batch, events: fresh });
      } catch (error) {
        for (const event of fresh) seen.remove(event);
        throw error;
      }
    },
    report,
    async timeline(siteId, visitorId, page = {}) {
      await start();
      await views.refresh();
      const release = checkpointer.holdGarbage();
      return readTimeline(siteId, visitorId, page, history).finally(release);
    },
    async erase(siteId, visitorId) {
      await start();
      await journal.settled();
      await views.refresh("now");
      await erasures.erase(siteId, visitorId, now());
      await checkpointer.run("erase");
    },
    async *read(siteId, range = {}) {
      await start();
      await views.refresh();
      const release = checkpointer.holdGarbage();
      try {
        yield* readEvents(siteId, range, history);
      } finally {
        release();
      }
    },
    close() {
      closing ??= (async () => {
        checkpointer.stop();
        if (!started) return;
        await started.catch(() => {});
        await withinDeadline(journal.drain(), options.closeMs ?? 10_000);
        await withinDeadline(checkpointer.run("close"), CLOSE_CHECKPOINT_MS).catch((error: unknown) =>
          reporter.report("warn", "close", "the last checkpoint was not made; the next start reads the journal instead", error),
        );
        await writers.release().catch(() => {});
      })();
      return closing;
    },
    isShared: () => views.othersAlive(),
    stats: () => ({ stored, torn, ...journal.stats() }),
  };
}

const DEFAULT_RETENTION_DAYS = 395;
const MAX_MOVES = 5;
const CLOSE_CHECKPOINT_MS = 3_000;

class MovedError extends Error {}

async function withinDeadline<T>(work: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not done within ${ms} ms`)), ms);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}
