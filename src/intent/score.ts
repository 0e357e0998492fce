import { DAY_MS, MINUTE_MS } from "../clock.ts";
import * as calibration from "./calibration.ts";
import { ABOUT_SOFTENS, ACCOUNT_SOFTENS, BOUNCE, HALF_LIFE_DAYS, type Weight, WEIGHTS } from "./calibration.ts";
import { COUNT, createCounts, type DayCounts, remaining } from "./day-counts.ts";
import type { IntentSignals } from "./signals.ts";

export type IntentLevel = "low" | "medium" | "high";

export const DEFAULT_HIGH = 70;
const DEFAULT_MEDIUM = 40;

/** From which score on a visitor's intent has which level. */
export interface IntentOptions {
  /** Score from which the level is "high". @default 70 */
  high?: number;
  /** Score from which the level is "medium". @default 40 */
  medium?: number;
}

export interface IntentContribution {
  /** E.g. "High engagement". */
  factor: string;
  /** In half points, so that they add up exactly in floating point too; negative: speaks against. */
  points: number;
}

export interface IntentScore {
  level: IntentLevel;
  /** 0–100, whole. */
  score: number;
  /** What speaks for the visitor, strongest first, e.g. `["Returning visitor", "High engagement"]`. */
  factors: string[];
  /** Everything that made the score, largest first; the points add up to it exactly. */
  contributions: IntentContribution[];
  /** The score with all its decimals, for ranking. */
  rawScore: number;
}

/**
 * How likely the visitor is to buy, sign up or get in touch, 0–100, with the reasons. Pure: the same signals and
 * moment give the same score. It fades with absence. No signals, or a bot's: 0.
 * @param now epoch milliseconds
 * @example scoreIntent(signals, now); // { level: "high", score: 85, factors: ["Started checkout", …], … }
 */
export function scoreIntent(signals: IntentSignals | undefined, now: number, options: IntentOptions = {}): IntentScore {
  const positive: IntentContribution[] = [];
  const negative: IntentContribution[] = [];
  weigh(signals, now, (factor, points) => void positive.push({ factor, points }), (factor, points) => void negative.push({ factor, points }));
  return explain(positive, negative, options);
}

/** The score without its reasons, for every event that comes: the same as `scoreIntent(signals, now).score`. */
export function wholeScore(signals: IntentSignals | undefined, now: number): number {
  let p = 0;
  let n = 0;
  weigh(signals, now, (_, strength) => void (p += strength), (_, strength) => void (n += strength));
  return Math.round(squash(p, n));
}

type Weigh = (factor: string, strength: number) => void;

/** Tells of all evidence that there is, always in the same order. */
function weigh(signals: IntentSignals | undefined, now: number, speaksFor: Weigh, speaksAgainst: Weigh): void {
  if (signals === undefined || signals.bot || signals.recent.length === 0) return;
  const absentDays = Math.max(0, now - signals.at) / DAY_MS;
  const counts = decayedCounts(signals, now / DAY_MS, absentDays);
  const presence = Math.exp((-Math.LN2 * absentDays) / HALF_LIFE_DAYS.presence);
  const shallow = shallowVisits(signals, absentDays * DAY_MS > calibration.VISIT_OVER_MINUTES * MINUTE_MS);
  const earlier = Math.max(0, signals.visits - 1);
  const days = Math.max(0, bitCount(signals.days) - 1 - shallow.earlier);
  const looks = repeatedLooks(signals);
  const attentionSeconds = Math.max(0, counts[COUNT.attention]!) / 10;
  const engagement = attentionSeconds >= calibration.HIGH_ENGAGEMENT_SECONDS ? "High engagement" : "Engagement";

  const add = (factor: string, strength: number): void => {
    if (strength > 0) speaksFor(factor, strength);
  };
  add(engagement, saturated(WEIGHTS.engagement, attentionSeconds));
  add("Pages viewed", saturated(WEIGHTS.pages, counts[COUNT.views]!));
  add("Product interest", saturated(WEIGHTS.product, counts[COUNT.product]!));
  add("Viewed pricing", saturated(WEIGHTS.pricing, counts[COUNT.pricing]!));
  add("Added to cart", saturated(WEIGHTS.cart, counts[COUNT.cart]!));
  add("Started checkout", saturated(WEIGHTS.checkout, counts[COUNT.checkout]!));
  add("Bought before", saturated(WEIGHTS.purchase, counts[COUNT.purchase]!));
  add("Signed up or asked", saturated(WEIGHTS.lead, counts[COUNT.lead]!));
  add("Interactions", saturated(WEIGHTS.events, counts[COUNT.other]!));
  add("Repeated looks", saturated(WEIGHTS.repeats, looks.repeated * presence));
  add("Went back to something seen before", saturated(WEIGHTS.wentBack, looks.wentBack * presence));
  add("Value of what was viewed", saturated(WEIGHTS.value, Math.log10(1 + signals.value) * presence));
  if (earlier > 0) {
    const engaged = Math.max(0, earlier - shallow.earlier) * presence;
    add("Returning visitor", saturated(WEIGHTS.returning, engaged) + calibration.RETURNING_BASE * presence);
  }
  add("Active on several days", saturated(WEIGHTS.days, days * presence));

  const softened =
    1 + saturated(ACCOUNT_SOFTENS, counts[COUNT.account]!) + saturated(ABOUT_SOFTENS, counts[COUNT.about]!);
  const bounced = (2 * saturated(BOUNCE, shallow.all)) / softened;
  if (bounced > 0) speaksAgainst("Bounced visits", bounced);
}

/** The score with all its decimals, of what speaks for (`p`) and against (`n`): see calibration.ts. */
function squash(p: number, n: number): number {
  const odds = Math.expm1(p);
  return (100 * odds) / (odds + Math.exp(n));
}

function saturated({ weight, half }: Weight, amount: number): number {
  return (weight * amount) / (amount + half);
}

/** All days' counts as of now. The newest day is as old as the latest event; others are reckoned from their noon. */
function decayedCounts({ recent, older }: IntentSignals, today: number, absentDays: number): number[] {
  const sums = createCounts(0);
  const sinceNoon = (counts: DayCounts): number => Math.max(absentDays, today - counts[0]! - 0.5);
  recent.forEach((counts, i) => addDecayed(sums, counts, i === 0 ? absentDays : sinceNoon(counts)));
  if (older) addDecayed(sums, older, sinceNoon(older));
  return sums;
}

function addDecayed(sums: number[], counts: DayCounts, ageDays: number): void {
  const browsing = remaining(COUNT.views, ageDays);
  for (let place = 1; place < sums.length; place++) {
    const count = counts[place]!;
    if (count === 0) continue;
    const decays = place === COUNT.cart || place === COUNT.checkout || place === COUNT.purchase;
    sums[place]! += count * (decays ? remaining(place, ageDays) : browsing);
  }
}

/** How far a visit came to nothing (0–1): 1 for a single pageview that nobody was engaged with. 0 when not known. */
function shallowness(sessions: number[], ordinal: number): number {
  for (let i = 0; i < sessions.length; i += 3) {
    if (sessions[i] !== ordinal) continue;
    const half = calibration.SHALLOW_HALF_SECONDS;
    return sessions[i + 1]! > 1 ? 0 : half / (half + sessions[i + 2]!);
  }
  return 0;
}

/** The sum over the known visits; the current one counts only once it is over. */
function shallowVisits({ sessions, visits }: IntentSignals, over: boolean): { earlier: number; all: number } {
  let earlier = 0;
  for (let i = 0; i < sessions.length; i += 3) {
    if (sessions[i]! < visits) earlier += shallowness(sessions, sessions[i]!);
  }
  return { earlier, all: over ? earlier + shallowness(sessions, visits) : earlier };
}

/** Looks beyond the first at one thing, and things looked at again in a later visit. A bounced look was no interest. */
function repeatedLooks({ things, sessions }: IntentSignals): { repeated: number; wentBack: number } {
  let repeated = 0;
  let wentBack = 0;
  for (let i = 0; i < things.length; i += 4) {
    const first = things[i + 2]!;
    const interest = things[i + 3]! > first ? 1 - shallowness(sessions, first) : 0;
    wentBack += interest;
    repeated += Math.max(0, things[i + 1]! - 1 - (things[i + 3]! > first ? 1 : 0));
  }
  return { repeated, wentBack };
}

function bitCount(mask: number): number {
  let count = 0;
  for (let rest = mask; rest !== 0; rest &= rest - 1) count++;
  return count;
}

function total(evidence: IntentContribution[]): number {
  let sum = 0;
  for (const { points } of evidence) sum += points;
  return sum;
}

/** Squashes the evidence, whose strength stands in `points`, and shares the points out. */
function explain(positive: IntentContribution[], negative: IntentContribution[], options: IntentOptions): IntentScore {
  const p = total(positive);
  const n = total(negative);
  const rawScore = squash(p, n);
  const score = Math.round(rawScore);
  const level = score >= (options.high ?? DEFAULT_HIGH) ? "high" : score >= (options.medium ?? DEFAULT_MEDIUM) ? "medium" : "low";
  if (score === 0) return { level, score, factors: [], contributions: [], rawScore };

  // scaled to the whole score; what the negatives take off is shared among them
  const unopposed = (-100 * Math.expm1(-p) * score) / rawScore;
  for (const evidence of positive) evidence.points *= unopposed / p;
  for (const evidence of negative) evidence.points *= (score - unopposed) / n;
  const contributions = roundToHalves([...positive, ...negative], score).sort((a, b) => b.points - a.points);
  const factors: string[] = [];
  for (const { factor, points } of contributions) {
    if (points >= calibration.MIN_FACTOR_POINTS) factors.push(factor);
  }
  return { level, score, factors, contributions, rawScore };
}

/** Largest remainder: all rounded down to half points, then those that lost most get one back. Zeros are left out. */
function roundToHalves(contributions: IntentContribution[], sum: number): IntentContribution[] {
  const lost: number[] = [];
  let missing = 2 * sum;
  for (const contribution of contributions) {
    const halves = Math.floor(2 * contribution.points);
    lost.push(2 * contribution.points - halves);
    contribution.points = halves / 2;
    missing -= halves;
  }
  for (; missing > 0; missing--) {
    let most = 0;
    for (let i = 1; i < lost.length; i++) if (lost[i]! > lost[most]!) most = i;
    contributions[most]!.points += 0.5;
    lost[most] = -1;
  }
  return contributions.filter(({ points }) => points !== 0);
}
