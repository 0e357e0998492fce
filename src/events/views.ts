import type { StoredEvent } from "../event.ts";
import { bases, keys, parseSequenceKey, visitorDigest } from "../storage/keys.ts";
import type { WriterSlot, Writers } from "../storage/writer.ts";
import { type Checkpoint, readCheckpoint, readNewestCheckpoint } from "./checkpoint.ts";
import type { Erasures } from "./erasure.ts";
import { rebuildCheckpoint } from "./rebuild.ts";
import { adoptCheckpoint, createView, type FollowOptions, followWriter, reportTorn, type WriterView } from "./view.ts";

/** Other processes are looked at again after this long: a report is at most this much behind them. */
const REFRESH_MS = 250;

export interface Views {
  /** This process's own view first. */
  all(): WriterView[];
  /** Finds what earlier and other processes left: the one time that keys are listed. */
  load(onRecovered: (digests: Iterable<string>) => void): Promise<void>;
  /** Brings the other processes' views up to date, when they have not been lately. */
  refresh(when?: "now"): Promise<void>;
  /** Views of processes that are gone, when it falls to this process to take them over. */
  orphans(): WriterView[];
  /** Their data is this writer's now. */
  forget(adopted: WriterView[]): void;
  /** Whether another process lives on the same storage. */
  othersAlive(): boolean;
  /** Writers known to this process that nobody has taken over. */
  known(): string[];
}

/** A checkpoint that cannot be read any more, and all keys there are. */
interface Lost {
  n: number;
  stored: string[];
}

interface Found {
  view: WriterView;
  lost: Lost | undefined;
  /** Visitors of whom its process may have known more than it wrote. */
  tail: Set<string>;
}

export function createViews(parts: { own: WriterView; writers: Writers; erasures: Erasures; follow: FollowOptions }): Views {
  const { own, writers, erasures, follow } = parts;
  const others = new Map<string, WriterView>();
  const listed = new WeakSet<WriterView>();
  /** What a load has found and not followed to its end yet. */
  const found = new Map<string, Found>();
  let claimed = false;
  let slots: WriterSlot[] = [];
  let refreshedAt = -Infinity;
  let refreshing: Promise<void> | undefined;

  /** Goes on where an attempt that failed had got to: what was followed stays followed. */
  async function load(onRecovered: (digests: Iterable<string>) => void): Promise<void> {
    if (!claimed) await writers.claim();
    claimed = true;
    const segments = await numbersOf(bases.journal);
    const checkpoints = await numbersOf(bases.checkpoints);
    for (const writer of new Set([...segments.keys(), ...checkpoints.keys()])) {
      if (writer === own.writer || others.has(writer) || found.has(writer)) continue;
      found.set(writer, await findWriter(writer, checkpoints.get(writer) ?? []));
    }
    for (const [writer, { view, lost, tail }] of found) {
      if (lost) await rebuild(view, lost);
      for (const digest of view.checkpoint.unflushed) tail.add(digest);
      await followToEnd(view, Math.max(-1, ...(segments.get(writer) ?? [])), (event) => tail.add(visitorDigest(event.siteId, event.visitorId)));
      onRecovered(tail);
      others.set(writer, view);
      found.delete(writer);
    }
    for (const writer of [own.writer, ...others.keys()]) await erasures.load(writer);
    dropAdopted();
    await refresh();
  }

  async function findWriter(writer: string, numbers: number[]): Promise<Found> {
    const { checkpoint, lost } = await readSound(writer, numbers);
    return { view: createView(writer, checkpoint), lost, tail: new Set() };
  }

  async function rebuild(view: WriterView, lost: Lost): Promise<void> {
    if (view.checkpoint.n >= lost.n) return;
    const others = speaking().filter((one) => one !== view);
    const checkpoint = await rebuildCheckpoint({ writer: view.writer, n: lost.n, before: view.checkpoint }, lost.stored, others, follow);
    adoptCheckpoint(view, checkpoint);
  }

  /**
   * A writer's newest sound checkpoint. When a newer one is torn, it matters why: half-written at its writer's death
   * it never counted, and all that the one before it names is still there; damaged later, that has been removed.
   */
  async function readSound(writer: string, numbers: number[]): Promise<{ checkpoint: Checkpoint; lost?: Lost }> {
    const checkpoint = await readNewestCheckpoint(follow.guard, writer, numbers);
    const newest = Math.max(-1, ...numbers);
    if (checkpoint.n >= newest) return { checkpoint };
    reportTorn(follow, keys.checkpoint(writer, newest));
    const stored = await follow.guard.list("");
    const left = new Set(stored);
    const named = [...checkpoint.rollups, ...checkpoint.blocks].map(({ key }) => key);
    const isWhole = [...named, keys.segment(writer, checkpoint.covered)].every((key) => left.has(key));
    return isWhole ? { checkpoint } : { checkpoint, lost: { n: newest, stored } };
  }

  async function numbersOf(base: string): Promise<Map<string, number[]>> {
    const numbers = new Map<string, number[]>();
    for (const key of await follow.guard.list(base)) {
      const parsed = parseSequenceKey(key);
      if (parsed) numbers.set(parsed.writer, [...(numbers.get(parsed.writer) ?? []), parsed.n]);
    }
    return numbers;
  }

  /** Up to the last segment that was listed: one lost or damaged in between does not hide those behind it. */
  async function followToEnd(view: WriterView, last: number, onTail: (event: StoredEvent) => void): Promise<void> {
    const options: FollowOptions = {
      ...follow,
      onEvent(event) {
        follow.onEvent?.(event);
        onTail(event);
      },
    };
    await followWriter(view, options);
    while (view.next <= last) {
      reportTorn(follow, keys.segment(view.writer, view.next));
      (view.lost ??= new Set()).add(view.next++);
      await followWriter(view, options);
    }
  }

  /** A writer that another's checkpoint covers is seen through that one. */
  function dropAdopted(): void {
    for (const view of [own, ...others.values()]) {
      for (const [writer, covered] of view.checkpoint.adopted) {
        const adopted = others.get(writer);
        if (adopted && adopted.next <= covered) others.delete(writer);
      }
    }
  }

  function adoptedUpTo(writer: string): number | undefined {
    for (const view of [own, ...others.values()]) {
      const found = view.checkpoint.adopted.find(([adopted]) => adopted === writer);
      if (found) return found[1];
    }
    return undefined;
  }

  async function lookAround(): Promise<void> {
    const read = await writers.read();
    for (const slot of read) {
      for (const writer of [slot.writer, ...slot.known]) {
        if (writer === own.writer || others.has(writer)) continue;
        if (adoptedUpTo(writer) !== undefined && !writers.isAlive(slot)) continue;
        others.set(writer, createView(writer));
      }
    }
    for (const view of others.values()) {
      const slot = read.find(({ writer }) => writer === view.writer);
      if (!slot && !listed.has(view)) await findNewest(view);
      if (slot && slot.checkpoint > view.checkpoint.n) {
        const newest = await readCheckpoint(follow.guard, view.writer, slot.checkpoint);
        if (newest) adoptCheckpoint(view, newest);
        else await findNewest(view); // it died after it removed that one and before it told of the next
      }
      await followWriter(view, follow);
      await erasures.load(view.writer);
    }
    dropAdopted();
    slots = read; // not before every view is followed: what is stale must not be taken over
    refreshedAt = performance.now();
  }

  /** Another process has its slot now, so nothing says how far it got: its keys do. */
  async function findNewest(view: WriterView): Promise<void> {
    const numbers = (await numbersOf(bases.checkpoints)).get(view.writer) ?? [];
    const { checkpoint, lost } = await readSound(view.writer, numbers);
    if (checkpoint.n > view.checkpoint.n) adoptCheckpoint(view, checkpoint);
    if (lost) await rebuild(view, lost);
    listed.add(view);
  }

  /** All that is known of, so far. */
  const speaking = () => [own, ...others.values(), ...[...found.values()].map(({ view }) => view)];

  function refresh(when?: "now"): Promise<void> {
    if (!when && performance.now() - refreshedAt < REFRESH_MS) return Promise.resolve();
    refreshing ??= lookAround().finally(() => {
      refreshing = undefined;
    });
    return refreshing;
  }

  const live = () => slots.filter((slot) => writers.isAlive(slot)).map((slot) => slot.writer);

  return {
    load,
    refresh,
    all: () => [own, ...others.values()],
    orphans() {
      const alive = live();
      if (alive[0] !== own.writer) return [];
      return [...others.values()].filter((view) => !alive.includes(view.writer) && !writers.isHeard(view.writer));
    },
    forget(adopted) {
      for (const view of adopted) others.delete(view.writer);
    },
    othersAlive: writers.othersAlive,
    known: () => [...others.keys()],
  };
}
