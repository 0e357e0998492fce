import type { ProfileRules } from "../profile-store.ts";
import { parseProfile, type ProfileLine, sortedLines } from "./profile-page.ts";
import { keysOfRun, type ProfileRuns, type RunRef, runId } from "./profile-runs.ts";
import { type DigestRange, isWithin } from "./profile-healing.ts";
import { createSlicer } from "./slicer.ts";
import type { Profiles } from "./view.ts";

/** Runs of one writer that a cold visitor is looked up in, at most. */
const MAX_RUNS = 6;

/** By digest, many at a time: one by one, waiting for them would take longer than what is done with them. */
type Lines = AsyncGenerator<ProfileLine[]>;

/** Merged lines that are handed on at a time. */
const LINES_AT_ONCE = 128;

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
  /** Visitors of whom tails may miss something. */
  unsure: string[];
  /** What all runs say of the visitors within the ranges, made anew. */
  heal(ranges: DigestRange[]): Lines;
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
  if (chosen.size === 0 && fresh === 0 && options.unsure.length === 0) return purged;
  const merged = [...chosen];
  const kept = purged.filter((ref) => !chosen.has(ref));
  const torn = options.unsure.map((digest): DigestRange => [digest, digest]);
  const onTorn = (first: string, last: string) => void torn.push([first, last]);
  // before they are merged: what is old would go on in what an erased visitor did since
  const isLeft = (line: ProfileLine) => {
    if (isWithin(damaged, line.digest)) return false;
    if (isMixed(line, options)) torn.push([line.digest, line.digest]);
    return !options.erased.has(line.digest);
  };
  const sources = [...tails.map((tail) => linesOfTail(tail)), ...merged.map((ref) => only(runs.lines(ref, onTorn), isLeft))];
  if (damaged.length > 0) sources.push(options.heal(damaged));
  const lines = mergeLines(sources, rules);
  const run = await runs.write(writer, generation, only(lines, ({ lastSeen }) => lastSeen >= options.expireBefore));
  garbage.push(...merged.flatMap(keysOfRun));
  if (torn.length > 0) kept.push({ ...(run ?? { writer, n: generation, pages: 0, count: 0 }), torn });
  else if (run) kept.push(run);
  return kept;
}

/** Of runs that are not merged but hold somebody who is erased, the largest is mended page by page; others are chosen to be merged. */
async function purgeLargest<P>(left: RunRef[], chosen: Set<RunRef>, options: ProfileCompaction<P>, garbage: string[]): Promise<RunRef[]> {
  const { runs, erased, writer, generation } = options;
  const holding: { ref: RunRef; torn: DigestRange[] }[] = [];
  for (const ref of left) {
    const found = await Promise.all([...erased.keys()].map((digest) => runs.find(ref, digest)));
    const mixed = found.filter((line) => typeof line === "object" && isMixed(line, options)) as ProfileLine[];
    if (found.some(Boolean)) holding.push({ ref, torn: mixed.map(({ digest }) => [digest, digest]) });
  }
  const { ref: largest, torn } = holding.pop() ?? {};
  for (const { ref } of holding) chosen.add(ref);
  if (!largest) return left;
  const mended = await runs.without(largest, new Set(erased.keys()), writer, generation + 1);
  if (!mended) {
    chosen.add(largest);
    return left;
  }
  const needed = new Set(keysOfRun(mended));
  garbage.push(...keysOfRun(largest).filter((key) => !needed.has(key)));
  return left.map((ref) => (ref !== largest ? ref : torn!.length > 0 ? { ...mended, torn } : mended));
}

/** Somebody was seen since they were to be forgotten, by a process that did not know of it yet: it cannot be told what is from before. */
const isMixed = <P>({ digest, lastSeen }: ProfileLine, { erased }: ProfileCompaction<P>) => lastSeen > (erased.get(digest) ?? Infinity);

/** A run is merged with what is new when it is not larger, so that each line is rewritten rarely. */
function chooseRuns(bySize: RunRef[], fresh: number): RunRef[] {
  let size = fresh;
  let count = 0;
  for (const ref of bySize) {
    if (ref.count > size && bySize.length - count < MAX_RUNS) break;
    size += ref.count;
    count++;
  }
  // a single run that would only be copied
  return count === 1 && fresh === 0 ? [] : bySize.slice(0, count);
}

async function* only(lines: Lines, isWanted: (line: ProfileLine) => boolean): Lines {
  for await (const some of lines) yield some.filter(isWanted);
}

async function* linesOfTail<P>(tail: Profiles<P>): Lines {
  // sorted a part at a time: all at once would hold up the event loop
  const parts = Array.from({ length: 256 }, (): string[] => []);
  for (const digest of tail.keys()) parts[Number.parseInt(digest.slice(0, 2), 16)]!.push(digest);
  for (const part of parts) yield sortedLines(part, tail);
}

interface Head {
  source: Lines;
  lines: ProfileLine[];
  at: number;
}

/** Sorted sources as one; lines of one visitor are merged. */
async function* mergeLines<P>(sources: Lines[], rules: ProfileRules<P>): Lines {
  const slice = createSlicer();
  /** Whether the source has another line. */
  async function advance(head: Head): Promise<boolean> {
    while (head.at === head.lines.length) {
      if (slice.due()) await slice.pause(); // of a long source nothing may be wanted
      const next = await head.source.next();
      if (next.done) return false;
      head.lines = next.value;
      head.at = 0;
    }
    return true;
  }
  let heads: Head[] = [];
  for (const source of sources) {
    const head = { source, lines: [], at: 0 };
    if (await advance(head)) heads.push(head);
  }
  let merged: ProfileLine[] = [];
  while (heads.length > 0) {
    if (slice.due()) await slice.pause();
    let least = heads[0]!.lines[heads[0]!.at]!.digest;
    for (const { lines, at } of heads) if (lines[at]!.digest < least) least = lines[at]!.digest;
    let one: ProfileLine | undefined;
    for (const head of heads) {
      const line = head.lines[head.at]!;
      if (line.digest !== least) continue;
      one = one ? mergeTwo(one, line, rules) : line;
      head.at++;
      if (head.at === head.lines.length && !(await advance(head))) heads = heads.filter((other) => other !== head);
    }
    merged.push(one!);
    if (merged.length < LINES_AT_ONCE) continue;
    yield merged;
    merged = [];
  }
  yield merged;
}

function mergeTwo<P>(a: ProfileLine, b: ProfileLine, rules: ProfileRules<P>): ProfileLine {
  const merged = rules.merge(parseProfile<P>(a), parseProfile<P>(b)) as object;
  return { digest: a.digest, lastSeen: Math.max(a.lastSeen, b.lastSeen), profile: merged };
}
