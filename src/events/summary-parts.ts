import type { RollupRef, SummaryRef } from "./checkpoint.ts";
import type { CompactionOptions, CompactionPlan } from "./compaction.ts";
import { around, digestOfParts, isSettled, partsOf, type SiteParts } from "./day-parts.ts";
import { isExpired } from "./rollup-parts.ts";
import { type LiveRows, siteDay, type WriterView } from "./view.ts";

/** Days that one checkpoint sums up, at most: each takes as long as a report of three days. */
const MAX_BUILDS = 4;

/**
 * The summaries that the next checkpoint names: those there are that still hold, and a few more of days that are over
 * and that nothing came for lately. The others are garbage. `later`: more rows that were added to parts.
 */
export async function writeSummaries(plan: CompactionPlan, rollups: RollupRef[], later: LiveRows, options: CompactionOptions, garbage: string[]): Promise<SummaryRef[]> {
  const { own, adopt, erasures } = plan;
  const next: WriterView = { ...own, checkpoint: { ...own.checkpoint, rollups }, sealed: undefined };
  const views = [next, ...plan.views.filter((view) => view !== own && !adopt.includes(view))];
  const sites = new Map<string, { now: SiteParts; before: SiteParts }>();
  const partsIn = (siteId: string) => {
    const known = sites.get(siteId) ?? { now: partsOf(siteId, views, next), before: partsOf(siteId, plan.views, own) };
    sites.set(siteId, known);
    return known;
  };
  const touched = new Set([own, ...adopt].flatMap((view) => [...(view === own ? view.sealed : view.live)?.keys() ?? []]).concat(...later.keys()));
  const isTouched = (siteId: string, day: string) => around(day).some((one) => touched.has(siteDay(siteId, one)));
  /** Whether a summary says what the parts do now: they are the same, or the same rows in other parts. */
  const isOf = ({ siteId, day, of }: SummaryRef, now: string) =>
    of === now || (of === digestOfParts(partsIn(siteId).before, day) && !isTouched(siteId, day));
  const left = new Map<string, SummaryRef>();
  /** The same one, or another that does not count those who are removed from its parts. */
  async function withoutErased(next: SummaryRef, ref: SummaryRef, before: SiteParts): Promise<SummaryRef | undefined> {
    const erased = erasures.toRemoveIn(ref.siteId);
    if (!erased || (await options.summaries.isFree(ref, erased))) return next;
    const hidden = erasures.hiddenIn(ref.siteId) ?? erased;
    return options.summaries.rewrite(ref, before, { hidden, of: next.of, writer: own.writer, generation: plan.generation });
  }
  for (const view of [own, ...adopt]) {
    for (const ref of view.checkpoint.summaries) {
      const key = siteDay(ref.siteId, ref.day);
      const { now: parts, before } = partsIn(ref.siteId);
      const of = digestOfParts(parts, ref.day);
      if (!left.has(key) && parts.has(ref.day) && isOf(ref, of)) {
        const kept = await withoutErased({ ...ref, of }, ref, before);
        if (kept) left.set(key, kept);
      }
      if (left.get(key)?.key !== ref.key) garbage.push(ref.key);
    }
  }
  if (!plan.sumUp) return [...left.values()];
  next.checkpoint.summaries = [...left.values()];

  const isDue = ({ siteId, day }: RollupRef) => {
    if (left.has(siteDay(siteId, day)) || !isExpired({ day }, plan.now)) return false;
    if (isTouched(siteId, day)) return false;
    const parts = partsIn(siteId).now;
    if (!isSettled(parts, day)) return false;
    const of = digestOfParts(parts, day);
    return !views.some((view) => view !== next && view.checkpoint.summaries.some((ref) => ref.siteId === siteId && ref.day === day && ref.of === of));
  };
  let built = 0;
  for (const ref of rollups.toSorted((a, b) => (a.day < b.day ? 1 : -1))) {
    if (built === MAX_BUILDS) break;
    if (!isDue(ref)) continue;
    const made = await options.summaries.write(ref.siteId, ref.day, partsIn(ref.siteId).now, {
      views, hidden: erasures.hiddenIn(ref.siteId), writer: own.writer, generation: plan.generation,
    });
    built++;
    if (made) left.set(siteDay(ref.siteId, ref.day), made);
  }
  return [...left.values()];
}
