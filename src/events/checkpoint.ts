import type { Guard } from "../storage/guard.ts";
import { keys } from "../storage/keys.ts";
import type { RunRef } from "./profile-runs.ts";

/** A block that a checkpoint names: compressed raw events of one site. */
export interface BlockRef {
  siteId: string;
  key: string;
  /** Earliest and latest event in it, epoch milliseconds. */
  minAt: number;
  maxAt: number;
  count: number;
  bytes: number;
}

export interface RollupRef {
  siteId: string;
  day: string;
  key: string;
  /** Rows, pageviews and events in it: its size, by which parts are merged. */
  cells: number;
}

/** What was taken over of a writer: its journal up to a segment, and all that a checkpoint of its named. */
export type Adoption = [writer: string, covered: number, n: number];

/** A day of one site that is over, summed up. */
export interface SummaryRef {
  siteId: string;
  day: string;
  key: string;
  /** Digest of the keys of the rollups that it is made of: while the day has others too, it does not count. */
  of: string;
}

/**
 * What stands for a writer's journal up to a segment: writing it is the moment at which rollups and blocks begin
 * to count and the segments below `covered` cease to. A crash before it leaves everything as it was.
 */
export interface Checkpoint {
  writer: string;
  n: number;
  /** When it was made, epoch milliseconds. */
  at: number;
  /** Segments below this number are in the rollups and blocks. */
  covered: number;
  rollups: RollupRef[];
  blocks: BlockRef[];
  summaries: SummaryRef[];
  /** Visitors' profiles as of the covered segments. */
  profiles: RunRef[];
  /** Dead writers whose data is here too. */
  adopted: Adoption[];
  /** This writer woke up after that checkpoint of its own was taken over, and what is named here it has had since. */
  ceded?: number;
  /** By writer, how many of the erasures that it was asked for this is the rest of. Those that are long over are not told of. */
  purged: [writer: string, upTo: number][];
}

export function emptyCheckpoint(writer: string): Checkpoint {
  return { writer, n: -1, at: 0, covered: 0, rollups: [], blocks: [], summaries: [], profiles: [], adopted: [], purged: [] };
}

/** Whether it names anything to read. */
export const isNaming = ({ rollups, blocks, profiles }: Checkpoint) => rollups.length + blocks.length + profiles.length > 0;

/** Whether all that a checkpoint stands for was taken over, and its writer did not know yet. */
export function isTaken({ covered, ceded = -Infinity }: Checkpoint, [, upTo, n]: Adoption): boolean {
  return covered <= upTo && ceded < n;
}

/** What was taken over of a writer, as checkpoints tell. It may have woken up and been taken over again. */
export function adoptionIn(checkpoints: Checkpoint[], writer: string): Adoption | undefined {
  let last: Adoption | undefined;
  for (const { adopted } of checkpoints) {
    for (const [one, covered, n] of adopted) {
      if (one === writer) last = [writer, Math.max(covered, last?.[1] ?? covered), Math.max(n, last?.[2] ?? n)];
    }
  }
  return last;
}

export async function writeCheckpoint(guard: Guard, checkpoint: Checkpoint): Promise<void> {
  await guard.write(keys.checkpoint(checkpoint.writer, checkpoint.n), JSON.stringify(checkpoint));
}

/** The n-th checkpoint of a writer, when it is there and sound. */
export async function readCheckpoint(guard: Guard, writer: string, n: number): Promise<Checkpoint | undefined> {
  const held = await guard.read(keys.checkpoint(writer, n));
  return held.state === "found" ? (JSON.parse(held.body.toString("utf8")) as Checkpoint) : undefined;
}

/** The newest sound checkpoint among the given numbers; a torn one is passed over for the one before it. */
export async function readNewestCheckpoint(guard: Guard, writer: string, numbers: number[]): Promise<Checkpoint> {
  for (const n of numbers.sort((a, b) => b - a)) {
    const checkpoint = await readCheckpoint(guard, writer, n);
    if (checkpoint) return checkpoint;
  }
  return emptyCheckpoint(writer);
}
