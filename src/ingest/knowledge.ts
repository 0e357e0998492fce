import { DAY_MS } from "../clock.ts";
import type { StoredEvent } from "../event.ts";
import type { ProfileRules } from "../profile-store.ts";
import type { VisitorProfile } from "../identity/visitor.ts";
import { foldVisitor, mergeVisitors } from "../identity/visitor.ts";
import type { IntentOptions } from "../intent/score.ts";
import { DEFAULT_HIGH, type IntentScore, scoreIntent, wholeScore } from "../intent/score.ts";
import type { IntentSignals } from "../intent/signals.ts";
import { foldSignals, mergeSignals } from "../intent/signals.ts";

/** Everything kept of one visitor between hits. Plain JSON. */
export interface VisitorKnowledge {
  visitor: VisitorProfile;
  signals: IntentSignals;
  /** The score is high and has not fallen clearly below since. */
  high?: true;
  /** When the score last rose to high, epoch milliseconds of that event. */
  highAt?: number;
  /** Which event raised it. */
  highEvent?: string;
}

/** A score must fall this far below "high" before rising again means something. */
const HYSTERESIS_POINTS = 10;
/** At most one crossing a visitor in this time. */
const COOL_DOWN_MS = DAY_MS;

export interface KnowledgeRules extends ProfileRules<VisitorKnowledge> {
  /** The visitor's score at `at`. */
  score(knowledge: VisitorKnowledge, at: number): IntentScore;
}

/** How events change what we know of a visitor, and when the intent score rises to "high". */
export function createKnowledgeRules(options: { intent?: IntentOptions; countBots?: boolean } = {}): KnowledgeRules {
  const { intent, countBots = false } = options;
  const high = intent?.high ?? DEFAULT_HIGH;
  const fallen = high - HYSTERESIS_POINTS;

  return {
    fold(known, event) {
      // a late event is judged at the moment known last: a score looks back, never ahead
      const at = Math.max(event.at, known?.visitor.lastSeen ?? 0);
      if (known?.high && wholeScore(known.signals, at) < fallen) delete known.high;
      const visitor = foldVisitor(known?.visitor, event);
      // a bot intends nothing, unless the owner counts bots as visitors
      const signals = foldSignals(known?.signals, countBots && event.bot ? { ...event, bot: undefined } : event);
      const knowledge = known ?? { visitor, signals };
      knowledge.visitor = visitor;
      knowledge.signals = signals;
      if (!knowledge.high && wholeScore(signals, at) >= high) noteCrossing(knowledge, event);
      return knowledge;
    },

    score: ({ signals }, at) => scoreIntent(signals, at, intent),

    merge(a, b) {
      const merged: VisitorKnowledge = {
        visitor: mergeVisitors(a.visitor, b.visitor),
        signals: mergeSignals(a.signals, b.signals),
      };
      if (a.high || b.high) merged.high = true;
      const later = laterCrossing(a, b);
      if (later.highAt !== undefined) merged.highAt = later.highAt;
      if (later.highEvent !== undefined) merged.highEvent = later.highEvent;
      // high only together: the rise was seen by whoever held both parts, so the next event is not another one
      const { lastSeen } = merged.visitor;
      if (!merged.high && wholeScore(merged.signals, lastSeen) >= high) {
        merged.high = true;
        merged.highAt = Math.max(merged.highAt ?? 0, lastSeen);
      }
      return merged;
    },
  };
}

function noteCrossing(knowledge: VisitorKnowledge, event: StoredEvent): void {
  knowledge.high = true;
  if (knowledge.highAt !== undefined && event.at - knowledge.highAt < COOL_DOWN_MS) return;
  knowledge.highAt = event.at;
  knowledge.highEvent = event.id;
}

function laterCrossing(a: VisitorKnowledge, b: VisitorKnowledge): VisitorKnowledge {
  const atA = a.highAt ?? -1;
  const atB = b.highAt ?? -1;
  if (atA === atB) return (a.highEvent ?? "") >= (b.highEvent ?? "") ? a : b;
  return atA > atB ? a : b;
}
