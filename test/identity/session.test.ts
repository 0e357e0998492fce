import { describe, expect, it } from "vitest";
import { HOUR_MS, MINUTE_MS } from "../../src/clock.ts";
import type { SessionHistory, SessionMark } from "../../src/identity/session.ts";
import { assignSession, visitOf } from "../../src/identity/session.ts";

const NOON = Date.parse("2025-01-15T12:00:00Z");
const createSessionId = () => "sess_new";
const choose = (history: SessionHistory | undefined, at: number) => assignSession(history, at, { createSessionId });
const history = (...sessions: SessionMark[]): SessionHistory => ({ sessions, visits: sessions.length });
const mark = (over: Partial<SessionMark> = {}): SessionMark => ({
  id: "sess_a",
  start: NOON,
  lastSeen: NOON,
  visit: 1,
  assigned: true,
  ...over,
});

describe("the session of a hit that came without one", () => {
  it("is the first visit of a visitor nobody knows", () => {
    expect(choose(undefined, NOON)).toEqual({ id: "sess_new", visit: 1, assigned: true });
  });

  it("goes on for a visitor who is back after 30 minutes", () => {
    expect(choose(history(mark()), NOON + 30 * MINUTE_MS)).toEqual({ id: "sess_a", visit: 1, assigned: true });
  });

  it("is a second one for a visitor who comes back after 31 minutes", () => {
    expect(choose(history(mark()), NOON + 31 * MINUTE_MS)).toEqual({ id: "sess_new", visit: 2, assigned: true });
  });

  it("slides: what counts is the last activity, not the start", () => {
    const long = mark({ lastSeen: NOON + 5 * HOUR_MS });
    expect(choose(history(long), NOON + 5 * HOUR_MS + 29 * MINUTE_MS).id).toBe("sess_a");
  });

  it("ends after 24 hours however active the visitor is", () => {
    const busy = mark({ lastSeen: NOON + 24 * HOUR_MS - 1 });
    expect(choose(history(busy), NOON + 24 * HOUR_MS - 1).id).toBe("sess_a");
    expect(choose(history(busy), NOON + 24 * HOUR_MS).id).toBe("sess_new");
  });

  it("is not split at midnight", () => {
    const evening = Date.parse("2025-01-15T23:59:00Z");
    expect(choose(history(mark({ start: evening, lastSeen: evening })), evening + 2 * MINUTE_MS).id).toBe("sess_a");
  });

  it("joins the session the client named, and then it is not one we made", () => {
    const named = mark({ id: "client-7" });
    delete named.assigned;
    expect(choose(history(named), NOON + MINUTE_MS)).toEqual({ id: "client-7", visit: 1 });
  });

  it("is the earlier visit for a hit that arrives late", () => {
    const later = mark({ id: "sess_b", start: NOON + 3 * HOUR_MS, lastSeen: NOON + 3 * HOUR_MS, visit: 2 });
    expect(choose(history(later, mark()), NOON + 10 * MINUTE_MS)).toMatchObject({ id: "sess_a", visit: 1 });
    expect(choose(history(later, mark()), NOON + 90 * MINUTE_MS)).toMatchObject({ id: "sess_new", visit: 3 });
  });

  it("is the later one when two would do", () => {
    const second = mark({ id: "sess_b", start: NOON, lastSeen: NOON + 5 * MINUTE_MS, visit: 2 });
    expect(choose(history(mark(), second), NOON + 6 * MINUTE_MS).id).toBe("sess_b");
    expect(choose(history(second, mark()), NOON + 6 * MINUTE_MS).id).toBe("sess_b");
  });

  it("follows the owner's own timeout", () => {
    const options = { timeoutMs: 5 * MINUTE_MS, createSessionId };
    expect(assignSession(history(mark()), NOON + 6 * MINUTE_MS, options).id).toBe("sess_new");
  });
});

describe("the visit a client's session stands for", () => {
  it("stays the same within it and is the next one for an unknown session", () => {
    const known = history(mark({ id: "b", visit: 2 }), mark({ id: "a", visit: 1 }));
    expect(visitOf(known, "a")).toBe(1);
    expect(visitOf(known, "c")).toBe(3);
    expect(visitOf(undefined, "c")).toBe(1);
  });
});
