import { lowerBound } from "./sorted.ts";

/** Visitors by the hash of their id, ascending, each with the highest ordinal of a visit. */
export interface Distinct {
  hashes: Float64Array;
  visits: Uint32Array;
}

export const NOBODY: Distinct = { hashes: new Float64Array(0), visits: new Uint32Array(0) };

export function toDistinct(visitsOf: Map<number, number>): Distinct {
  const hashes = Float64Array.from(visitsOf.keys()).sort();
  const visits = new Uint32Array(hashes.length);
  for (let i = 0; i < hashes.length; i++) visits[i] = visitsOf.get(hashes[i]!)!;
  return { hashes, visits };
}

/** The union of any number of sets. Two of them at a time, so that `pause` comes between slices of work. */
export async function unite(sets: Distinct[], pause: () => Promise<void>): Promise<Distinct> {
  const queue = sets.filter(({ hashes }) => hashes.length > 0);
  // the two that were made longest ago are the smallest
  for (let i = 0; i + 1 < queue.length; i += 2) {
    queue.push(mergeTwo(queue[i]!, queue[i + 1]!));
    await pause();
  }
  return queue.at(-1) ?? NOBODY;
}

function mergeTwo(one: Distinct, other: Distinct): Distinct {
  const hashes = new Float64Array(one.hashes.length + other.hashes.length);
  const visits = new Uint32Array(hashes.length);
  let size = 0;
  let i = 0;
  let j = 0;
  while (i < one.hashes.length || j < other.hashes.length) {
    const left = i < one.hashes.length ? one.hashes[i]! : Infinity;
    const right = j < other.hashes.length ? other.hashes[j]! : Infinity;
    let most = 0;
    if (left <= right) most = one.visits[i++]!;
    if (right <= left) most = Math.max(most, other.visits[j++]!);
    hashes[size] = Math.min(left, right);
    visits[size++] = most;
  }
  return { hashes: hashes.slice(0, size), visits: visits.slice(0, size) };
}

/** The highest ordinal of a visitor's visit; 0 for one who is not in the set. */
export function visitsIn({ hashes, visits }: Distinct, hash: number): number {
  const at = lowerBound(hashes, hash);
  return hashes[at] === hash ? visits[at]! : 0;
}

export function countReturning({ visits }: Distinct): number {
  let count = 0;
  for (const most of visits) if (most >= 2) count++;
  return count;
}
