import { DAY_MS } from "../clock.ts";
import type { BlockRef } from "./checkpoint.ts";
import { MAX_IDS, type SeenIds } from "./seen.ts";
import { parseSlices } from "./segment.ts";
import { blockLines, MovedError } from "./sources.ts";
import type { FollowOptions } from "./view.ts";

/** How long a client may repeat a hit. */
const REPEATED_WITHIN_MS = DAY_MS;

/** Remembers the ids of the day's events in blocks that this process saw nothing of: a client may repeat a hit. */
export async function recallIds(blocks: BlockRef[], seen: SeenIds, now: number, follow: FollowOptions): Promise<void> {
  const since = now - REPEATED_WITHIN_MS;
  let left = MAX_IDS;
  for (const block of blocks.filter(({ maxAt }) => maxAt > since).sort((a, b) => b.maxAt - a.maxAt)) {
    const lines = await blockLines(block, follow).catch((error: unknown) => {
      if (error instanceof MovedError) return Buffer.alloc(0); // by a process that knows them
      throw error;
    });
    for await (const events of parseSlices(lines)) {
      for (const event of events) if (event.at > since) seen.add(event);
    }
    left -= block.count;
    if (left <= 0) return;
  }
}
