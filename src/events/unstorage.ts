import { type Clock, DAY_MS } from "../clock.ts";
import { withinDeadline } from "../deadline.ts";
import { unavailable } from "../errors.ts";
import type { StoredEvent } from "../event.ts";
import { createHexId } from "../ids.ts";
import type { ProfileRules, ProfileStore } from "../profile-store.ts";
import type { Reporter } from "../logger.ts";
import type { Guard } from "../storage/guard.ts";
import { createPatientGuard } from "../storage/patient.ts";
import { createWriters, MAX_SLOTS } from "../storage/writer.ts";
import { createCheckpointer } from "./checkpointer.ts";
import { createErasures } from "./erasure.ts";
import type { OwedKeeper } from "./compaction.ts";
import type { EventStore, StoredOwed } from "./event-store.ts";
import { inPages, PAGE_EVENTS, readEvents } from "./export.ts";
import { readTimeline } from "./history.ts";
import { createJournal } from "./journal.ts";
import { createEmbeddedProfiles, type ProfileOptions } from "./profiles.ts";
import { createProfileRuns } from "./profile-runs.ts";
import { recallIds } from "./recall.ts";
import { createRecentSegments } from "./recent-segments.ts";
import { createReports } from "./reports.ts";
import { createRollupCache } from "./rollup-cache.ts";
import { createSeenIds } from "./seen.ts";
import { MovedError } from "./sources.ts";
import { createSummaries } from "./summaries.ts";
import { createView, type FollowOptions, foldInto, readSegment, type WriterView } from "./view.ts";
import { createViews } from "./views.ts";

export interface UnstorageEventsOptions<P = never> {
  guard: Guard;
  now: Clock;
  reporter: Reporter;
  /** How events make a visitor's profile. @default none are kept */
  profiles?: ProfileOptions<P>;
  /** Days that events are kept. @default 395 */
  retentionDays?: number;
  /** This process's id among those on one storage. @default a random one */
  writer?: string;
  /** Told of the deliveries that segments hold. */
  owed?: OwedKeeper;
  /** Events that `read` sorts at a time. @default 20000 */
  pageEvents?: number;
  /** Stored events that are in no checkpoint yet, beyond which none is taken: they are in memory, too. @default 300000 */
  maxUncovered?: number;
  /** Longest wait of `close()` for what is not stored yet. @default 10000 */
  closeMs?: number;
}

export interface EventStats {
  stored: number;
  /** Events whose id was stored before, by an earlier start or another process: answered, and not stored again. */
  repeated: number;
  unflushed: number;
  retried: number;
  torn: number;
}

export interface UnstorageEvents<P = never> extends EventStore {
  /** Reads what earlier processes left, now instead of with the first call. Rejects when storage is down. */
  start(): Promise<void>;
  /** Resolves when what waits now is stored; rejects when it could not be. */
  settled(): Promise<void>;
  /** What one of this process's own segments owes; undefined when it is not there any more. */
  owedIn(n: number): Promise<StoredOwed[] | undefined>;
  /** Resolves when everything that any process had stored at the call is known to this one. */
  catchUp(): Promise<void>;
  stats(): EventStats;
  /** Visitors' profiles, when `profiles` was given. */
  profiles: ProfileStore<P>;
}

/**
 * The embedded default: events in a journal of write-once segments, folded into blocks and rollups, any number of
 * processes on one storage. An event is acknowledged when its segment is stored.
 */
export function createUnstorageEvents<P = never>(options: UnstorageEventsOptions<P>): UnstorageEvents<P> {
  const { now, reporter, maxUncovered = MAX_UNCOVERED } = options;
  const guard = createPatientGuard(options.guard);
  const own = createView(options.writer ?? createHexId());
  const cache = createRollupCache(guard);
  const seen = createSeenIds();
  const recent = createRecentSegments();
  const erasures = createErasures(guard, own.writer, (digest, until) => {
    profiles.drop(digest, until);
    reports.forget();
  });
  const onFull = () => reporter.report("error", "processes", `more than ${MAX_SLOTS} processes are on one storage: the others do not see this one's events until there is room`);
  const writers = createWriters({ guard, writer: own.writer, now, onFull });
  const follow: FollowOptions = {
    guard, reporter,
    onTorn: (key) => void (torn.size < MAX_TORN && torn.add(key)),
    onEvent: (event, view) => take(view, event, seen.add(event)),
    refold(event, into) {
      if (!erasures.isErased(event.siteId, event.visitorId, event.at)) foldInto(into.live, event);
      profiles.foldInto(into.profiles, event);
    },
    onMoved: (skipped) => profiles.noteMoved(skipped),
    onUnseen: (blocks) => recallIds(blocks, seen, now(), follow),
  };
  const views = createViews({ own, writers, erasures, follow });
  const profiles = createEmbeddedProfiles<P>({
    ...(options.profiles ?? { rules: NO_RULES as ProfileRules<P>, counts: () => false }),
    writer: own.writer,
    runs: createProfileRuns(guard, follow),
    follow,
    views: () => views.all(),
    erasures,
    isSeen: (event) => seen.has(event),
    events: (siteId, visitorId, page) => readTimeline(siteId, visitorId, page, history),
    refresh: () => views.refresh("now"),
  });
  const summaries = createSummaries({ cache, follow });
  const reports = createReports({ own, views, cache, summaries, erasures, follow });
  /** Keys of damaged values: each counts once, however often it is read. */
  const torn = new Set<string>();
  let stored = 0;
  let repeated = 0;
  let started: Promise<void> | undefined;
  let ready = false;
  let closing: Promise<void> | undefined;
  let ended = false;

  /**
   * A stored event into what is known of its writer. Rows merge; a profile would count one that two processes stored at
   * once twice. A late one of an erased visitor counts nowhere.
   */
  function take(view: WriterView, event: StoredEvent, isNew: boolean): void {
    if (erasures.isErased(event.siteId, event.visitorId, event.at)) return;
    foldInto(view.live, event);
    if (isNew) profiles.noteStored(view, event);
  }

  const journal = createJournal({
    guard,
    writer: own.writer,
    onStored(n, events, body, owed) {
      stored += events.length;
      recent.put(n, body);
      for (const event of events) take(own, event, true);
      own.next = n + 1;
      options.owed?.stored(n, owed);
      checkpointer.noteStored(events.length);
    },
    paceMs() {
      const uncovered = checkpointer.uncovered();
      return uncovered > maxUncovered ? Infinity : Math.max(0, (uncovered - UNHURRIED_EVENTS) / EVENTS_PER_MS);
    },
    onRefused(events) {
      for (const event of events) seen.remove(event);
      checkpointer.look(); // nothing that is stored will, as long as nothing is taken
    },
  });
  const checkpointer = createCheckpointer({
    own, journal, views, writers, erasures, recent,
    now,
    expireBefore: () => now() - (options.retentionDays ?? DEFAULT_RETENTION_DAYS) * DAY_MS,
    options: { ...follow, cache, summaries, compactProfiles: profiles.compact, restoreProfiles: profiles.restore, owed: options.owed },
  });
  let following: NodeJS.Timeout | undefined;
  let keepingUp: Promise<void> | undefined;
  let recalled: Promise<void> | undefined;

  /** Reads what earlier processes left. Tried again by the next call when storage is down. */
  function start(): Promise<void> {
    if (closing && !started) return Promise.reject(unavailable("Shutting down"));
    started ??= views.load()
      .then(() => checkpointer.start())
      .then(() => {
        ready = true;
        if (closing) return checkpointer.stop();
        recalled = recallIds(views.all().flatMap((view) => view.checkpoint.blocks), seen, now(), follow).catch((error: unknown) =>
          reporter.report("warn", "recall", "the day's events could not be read: one that a client repeats now may count twice in its visitor's profile", error),
        );
        // nobody else may live long enough to see to it
        if (views.orphans().length > MAX_ORPHANS) void checkpointer.run("age");
        let ticks = 0;
        let apart = now() - performance.now();
        following ??= setInterval(() => {
          const before = apart;
          apart = now() - performance.now();
          if (Math.abs(apart - before) > JUMP_MS) void checkpointer.beat(); // who starts now would take the last one for old
          if (views.othersAlive() || ++ticks % LONELY_TICKS === 0) keepingUp ??= keepUp().finally(() => (keepingUp = undefined));
        }, FOLLOW_MS).unref();
      })
      .catch((error: unknown) => {
        started = undefined;
        throw error;
      });
    return started;
  }

  /** Keeps profiles in memory at what other processes store, and learns of those that join and of what they erase. */
  async function keepUp(): Promise<void> {
    try {
      await views.refresh();
      if (erasures.pending().length > 0) await checkpointer.run("age");
    } catch (error) {
      reporter.report("warn", "follow", "what other processes stored could not be read and will be tried again", error);
    }
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
        views.doubt();
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
    start,
    settled: journal.settled,
    async owedIn(n) {
      const segment = await readSegment(guard, own.writer, n);
      return typeof segment === "object" ? segment.owed() : undefined;
    },
    async append(batch) {
      if (!ready) await start();
      if (ended) throw unavailable("Shutting down"); // another may have taken over what is here, and would not look again
      const fresh = batch.events.filter((event) => seen.add(event));
      if (fresh.length === 0 && batch.events.length > 0) await journal.settled();
      else await journal.append(fresh.length === batch.events.length ? batch : { ...batch, events: fresh });
      repeated += batch.events.length - fresh.length;
    },
    async catchUp() {
      await start();
      await recalled;
      await views.refresh("now");
    },
    report: (query) => throughMoves(() => reports.report(query)),
    timeline: (siteId, visitorId, page = {}) => readHistory(() => readTimeline(siteId, visitorId, page, history)),
    async erase(siteId, visitorId) {
      await start();
      await journal.settled();
      await views.refresh("now");
      await erasures.erase(siteId, visitorId, now(), views.all());
      await checkpointer.run("erase");
    },
    read(siteId, range = {}) {
      const size = options.pageEvents ?? PAGE_EVENTS;
      return inPages(range, size, (after, times) => readHistory(() => readEvents(siteId, { ...range, after }, { size, times }, history)));
    },
    close() {
      closing ??= (async () => {
        checkpointer.stop();
        clearInterval(following);
        const closeMs = options.closeMs ?? 10_000;
        if (!started) return;
        await withinDeadline(started, closeMs).catch(() => {}); // it may be under way
        await withinDeadline(journal.drain(), closeMs).finally(() => (ended = true));
        if (ready) await withinDeadline(checkpointer.run("close"), CLOSE_CHECKPOINT_MS).catch((error: unknown) =>
          reporter.report("warn", "close", "the last checkpoint was not made; the next start reads the journal instead", error),
        );
        await writers.release().catch(() => {});
      })();
      return closing;
    },
    profiles: {
      ...profiles,
      load: (siteId, visitorId) => (ready ? profiles.load(siteId, visitorId) : start().then(() => profiles.load(siteId, visitorId))),
    },
    stats: () => ({ stored, repeated, torn: torn.size, ...journal.stats() }),
  };
}

/** Other processes' journals are followed this often; a process that knows of none looks for one more rarely. */
const FOLLOW_MS = 500;
const LONELY_TICKS = 2;
/** The clock was set, or the machine was suspended. */
const JUMP_MS = 30_000;
/** Checkpoints that fall further behind than this slow the journal down: a millisecond a segment for every so many events. */
const UNHURRIED_EVENTS = 50_000;
const EVENTS_PER_MS = 1_000;
const MAX_UNCOVERED = 300_000;
const NO_RULES: ProfileRules<unknown> = { fold: () => undefined, merge: () => undefined };
const DEFAULT_RETENTION_DAYS = 395;
const MAX_MOVES = 5;
/** Writers that are gone, left to whoever lives long enough to take them over. */
const MAX_ORPHANS = 16;
const MAX_TORN = 10_000;
const CLOSE_CHECKPOINT_MS = 5_000;
