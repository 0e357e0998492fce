import type { Guard } from "../storage/guard.ts";
import { keys } from "../storage/keys.ts";
import type { EndpointHealth } from "./endpoint-health.ts";

/** How far a delivery is that was tried at least once, or given up. */
export type Progress =
  | { state: "waiting"; attempts: number; /** Epoch milliseconds. */ dueAt: number; /** What the last attempt came to. */ last?: string }
  | { state: "dead"; attempts: number; /** Epoch milliseconds when it was given up. */ at: number; reason: string };

/** Attempts, time, words; a fifth element stands for "dead". */
type Opened = [index: number, attempts: number, time: number, words: string, dead?: 1];

/** What is left of a segment's or block's deliveries: which are done with (`0-5,7`, or `*`), and which were tried. */
export type Rest = [done: string, opened: Opened[]];

/** How far one writer's deliveries are. A place that is not named is as it was stored: nothing of it was tried. */
export interface LedgerState {
  n: number;
  /** Own segments below this number are done with or were carried into blocks. */
  from: number;
  segments: [n: number, ...Rest][];
  blocks: [key: string, ...Rest][];
  /** Endpoints with something wrong: their site and id, separated by a space. */
  endpoints: [lane: string, EndpointHealth][];
}

const ALL = "*";

/** The JSON of a `Rest`, without its brackets. `undefined` stands for one that is done with. */
export function encodeRest(slots: readonly ({ progress?: Progress } | undefined)[]): string {
  const opened: Opened[] = [];
  for (const [index, slot] of slots.entries()) {
    const progress = slot?.progress;
    if (progress?.state === "waiting") opened.push([index, progress.attempts, progress.dueAt, progress.last ?? ""]);
    else if (progress) opened.push([index, progress.attempts, progress.at, progress.reason, 1]);
  }
  return `${JSON.stringify(rangesDone(slots))},${JSON.stringify(opened)}`;
}

/** What is still owed of `total` deliveries; `undefined` for what was not tried yet. */
export function decodeRest(total: number, [done, opened]: Rest = ["", []]): Map<number, Progress | undefined> {
  const live = new Map<number, Progress | undefined>();
  if (done === ALL) return live;
  for (let index = 0; index < total; index++) live.set(index, undefined);
  for (const range of done === "" ? [] : done.split(",")) {
    const [first = 0, last = first] = range.split("-").map(Number);
    for (let index = first; index <= last; index++) live.delete(index);
  }
  for (const [index, attempts, time, words, dead] of opened) {
    if (!live.has(index)) continue;
    live.set(index, dead ? { state: "dead", attempts, at: time, reason: words } : { state: "waiting", attempts, dueAt: time, last: words });
  }
  return live;
}

function rangesDone(slots: readonly unknown[]): string {
  if (slots.every((slot) => slot === undefined)) return ALL;
  const ranges: string[] = [];
  for (let index = 0; index < slots.length; index++) {
    if (slots[index] !== undefined) continue;
    const first = index;
    while (index + 1 < slots.length && slots[index + 1] === undefined) index++;
    ranges.push(first === index ? String(first) : `${first}-${index}`);
  }
  return ranges.join(",");
}

/** The newer of a writer's two values; `undefined` when it never wrote one. */
export async function readLedgerState(guard: Guard, writer: string): Promise<LedgerState | undefined> {
  let newest: LedgerState | undefined;
  for (const turn of [0, 1]) {
    const held = await guard.read(keys.outbox(writer, turn));
    if (held.state !== "found") continue;
    const state = JSON.parse(held.body.toString("utf8")) as LedgerState;
    if (!newest || state.n > newest.n) newest = state;
  }
  return newest;
}
