import { describe, expect, it } from "vitest";
import { DAY_MS, HOUR_MS } from "../../src/clock.ts";
import { timeOf } from "../../src/ingest/time.ts";
import { facts, NOON, pageview } from "./setup.ts";

const at = (over: Parameters<typeof pageview>[0], trust: "write" | "secret" | "host" = "write") => timeOf(pageview(over), facts({ trust })) - NOON;

describe("when a hit happened", () => {
  it("is now when nothing is said", () => {
    expect(at({})).toBe(0);
    expect(at({ sentAt: NOON - DAY_MS })).toBe(0);
  });

  it("is what the client says, from 48 hours ago until now", () => {
    expect(at({ timestamp: NOON - 48 * HOUR_MS })).toBe(-48 * HOUR_MS);
    expect(at({ timestamp: NOON - 48 * HOUR_MS - 1 })).toBe(-48 * HOUR_MS);
    expect(at({ timestamp: NOON + 1 })).toBe(0);
    expect(at({ timestamp: "2025-01-15T11:59:00Z" })).toBe(-60_000);
  });

  it.each([-10, 10])("is right for a client whose clock is %i years off", (years) => {
    const clientNow = NOON + years * 365 * DAY_MS;
    expect(at({ timestamp: clientNow - 5_000, sentAt: clientNow })).toBe(-5_000);
  });

  it("is not in the future for a client whose clock went back meanwhile", () => {
    expect(at({ timestamp: NOON, sentAt: NOON - HOUR_MS })).toBe(0);
  });

  it.each(["secret", "host"] as const)("may be any time in the past for %s, not in the future", (trust) => {
    expect(at({ timestamp: NOON - 900 * DAY_MS }, trust)).toBe(-900 * DAY_MS);
    expect(at({ timestamp: NOON + DAY_MS }, trust)).toBe(0);
  });

  it("is no earlier than 1970, whatever a server says", () => {
    expect(at({ timestamp: -8.64e15, sentAt: 8.64e15 }, "secret")).toBe(-NOON);
  });

  it("is now when an in-process caller says nonsense", () => {
    expect(at({ timestamp: "soon" }, "host")).toBe(0);
  });
});
