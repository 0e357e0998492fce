import { expect, test } from "vitest";
import type { StoredEvent } from "../../src/event.ts";
import { decodeDay, encodeDay } from "../../src/events/rollup-codec.ts";
import { createDay, type DayRollup, foldEvent, MAX_ENGAGED_TENTHS, MAX_PATHS, mergeDays, OTHER_PATH } from "../../src/events/rollup.ts";

const NOON = Date.parse("2025-03-10T12:00:00Z");

let made = 0;
function event(fields: Partial<StoredEvent> = {}): StoredEvent {
  const id = `evt_${made++}`;
  return {
    id, siteId: "shop", type: "pageview", at: NOON, day: "2025-03-10", visitorId: "vis_a", sessionId: "sess_a", visit: 1,
    path: "/", pageviewId: `pv_${id}`, browser: "Firefox", ...fields,
  };
}

function fold(...events: StoredEvent[]): DayRollup {
  const day = createDay();
  for (const one of events) foldEvent(day, one);
  return day;
}

/** The rows in an order that does not depend on how they came about. */
function rowsOf(day: DayRollup) {
  const rows = [...day.rows.values()].map(({ pages, events, ...row }) => ({
    ...row,
    pages: structuredClone([...pages]).sort(([a], [b]) => a - b),
    events: [...events].sort((a, b) => a - b),
  }));
  return rows.sort((a, b) => (JSON.stringify([a.sessionId, a.visitorId, a.country]) < JSON.stringify([b.sessionId, b.visitorId, b.country]) ? -1 : 1));
}

const journey = () => [
  event({ path: "/", pageviewId: "pv_1", assigned: true }),
  event({ type: "event", at: NOON + 1_000, name: "Signed Up", assigned: true }),
  event({ type: "engagement", at: NOON + 9_000, pageviewId: "pv_1", engagedSeconds: 8.04, scrollDepth: 40, assigned: true }),
  event({ type: "engagement", at: NOON + 5_000, pageviewId: "pv_1", engagedSeconds: 4, scrollDepth: 70 }),
  event({ path: "/pricing", at: NOON + 20_000, pageviewId: "pv_2", visit: 2, browser: "Chrome" }),
  event({ at: NOON - 60_000, pageviewId: "pv_0", country: "DE" }),
  event({ type: "engagement", pageviewId: "pv_of_yesterday", engagedSeconds: 3 }),
  event({ visitorId: "vis_b", sessionId: "sess_b", bot: ["user agent"] }),
];

test("in whatever order the hits of a session come, its row is the same", () => {
  const events = journey();
  const wanted = rowsOf(fold(...events));
  for (let turn = 0; turn < events.length; turn++) {
    const turned = [...events.slice(turn), ...events.slice(0, turn)];
    expect(rowsOf(fold(...turned)), `begun at ${turn}`).toEqual(wanted);
    expect(rowsOf(fold(...turned.toReversed())), `backwards from ${turn}`).toEqual(wanted);
  }
});

test("a hit that is folded twice changes nothing", () => {
  const events = journey();
  expect(rowsOf(fold(...events, ...events))).toEqual(rowsOf(fold(...events)));
});

test("two processes' halves of a day merge to the whole, either way round and overlapping", () => {
  const events = journey();
  for (let cut = 0; cut <= events.length; cut++) {
    const [left, right] = [events.slice(0, cut + 1), events.slice(cut)];
    for (const [one, other] of [[left, right], [right, left]] as const) {
      const merged = fold(...one);
      mergeDays(merged, fold(...other));
      expect(rowsOf(merged), `cut at ${cut}`).toEqual(rowsOf(fold(...events)));
    }
  }
});

test("merging leaves the source as it was", () => {
  const source = fold(event({ pageviewId: "pv_1" }));
  const before = rowsOf(source);
  const into = fold();
  mergeDays(into, source);
  foldEvent(into, event({ type: "engagement", pageviewId: "pv_1", engagedSeconds: 30 }));
  expect(rowsOf(source)).toEqual(before);
});

test("a row comes back from storage as it went in, more than a slice of them", async () => {
  const day = fold(...journey());
  for (let i = 0; i < 2_500; i++) foldEvent(day, event({ sessionId: `s${i}`, visitorId: `v${i}`, path: `/${i % 50}`, at: NOON + i }));
  const back = await decodeDay(await encodeDay(day), "2025-03-10");
  expect(rowsOf(back)).toEqual(rowsOf(day));
  expect(back.paths).toEqual(day.paths);
});

test("engagement that comes before its pageview is kept for it, and counts no pageview by itself", () => {
  const engagement = event({ type: "engagement", pageviewId: "pv_1", engagedSeconds: 12 });
  const [early] = rowsOf(fold(engagement))[0]!.pages;
  expect(early![1]).toMatchObject({ at: 0, engaged: 120 });
  const [page] = rowsOf(fold(engagement, event({ pageviewId: "pv_1", path: "/a" })))[0]!.pages;
  expect(page![1]).toEqual({ at: NOON, path: "/a", engaged: 120, scroll: -1 });
});

test("engagement is kept in tenths of a second, up to half an hour", () => {
  const engaged = (engagedSeconds: number) => rowsOf(fold(event({ type: "engagement", engagedSeconds })))[0]!.pages[0]![1].engaged;
  expect([engaged(0), engaged(0.04), engaged(9.95), engaged(1_799.9), engaged(1_800), engaged(1_800.1)]).toEqual([0, 0, 100, 17_999, MAX_ENGAGED_TENTHS, MAX_ENGAGED_TENTHS]);
});

test("a session that the client named once is the client's, whichever process saw that", () => {
  const assigned = event({ assigned: true });
  const sent = event();
  const merged = fold(assigned);
  mergeDays(merged, fold(sent));
  expect([fold(assigned, sent), fold(sent, assigned), merged].map((day) => rowsOf(day)[0]!.assigned)).toEqual([false, false, false]);
  expect(rowsOf(fold(assigned))[0]!.assigned).toBe(true);
});

test("paths beyond the bound of a day are gathered as one; those known before stay themselves", () => {
  const day = createDay();
  for (let i = 0; i < MAX_PATHS; i++) foldEvent(day, event({ path: `/${i}` }));
  expect(day.paths.size).toBe(MAX_PATHS);
  foldEvent(day, event({ path: "/one-too-many", pageviewId: "pv_over" }));
  foldEvent(day, event({ path: "/7", pageviewId: "pv_known" }));
  const paths = [...day.rows.values()][0]!.pages;
  expect([...paths.values()].slice(-2).map(({ path }) => path)).toEqual([OTHER_PATH, "/7"]);
  expect(day.paths.size).toBe(MAX_PATHS);
});
