import type { StoredEvent } from "./event.ts";

/** How one event changes what we know of a visitor. Pure, so that parts of several processes can be merged. */
export interface ProfileRules<P> {
  /** The profile with the event folded in; `undefined` in: the visitor's first event. May reuse the object. */
  fold(profile: P | undefined, event: StoredEvent): P;
  /** Two parts of one visitor's history (disjoint events) as one. Changes neither, and shares nothing with them that `fold` changes. */
  merge(a: P, b: P): P;
}

/** Visitors' profiles: bounded memory, kept in storage, rebuilt from the timeline when torn or lost. */
export interface ProfileStore<P> {
  /** From memory (then without a promise), else from storage, else rebuilt, else undefined. Do not change it. */
  load(siteId: string, visitorId: string): P | undefined | Promise<P | undefined>;
  /** Folds an event in; visible to the next `load` at once, in storage soon after. Call after `load`. */
  record(event: StoredEvent): void;
  /** The visitor's last event could not be stored after all: the next `load` rebuilds the profile. */
  forget(siteId: string, visitorId: string): void;
  erase(siteId: string, visitorId: string): Promise<void>;
}
