import type { Guard } from "../storage/guard.ts";
import { keys, parseSequenceKey } from "../storage/keys.ts";
import { type Checkpoint, readNewestCheckpoint } from "./checkpoint.ts";
import { keysOfRun } from "./profile-runs.ts";
import { type FollowOptions, reportTorn } from "./view.ts";

/** A checkpoint that cannot be read any more, and all keys there are. */
export interface Lost {
  n: number;
  stored: string[];
}

/**
 * A writer's newest sound checkpoint. When a newer one is torn, it matters why: half-written at its writer's death
 * it never counted, and all that the one before it names is still there; damaged later, that has been removed.
 */
export async function readSound(follow: FollowOptions, writer: string, numbers: number[]): Promise<{ checkpoint: Checkpoint; lost?: Lost }> {
  const checkpoint = await readNewestCheckpoint(follow.guard, writer, numbers);
  const newest = Math.max(-1, ...numbers);
  if (checkpoint.n >= newest) return { checkpoint };
  reportTorn(follow, keys.checkpoint(writer, newest));
  const stored = await follow.guard.list("");
  const left = new Set(stored);
  const named = [...[...checkpoint.rollups, ...checkpoint.blocks].map(({ key }) => key), ...checkpoint.profiles.flatMap(keysOfRun)];
  const isWhole = [...named, keys.segment(writer, checkpoint.covered)].every((key) => left.has(key));
  return isWhole ? { checkpoint } : { checkpoint, lost: { n: newest, stored } };
}

/** By writer, the numbers of what is stored below `base`. */
export async function numbersOf(guard: Guard, base: string): Promise<Map<string, number[]>> {
  const numbers = new Map<string, number[]>();
  for (const key of await guard.list(base)) {
    const parsed = parseSequenceKey(key);
    if (parsed) numbers.set(parsed.writer, [...(numbers.get(parsed.writer) ?? []), parsed.n]);
  }
  return numbers;
}
