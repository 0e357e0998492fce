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
  /** Takes a free slot, and from then on sees to it that no other process takes the same. */
  claim(): Promise<void>;
  /** Tells the others that this process lives, and what it has written. */
  beat(state: { checkpoint: number; known: string[] }): Promise<void>;
  /** What all slots say, dead ones included. */
  read(): Promise<WriterSlot[]>;
  /** Whether a slot's process still lives, as far as clocks tell. */
  isAlive(slot: WriterSlot): boolean;
  /** Whether a writer gave a sign of life lately, even if another process has written over its slot since. */
  isHeard(writer: string): boolean;
  /** Whether another process lives on the same storage. */
  othersAlive(): boolean;
  /** Gives the slot back: this process is done. The slot still tells whose data is there. */
  release(): Promise<void>;
}

export interface WritersOptions {
  guard: Guard;
  writer: string;
  now: Clock;
  /** From 0 up to 1. @default Math.random */
  random?: () => number;
}

/** Processes on one storage at a time. */
export const MAX_SLOTS = 64;
/** Without a sign of life for this long a process is taken for dead: beats come every 20 s, clocks may differ by a minute. */
export const DEAD_MS = 150_000;
export const BEAT_MS = 20_000;
/** Slots are looked at in groups; nobody is in the groups behind one that nobody ever took a slot of. */
const GROUP = 4;
/** A slot is read back this long after it was written (and up to twice as long): another may have taken it at once. */
const READ_BACK_MS = [50, 500];
/** The slots are looked at this often while the process is young or others live. */
const LOOK_MS = 1_000;
const YOUNG_MS = 30_000;

type Slot = WriterSlot | "free" | "torn";

export function createWriters({ guard, writer, now, random = Math.random }: WritersOptions): Writers {
  let mine: number | undefined;
  let state: { checkpoint: number; known: string[] } = { checkpoint: -1, known: [] };
  /** Other processes by their last sign of life. At most one more a look and slot, and only while they live. */
  const heard = new Map<string, number>();
  let claiming: Promise<void> | undefined;
  let released = false;
  const createdAt = performance.now();
  let looking = false;
  let timers: NodeJS.Timeout[] = [];

  async function readSlot(n: number): Promise<Slot> {
    const held = await guard.read(keys.slot(n));
    if (held.state === "found") return JSON.parse(held.body.toString("utf8")) as WriterSlot;
    return held.state === "missing" ? "free" : "torn";
  }

  const readGroup = (first: number) => Promise.all(Array.from({ length: GROUP }, (_, i) => readSlot(first + i)));

  const isFresh = (aliveAt: number) => Math.abs(now() - aliveAt) < DEAD_MS;
  const isAlive = (slot: WriterSlot) => isFresh(slot.aliveAt);
  const isOthers = (slot: Slot): slot is WriterSlot => typeof slot === "object" && slot.writer !== writer;
  const isHeard = (other: string) => isFresh(heard.get(other) ?? -Infinity);
  const othersAlive = () => [...heard.keys()].some(isHeard);

  async function write(): Promise<void> {
    if (mine === undefined || released) return;
    const slot: WriterSlot = { writer, aliveAt: now(), ...state };
    await guard.write(keys.slot(mine), JSON.stringify(slot));
  }

  /** Any of the free slots of the first group that has one: processes that start at once seldom choose the same. */
  async function take(): Promise<void> {
    for (let first = 0; first < MAX_SLOTS; first += GROUP) {
      const group = await readGroup(first);
      const free = [...group.keys()].filter((i) => !isOthers(group[i]!) || !isAlive(group[i]));
      if (free.length === 0) continue;
      // one that it holds already, after a write that only seemed to fail
      const own = free.find((i) => typeof group[i] === "object" && !isOthers(group[i]));
      const i = own ?? free[Math.floor(random() * free.length)]!;
      const slot = group[i]!;
      if (isOthers(slot)) state.known = [...new Set([...state.known, slot.writer, ...slot.known])];
      mine = first + i;
      await write();
      return watch();
    }
  }

  function claim(): Promise<void> {
    claiming ??= take().finally(() => {
      claiming = undefined;
    });
    return claiming;
  }

  /** Two processes may have taken the same slot: the later one keeps it, the other takes another. */
  async function confirm(): Promise<void> {
    const n = mine;
    if (released) return;
    if (n === undefined) return claim();
    const slot = await readSlot(n);
    if (n !== mine || claiming) return claiming;
    if (isOthers(slot)) return claim();
    if (typeof slot !== "object") await write(); // two at once can leave neither's
  }

  async function read(): Promise<WriterSlot[]> {
    const slots: WriterSlot[] = [];
    for (let first = 0; first < MAX_SLOTS; first += GROUP) {
      const group = await readGroup(first);
      for (const slot of group) if (typeof slot === "object") slots.push(slot);
      if (group.every((slot) => slot === "free")) break;
    }
    // of two slots of one process the later counts
    for (const slot of slots.toSorted((a, b) => a.aliveAt - b.aliveAt)) if (isOthers(slot)) heard.set(slot.writer, slot.aliveAt);
    for (const other of heard.keys()) if (!isHeard(other)) heard.delete(other);
    return slots;
  }

  /** What fails is tried again by the next look, and told of by the guard. */
  function look(): void {
    if (looking || (performance.now() - createdAt > YOUNG_MS && !othersAlive())) return;
    looking = true;
    const look = read().then(confirm).catch(() => {});
    void look.then(() => (looking = false));
  }

  /** The timers do not keep the process alive. */
  function watch(): void {
    stop();
    if (released) return;
    const readBack = () => void confirm().catch(() => {});
    timers = [
      setInterval(look, LOOK_MS).unref(),
      ...READ_BACK_MS.map((ms) => setTimeout(readBack, ms * (1 + random())).unref()),
    ];
  }

  function stop(): void {
    for (const timer of timers) clearTimeout(timer);
  }

  return {
    claim,
    read,
    isAlive,
    isHeard,
    othersAlive,
    async beat(next) {
      state = next;
      await confirm();
      await write();
    },
    async release() {
      stop();
      released = true;
      if (mine === undefined) return;
      const slot: WriterSlot = { writer, aliveAt: 0, ...state };
      await guard.write(keys.slot(mine), JSON.stringify(slot));
      mine = undefined;
    },
  };
}
