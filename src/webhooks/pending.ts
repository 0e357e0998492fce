import type { Waiting } from "./attempts.ts";
import { firstAttempt } from "./attempts.ts";
import type { Delivery } from "./payload.ts";
import { sizeOf } from "./payload.ts";

/** A delivery on its way through the outbox. */
export interface Entry {
  delivery: Delivery;
  progress: Waiting;
  /** Epoch milliseconds when it was taken in: its age is counted from here. */
  takenAt: number;
  /** What the last attempt came to. */
  last?: string;
  place: "fresh" | "waiting" | "flying" | "gone";
  older?: Entry;
  younger?: Entry;
}

/** The deliveries an endpoint is still owed, oldest first. */
export interface Pending {
  readonly size: number;
  readonly bytes: number;
  /** `undefined` when a delivery of this id is pending already. */
  add(delivery: Delivery, now: number, progress?: Waiting): Entry | undefined;
  get(id: string): Entry | undefined;
  /** All, youngest first. */
  youngestFirst(): Iterable<Entry>;
  /** The entry to start at `now`: the one due longest; with `ordered` the oldest or none. */
  due(now: number, ordered: boolean): Entry | undefined;
  /** Epoch milliseconds of the next one due; `undefined` when none waits. */
  nextDueAt(ordered: boolean): number | undefined;
  /** It is being sent: not due again until it is put back. */
  take(entry: Entry): void;
  putBack(entry: Entry, progress: Waiting): void;
  remove(entry: Entry): void;
  /** The oldest that is not being sent. */
  oldestIdle(): Entry | undefined;
}

interface Wait {
  dueAt: number;
  entry: Entry;
  progress: Waiting;
}

/** What an entry costs beside its payload, roughly. */
const ENTRY_BYTES = 300;
const COMPACT_FROM = 1_024;

export function createPending(): Pending {
  const byId = new Map<string, Entry>();
  const waits: Wait[] = []; // binary heap; holds outdated ones until they reach the top or outnumber the live ones
  let fresh: Entry[] = []; // in order of arrival; those before `freshFrom` and those not "fresh" any more are done with
  let freshFrom = 0;
  let oldest: Entry | undefined;
  let youngest: Entry | undefined;
  let bytes = 0;

  function firstFresh(): Entry | undefined {
    while (freshFrom < fresh.length && fresh[freshFrom]?.place !== "fresh") freshFrom++;
    if (freshFrom >= COMPACT_FROM && freshFrom * 2 >= fresh.length) {
      fresh = fresh.slice(freshFrom);
      freshFrom = 0;
    }
    return fresh[freshFrom];
  }

  function firstWait(): Entry | undefined {
    while (waits[0] && !isLive(waits[0])) popWait(waits);
    return waits[0]?.entry;
  }

  function head(): Entry | undefined {
    firstFresh(); // lets go of what was sent
    return oldest?.place === "flying" ? undefined : oldest;
  }

  function putBack(entry: Entry, progress: Waiting) {
    entry.place = "waiting";
    entry.progress = progress;
    if (waits.length > 2 * byId.size + COMPACT_FROM) keepLive(waits);
    pushWait(waits, { dueAt: progress.dueAt, entry, progress });
  }

  return {
    get size() {
      return byId.size;
    },
    get bytes() {
      return bytes;
    },
    add(delivery, now, progress = firstAttempt(now)) {
      if (byId.has(delivery.id)) return undefined;
      const entry: Entry = { delivery, progress, takenAt: delivery.takenAt ?? now, place: "fresh", older: youngest, younger: undefined, last: undefined };
      if (youngest) youngest.younger = entry;
      else oldest = entry;
      youngest = entry;
      byId.set(delivery.id, entry);
      bytes += costOf(delivery);
      if (progress.attempts === 0) fresh.push(entry);
      else putBack(entry, progress);
      return entry;
    },
    get: (id) => byId.get(id),
    *youngestFirst() {
      for (let entry = youngest; entry; ) {
        const { older } = entry; // whoever iterates may remove it
        yield entry;
        entry = older;
      }
    },
    due(now, ordered) {
      // a first attempt never waits, even when the clock was set back since
      const isDue = (entry: Entry) => entry.place === "fresh" || entry.progress.dueAt <= now;
      if (ordered) {
        const entry = head();
        return entry && isDue(entry) ? entry : undefined;
      }
      const first = firstFresh();
      const wait = firstWait();
      return wait && isDue(wait) && (!first || wait.progress.dueAt < first.progress.dueAt) ? wait : first;
    },
    nextDueAt(ordered) {
      return (ordered ? head() : (firstFresh() ?? firstWait()))?.progress.dueAt;
    },
    take(entry) {
      entry.place = "flying";
    },
    putBack,
    remove(entry) {
      if (entry.place === "gone") return;
      entry.place = "gone";
      byId.delete(entry.delivery.id);
      bytes -= costOf(entry.delivery);
      if (entry.older) entry.older.younger = entry.younger;
      else oldest = entry.younger;
      if (entry.younger) entry.younger.older = entry.older;
      else youngest = entry.older;
      entry.older = entry.younger = undefined;
      firstFresh();
    },
    oldestIdle() {
      let entry = oldest;
      while (entry?.place === "flying") entry = entry.younger;
      return entry;
    },
  };
}

function costOf(delivery: Delivery): number {
  return sizeOf(delivery) + ENTRY_BYTES;
}

/** Whether the wait still stands: its entry was neither taken, removed nor put back with another time. */
function isLive({ entry, progress }: Wait): boolean {
  return entry.place === "waiting" && entry.progress === progress;
}

function pushWait(waits: Wait[], wait: Wait): void {
  let index = waits.length;
  while (index > 0) {
    const parentIndex = (index - 1) >> 1;
    const parent = waits[parentIndex] as Wait;
    if (parent.dueAt <= wait.dueAt) break;
    waits[index] = parent;
    index = parentIndex;
  }
  waits[index] = wait;
}

function popWait(waits: Wait[]): void {
  const last = waits.pop();
  if (!last || waits.length === 0) return;
  let index = 0;
  for (;;) {
    let childIndex = 2 * index + 1;
    const right = waits[childIndex + 1];
    if (right && right.dueAt < (waits[childIndex] as Wait).dueAt) childIndex++;
    const child = waits[childIndex];
    if (!child || child.dueAt >= last.dueAt) break;
    waits[index] = child;
    index = childIndex;
  }
  waits[index] = last;
}

function keepLive(waits: Wait[]): void {
  // a sorted array is a heap
  const live = waits.filter(isLive).sort((one, other) => one.dueAt - other.dueAt);
  waits.length = 0;
  for (const wait of live) waits.push(wait);
}
