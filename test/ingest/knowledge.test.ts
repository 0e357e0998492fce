import { describe, expect, it } from "vitest";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "../../src/clock.ts";
import type { StoredEvent } from "../../src/event.ts";
import type { VisitorKnowledge } from "../../src/ingest/knowledge.ts";
import { createKnowledgeRules } from "../../src/ingest/knowledge.ts";
import { scoreIntent } from "../../src/intent/score.ts";
import { NOON } from "./setup.ts";

const rules = createKnowledgeRules();
let made = 0;
const view = (path: string, at: number, visit = 1): StoredEvent => ({
  id: `evt_${made++}`, siteId: "demo", type: "pageview", at, day: "2025-01-15", visitorId: "v", sessionId: `s${visit}`, visit, path, url: `https://shop.example${path}`,
});
const BUYING = ["/", "/products/7", "/pricing", "/products/7", "/cart", "/checkout"];
const buying = (at: number, visit = 1) => BUYING.map((path, i) => view(path, at + i * MINUTE_MS, visit));

function foldAll(events: StoredEvent[], from?: VisitorKnowledge): VisitorKnowledge {
  let known = from;
  for (const event of events) known = rules.fold(known, event);
  if (!known) throw new Error("no events");
  return known;
}
const scoreAt = (known: VisitorKnowledge, at: number) => scoreIntent(known.signals, at).score;

describe("an intent score that rises to high", () => {
  it("names the event that raised it, once", () => {
    const events = buying(NOON);
    const known = foldAll(events);
    const raising = events.find((_, i) => scoreAt(foldAll(events.slice(0, i + 1)), NOON + i * MINUTE_MS) >= 70);
    expect(known).toMatchObject({ high: true, highEvent: raising?.id, highAt: raising?.at });
    const more = foldAll([view("/checkout", NOON + HOUR_MS)], known);
    expect(more.highEvent).toBe(raising?.id);
  });

  it("says nothing of a visitor who only looks around", () => {
    const known = foldAll([view("/", NOON), view("/about", NOON + MINUTE_MS)]);
    expect(known).not.toHaveProperty("high");
    expect(known).not.toHaveProperty("highEvent");
  });

  it("counts again only after it had clearly fallen, and not within 24 hours", () => {
    const known = foldAll(buying(NOON));
    const first = known.highEvent;
    let faded = NOON;
    while (scoreAt(known, faded) >= 60) faded += HOUR_MS;
    expect(faded - NOON, "the model fades slower than a day").toBeGreaterThan(DAY_MS);
    const again = buying(faded, 2);
    foldAll(again, known);
    expect(known.highEvent).not.toBe(first);
    expect(again.map((e) => e.id)).toContain(known.highEvent);
  });

  it("that dips by a few points does not count again", () => {
    const known = foldAll(buying(NOON));
    const first = known.highEvent;
    let dipped = NOON + HOUR_MS;
    while (scoreAt(known, dipped) >= 70) dipped += HOUR_MS;
    expect(scoreAt(known, dipped)).toBeGreaterThanOrEqual(60);
    foldAll(buying(dipped, 2), known);
    expect(known.highEvent).toBe(first);
  });

  it("that fell and rose within a day is one alert", () => {
    const known = foldAll(buying(NOON));
    delete known.high; // as if it had fallen
    const first = known.highEvent;
    foldAll([view("/checkout", NOON + 23 * HOUR_MS)], known);
    expect(known).toMatchObject({ high: true, highEvent: first });
  });

  it("follows the owner's own threshold", () => {
    const easy = createKnowledgeRules({ intent: { high: 1, medium: 1 } });
    const event = view("/", NOON);
    expect(easy.fold(undefined, event)).toMatchObject({ high: true, highEvent: event.id });
  });
});

describe("what two processes know of one visitor", () => {
  const [events, later] = [buying(NOON), buying(NOON + HOUR_MS, 2)];

  it("is one profile with one score", () => {
    const whole = foldAll([...events, ...later]);
    const merged = rules.merge(foldAll(events), foldAll(later));
    expect(merged.visitor).toMatchObject({ pageviews: whole.visitor.pageviews, visits: 2, lastSeen: whole.visitor.lastSeen });
    expect(scoreAt(merged, NOON + 2 * HOUR_MS)).toBe(scoreAt(whole, NOON + 2 * HOUR_MS));
  });

  it("keeps the later rise, whichever way round", () => {
    const [a, b] = [foldAll(events), foldAll(later)];
    for (const merged of [rules.merge(a, b), rules.merge(b, a)]) {
      expect(merged).toMatchObject({ high: true, highAt: b.highAt, highEvent: b.highEvent });
    }
  });

  it("does not alert again because only both together are high", () => {
    const halves = [foldAll(events.filter((_, i) => i % 2 === 0)), foldAll(events.filter((_, i) => i % 2 === 1))] as const;
    for (const half of halves) delete half.high;
    for (const half of halves) delete half.highEvent;
    for (const half of halves) delete half.highAt;
    const merged = rules.merge(...halves);
    expect(merged.high).toBe(true);
    foldAll([view("/checkout", NOON + HOUR_MS)], merged);
    expect(merged).not.toHaveProperty("highEvent");
  });
});
