import { createRecent } from "../recent.ts";
import { bases, keys, parseSequenceKey } from "../storage/keys.ts";
import type { WriterSlot, Writers } from "../storage/writer.ts";
import { adoptionIn, emptyCheckpoint, isNaming, isTaken, readCheckpoint } from "./checkpoint.ts";
import type { Erasures } from "./erasure.ts";
import { type Lost, numbersOf, readSound } from "./newest.ts";
import { rebuildCheckpoint } from "./rebuild.ts";
import { adoptCheckpoint, createView, type FollowOptions, followWriter, reportTorn, type WriterView } from "./view.ts";

/** Other processes are looked at again after this long: a report is at most this much behind them. */
const REFRESH_MS = 250;
/** A look that failed after this long: storage hangs. */
const HANGING_MS = 2_000;
const MAX_WORDS = 20_000;

export interface Views {
  /** This process's own view first. */
  all(): WriterView[];
  /** Finds what earlier and other processes left: the one time that keys are listed. */
  load(): Promise<void>;
  /** Brings the other processes' views up to date: when they have not been lately, or with all that is stored by now. */
  refresh(when?: "now"): Promise<void>;
  /** Views of processes that are gone, when it falls to this process to take them over. */
  orphans(): WriterView[];
  /** What a view names is gone: of those of whom no slot tells, keys are looked at again. */
  doubt(): void;
  /** Whether its writer, dead as it seemed, made another checkpoint; it is looked for again then. */
  isOutdated(view: WriterView, stored: string[]): boolean;
  /** Their data is this writer's now. */
  forget(adopted: WriterView[]): void;
  /** Whether another process lives on the same storage. */
  othersAlive(): boolean;
  /** Writers known to this process that nobody has taken over. */
  known(): string[];
}

export function createViews(parts: { own: WriterView; writers: Writers; erasures: Erasures; follow: FollowOptions }): Views {
  const { own, writers, erasures } = parts;
  const follow: FollowOptions = {
    ...parts.follow,
    onMoved(skipped) {
      parts.follow.onMoved(dropAdopted() || skipped);
    },
  };
  const others = new Map<string, WriterView>();
  /** Views whose newest checkpoint was looked for since their writer last told of one, each with its number. */
  const listed = new WeakMap<WriterView, number>();
  /** Views that were made and not followed yet. */
  const unread = new WeakSet<WriterView>();
  /** What a load has found and not followed to its end yet. */
  const found = new Map<string, { view: WriterView; lost: Lost | undefined }>();
  let claimed = false;
  /** Writers whose slots gave a sign of life: one that was taken over and woke up has more to tell. */
  let awake = new Set<string>();
  /** What slots said of writers that were taken over, when nobody else would. */
  const words = createRecent<true>(MAX_WORDS);
  let slots: WriterSlot[] = [];
  /** When the look that is under way began, and the last one that came to its end. */
  let begunAt = -Infinity;
  let refreshedAt = -Infinity;
  let refreshing: Promise<void> | undefined;
  let again: Promise<void> | undefined;

  /** Goes on where an attempt that failed had got to: what was followed stays followed. */
  async function load(): Promise<void> {
    if (!claimed) await writers.claim();
    claimed = true;
    const told = await writers.read();
    const living = new Set(livingIn(told));
    if (await erasures.load(new Map(told.map((slot) => [slot.writer, slot.erasures])))) {
      found.clear(); // it may have what was asked meanwhile to be forgotten
      dropErased();
    }
    const segments = await numbersOf(follow.guard, bases.journal);
    const checkpoints = await numbersOf(follow.guard, bases.checkpoints);
    for (const writer of new Set([...segments.keys(), ...checkpoints.keys()])) {
      if (writer === own.writer || others.has(writer) || found.has(writer)) continue;
      const { checkpoint, lost } = await readSound(follow, writer, checkpoints.get(writer) ?? []);
      found.set(writer, { view: createView(writer, checkpoint), lost });
    }
    for (const [writer, { view, lost }] of found) {
      if (lost) await rebuild(view, lost);
      skipTaken(view);
      const last = Math.max(-1, ...(segments.get(writer) ?? []));
      await followToEnd(view, living.has(writer) ? last - 1 : last); // the last one may be half-written yet
      listed.set(view, Math.max(-1, ...(checkpoints.get(writer) ?? [])));
      others.set(writer, view);
      found.delete(writer);
    }
    dropAdoptedLate();
    await refresh();
  }

  /** What was taken over is not there any more, and is not missed. */
  function skipTaken(view: WriterView): void {
    const [, covered] = adoptionOf(view.writer) ?? ["", 0];
    if (isNaming(view.checkpoint) || covered <= view.next) return;
    view.checkpoint = { ...view.checkpoint, covered };
    view.next = covered;
  }

  async function rebuild(view: WriterView, lost: Lost): Promise<void> {
    if (view.checkpoint.n >= lost.n) return;
    const others = speaking().filter((one) => one !== view);
    const checkpoint = await rebuildCheckpoint({ writer: view.writer, n: lost.n, before: view.checkpoint }, lost.stored, others, follow);
    await adoptCheckpoint(view, checkpoint, follow);
  }

  const listNow = () => numbersOf(follow.guard, bases.checkpoints);

  /** Up to the last segment that was listed: one lost or damaged in between does not hide those behind it. */
  async function followToEnd(view: WriterView, last: number): Promise<void> {
    await followWriter(view, follow);
    if (view.next <= last) {
      await findNewest(view); // what was listed may have been covered since
      await followWriter(view, follow);
    }
    while (view.next <= last) {
      reportTorn(follow, keys.segment(view.writer, view.next));
      (view.lost ??= new Set()).add(view.next++);
      await followWriter(view, follow);
    }
  }

  /** A writer that another's checkpoint covers is seen through that one. Whether events of it were covered unseen. */
  function dropAdopted(): boolean {
    let skipped = false;
    for (const view of [own, ...others.values()]) {
      for (const adoption of view.checkpoint.adopted) {
        const [writer, covered] = adoption;
        const adopted = others.get(writer);
        if (!adopted || awake.has(writer) || unread.has(adopted) || Math.max(adopted.next, adopted.checkpoint.covered) > covered) continue;
        if (isNaming(adopted.checkpoint) && !isTaken(adopted.checkpoint, adoption)) continue;
        others.delete(writer);
        skipped ||= adopted.next < covered;
      }
    }
    return skipped;
  }

  /** The same where no checkpoint was taken over just now; a read under way need not begin anew for nothing. */
  function dropAdoptedLate(): void {
    const before = others.size;
    const skipped = dropAdopted();
    if (others.size < before) parts.follow.onMoved(skipped);
  }

  /** One that was taken over and woke up: what it had is the other's, and only what it wrote since is its own. */
  async function cedeWhatWasTaken(): Promise<void> {
    for (const view of [own, ...others.values()]) {
      const adoption = adoptionOf(view.writer);
      const { checkpoint } = view;
      if (!adoption || view.frozen || !isTaken(checkpoint, adoption)) continue;
      const [, covered, ceded] = adoption;
      if (checkpoint.covered === covered && !isNaming(checkpoint)) {
        view.checkpoint = { ...checkpoint, ceded };
        continue;
      }
      view.sealed = view.sealedProfiles = undefined;
      await adoptCheckpoint(view, { ...checkpoint, covered, ceded, rollups: [], blocks: [], summaries: [], profiles: [], purged: [] }, follow);
      parts.follow.onMoved(true);
    }
  }

  /**
   * Follows every other writer, and then asks whether one has told of a newer checkpoint meanwhile: what that covers may
   * have gone before it was looked for. If none has, everything that was stored when the look began was seen.
   */
  async function lookAround(): Promise<void> {
    let read = slots;
    for (const met = new Set<string>(); ; ) {
      let listing: ReturnType<typeof listNow> | undefined;
      const list = () => (listing ??= listNow());
      for (const view of others.values()) if (!view.frozen) await followOne(view, slotOf(view, read), list);
      read = await writers.read();
      awake = new Set(livingIn(read));
      const isBehind = [...others.values()].some((view) => !view.frozen && !isAtEnd(view, slotOf(view, read)));
      if (!meet(read, met) && !isBehind) break;
    }
    dropAdoptedLate();
    await cedeWhatWasTaken();
    slots = read; // not before every view is followed: what is stale must not be taken over
    refreshedAt = begunAt;
  }

  const isFirstWord = (word: string) => !words.get(word) && (words.set(word, true), true);

  const slotOf = (view: WriterView, read: WriterSlot[]) => read.find(({ writer }) => writer === view.writer);

  /** Whether what its slot says, or its keys where that may not be all, was followed. */
  function isAtEnd(view: WriterView, slot: WriterSlot | undefined): boolean {
    const isTold = slot !== undefined && writers.isAlive(slot);
    return (isTold || listed.has(view)) && (slot?.checkpoint ?? -1) <= view.checkpoint.n;
  }

  /** Makes views of writers that slots tell of for the first time. Whether there were any. */
  function meet(read: WriterSlot[], met: Set<string>): boolean {
    const before = met.size;
    for (const slot of read) {
      for (const writer of [slot.writer, ...slot.known]) {
        if (writer === own.writer || others.has(writer) || met.has(writer)) continue;
        const [, covered] = adoptionOf(writer) ?? [];
        const isItself = writer === slot.writer;
        // one that is dead, or that another only knows of, is looked for once: it may have woken up in between
        if (covered !== undefined && !(isItself && writers.isAlive(slot)) && !isFirstWord(`${slot.writer} ${isItself ? slot.beats : writer}`)) continue;
        met.add(writer);
        const view = createView(writer, { ...emptyCheckpoint(writer), covered: covered ?? 0 });
        others.set(writer, view);
        unread.add(view);
      }
    }
    return met.size > before;
  }

  /** `list` is asked for all that are dead together. */
  async function followOne(view: WriterView, slot: WriterSlot | undefined, list: typeof listNow): Promise<void> {
    // before the checkpoint that says so: what its writer stored since must not be taken into a row that goes
    if (slot && slot.erasures > erasures.knownOf(view.writer)) await followErasures(view, slot);
    if (slot && writers.isAlive(slot)) listed.delete(view);
    else if (!listed.has(view)) await findNewest(view, list);
    if (slot && slot.checkpoint > view.checkpoint.n) {
      const newest = await readCheckpoint(follow.guard, view.writer, slot.checkpoint);
      if (newest) await adoptCheckpoint(view, newest, follow);
      else await findNewest(view); // it died after it removed that one and before it told of the next
      // or was taken over: there is none any more
      if (view.checkpoint.n < slot.checkpoint) view.checkpoint = { ...view.checkpoint, n: slot.checkpoint };
    }
    await followWriter(view, follow);
    unread.delete(view);
    // what anybody stored may have been seen before what was asked meanwhile
    await followErasures(view, slot);
  }

  async function followErasures(view: WriterView, slot: WriterSlot | undefined): Promise<void> {
    if (await erasures.follow(view, slot?.erasures ?? 0)) dropErased();
  }

  const dropErased = () => others.forEach(({ live }) => erasures.dropFrom(live));

  /** Another process has its slot now, or it died and may have got further than it told: its keys say. */
  async function findNewest(view: WriterView, list = listNow): Promise<void> {
    const numbers = (await list()).get(view.writer) ?? [];
    const { checkpoint, lost } = await readSound(follow, view.writer, numbers);
    if (checkpoint.n > view.checkpoint.n) await adoptCheckpoint(view, checkpoint, follow);
    if (lost) await rebuild(view, lost);
    listed.set(view, Math.max(-1, ...numbers));
  }

  /** All that is known of, so far. */
  const speaking = () => [own, ...others.values(), ...[...found.values()].map(({ view }) => view)];

  const adoptionOf = (writer: string) => adoptionIn(speaking().map(({ checkpoint }) => checkpoint), writer);

  function look(): Promise<void> {
    if (refreshing) return refreshing;
    begunAt = performance.now();
    refreshing = lookAround().finally(() => {
      refreshing = undefined;
    });
    return refreshing;
  }

  function refresh(when?: "now"): Promise<void> {
    const isLate = (at: number, ms = REFRESH_MS) => performance.now() - at >= ms;
    if (!when && !isLate(refreshedAt)) return Promise.resolve();
    if (!refreshing || (!when && !isLate(begunAt))) return look();
    // the look that is under way may have passed what was stored since it began
    const giveUpIfHanging = (error: unknown) => (isLate(begunAt, HANGING_MS) ? Promise.reject(error) : undefined); // else it would take as long again
    again ??= refreshing.catch(giveUpIfHanging).finally(() => (again = undefined)).then(look);
    return again;
  }

  const livingIn = (read: WriterSlot[]) => read.filter(writers.isAlive).map(({ writer }) => writer);
  const live = () => livingIn(slots);

  return {
    load,
    refresh,
    all: () => [own, ...others.values()],
    orphans() {
      const alive = live();
      if (alive[0] !== own.writer) return [];
      return [...others.values()].filter((view) => !alive.includes(view.writer) && !writers.isHeard(view.writer));
    },
    doubt() {
      for (const view of others.values()) listed.delete(view);
    },
    isOutdated(view, stored) {
      const known = Math.max(listed.get(view) ?? -1, view.checkpoint.n);
      const isNewer = stored.some((key) => key.startsWith(`${bases.checkpoints}:${view.writer}_`) && parseSequenceKey(key)!.n > known);
      if (isNewer) listed.delete(view);
      return isNewer;
    },
    forget(adopted) {
      for (const view of adopted) others.delete(view.writer);
    },
    othersAlive: () => live().some((writer) => writer !== own.writer),
    known: () => [...others.keys()],
  };
}
