import type { StoredEvent } from "../event.ts";
import type { ProfileRules } from "../profile-store.ts";
import { visitorDigest } from "../storage/keys.ts";
import type { BlockRef } from "./checkpoint.ts";
import { type ProfileLine, sortedLines } from "./profile-page.ts";
import { createSeenIds } from "./seen.ts";
import { parseSlices } from "./segment.ts";
import { blockLines } from "./sources.ts";
import type { FollowOptions } from "./view.ts";

/** Visitors whose profiles are made in one pass over the blocks. */
const MAX_PORTION = 20_000;
/** Behind every digest. */
const END = "g";

/** From-to, both included. */
export type DigestRange = [first: string, last: string];

export const isWithin = (ranges: DigestRange[], digest: string) => ranges.some(([first, last]) => digest >= first && digest <= last);

export interface HealingOptions<P> {
  rules: ProfileRules<P>;
  counts(event: StoredEvent): boolean;
  follow: FollowOptions;
}

/** The profiles that were in damaged pages, made anew from the blocks that their checkpoint covers, by digest; a portion at a time. */
export async function* healProfiles<P>(ranges: DigestRange[], blocks: BlockRef[], options: HealingOptions<P>): AsyncGenerator<ProfileLine[]> {
  const { rules, counts, follow } = options;
  const byTime = blocks.toSorted((a, b) => a.minAt - b.minAt);
  for (let after = "", last = ""; last !== END; after = last) {
    last = END;
    let portion = new Map<string, { profile: P; lastSeen: number }>();
    const seen = createSeenIds();
    for (const block of byTime) {
      for await (const events of parseSlices(await blockLines(block, follow))) {
        for (const event of events) {
          const digest = visitorDigest(event.siteId, event.visitorId);
          if (digest <= after || digest > last || !isWithin(ranges, digest) || !counts(event) || !seen.add(event)) continue;
          const known = portion.get(digest);
          portion.set(digest, { profile: rules.fold(known?.profile, event), lastSeen: Math.max(known?.lastSeen ?? -Infinity, event.at) });
        }
      }
      if (portion.size <= MAX_PORTION) continue;
      const least = [...portion.keys()].sort().slice(0, MAX_PORTION);
      last = least.at(-1)!;
      portion = new Map(least.map((digest) => [digest, portion.get(digest)!]));
    }
    yield sortedLines([...portion.keys()], portion);
  }
}
