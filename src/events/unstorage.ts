import { type Clock, DAY_MS } from "../clock.ts";
import { unavailable } from "../errors.ts";
import { createHexId } from "../ids.ts";
import type { Reporter } from "../logger.ts";
import type { Guard } from "../storage/guard.ts";
import { createPatientGuard } from "../storage/patient.ts";
import { createWriters } from "../storage/writer.ts";
import { createCheckpointer } from "./checkpointer.ts";
import { createErasures } from "./erasure.ts";
import type { EventStore, ReportQuery } from "./event-store.ts";
import { inPages, PAGE_EVENTS, readEvents } from "./export.ts";
import { readTimeline } from "./history.ts";
import { createJournal } from "./journal.ts";
import { readRows } from "./rebuild.ts";
import { computeReport, daysOf } from "./report.ts";
import { createRecentSegments } from "./recent-segments.ts";
import { createRollupCache } from "./rollup-cache.ts";
import type { DayRollup } from "./rollup.ts";
import { createSeenIds } from "./seen.ts";
import { MovedError } from "./sources.ts";
import { createView, type FollowOptions, foldInto } from "./view.ts";
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
  /** Events that `read` sorts at a time. @default 20000 */
  pageEvents?: number;
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
  const own = createView(createHexId());
  const patient = createPatientGuard(guard);
  const cache = createRollupCache(patient);
  const seen = createSeenIds();
  const recent = createRecentSegments();
  const erasures = createErasures(patient, own.writer);
  const writers = createWriters({ guard: patient, writer: own.writer, now });
  const follow: FollowOptions = { guard: patient, reporter, onTorn: () => void torn++, onEvent: (event) => void seen.add(event) };
  const views = createViews({ own, writers, erasures, follow });
  let torn = 0;
  let stored = 0;
  let started: Promise<void> | undefined;
  let ready = false;
  let closing: Promise<void> | undefined;

  const journal = createJournal({
    guard,
    writer: own.writer,
    onStored(n, events, body) {
      stored += events.length;
      recent.put(n, body);
      for (const event of events) foldInto(own.live, event);
      own.next = n + 1;
      checkpointer.noteStored(events.length);
    },
  });
  const checkpointer = createCheckpointer({
    own, journal, views, writers, erasures, recent,
    unflushed: options.unflushed ?? (() => []),
    expireBefore: () => now() - (options.retentionDays ?? DEFAULT_RETENTION_DAYS) * DAY_MS,
    options: { ...follow, cache },
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
      const { checkpoint } = view;
      for (const { siteId, day, rollup } of [...(view.sealed?.values() ?? []), ...view.live.values()]) {
        if (siteId === query.siteId && days.has(day)) found.push(rollup);
      }
      for (const ref of checkpoint.rollups) {
        if (ref.siteId !== query.siteId || !days.has(ref.day)) continue;
        const rollup = await readRows(ref, checkpoint.blocks, { ...follow, cache });
        if (rollup !== "missing") found.push(rollup);
        else if (view !== own || checkpoint !== own.checkpoint) throw new MovedError();
      }
    }
    return found.map((rollup) => erasures.withoutErased(query.siteId, rollup));
  }

  /** Reads again when another process made a checkpoint meanwhile: its new one names everything under new keys. */
  async function throughMoves<T>(read: () => Promise<T>): Promise<T> {
    await start();
    await views.refresh();
    for (let attempt = 0; ; attempt++) {
      try {
        return await read();
      } catch (error) {
        if (!(error instanceof MovedError)) throw error;
        if (attempt === MAX_MOVES) throw unavailable("The events were moved while they were read; ask again");
        await views.refresh("now");
      }
    }
  }

  /** Nothing that is read goes from storage meanwhile, as far as it is this process's to remove. */
  function readHistory<T>(read: () => Promise<T>): Promise<T> {
    return throughMoves(() => {
      const release = checkpointer.holdGarbage();
      return read().finally(release);
    });
  }

  const history = { ...follow, views: () => views.all(), isErased: erasures.isErased };

  return {
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
    report: (query) => throughMoves(async () => computeReport(query, await rollupsOf(query))),
    timeline: (siteId, visitorId, page = {}) => readHistory(() => readTimeline(siteId, visitorId, page, history)),
    async erase(siteId, visitorId) {
      await start();
      await journal.settled();
      await views.refresh("now");
      await erasures.erase(siteId, visitorId, now());
      await checkpointer.run("erase");
    },
    read(siteId, range = {}) {
      const size = options.pageEvents ?? PAGE_EVENTS;
      return inPages(range, size, (after, times) => readHistory(() => readEvents(siteId, { ...range, after }, { size, times }, history)));
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

async function withinDeadline<T>(work: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not done within ${ms} ms`)), ms);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}
