import type { Clock } from "../clock.ts";
import { parseSequenceKey, splitKey } from "../storage/keys.ts";
import { BEAT_MS, SILENT_MS, type Writers } from "../storage/writer.ts";
import { type Checkpoint, writeCheckpoint } from "./checkpoint.ts";
import { type CompactionOptions, prepareCheckpoint, restoreLive } from "./compaction.ts";
import type { Erasures } from "./erasure.ts";
import type { Journal } from "./journal.ts";
import type { RecentSegments } from "./recent-segments.ts";
import { keysOfRun } from "./profile-runs.ts";
import { isExpired } from "./rollup-parts.ts";
import type { WriterView } from "./view.ts";
import type { Views } from "./views.ts";

/** A checkpoint is made after this many events, or this many segments if they took a while, or this much time with any. */
const MAX_EVENTS = 20_000;
const MAX_SEGMENTS = 512;
const SEGMENTS_TOOK_MS = 60_000;
const MAX_AGE_MS = 15 * 60_000;
/** One that failed is tried again after so long. */
const RETRY_MS = 1_000;
/** A process that told nobody for so long that it lives writes no checkpoint: it was asleep, and may have been taken over. */
const ASLEEP_MS = 0.75 * SILENT_MS;
/** Numbers that one compaction may use for its keys. */
const GENERATIONS = 2;
/** Removals under way at a time. */
const REMOVALS = 16;

export interface Checkpointer {
  /** Begins the beats; their timer does not keep the process alive. Requests to erase that all are done with are over then. */
  start(): Promise<void>;
  /** Tells the others now that this process lives, and does what has become due. */
  beat(): Promise<void>;
  stop(): void;
  noteStored(events: number): void;
  /** Makes a checkpoint if one is due. */
  look(): void;
  /** Events that are stored and in no checkpoint yet: what they are in memory grows with their number. */
  uncovered(): number;
  /** Makes a checkpoint now. "erase" also rejects when it fails, and waits until old values are gone. */
  run(why: "full" | "age" | "erase" | "close"): Promise<void>;
  /** Keeps superseded keys while somebody reads; the returned function lets go. */
  holdGarbage(): () => void;
}

export interface CheckpointerParts {
  own: WriterView;
  journal: Journal;
  views: Views;
  writers: Writers;
  erasures: Erasures;
  recent: RecentSegments;
  now: Clock;
  /** Epoch milliseconds before which events are kept no longer. */
  expireBefore: () => number;
  options: CompactionOptions;
}

class WokenError extends Error {}

export function createCheckpointer(parts: CheckpointerParts): Checkpointer {
  const { own, journal, views, writers, erasures, options } = parts;
  const { guard, reporter } = options;
  let events = 0;
  let uncovered = 0;
  let since = performance.now();
  let toldAt = performance.now();
  let generation = -GENERATIONS;
  /** An attempt failed: what it wrote is named by nothing. */
  let isUntidy = false;
  let readers = 0;
  const garbage = new Set<string>();
  let running: Promise<void> | undefined;
  /** Has not begun: many erasures at once are one. */
  let nextErase: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;
  /** A checkpoint whose write failed: it may land yet, so it is written again, as it is, before another. */
  let unwritten: { before: Checkpoint; checkpoint: Checkpoint; garbage: string[]; adopted: WriterView[]; folded: number } | undefined;

  async function commit(): Promise<void> {
    if (!unwritten) return;
    if (unwritten.before !== own.checkpoint) return discard();
    await writeCheckpoint(guard, unwritten.checkpoint);
    own.checkpoint = unwritten.checkpoint;
    own.sealed = undefined;
    own.sealedProfiles = undefined;
    parts.recent.dropBelow(own.checkpoint.covered);
    addGarbage(unwritten.garbage);
    views.forget(unwritten.adopted);
    uncovered -= unwritten.folded;
    unwritten = undefined;
    options.onMoved(false);
  }

  /** This process was taken for dead meanwhile: what the checkpoint names is another's now. */
  function discard(): void {
    const adopted = unwritten?.adopted ?? [];
    unwritten = undefined;
    restoreLive(own);
    for (const view of [own, ...adopted]) options.restoreProfiles(view);
  }

  async function checkpoint(adopt: WriterView[], sumUp: boolean): Promise<void> {
    const storedUpTo = journal.next();
    erasures.reopen(adopt);
    const purged = erasures.pending();
    if (storedUpTo === own.checkpoint.covered && adopt.length === 0 && purged.length === 0 && erasures.areIn(own.checkpoint) && !hasExpired()) return;
    const folded = uncovered;
    events = 0;
    since = performance.now();
    const before = own.checkpoint;
    try {
      const plan = {
        own, adopt, views: views.all(), generation: (generation += GENERATIONS), storedUpTo, recent: parts.recent, erasures,
        expireBefore: parts.expireBefore(), sumUp, now: parts.now(),
      };
      const prepared = await prepareCheckpoint(plan, options);
      if (isLate()) throw new Error("the process was silent for so long that it may have been taken for dead");
      // in this order: who wakes up says so before it writes anything
      const stored = adopt.length > 0 || isUntidy ? await guard.list("") : [];
      if (adopt.length > 0) await writers.read();
      if (adopt.some((view) => writers.isHeard(view.writer) || views.isOutdated(view, stored))) throw new WokenError("a process that was taken for dead has woken up");
      unwritten = { before, ...prepared, adopted: adopt, folded };
      if (stored.length > 0) unwritten.garbage.push(...leftoversOf(stored, adopt, unwritten.checkpoint));
      await commit();
      isUntidy = false;
    } catch (error) {
      isUntidy = true;
      restoreLive(own);
      if (!unwritten) for (const view of [own, ...adopt]) options.restoreProfiles(view);
      throw error;
    }
    erasures.settle(purged);
  }

  /** Of the stored keys those that nobody names, of who is taken over, of whom they had taken over, and of own attempts that failed. */
  function leftoversOf(all: string[], adopt: WriterView[], checkpoint: Checkpoint): string[] {
    const checkpoints = [checkpoint, ...views.all().filter((view) => !adopt.includes(view)).map((view) => view.checkpoint)];
    const named = new Set(checkpoints.flatMap(keysNamedBy));
    const adopted = new Map(adopt.map(({ writer, next }) => [writer, next]));
    const speaking = new Set([own.writer, ...views.known()]);
    const before = adopt.flatMap((view) => view.checkpoint.adopted).filter(([writer]) => !speaking.has(writer) && !writers.isHeard(writer));
    const goneBefore = new Map(before.map(([writer, covered]) => [writer, covered]));
    const parts = all.filter((key) => PART.test(key));
    return [
      ...leftovers(all, adopted, named),
      ...leftovers(all.filter((key) => EVENT_DATA.test(key)), goneBefore, named),
      ...leftovers(parts, new Map([[own.writer, 0]]), named),
    ];
  }

  async function finishErasures(): Promise<void> {
    addGarbage(await erasures.takeDone(views.all(), parts.now()));
  }

  function hasExpired(): boolean {
    const before = parts.expireBefore();
    return own.checkpoint.rollups.some((ref) => isExpired(ref, before));
  }

  function addGarbage(superseded: string[]): void {
    for (const key of superseded) garbage.add(key);
  }

  /** A key that could not be removed stays for the next time. */
  async function collectGarbage(): Promise<void> {
    while (garbage.size > 0) {
      if (readers > 0) return;
      const batch = [...garbage].slice(0, REMOVALS);
      await Promise.all(batch.map((key) => guard.remove(key).then(() => garbage.delete(key))));
    }
  }

  /** Whether it told nobody for so long that it lives that others may have taken it for dead. */
  const isLate = () => performance.now() - toldAt > ASLEEP_MS;

  async function runOnce(why: "full" | "age" | "erase" | "close"): Promise<void> {
    if (isLate()) await tell();
    await views.refresh("now"); // another may have taken this process for dead while it slept
    // before it is asked who is to be taken over: those whom the unwritten one took over are not among them any more
    await commit();
    // at close nothing is taken over: it would make the end of a process as slow as its past is long
    const adopt = why === "close" ? [] : views.orphans();
    await checkpoint(adopt, why !== "close").catch((error: unknown) => {
      if (error instanceof WokenError) return checkpoint([], true);
      throw error;
    });
    // before anything is removed: who still reads by an older checkpoint could not find one that nobody tells of
    await tell();
    await finishErasures();
    await collectGarbage();
  }

  async function tell(): Promise<void> {
    await writers.beat({ checkpoint: own.checkpoint.n, erasures: erasures.count(), known: views.known() });
    toldAt = performance.now();
  }

  function run(why: "full" | "age" | "erase" | "close"): Promise<void> {
    if (why === "erase" && nextErase) return nextErase;
    const before = running ?? Promise.resolve();
    const mine = before.catch(() => {}).then(() => {
      if (nextErase === mine) nextErase = undefined;
      return runOnce(why);
    });
    running = mine;
    if (why === "erase") nextErase = mine;
    void mine.catch(() => {}).then(() => {
      if (running === mine) running = undefined;
    });
    if (why === "erase" || why === "close") return mine;
    return mine.catch((error: unknown) =>
      reporter.report("warn", "checkpoint", "a checkpoint was not made and will be tried again; no event is lost", error),
    );
  }

  async function beat(): Promise<void> {
    try {
      await tell(); // before what may take its time
      await views.refresh();
      const due = journal.next() > own.checkpoint.covered && performance.now() - since > MAX_AGE_MS;
      if (due || views.orphans().length > 0 || !erasures.areIn(own.checkpoint) || hasExpired()) await run("age");
      await finishErasures(); // requests end two days after them, though no checkpoint is due
      if (!running) await collectGarbage();
    } catch (error) {
      reporter.report("warn", "beat", "this process could not tell the others that it lives", error);
    }
  }

  function look(): void {
    if (running) return;
    const age = performance.now() - since;
    const segments = journal.next() - own.checkpoint.covered;
    const isDue = events >= MAX_EVENTS || (uncovered >= MAX_EVENTS && age > RETRY_MS) || (segments >= MAX_SEGMENTS && age > SEGMENTS_TOOK_MS);
    if (isDue) void run("full");
  }

  return {
    async start() {
      await finishErasures();
      timer ??= setInterval(() => void beat(), BEAT_MS).unref();
    },
    beat,
    stop: () => clearInterval(timer),
    noteStored(count) {
      events += count;
      uncovered += count;
      look();
    },
    look,
    uncovered: () => uncovered,
    run,
    holdGarbage() {
      readers++;
      return () => void readers--;
    },
  };
}

const EVENT_DATA = /^(?:journal|checkpoint|rollup|block|summary|profiles):/;
const PART = /^(?:rollup|block|summary|profiles):/;

const keysNamedBy = ({ blocks, rollups, summaries, profiles }: Checkpoint) =>
  [...blocks, ...rollups, ...summaries].map(({ key }) => key).concat(profiles.flatMap(keysOfRun));

/** Keys of writers, each covered up to a segment, that no checkpoint names: half-done compactions, what was superseded, covered segments. */
function leftovers(all: string[], gone: ReadonlyMap<string, number>, named: ReadonlySet<string>): string[] {
  return all.filter((key) => {
    const writer = splitKey(key).find((part) => gone.has(part));
    if (writer === undefined || key.startsWith("erased:") || named.has(key)) return false;
    // a writer that was only asleep may have gone on: its later segments are not covered by anything yet
    const covered = gone.get(writer)!;
    return !(key.startsWith("journal:") && (parseSequenceKey(key)?.n ?? covered) >= covered);
  });
}
