import { describe, expect, it } from "vitest";
import { HOUR_MS } from "../../src/clock.ts";
import type { StoredEvent } from "../../src/event.ts";
import { createAnnounceStep, MAX_HIGH_INTENT_AN_HOUR } from "../../src/ingest/announce.ts";
import type { Judged } from "../../src/ingest/stages.ts";
import { facts, NOON, pageview, site } from "./setup.ts";

const judged = (over: Partial<Judged> = {}): Judged =>
  ({ event: { id: "e", type: "pageview" } as StoredEvent, knowledge: {} as Judged["knowledge"], private: false, isNew: false, tier: "client", ...over }) as Judged;
const high = () => judged({ knowledge: { highEvent: "e" } as Judged["knowledge"] });

function raised(hit: Judged, step = createAnnounceStep(), at = NOON, siteId = "demo") {
  return step(hit, { site: { ...site, id: siteId }, input: pageview(), facts: facts({ receivedAt: at }) }).raised;
}

describe("the webhook events a hit raises", () => {
  it("are its own kind; an engagement report is none", () => {
    expect(raised(judged())).toEqual(["pageview"]);
    expect(raised(judged({ event: { id: "e", type: "event" } as StoredEvent }))).toEqual(["event"]);
    expect(raised(judged({ event: { id: "e", type: "engagement" } as StoredEvent }))).toEqual([]);
  });

  it("tell of a new visitor, unless there was nothing to recognise them by", () => {
    expect(raised(judged({ isNew: true }))).toEqual(["pageview", "visitor_identified"]);
    expect(raised(judged({ isNew: true, tier: undefined }))).toEqual(["pageview"]);
  });

  it("tell of high intent with the event that raised it", () => {
    expect(raised(high())).toEqual(["pageview", "high_intent_visitor"]);
    expect(raised(judged({ knowledge: { highEvent: "earlier" } as Judged["knowledge"] }))).toEqual(["pageview"]);
  });

  it("are none for a bot that is left out and for a private visitor", () => {
    expect(raised(judged({ knowledge: undefined }))).toEqual([]);
    expect(raised({ ...high(), private: true, isNew: true })).toEqual([]);
  });

  it("tell of at most 100 high intents an hour and site", () => {
    const step = createAnnounceStep();
    for (let i = 0; i < MAX_HIGH_INTENT_AN_HOUR; i++) expect(raised(high(), step)).toContain("high_intent_visitor");
    expect(raised(high(), step)).toEqual(["pageview"]);
    expect(raised(high(), step, NOON, "other")).toContain("high_intent_visitor");
    expect(raised(high(), step, NOON + HOUR_MS)).toContain("high_intent_visitor");
  });
});
