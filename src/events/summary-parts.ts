import type { RollupRef, SummaryRef } from "./checkpoint.ts";
import type { CompactionOptions, CompactionPlan } from "./compaction.ts";
import { around, digestOfParts, isSettled, partsOf, type SiteParts } from "./day-parts.ts";
import { isExpired } from "./rollup-parts.ts";
import { siteDay, type WriterView } from "./view.ts";

/** Days that one checkpoint sums up, at most: each takes as long as a report of three days. */
const MAX_BUILDS = 4;

/**
 * The summaries that the next checkpoint names: those there are that still hold, and a few more of days that are over
 * and that nothing came for lately. The others are garbage.
 */
export async function writeSummaries(plan: CompactionPlan, rollups: RollupRef[], options: CompactionOptions, garbage: string[]): Promise<SummaryRef[]> {
  const { own, adopt, erasures } = plan;
  const next: WriterView = { ...own, checkpoint: { ...own.checkpoint, rollups }, sealed: undefined };
  const views = [next, ...plan.views.filter((view) => view !== own && !adopt.includes(view))];
  const sites = new Map<string, SiteParts>();
  const partsIn = (siteId: string) => {
    const known = sites.get(siteId) ?? partsOf(siteId, views, next);
    sites.set(siteId, known);
    return known;
  };
  /** Not made of parts that another process may have yet to remove somebody from. */
  const isClean = (siteId: string, parts: SiteParts, day: string) => erasures.versionOf(siteId) === 0 || areOwn(parts, day);
  const left = new Map<string, SummaryRef>();
  for (const ref of [own, ...adopt].flatMap((view) => view.checkpoint.summaries)) {
    const key = siteDay(ref.siteId, ref.day);
    const parts = partsIn(ref.siteId);
    const holds = parts.has(ref.day) && ref.of === digestOfParts(parts, ref.day) && isClean(ref.siteId, parts, ref.day);
    if (holds && !left.has(key)) left.set(key, ref);
    else garbage.push(ref.key);
  }
  if (!plan.sumUp) return [...left.values()];

  const touched = new Set([own, ...adopt].flatMap((view) => [...(view === own ? view.sealed : view.live)?.keys() ?? []]));
  const isDue = ({ siteId, day }: RollupRef) => {
    if (left.has(siteDay(siteId, day)) || !isExpired({ day }, plan.now)) return false;
    if (around(day).some((one) => touched.has(siteDay(siteId, one)))) return false;
    const parts = partsIn(siteId);
    if (!isSettled(parts, day) || !isClean(siteId, parts, day)) return false;
    const of = digestOfParts(parts, day);
    return !views.some((view) => view !== next && view.checkpoint.summaries.some((ref) => ref.siteId === siteId && ref.day === day && ref.of === of));
  };
  let built = 0;
  for (const ref of rollups.toSorted((a, b) => (a.day < b.day ? 1 : -1))) {
    if (built === MAX_BUILDS) break;
    if (!isDue(ref)) continue;
    const made = await options.summaries.write(ref.siteId, ref.day, partsIn(ref.siteId), { views, writer: own.writer, generation: plan.generation });
    built++;
    if (made) left.set(siteDay(ref.siteId, ref.day), made);
  }
  return [...left.values()];
}

const areOwn = (parts: SiteParts, day: string) =>
  around(day).every((one) => [...(parts.get(one)?.refs.values() ?? [])].every((ref) => ref.isOwn));
