import type { ProfileRules } from "../profile-store.ts";
import { parseProfile, type ProfileLine } from "./profile-page.ts";
import { keysOfRun, type ProfileRuns, type RunRef, runId } from "./profile-runs.ts";
import { type DigestRange, isWithin } from "./profile-healing.ts";
import { createSlicer } from "./slicer.ts";
import type { Profiles } from "./view.ts";

/** Runs of one writer that a cold visitor is looked up in, at most. */
const MAX_RUNS = 6;
/** A run is merged with what is new when it is at most this many times its size: each line is rewritten rarely. */
const TIER = 2;

export interface ProfileCompaction<P> {
  runs: ProfileRuns;
  rules: ProfileRules<P>;
  /** Names the new run; the next number names one that only lost somebody. */
  writer: string;
  generation: number;
  /** Epoch milliseconds: profiles of visitors not seen since are kept no longer. */
  expireBefore: number;
  /** Visitors who are to be forgotten, by digest: until when. */
  erased: ReadonlyMap<string, number>;
  /** What all runs say of the visitors within the ranges, made anew. */
  heal(ranges: DigestRange[]): AsyncGenerator<ProfileLine>;
}

/**
 * Tails and runs as fewer runs: what is merged away goes into `garbage`. Where pages were found damaged before, what is
 * there is made anew; those found now are remembered for the next time.
 */
export async function compactProfiles<P>(
  refs: RunRef[],
  tails: Profiles<P>[],
  options: ProfileCompaction<P>,
  garbage: string[],
): Promise<RunRef[]> {
  const { runs, rules, writer, generation } = options;
  const known = [...new Map(refs.map((ref) => [runId(ref), ref])).values()].sort((a, b) => a.count - b.count);
  const fresh = tails.reduce((sum, tail) => sum + tail.size, 0);
  const damaged = known.flatMap((ref) => ref.torn ?? []);
  const chosen = new Set(damaged.length > 0 ? known : chooseRuns(known, fresh));
  const purged = await purgeLargest(known.filter((ref) => !chosen.has(ref)), chosen, options, garbage);
  if (chosen.size === 0 && fresh === 0) return purged;
  const merged = [...chosen];
  const kept = purged.filter((ref) => !chosen.has(ref));
  const torn: DigestRange[] = [];
  const onTorn = (first: string, last: string) => void torn.push([first, last]);
  const sources = [...tails.map((tail) => linesOfTail(tail)), ...merged.map((ref) => without(damaged, runs.lines(ref, onTorn)))];
  if (damaged.length > 0) sources.push(options.heal(damaged));
  // before they are merged: what is old would go on in what an erased visitor did since
  const lines = mergeLines(options.erased.size === 0 ? sources : sources.map((source) => withoutErased(source, options.erased)), rules);
  const run = await runs.write(writer, generation, notExpired(lines, options.expireBefore));
  garbage.push(...merged.flatMap(keysOfRun));
  if (run) kept.push(torn.length > 0 ? { ...run, torn } : run);
  return kept;
}

/** Of runs that are not merged but hold somebody who is erased, the largest is mended page by page; others are chosen to be merged. */
async function purgeLargest<P>(left: RunRef[], chosen: Set<RunRef>, options: ProfileCompaction<P>, garbage: string[]): Promise<RunRef[]> {
  const holding: RunRef[] = [];
  for (const ref of left) if (await holdsErased(ref, options)) holding.push(ref);
  const largest = holding.pop();
  for (const ref of holding) chosen.add(ref);
  if (!largest) return left;
  const mended = await options.runs.without(largest, options.erased, options.writer, options.generation + 1);
  if (!mended) {
    chosen.add(largest);
    return left;
  }
  const needed = new Set(keysOfRun(mended));
  garbage.push(...keysOfRun(largest).filter((key) => !needed.has(key)));
  return left.map((ref) => (ref === largest ? mended : ref));
}

async function holdsErased<P>(ref: RunRef, { runs, erased }: ProfileCompaction<P>): Promise<boolean> {
  for (const digest of erased.keys()) if (await runs.find(ref, digest)) return true;
  return false;
}

function chooseRuns(bySize: RunRef[], fresh: number): RunRef[] {
  let size = fresh;
  let count = 0;
  for (const ref of bySize) {
    if (ref.count > size * TIER && bySize.length - count < MAX_RUNS) break;
    size += ref.count;
    count++;
  }
  // a single run that would only be copied
  return count === 1 && fresh === 0 ? [] : bySize.slice(0, count);
}

async function* without(ranges: DigestRange[], lines: AsyncGenerator<ProfileLine>): AsyncGenerator<ProfileLine> {
  for await (const line of lines) if (!isWithin(ranges, line.digest)) yield line;
}

async function* linesOfTail<P>(tail: Profiles<P>): AsyncGenerator<ProfileLine> {
  // sorted a part at a time: all at once would hold up the event loop
  const parts = Array.from({ length: 256 }, (): string[] => []);
  for (const digest of tail.keys()) parts[Number.parseInt(digest.slice(0, 2), 16)]!.push(digest);
  for (const part of parts) {
    for (const digest of part.sort()) {
      const { profile, lastSeen } = tail.get(digest)!;
      yield { digest, lastSeen, profile: profile as object };
    }
  }
}

/** Sorted sources as one; lines of one visitor are merged. */
async function* mergeLines<P>(sources: AsyncGenerator<ProfileLine>[], rules: ProfileRules<P>): AsyncGenerator<ProfileLine> {
  const heads: { source: AsyncGenerator<ProfileLine>; line: ProfileLine }[] = [];
  async function advance(source: AsyncGenerator<ProfileLine>) {
    const next = await source.next();
    if (!next.done) heads.push({ source, line: next.value });
  }
  for (const source of sources) await advance(source);
  const slice = createSlicer();
  while (heads.length > 0) {
    if (slice.due()) await slice.pause();
    let least = heads[0]!.line.digest;
    for (const { line } of heads) if (line.digest < least) least = line.digest;
    const same = heads.filter(({ line }) => line.digest === least);
    for (const head of same) heads.splice(heads.indexOf(head), 1);
    yield same.map(({ line }) => line).reduce((a, b) => mergeTwo(a, b, rules));
    for (const { source } of same) await advance(source);
  }
}

function mergeTwo<P>(a: ProfileLine, b: ProfileLine, rules: ProfileRules<P>): ProfileLine {
  const merged = rules.merge(parseProfile<P>(a), parseProfile<P>(b)) as object;
  return { digest: a.digest, lastSeen: Math.max(a.lastSeen, b.lastSeen), profile: merged };
}

async function* withoutErased(lines: AsyncGenerator<ProfileLine>, erased: ReadonlyMap<string, number>): AsyncGenerator<ProfileLine> {
  for await (const line of lines) if (line.lastSeen > (erased.get(line.digest) ?? -Infinity)) yield line;
}

async function* notExpired(lines: AsyncGenerator<ProfileLine>, expireBefore: number): AsyncGenerator<ProfileLine> {
  for await (const line of lines) if (line.lastSeen >= expireBefore) yield line;
}
