import type { StoredEvent } from "../event.ts";
import { hashOf } from "./rollup.ts";

/** Event ids remembered, in two generations: at least this many of the latest, at most twice as many. */
export const MAX_IDS = 200_000;

export type SeenIds = ReturnType<typeof createSeenIds>;

const hashOfEvent = ({ siteId, id }: StoredEvent) => hashOf(`${siteId}\n${id}`);

/** Which event ids were stored lately, so that a repeated one is stored once. 53 bits an id. */
export function createSeenIds() {
  let young = new Set<number>();
  let old = new Set<number>();
  const isKnown = (hash: number) => young.has(hash) || old.has(hash);
  return {
    has: (event: StoredEvent): boolean => isKnown(hashOfEvent(event)),
    /** Whether the event is new; remembers it. */
    add(event: StoredEvent): boolean {
      const hash = hashOfEvent(event);
      if (isKnown(hash)) return false;
      young.add(hash);
      if (young.size >= MAX_IDS) {
        old = young;
        young = new Set();
      }
      return true;
    },
    /** It was not stored after all: the same id is new again. */
    remove(event: StoredEvent): void {
      const hash = hashOfEvent(event);
      young.delete(hash);
      old.delete(hash);
    },
  };
}
