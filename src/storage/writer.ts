import type { Clock } from "../clock.ts";
import type { Guard } from "./guard.ts";
import { keys } from "./keys.ts";

/** What a running process tells the others through its slot. A hint, never the only word: slots may be lost. */
export interface WriterSlot {
  writer: string;
  /** Epoch milliseconds of the last sign of life. */
  aliveAt: number;
  /** Number of its newest checkpoint; -1 before the first. */
  checkpoint: number;
  /** Writers whose data it knows of and has not taken over. */
  known: string[];
}

export interface Writers {
  /** Takes a free slot, and makes sure of it in the following seconds. */
  claim(): Promise<void>;
  /** Tells the others that this process lives, and what it has written. */
  beat(state: { checkpoint: number; known: string[] }): Promise<void>;
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
/** Without a sign of life for this long a process is taken for dead: beats come every 20 s, clocks may differ by a minute. */
export const DEAD_MS = 150_000;
export const BEAT_MS = 20_000;
const SLOTS_PER_READ = 4;
/**
 * Storage has no compare-and-set, so processes that start together may write the same slot: each looks again whether it
 * is still its own, soon and once more after the slowest of writes.
 */
const CONFIRM_MS = [50, 300, 1_500, 6_000];

export function createWriters(options: { guard: Guard; writer: string; now: Clock }): Writers {
  const { guard, writer, now } = options;
  let mine: number | undefined;
  let state: { checkpoint: number; known: string[] } = { checkpoint: -1, known: [] };
  /** Writers by their last sign of life; only while they live. */
  const heard = new Map<string, number>();

  async function readSlot(n: number): Promise<WriterSlot | "free" | "torn"> {
    const held = await guard.read(keys.slot(n));
    if (held.state === "found") return JSON.parse(held.body.toString("utf8")) as WriterSlot;
    return held.state === "missing" ? "free" : "torn";
  }

  const isFresh = (aliveAt: number) => Math.abs(now() - aliveAt) < DEAD_MS;
  const isAlive = (slot: WriterSlot) => isFresh(slot.aliveAt);

  async function write(): Promise<void> {
    if (mine === undefined) return;
    const slot: WriterSlot = { writer, aliveAt: now(), ...state };
    await guard.write(keys.slot(mine), JSON.stringify(slot));
  }

  async function claim(): Promise<void> {
    for (let n = 0; n < MAX_SLOTS; n++) {
      const slot = await readSlot(n);
      if (typeof slot === "object" && slot.writer !== writer && isAlive(slot)) continue;
      if (typeof slot === "object") state.known = [...new Set([...state.known, slot.writer, ...slot.known])];
      mine = n;
      await write();
      confirmLater(n, 0);
      return;
    }
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
    if (typeof slot !== "object" || slot.writer === writer) return true;
    await claim();
    return false;
  }

  return {
    claim,
    isAlive,
    isHeard: (other) => isFresh(heard.get(other) ?? -Infinity),
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
      // a writer that was given back says so by a time long ago; of two slots of one writer the later counts
      for (const slot of slots.toSorted((a, b) => a.aliveAt - b.aliveAt)) heard.set(slot.writer, slot.aliveAt);
      for (const [other, aliveAt] of heard) if (!isFresh(aliveAt)) heard.delete(other);
      return slots;
    },
    async release() {
      if (mine === undefined) return;
      const slot: WriterSlot = { writer, aliveAt: 0, ...state };
      await guard.write(keys.slot(mine), JSON.stringify(slot));
      mine = undefined;
    },
  };
}
