import { DAY_MS } from "../clock.ts";
import { MAX_IDS, type SeenIds } from "./seen.ts";
import { parseSlices } from "./segment.ts";
import { blockLines, MovedError } from "./sources.ts";
import type { FollowOptions, WriterView } from "./view.ts";

/** How long a client may repeat a hit. */
const REPEATED_WITHIN_MS = DAY_MS;

/** Remembers the ids of the day's events that are in blocks already: a client may repeat a hit after a restart. */
export async function recallIds(views: WriterView[], seen: SeenIds, now: number, follow: FollowOptions): Promise<void> {
  const since = now - REPEATED_WITHIN_MS;
  const blocks = views.flatMap((view) => view.checkpoint.blocks).filter(({ maxAt }) => maxAt > since);
  let left = MAX_IDS;
  for (const block of blocks.sort((a, b) => b.maxAt - a.maxAt)) {
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
