import type { StoredEvent } from "../event.ts";
import type { ProfileRules, ProfileStore } from "../profile-store.ts";
import { createRecent } from "../recent.ts";
import { visitorDigest } from "../storage/keys.ts";
import type { CompactionPlan } from "./compaction.ts";
import type { Erasures } from "./erasure.ts";
import { compactProfiles } from "./profile-compaction.ts";
import { type DigestRange, healProfiles, isWithin } from "./profile-healing.ts";
import { parseProfile } from "./profile-page.ts";
import { type ProfileRuns, type RunRef, runId } from "./profile-runs.ts";
import type { FollowOptions, Profiles, WriterView } from "./view.ts";

/** Profiles kept in memory, least recently used first out; and how many of one visitor's events a lost one is made of. */
export const MAX_PROFILES = 20_000;
const MAX_REBUILT_EVENTS = 5_000;
/** Reads of one profile that are begun anew because a checkpoint moved it meanwhile. */
const MAX_MOVES = 10;

/** What the event store needs to keep visitors' profiles. */
export interface ProfileOptions<P> {
  rules: ProfileRules<P>;
  /** Whether an event is part of its visitor's profile. */
  counts(event: StoredEvent): boolean;
}

interface Entry<P> {
  profile: P | undefined;
}

export interface EmbeddedProfiles<P> extends ProfileStore<P> {
  /** An event of the view's writer is stored: it belongs to that writer's tail. */
  noteStored(view: WriterView, event: StoredEvent): void;
  foldInto(tail: Profiles<unknown>, event: StoredEvent): void;
  /**
   * What is in runs and tails was rearranged: reads under way begin anew. `skipped`: events were covered by a checkpoint
   * before this process saw them, so what is in memory may miss them.
   */
  noteMoved(skipped: boolean): void;
  /** What was known of a visitor up to a moment is to be forgotten. */
  drop(digest: string, until: number): void;
  /** Folds the sealed tails of a plan into runs. */
  compact(plan: CompactionPlan, garbage: string[]): Promise<RunRef[]>;
  /** What was sealed is part of the view's tail again. */
  restore(view: WriterView): void;
}

export interface EmbeddedProfilesParts<P> extends ProfileOptions<P> {
  writer: string;
  runs: ProfileRuns;
  follow: FollowOptions;
  views(): WriterView[];
  /** Whether this event is stored already. */
  isSeen(event: StoredEvent): boolean;
  erasures: Erasures;
  /** A visitor's events, newest first: what a profile is made of when its page is damaged. */
  events(siteId: string, visitorId: string, page: { limit: number }): Promise<{ events: StoredEvent[] }>;
  /** Brings the views up to date after a run was found gone. */
  refresh(): Promise<void>;
}

/**
 * A visitor's profile is what all writers' runs and tails say of them, merged. One in memory is kept up to date by
 * every event that is recorded here or found in another's journal, so a hit on it waits for nothing.
 */
export function createEmbeddedProfiles<P>(parts: EmbeddedProfilesParts<P>): EmbeddedProfiles<P> {
  const { rules, runs, views, erasures } = parts;
  const entries = createRecent<Entry<P>>(MAX_PROFILES);
  const loading = new Map<string, Promise<Entry<P>>>();
  /** Which entry an event was folded into before it was stored. */
  const recordedIn = new WeakMap<StoredEvent, Entry<P>>();
  /** Visitors whose tail held what they did before they were to be forgotten, and since: that is to be found in the events. */
  const unsure = new Set<string>();
  /** Visitors of whom an event was stored while their profile was read. */
  const touched = new Set<string>();
  let moves = 0;

  function keep(digest: string, profile: P | undefined): Entry<P> {
    const entry = { profile };
    entries.set(digest, entry);
    return entry;
  }

  const counts = (event: StoredEvent) => parts.counts(event) && !erasures.isErased(event.siteId, event.visitorId, event.at);

  const digestOf = (event: StoredEvent) => visitorDigest(event.siteId, event.visitorId);

  function addTo(given: Profiles<unknown>, digest: string, event: StoredEvent): void {
    const tail = given as Profiles<P>;
    const known = tail.get(digest);
    const profile = rules.fold(known?.profile, event);
    if (!known) return void tail.set(digest, { profile, lastSeen: event.at });
    known.profile = profile;
    if (event.at > known.lastSeen) known.lastSeen = event.at;
  }

  /** From pages and tails, all as of one moment. */
  async function read(siteId: string, visitorId: string, digest: string): Promise<Entry<P>> {
    for (let attempt = 0; ; attempt++) {
      const before = moves;
      const found = await readRuns(digest);
      if ((before !== moves || found === "missing") && attempt < MAX_MOVES) {
        if (found === "missing") await parts.refresh();
        continue;
      }
      if (found === "torn" || found === "missing") {
        touched.delete(digest);
        const profile = await rebuild(siteId, visitorId);
        if (touched.delete(digest) && attempt < MAX_MOVES) continue;
        return keep(digest, profile);
      }
      let profile = found.length === 0 ? undefined : found.reduce(rules.merge);
      for (const view of views()) {
        for (const tail of [view.sealedProfiles, view.profiles]) {
          const known = tail?.get(digest) as { profile: P } | undefined;
          if (known) profile = profile === undefined ? structuredClone(known.profile) : rules.merge(profile, known.profile);
        }
      }
      return keep(digest, profile);
    }
  }

  async function readRuns(digest: string): Promise<P[] | "torn" | "missing"> {
    const known = new Map(views().flatMap((view) => view.checkpoint.profiles.map((run) => [runId(run), run])));
    if (unsure.has(digest)) return "torn";
    const until = erasures.erasedUntil(digest) ?? -Infinity;
    const lines = await Promise.all([...known.values()].map((run) => runs.find(run, digest)));
    const found: P[] = [];
    for (const line of lines) {
      if (line === "torn" || line === "missing") return line;
      if (line && line.lastSeen > until) found.push(parseProfile<P>(line));
    }
    return found;
  }

  async function rebuild(siteId: string, visitorId: string): Promise<P | undefined> {
    const { events } = await parts.events(siteId, visitorId, { limit: MAX_REBUILT_EVENTS });
    let profile: P | undefined;
    for (const event of events.toReversed()) if (counts(event)) profile = rules.fold(profile, event);
    return profile;
  }

  return {
    load(siteId, visitorId) {
      const digest = visitorDigest(siteId, visitorId);
      const entry = entries.get(digest);
      if (entry) return entry.profile;
      let pending = loading.get(digest);
      if (!pending) {
        pending = read(siteId, visitorId, digest).finally(() => (loading.delete(digest), touched.delete(digest)));
        loading.set(digest, pending);
      }
      return pending.then(({ profile }) => profile);
    },
    record(event) {
      if (parts.isSeen(event) || erasures.isErased(event.siteId, event.visitorId, event.at)) return;
      const entry = entries.get(digestOf(event));
      if (!entry) return;
      entry.profile = rules.fold(entry.profile, event);
      recordedIn.set(event, entry);
    },
    noteStored(view, event) {
      if (!parts.counts(event)) return;
      const digest = digestOf(event);
      addTo((view.profiles ??= new Map()), digest, event);
      const entry = entries.get(digest);
      if (!entry && loading.has(digest)) touched.add(digest);
      if (entry && recordedIn.get(event) !== entry) entry.profile = rules.fold(entry.profile, event);
    },
    foldInto(tail, event) {
      if (counts(event)) addTo(tail, digestOf(event), event);
    },
    noteMoved(skipped) {
      moves++;
      if (skipped) entries.clear();
    },
    drop(digest, until) {
      moves++;
      entries.delete(digest);
      for (const view of views()) {
        const isOurs = view.writer === parts.writer || view.frozen === true; // others' are made anew with their next checkpoint
        for (const tail of [view.profiles, view.sealedProfiles]) {
          if (isOurs && (tail?.get(digest)?.lastSeen ?? -Infinity) > until) unsure.add(digest);
          tail?.delete(digest);
        }
      }
    },
    compact({ own, adopt, generation, expireBefore }, garbage) {
      const marked = own.checkpoint.profiles.flatMap(({ torn }) => torn ?? []);
      for (const digest of unsure) if (isWithin(marked, digest)) unsure.delete(digest);
      const sources = [own, ...adopt];
      const refs = sources.flatMap((view) => view.checkpoint.profiles);
      const tails = sources.flatMap((view) => (view.sealedProfiles ? [view.sealedProfiles as Profiles<P>] : []));
      const blocks = sources.flatMap((view) => view.checkpoint.blocks);
      const heal = (ranges: DigestRange[]) => healProfiles(ranges, blocks, { rules, counts, follow: parts.follow });
      return compactProfiles(refs, tails, { runs, rules, writer: parts.writer, generation, expireBefore, erased: erasures.toPurge(), unsure: [...unsure], heal }, garbage);
    },
    restore(view) {
      view.frozen = false;
      const { profiles: since, sealedProfiles: sealed } = view as { profiles?: Profiles<P>; sealedProfiles?: Profiles<P> };
      view.sealedProfiles = undefined;
      view.profiles = sealed ?? since;
      if (!sealed || !since) return;
      for (const [digest, { profile, lastSeen }] of since) {
        const known = sealed.get(digest);
        if (!known) sealed.set(digest, { profile, lastSeen });
        else sealed.set(digest, { profile: rules.merge(known.profile, profile), lastSeen: Math.max(known.lastSeen, lastSeen) });
      }
    },
    forget: (siteId, visitorId) => void entries.delete(visitorDigest(siteId, visitorId)),
    async erase() {}, // the store does it, with the visitor's events
  };
}
