import type { Clock } from "../clock.ts";
import { pause } from "../deadline.ts";
import type { Guard } from "./guard.ts";
import { keys } from "./keys.ts";

/** What a running process tells the others through its slot. A hint, never the only word: slots may be lost. */
export interface WriterSlot {
  writer: string;
  /** Epoch milliseconds of the last sign of life. */
  aliveAt: number;
  /** How many signs of life it has given: one that comes says so, whatever the clock does. */
  beats: number;
  /** Number of its newest checkpoint; -1 before the first. */
  checkpoint: number;
  /** Erasures that it was asked for. */
  erasures: number;
  /** Writers whose data it knows of and has not taken over. */
  known: string[];
}

type WriterState = Pick<WriterSlot, "checkpoint" | "erasures" | "known">;

export interface Writers {
  /** Takes a free slot; resolves when it was found to be still its own a moment later, and looks again in the following seconds. */
  claim(): Promise<void>;
  /** Tells the others that this process lives, and what it has written. */
  beat(state: WriterState): Promise<void>;
  /** What all slots say, dead ones included. */
  read(): Promise<WriterSlot[]>;
  /** Whether a slot's process still lives, as far as clocks tell. */
  isAlive(slot: WriterSlot): boolean;
  /** Whether a writer gave a sign of life lately, even if another process has written over its slot since. */
  isHeard(writer: string): boolean;
  /** Gives the slot back: this process is done. The slot still tells whose data is there. */
  release(): Promise<void>;
}

/** Processes on one storage at a time. */
export const MAX_SLOTS = 64;
/** A process that was not heard of for so long, by the clock of whoever listens, is taken for dead. */
export const SILENT_MS = 60_000;
/** Who has only begun to listen takes an older sign of life for none: clocks may differ by a minute. */
const DEAD_MS = 150_000;
export const BEAT_MS = 20_000;
/** In place of the time: this process is done. */
const RELEASED = 0;
const FORGOTTEN_MS = 10 * SILENT_MS;
const SLOTS_PER_READ = 4;
/**
 * Storage has no compare-and-set, so processes that start together may write the same slot: each looks again whether it
 * is still its own, before it stores anything (others could not find it), and later, after the slowest of writes. Not
 * all at the same moment, or they would choose the same slot again.
 */
const SETTLE_MS = 25;
const CONFIRM_MS = [300, 1_500, 6_000];

export interface WritersOptions {
  guard: Guard;
  writer: string;
  now: Clock;
  /** Told when there is no free slot: this process's events are stored, and the others cannot see them yet. */
  onFull?: () => void;
  /** @default Math.random */
  random?: () => number;
}

export function createWriters({ guard, writer, now, onFull, random = Math.random }: WritersOptions): Writers {
  let mine: number | undefined;
  let state: WriterState = { checkpoint: -1, erasures: 0, known: [] };
  /** Writers by their last sign of life, how long it has been the last, and whether it was old when it was first seen. */
  const heard = new Map<string, { beats: number; silentMs: number; isStale: boolean }>();
  let beats = 0;
  let isReleased = false;
  let readAt = performance.now();

  async function readSlot(n: number): Promise<WriterSlot | "free" | "torn"> {
    const held = await guard.read(keys.slot(n));
    if (held.state === "found") return JSON.parse(held.body.toString("utf8")) as WriterSlot;
    return held.state === "missing" ? "free" : "torn";
  }

  const isFresh = (aliveAt: number) => Math.abs(now() - aliveAt) < DEAD_MS;

  /** By what was heard of it; the clock only speaks of those of whom nothing was heard yet: it may jump. */
  function isHeard(other: string): boolean {
    const known = heard.get(other);
    return known !== undefined && !known.isStale && known.silentMs < SILENT_MS;
  }

  function isAlive(slot: WriterSlot): boolean {
    if (slot.aliveAt === RELEASED) return false;
    return heard.has(slot.writer) ? isHeard(slot.writer) : isFresh(slot.aliveAt);
  }

  /** Whoever listened was perhaps asleep in between: a gap counts as one beat missed at most. */
  function hear(slots: WriterSlot[]): void {
    const gap = Math.min(performance.now() - readAt, BEAT_MS);
    readAt = performance.now();
    const said = new Map<string, WriterSlot>();
    // of two slots of one writer the later counts
    for (const slot of slots) if (slot.beats >= (said.get(slot.writer)?.beats ?? 0)) said.set(slot.writer, slot);
    for (const known of heard.values()) known.silentMs += gap;
    for (const [other, { aliveAt, beats: count }] of said) {
      const known = heard.get(other);
      if (aliveAt === RELEASED) heard.delete(other);
      else if (known?.beats !== count) heard.set(other, { beats: count, silentMs: 0, isStale: known === undefined && !isFresh(aliveAt) });
    }
    for (const [other, { silentMs }] of heard) if (silentMs > FORGOTTEN_MS && !said.has(other)) heard.delete(other);
  }

  async function write(): Promise<void> {
    if (mine === undefined) return;
    const slot: WriterSlot = { writer, aliveAt: now(), beats: ++beats, ...state };
    await guard.write(keys.slot(mine), JSON.stringify(slot));
  }

  async function claim(): Promise<void> {
    for (let n = 0; n < MAX_SLOTS; n++) {
      const slot = await readSlot(n);
      if (isReleased) return;
      if (typeof slot === "object" && slot.writer !== writer && isAlive(slot)) continue;
      if (typeof slot === "object") state.known = [...new Set([...state.known, slot.writer, ...slot.known])];
      mine = n;
      await write();
      await pause(SETTLE_MS * (1 + 2 * random()));
      if (await confirm(n)) confirmLater(n, 0);
      return;
    }
    mine = undefined;
    onFull?.();
  }

  function confirmLater(n: number, look: number) {
    const wait = CONFIRM_MS[look];
    if (wait === undefined) return;
    setTimeout(() => {
      if (mine !== n) return;
      confirm(n).then(
        (isMine) => isMine && confirmLater(n, look + 1),
        () => confirmLater(n, look + 1),
      );
    }, wait).unref();
  }

  /** Whether the slot is still this writer's; if not, another is taken. The later of two that took one keeps it. */
  async function confirm(n: number): Promise<boolean> {
    const slot = await readSlot(n);
    if (mine !== n) return false;
    if (typeof slot === "object" && slot.writer !== writer) {
      await claim();
      return false;
    }
    if (typeof slot !== "object") await write(); // half-written, or the storage only said that it was
    return true;
  }

  return {
    claim,
    isAlive,
    isHeard,
    async beat(next) {
      state = next;
      if (mine === undefined) return claim();
      if (await confirm(mine)) await write();
    },
    async read() {
      const slots: WriterSlot[] = [];
      for (let n = 0; n < MAX_SLOTS; n += SLOTS_PER_READ) {
        const read = await Promise.all(Array.from({ length: SLOTS_PER_READ }, (_, i) => readSlot(n + i)));
        for (const slot of read) if (typeof slot === "object") slots.push(slot);
        if (read.every((slot) => slot === "free")) break;
      }
      hear(slots);
      return slots;
    },
    async release() {
      isReleased = true;
      if (mine === undefined) return;
      const slot: WriterSlot = { writer, aliveAt: RELEASED, beats: ++beats, ...state };
      await guard.write(keys.slot(mine), JSON.stringify(slot));
      mine = undefined;
    },
  };
}
