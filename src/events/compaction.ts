import { keys } from "../storage/keys.ts";
import { writeBlocks } from "./blocks.ts";
import type { Adoption, Checkpoint } from "./checkpoint.ts";
import type { Erasures } from "./erasure.ts";
import type { StoredOwed } from "./event-store.ts";
import type { RollupCache } from "./rollup-cache.ts";
import { writeLater, writeRollups } from "./rollup-parts.ts";
import { mergeDays } from "./rollup.ts";
import type { RunRef } from "./profile-runs.ts";
import { createTraces } from "./purge.ts";
import type { RecentSegments } from "./recent-segments.ts";
import type { Summaries } from "./summaries.ts";
import { writeSummaries } from "./summary-parts.ts";
import type { FollowOptions, WriterView } from "./view.ts";

export interface CompactionOptions extends FollowOptions {
  cache: RollupCache;
  /** Folds the sealed profiles of a plan into runs. */
  compactProfiles: (plan: CompactionPlan, garbage: string[]) => Promise<RunRef[]>;
  /** The checkpoint did not come about: what was sealed is part of the tail again. */
  restoreProfiles: (view: WriterView) => void;
  summaries: Summaries;
  owed?: OwedKeeper;
}

/** Keeps what segments owe beyond their own life. */
export interface OwedKeeper {
  /** A segment of this process is stored. Called in their order, for those that owe nothing too. */
  stored(n: number, owed: StoredOwed[]): void;
  /** A segment is about to be covered by a checkpoint, and then removed. */
  fold(writer: string, n: number, owed: () => StoredOwed[]): void;
  /** Resolves when what was folded and is still owed is stored elsewhere; `adopt` are dead writers, taken over. */
  carry(plan: { storedUpTo: number; adopt: WriterView[]; isErased: Erasures["isErased"] }): Promise<void>;
}

/** Taken-over writers that are remembered, in case one was only asleep. */
const MAX_ADOPTED = 256;

/** One compaction: whose data is folded, and the number that makes its keys new. */
export interface CompactionPlan {
  own: WriterView;
  /** Never used before by this writer, not even by a compaction that failed; nor was the next number. */
  generation: number;
  /** Own segments below this number are stored. */
  storedUpTo: number;
  /** Own segments that are still in memory, so that they need not be read back. */
  recent: RecentSegments;
  /** Dead writers whose data is taken over. */
  adopt: WriterView[];
  /** All writers that are known, those included. */
  views: WriterView[];
  /** Whether there is time to sum up days that are over. */
  sumUp: boolean;
  now: number;
  /** Whose rows and lines must go. */
  erasures: Erasures;
  /** Epoch milliseconds: what happened before is kept no longer. */
  expireBefore: number;
}

/**
 * Prepares the next checkpoint: live rows into rollups under fresh keys, segments into compressed blocks. Nothing
 * has changed for a reader until the checkpoint is written (by the caller); after that `garbage` may be removed.
 * The rows stay in `own.sealed` until then.
 */
export async function prepareCheckpoint(
  plan: CompactionPlan,
  options: CompactionOptions,
): Promise<{ checkpoint: Checkpoint; garbage: string[] }> {
  const { own, adopt } = plan;
  own.sealed = own.live;
  own.live = new Map();
  for (const view of [own, ...adopt]) {
    view.sealedProfiles = view.profiles;
    view.profiles = undefined;
    view.frozen = view !== own;
  }
  const garbage: string[] = [];
  const purged = plan.erasures.known();
  const profiles = await options.compactProfiles(plan, garbage);
  const traces = createTraces();
  const rollups = await writeRollups(plan, traces, options, garbage);
  const blocks = await writeBlocks(plan, traces, options, garbage);
  const later = traces.later(plan.erasures.toPurge());
  rollups.push(...(await writeLater(plan, later, options)));
  await options.owed?.carry({ storedUpTo: plan.storedUpTo, adopt, isErased: plan.erasures.isErased });
  const summaries = await writeSummaries(plan, rollups, later, options, garbage);
  // those it had taken over itself too: keys of theirs may be left, and nobody else says that they no longer count
  const adopted = adopt.flatMap((view): Adoption[] => [...view.checkpoint.adopted, [view.writer, view.next, view.checkpoint.n]]);
  const checkpoint: Checkpoint = {
    writer: own.writer,
    n: own.checkpoint.n + 1,
    at: plan.now,
    covered: plan.storedUpTo,
    rollups,
    blocks,
    summaries,
    profiles,
    // of this one they may have said the same: what it has now, it has had since
    adopted: [...own.checkpoint.adopted, ...adopted].filter(([writer]) => writer !== own.writer).slice(-MAX_ADOPTED),
    ceded: own.checkpoint.ceded,
    purged,
  };
  if (own.checkpoint.n >= 0) garbage.push(keys.checkpoint(own.writer, own.checkpoint.n));
  return { checkpoint, garbage };
}

/** The checkpoint did not come about: its rows are live again. */
export function restoreLive(own: WriterView): void {
  for (const [key, entry] of own.sealed ?? []) {
    const since = own.live.get(key);
    if (since) mergeDays(since.rollup, entry.rollup);
    else own.live.set(key, entry);
  }
  own.sealed = undefined;
}
