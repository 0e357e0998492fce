import type { Guard } from "../storage/guard.ts";
import { digestOf, keys, splitKey } from "../storage/keys.ts";
import { decodeLines } from "./chunk.ts";
import type { Recording } from "./recording.ts";

const TAB_DIGITS = 8;
const REMOVALS_AT_ONCE = 16;

/** Stands for a tab in keys, and in the list of recordings. */
export const tabOf = (tab: string) => digestOf(tab).slice(0, TAB_DIGITS);

export function chunkKeys(site: string, session: string, { tabs }: Recording): string[] {
  return Object.entries(tabs).flatMap(([tab, { next }]) => Array.from({ length: next }, (_, seq) => keys.replay(site, session, tab, seq)));
}

export function parseChunkKey(key: string): { session: string; tab: string; seq: number } {
  const [, , session, place] = splitKey(key) as [string, string, string, string];
  return { session, tab: place.slice(0, TAB_DIGITS), seq: Number(place.slice(TAB_DIGITS)) };
}

export async function removeChunks(guard: Guard, chunks: string[]): Promise<void> {
  for (let at = 0; at < chunks.length; at += REMOVALS_AT_ONCE) {
    await Promise.all(chunks.slice(at, at + REMOVALS_AT_ONCE).map((key) => guard.remove(key)));
  }
}

/** The events of one tab in the recorder's order, one chunk in memory at a time; what is missing is told of. */
export async function* readLines(guard: Guard, site: string, session: string, tab: string, next: number): AsyncGenerator<string> {
  let last = 0;
  let missing = 0;
  for (let seq = 0; seq < next; seq++) {
    const held = await guard.read(keys.replay(site, session, tab, seq));
    if (held.state !== "found") {
      missing++;
      continue;
    }
    for (const line of await decodeLines(held.body)) {
      const at = Number(/"timestamp":(\d+(?:\.\d+)?)\}$/.exec(line)?.[1] ?? last);
      if (missing > 0) {
        yield JSON.stringify({ type: 5, data: { tag: "wysleap", payload: { gap: missing } }, timestamp: Math.max(at, last) });
        missing = 0;
      }
      last = Math.max(at, last);
      yield line;
    }
  }
}
