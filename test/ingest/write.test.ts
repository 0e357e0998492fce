import { describe, expect, it } from "vitest";
import type { Known } from "../../src/ingest/stages.ts";
import { writeEvent } from "../../src/ingest/write.ts";
import { event, facts, NOON, pageview, site } from "./setup.ts";

const known = (over: Partial<Known> = {}) =>
  ({ at: NOON, visitorId: "v", session: { id: "s", visit: 2, assigned: true }, private: false, ...over }) as Known;
const write = (input = pageview({ eventId: "e" }), hit: Partial<Known> = {}, timeZone?: string) =>
  writeEvent(known(hit), { site: { ...site, timeZone }, input, facts: facts() }).event;

describe("what is kept of a hit", () => {
  it("leaves out what is absent", () => {
    expect(write()).toStrictEqual({
      id: "e", siteId: "demo", type: "pageview", at: NOON, day: "2025-01-15", visitorId: "v", sessionId: "s", visit: 2, assigned: true,
    });
  });

  it("gets an id of its own when the client sends none", () => {
    expect(write(event()).id).toMatch(/^evt_.{16}$/);
  });

  it.each([
    [undefined, "de-CH,de;q=0.9", "de-CH"], [undefined, "fr;q=1", "fr"], [undefined, "*", undefined], [undefined, "", undefined],
    ["en-GB", "de", "en-GB"], ["", "de", "de"], [undefined, `${"x".repeat(5_000)},de`, "x".repeat(35)],
  ])("has the language said (%j) or the request's (%#)", (language, acceptLanguage, expected) => {
    expect(write(pageview({ language }), { acceptLanguage }).language).toBe(expected);
  });

  it("has country and browser of the visitor as known, when the hit says nothing of them", () => {
    const before = { visitor: { country: "DE", browser: "Firefox", os: "Linux" } } as Known["before"];
    expect(write(event(), { before })).toMatchObject({ country: "DE", browser: "Firefox", os: "Linux" });
    expect(write(event(), { before, country: "FR", client: { browser: "Safari" } })).toMatchObject({ country: "FR", browser: "Safari" });
    expect(write(event(), { before, private: true })).not.toHaveProperty("country");
  });

  it("has the user only of a visitor who does not ask for privacy", () => {
    expect(write(pageview({ userId: "u" })).userId).toBe("u");
    expect(write(pageview({ userId: "u" }), { private: true })).not.toHaveProperty("userId");
  });

  it.each([
    ["2025-01-15T18:29:59Z", "Asia/Kolkata", "2025-01-15"], ["2025-01-15T18:30:00Z", "Asia/Kolkata", "2025-01-16"],
    ["2025-01-15T18:14:59Z", "Asia/Kathmandu", "2025-01-15"], ["2025-01-15T18:15:00Z", "Asia/Kathmandu", "2025-01-16"],
    ["2025-03-09T04:59:59Z", "America/New_York", "2025-03-08"], ["2025-03-10T03:59:59Z", "America/New_York", "2025-03-09"], ["2025-03-10T04:00:00Z", "America/New_York", "2025-03-10"],
    ["2024-12-31T23:59:59Z", undefined, "2024-12-31"], ["2025-01-01T00:00:00Z", undefined, "2025-01-01"],
  ])("at %s in %s falls on %s", (time, zone, day) => {
    expect(write(pageview(), { at: Date.parse(time) }, zone).day).toBe(day);
  });
});
