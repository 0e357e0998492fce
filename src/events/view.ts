import type { StoredEvent } from "../event.ts";
import type { Reporter } from "../logger.ts";
import type { Guard } from "../storage/guard.ts";
import { keys } from "../storage/keys.ts";
import { type BlockRef, type Checkpoint, emptyCheckpoint, readCheckpoint } from "./checkpoint.ts";
import { createDay, type DayRollup, foldEvent } from "./rollup.ts";
import { decodeSegment, parseLines, type Segment } from "./segment.ts";

/** Rows not covered by a checkpoint yet, by site and day. */
export type LiveRows = Map<string, { siteId: string; day: string; rollup: DayRollup }>;

/** By `visitorDigest`. */
export type Profiles<P> = Map<string, { profile: P; lastSeen: number }>;

export const siteDay = (siteId: string, day: string) => `${siteId}\n${day}`;

export function foldInto(live: LiveRows, event: StoredEvent): void {
  const key = siteDay(event.siteId, event.day);
  let entry = live.get(key);
  if (!entry) {
    entry = { siteId: event.siteId, day: event.day, rollup: createDay() };
    live.set(key, entry);
  }
  foldEvent(entry.rollup, event);
}

/** What this process knows of one writer's data: its newest checkpoint, and the rows of the segments after it. */
export interface WriterView {
  writer: string;
  checkpoint: Checkpoint;
  live: LiveRows;
  /** Rows that a checkpoint is being made of right now. */
  sealed: LiveRows | undefined;
  /** Next segment to read. */
  next: number;
  /** What the segments after the checkpoint say of visitors, when profiles are kept here. */
  profiles?: Profiles<unknown>;
  /** Profiles that a checkpoint is being made of right now. */
  sealedProfiles?: Profiles<unknown>;
  /** It is being taken over: nothing more of it is followed meanwhile. */
  frozen?: boolean;
  /** Numbers of segments that are in storage no more, though no checkpoint that can be read covers them. */
  lost?: Set<number>;
}

export interface FollowOptions {
  guard: Guard;
  reporter: Reporter;
  /** Takes every event found in a segment into the view (not those that a checkpoint covers). */
  onEvent: (event: StoredEvent, view: WriterView) => void;
  /** Told when what a view's checkpoint and tail say of visitors was rearranged; `skipped`: unseen events are covered. */
  onMoved: (skipped: boolean) => void;
  /** Folds an event that was taken before into rows and a tail that are made anew. */
  refold: (event: StoredEvent, into: { live: LiveRows; profiles: Profiles<unknown> }) => void;
  /** Told of blocks that may hold events which were never seen as segments. */
  onUnseen: (blocks: BlockRef[]) => Promise<void>;
  onTorn?: (key: string) => void;
}

export function createView(writer: string, checkpoint: Checkpoint = emptyCheckpoint(writer)): WriterView {
  return { writer, checkpoint, live: new Map(), sealed: undefined, next: checkpoint.covered };
}

/** What a segment's key holds, "torn" and "missing" told apart. */
export async function readSegment(guard: Guard, writer: string, n: number): Promise<Segment | "missing" | "torn"> {
  const held = await guard.read(keys.segment(writer, n));
  return held.state === "found" ? decodeSegment(held.body) : held.state;
}

/** Copies a damaged value aside for the owner to look at, tells of it once, and leaves the rest alone. */
export function reportTorn(options: FollowOptions, key: string): void {
  options.onTorn?.(key);
  options.reporter.report("error", "torn value", "a stored value is damaged and is left out; everything else is served", { key });
}

/**
 * Brings a view up to what its writer has stored: newer checkpoints first, then the segments after them. The next
 * number is asked for, nothing is listed. Returns whether anything was new.
 */
export async function followWriter(view: WriterView, options: FollowOptions): Promise<boolean> {
  let news = false;
  for (;;) {
    const segment = await readSegment(options.guard, view.writer, view.next);
    if (segment === "missing") {
      if (!(await advanceCheckpoint(view, options))) return news;
      news = true;
      continue;
    }
    if (segment === "torn") {
      // half-written just now, unless the writer has gone on: then it is damaged
      const after = await readSegment(options.guard, view.writer, view.next + 1);
      if (after === "missing") return news;
      if ((await readSegment(options.guard, view.writer, view.next)) !== "torn") continue; // done with it meanwhile
      reportTorn(options, keys.segment(view.writer, view.next));
      view.next++;
      continue;
    }
    for (const { lines } of segment.sites) {
      for (const event of parseLines(lines)) options.onEvent(event, view);
    }
    view.next++;
    news = true;
  }
}

/** Takes over the next checkpoint, if there is one. Rows it covers are dropped and what follows is read anew. */
async function advanceCheckpoint(view: WriterView, options: FollowOptions): Promise<boolean> {
  const newer = await readCheckpoint(options.guard, view.writer, view.checkpoint.n + 1);
  if (newer) await adoptCheckpoint(view, newer, options);
  return newer !== undefined;
}

/** What the view has beside its new checkpoint is made anew from the segments that this does not cover. */
export async function adoptCheckpoint(view: WriterView, newer: Checkpoint, options: FollowOptions): Promise<void> {
  const { next, checkpoint } = view;
  if (newer.covered > next || newer.adopted.length > checkpoint.adopted.length) {
    const known = new Set(checkpoint.blocks.map(({ key }) => key));
    await options.onUnseen(newer.blocks.filter(({ key }) => !known.has(key)));
  }
  const fresh = { live: new Map() as LiveRows, profiles: new Map() as Profiles<unknown> };
  let isWhole = true;
  // of this process's own, more may be stored meanwhile
  for (let n = newer.covered; n < view.next; n++) {
    const segment = await readSegment(options.guard, view.writer, n);
    if (segment === "missing" && !view.lost?.has(n)) isWhole = false;
    if (typeof segment === "string") continue;
    for (const { lines } of segment.sites) for (const event of parseLines(lines)) options.refold(event, fresh);
  }
  view.checkpoint = newer;
  view.profiles = fresh.profiles;
  // what is missing, a still newer one covers, which is looked for next; until then rows that are there twice do no harm
  if (isWhole) view.live = fresh.live;
  view.next = Math.max(view.next, newer.covered);
  options.onMoved(newer.covered > next);
}
