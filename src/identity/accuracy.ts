import type { AccuracyMetrics, FingerprintQuality, IdentityTier } from "../event.ts";

/** Weakest first. */
const TIERS: readonly IdentityTier[] = ["daily", "signals", "client", "user"];
const QUALITIES: readonly FingerprintQuality[] = ["poor", "fair", "good", "excellent"];

/** The stronger of two kinds of evidence. */
export function bestTier(a: IdentityTier | undefined, b: IdentityTier): IdentityTier {
  return a !== undefined && TIERS.indexOf(a) > TIERS.indexOf(b) ? a : b;
}

export function bestQuality(a: FingerprintQuality | undefined, b: FingerprintQuality): FingerprintQuality {
  return a !== undefined && QUALITIES.indexOf(a) > QUALITIES.indexOf(b) ? a : b;
}

/** What the estimate rests on. */
export interface AccuracyEvidence {
  /** Absent: a random id, made because the hit brought nothing to recognise anyone by. */
  tier?: IdentityTier;
  /** From the browser's signals, when any came. */
  quality?: FingerprintQuality;
  /** Sessions so far. */
  visits: number;
  /** How many different browser/system/device combinations were seen under this id. */
  clients: number;
}

/**
 * How often an id of this kind is right before anything else is known: a stored id is right unless storage was
 * cleared or the device is shared; one network, user agent and day can be two people; a random id says nothing.
 */
const BASE: Record<IdentityTier | "random", number> = { user: 0.97, client: 0.8, signals: 0.7, daily: 0.6, random: 0.3 };

/** What full signals add: they would show that a copied or shared id moved to another machine. */
const SIGNALS_ADD: Record<FingerprintQuality, number> = { excellent: 0.06, good: 0.045, fair: 0.025, poor: 0 };
/** An id that came back was kept; each visit halves what doubt is left of that. */
const VISITS_ADD = 0.08;
/** Every further machine under one id makes it likelier that two people share it. */
const CLIENT_COSTS = 0.08;
const MIN_CONFIDENCE = 0.05;
const MAX_CONFIDENCE = 0.99;

/** How sure we are that a visitor is who the id says: an estimated probability, and how good the signals were. */
export function measureAccuracy(evidence: AccuracyEvidence): AccuracyMetrics {
  const changes = Math.max(0, evidence.clients - 1);
  const heard = QUALITIES.indexOf(evidence.quality ?? "poor");
  const quality = QUALITIES[Math.max(0, heard - changes)] ?? "poor";
  const kept = 1 - 0.5 ** Math.max(0, evidence.visits - 1);
  // one person's phone and laptop are expected under a signed-in user
  const doubt = evidence.tier === "user" ? 0 : changes * CLIENT_COSTS;
  const confidence = BASE[evidence.tier ?? "random"] + SIGNALS_ADD[quality] + VISITS_ADD * kept - doubt;
  return {
    confidence: Math.round(100 * Math.min(MAX_CONFIDENCE, Math.max(MIN_CONFIDENCE, confidence))) / 100,
    fingerprintQuality: quality,
  };
}
