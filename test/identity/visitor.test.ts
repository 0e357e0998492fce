import { describe, expect, it } from "vitest";
import { HOUR_MS, MINUTE_MS } from "../../src/clock.ts";
import type { StoredEvent } from "../../src/event.ts";
import type { VisitorProfile } from "../../src/identity/visitor.ts";
import { foldVisitor, mergeVisitors } from "../../src/identity/visitor.ts";

const NOON = Date.parse("2025-01-15T12:00:00Z");
let made = 0;
const hit = (over: Partial<StoredEvent> = {}): StoredEvent => ({
  id: `evt_${made++}`,
  siteId: "demo",
  type: "pageview",
  at: NOON,
  day: "2025-01-15",
  visitorId: "vis_a",
  sessionId: "sess_a",
  visit: 1,
  ...over,
});

function foldAll(events: StoredEvent[]): VisitorProfile {
  let profile: VisitorProfile | undefined;
  for (const event of events) profile = foldVisitor(profile, structuredClone(event));
  if (!profile) throw new Error("no events");
  return profile;
}

/** A seeded shuffle, so that a failure can be run again. */
function shuffle<T>(list: T[], seed: number): T[] {
  const copy = [...list];
  let state = seed;
  for (let i = copy.length - 1; i > 0; i--) {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    const j = state % (i + 1);
    [copy[i], copy[j]] = [copy[j] as T, copy[i] as T];
  }
  return copy;
}

const journey = [
  hit({ browser: "Chrome", os: "Windows", device: "desktop", country: "DE", language: "de", tier: "client", quality: "good", pageviewId: "pv_1", path: "/" }),
  hit({ type: "engagement", at: NOON + 20_000, pageviewId: "pv_1", engagedSeconds: 15, path: "/" }),
  hit({ type: "engagement", at: NOON + 40_000, pageviewId: "pv_1", engagedSeconds: 33, path: "/" }),
  hit({ type: "event", at: NOON + MINUTE_MS, name: "Sign Up Success", userId: "u-1", tier: "user" }),
  hit({ at: NOON + 3 * HOUR_MS, sessionId: "sess_b", visit: 2, assigned: true, country: "AT", pageviewId: "pv_2", path: "/buy", quality: "fair" }),
  hit({ at: NOON + 3 * HOUR_MS + MINUTE_MS, sessionId: "sess_b", visit: 2, assigned: true, browser: "Firefox", os: "Linux", device: "desktop", userId: "u-2", bot: ["webdriver"] }),
  hit({ type: "engagement", at: NOON + 4 * HOUR_MS, sessionId: "sess_b", visit: 2, pageviewId: "pv_2", engagedSeconds: 5, path: "/buy", browser: "Chrome", os: "Windows", device: "desktop" }),
];

describe("a visitor's profile", () => {
  it("counts what the visitor did and remembers what was said last", () => {
    const profile = foldAll(journey);
    expect(profile).toMatchObject({
      siteId: "demo",
      visitorId: "vis_a",
      firstSeen: NOON,
      lastSeen: NOON + 4 * HOUR_MS,
      visits: 2,
      pageviews: 3,
      events: 1,
      engagedSeconds: 38,
      country: "AT",
      browser: "Chrome",
      language: "de",
      userId: "u-2",
      tier: "user",
      quality: "good",
      bot: ["webdriver"],
      clients: ["Chrome|Windows|desktop", "Firefox|Linux|desktop"],
      lastPageview: { id: "pv_2", path: "/buy", at: NOON + 3 * HOUR_MS },
    });
    expect(profile.sessions.map((s) => [s.id, s.start, s.lastSeen])).toEqual([
      ["sess_b", NOON + 3 * HOUR_MS, NOON + 4 * HOUR_MS],
      ["sess_a", NOON, NOON + MINUTE_MS],
    ]);
  });

  it("is the same in whatever order the events arrive", () => {
    const expected = foldAll(journey);
    for (let seed = 1; seed <= 200; seed++) {
      const profile = foldAll(shuffle(journey, seed));
      profile.engaged.sort((a, b) => (a.pageview < b.pageview ? -1 : 1));
      expect(profile, `seed ${seed}`).toEqual(expected);
    }
  });

  it("is the same when two processes saw a part each", () => {
    const expected = foldAll(journey);
    for (let seed = 1; seed <= 200; seed++) {
      const shuffled = shuffle(journey, seed);
      const cut = 1 + (seed % (journey.length - 1));
      const a = foldAll(shuffled.slice(0, cut));
      const b = foldAll(shuffled.slice(cut));
      const before = structuredClone([a, b]);
      const merged = mergeVisitors(a, b);
      merged.engaged.sort((x, y) => (x.pageview < y.pageview ? -1 : 1));
      expect(merged, `seed ${seed}`).toEqual(expected);
      expect([a, b], "merging changes neither part").toEqual(before);
    }
  });

  it("does not depend on who came first in the same millisecond", () => {
    const two = [hit({ country: "DE", browser: "Chrome" }), hit({ country: "AT", browser: "Firefox" })] as const;
    expect(foldAll([two[0], two[1]])).toEqual(foldAll([two[1], two[0]]));
  });

  it("survives being kept as JSON", () => {
    const profile = foldAll(journey);
    expect(JSON.parse(JSON.stringify(profile))).toEqual(profile);
  });

  it("keeps what a hit without headers does not say", () => {
    const profile = foldAll([hit({ browser: "Chrome", country: "DE" }), hit({ type: "event", at: NOON + 1, name: "Paid" })]);
    expect(profile).toMatchObject({ browser: "Chrome", country: "DE", lastSeen: NOON + 1 });
  });

  it("adds a tab left open as half an hour at most", () => {
    expect(foldAll([hit({ type: "engagement", engagedSeconds: 40_000, pageviewId: "pv" })]).engagedSeconds).toBe(1_800);
  });

  it("stays small for a visitor of a thousand sessions and pages", () => {
    const many = Array.from({ length: 1_000 }, (_, i) =>
      hit({ at: NOON + i * HOUR_MS, sessionId: `s${i}`, visit: i + 1, pageviewId: `p${i}`, path: "/", engagedSeconds: 1, browser: `B${i}`, bot: [`r${i}`] }),
    );
    const profile = foldAll(many);
    expect(profile.sessions).toHaveLength(8);
    expect(profile.sessions[0]?.id).toBe("s999");
    expect([profile.engaged.length, profile.clients.length, profile.bot?.length]).toEqual([20, 4, 8]);
    expect(profile).toMatchObject({ visits: 1_000, engagedSeconds: 1_000 });
  });
});
