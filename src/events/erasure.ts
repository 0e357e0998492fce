import type { Guard } from "../storage/guard.ts";
import { digestOf, keys } from "../storage/keys.ts";
import type { DayRollup } from "./rollup.ts";

/** Visitors who asked to be forgotten. Only digests are kept, and only until the removal is done. */
export interface Erasures {
  /** Remembers it in storage first: from here on no read shows the visitor's events up to `at`. */
  erase(siteId: string, visitorId: string, at: number): Promise<void>;
  /** Takes over what a writer's process was asked to forget. */
  load(writer: string): Promise<void>;
  isErased(siteId: string, visitorId: string, at: number): boolean;
  /** Whether anybody of this site is to be forgotten and not removed yet. */
  concerns(siteId: string): boolean;
  pending(): boolean;
  /** The same rows, or those left without the erased visitors'. */
  withoutErased(siteId: string, rollup: DayRollup): DayRollup;
  /** Everything asked for up to now is removed from storage: returns the keys that said so. */
  settle(): string[];
}

export function createErasures(guard: Guard, writer: string): Erasures {
  const erasedAt = new Map<string, number>();
  const sites = new Set<string>();
  const stored = new Set<string>();
  const nextOf = new Map<string, number>();
  let own = 0;

  const keyOf = (siteId: string, visitorId: string) => `${digestOf(siteId)}:${digestOf(visitorId)}`;

  function remember(site: string, visitor: string, at: number, key: string) {
    const id = `${site}:${visitor}`;
    erasedAt.set(id, Math.max(erasedAt.get(id) ?? -Infinity, at));
    sites.add(site);
    stored.add(key);
  }

  const isErased = (siteId: string, visitorId: string, at: number) => {
    if (erasedAt.size === 0) return false;
    const until = erasedAt.get(keyOf(siteId, visitorId));
    return until !== undefined && at <= until;
  };

  const concerns = (siteId: string) => sites.size > 0 && sites.has(digestOf(siteId));

  return {
    isErased,
    concerns,
    async erase(siteId, visitorId, at) {
      const key = keys.erased(writer, own++);
      const [site, visitor] = [digestOf(siteId), digestOf(visitorId)];
      await guard.write(key, JSON.stringify([site, visitor, at]));
      remember(site, visitor, at, key);
    },
    async load(from) {
      for (let n = nextOf.get(from) ?? 0; ; n++) {
        const key = keys.erased(from, n);
        const held = await guard.read(key);
        if (held.state !== "found") return;
        const [site, visitor, at] = JSON.parse(held.body.toString("utf8")) as [string, string, number];
        remember(site, visitor, at, key);
        nextOf.set(from, n + 1);
      }
    },
    pending: () => stored.size > 0,
    withoutErased(siteId, rollup) {
      if (!concerns(siteId)) return rollup;
      const left: DayRollup = { rows: new Map(), paths: new Set(rollup.paths) };
      for (const [key, row] of rollup.rows) if (!isErased(siteId, row.visitorId, row.start)) left.rows.set(key, row);
      return left;
    },
    settle() {
      const done = [...stored];
      stored.clear();
      sites.clear();
      erasedAt.clear();
      return done;
    },
  };
}
